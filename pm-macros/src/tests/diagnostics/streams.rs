//! `#[worker_stream]`.

use super::refused;
use crate::stream::worker_stream;

#[test]
fn a_stream_stands_above_a_struct() {
    let stream = |item: &str, place: &str, says: &str| {
        refused(worker_stream, "", item, &[(place, says)]);
    };
    stream("enum E { A }", "enum", "put the enum into a field of one");
    stream("impl S {}", "impl", "not above its `impl`");
    stream("fn f() {}", "fn", "a function is a `#[worker_query]`");
    stream("trait T {}", "trait", "stands above a `struct`");
    stream("struct S<T>(T);", "T", "a stream cannot be generic");
    stream("struct S<'a>(&'a str);", "'a", "borrows nothing");
    stream("struct S<const N: usize>;", "const N: usize", "make the constant a field");
    stream("struct S { #[local = 3] a: u8 }", "#[local = 3]", "takes no value");
    stream("#[worker_raw] struct S;", "#[worker_raw]", "cannot stand beside `#[worker_stream]`");
}
