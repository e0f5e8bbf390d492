//! The item below `#[worker_query]`: a function, its arguments and its answer.

use super::{function, refused};
use crate::expand::worker_query;
use crate::main_test::{main, test};

#[test]
fn a_free_function_has_no_self() {
    function("fn f(&self, x: u8) {}", "&self", "a query on a free function has no `self`");
    function("fn f(self: Box<Self>) {}", "self: Box<Self>", "has no `self`");
}

#[test]
fn a_query_is_not_generic() {
    function("fn f<T: Clone>(x: T) {}", "T: Clone", "write a concrete one");
    function(
        "fn f<const N: usize>(x: [u8; N]) {}",
        "const N: usize",
        "take the constant as an argument",
    );
    function("fn f<'a>(x: &'a str) {}", "'a", "leave the lifetime out");
    function("fn f() where u8: Copy {}", "where", "remove the `where` clause");
    function("fn f() where {}", "where", "remove the `where` clause");
}

#[test]
fn a_type_that_cannot_travel_is_refused() {
    function("fn f(x: impl Fn()) {}", "impl Fn()", "write a concrete type");
    function("fn f(x: Vec<impl Copy>) {}", "impl Copy", "write a concrete type");
    function("fn f() -> impl Copy {}", "impl Copy", "return a concrete type");
    function("fn f(x: &mut Vec<u8>) {}", "&mut Vec<u8>", "take `Vec<u8>` and return the new value");
    function("fn f(x: Option<&mut [u8]>) {}", "&mut [u8]", "take `Vec<u8>`");
    function("fn f(x: &'static str) {}", "'static", "write `&str`");
    function("fn f() -> ! { loop {} }", "!", "leave the type out");
}

#[test]
fn a_lifetime_is_written_where_a_message_has_to_know_it() {
    function("fn f(x: Cow<str>) {}", "Cow<str>", "write `Cow<'_, ..>`");
    function(
        "fn f() -> Option<std::borrow::Cow<[u8]>> {}",
        "std::borrow::Cow<[u8]>",
        "write `Cow<'static, ..>`",
    );
    refused(worker_query, "", "fn f(x: Cow<'_, str>) -> Cow<'static, str> {}", &[]);
}

#[test]
fn a_query_has_no_link() {
    let says = "a link is the argument of a `#[worker_raw]`: write that instead of";
    function("async fn f(link: RawLink) {}", "RawLink", says);
    function("fn f(mut l: pm_runtime::RawLink<A, B>) {}", "pm_runtime::RawLink<A, B>", says);
}

#[test]
fn an_answer_is_not_borrowed() {
    function("fn f(x: &str) -> &str { x }", "&str", "return `String`");
    function(
        "fn f() -> Option<&'static [Vec<u8>]> { None }",
        "&'static [Vec<u8>]",
        "return `Vec<Vec<u8>>`",
    );
    function("fn f() -> &'static Path { None }", "&'static Path", "return `PathBuf`");
    function("fn f(x: &str) -> Cow<'_, str> { x.into() }", "'_", "write `'static`");
    let says = "return a type that owns its fields, such as a `String` for a `&str`";
    function("fn f(x: &str) -> Parsed<'_> { x.into() }", "'_", says);
    function("fn f(x: &str) -> Cow<'static, [Parsed<'_>]> { x.into() }", "'_", says);
    refused(
        worker_query,
        "",
        "fn f(x: &str) -> Cow<'_, [Parsed<'_>]> { x.into() }",
        &[("'_", "write `'static`"), ("'_", says)],
    );
}

#[test]
fn an_error_that_may_be_any_cannot_travel() {
    let says = "`Box<dyn Error>` cannot travel between processes: return an enum that derives \
                serde's traits, or a `String`";
    function("fn f() -> Result<(), Box<dyn Error>> {}", "dyn Error", says);
    function(
        "async fn f() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {}",
        "dyn std::error::Error + Send + Sync",
        says,
    );
    function("impl D { fn f(&self) -> Arc<dyn Error + '_> {} }", "dyn Error + '_", says);
    function("fn f(x: Vec<Box<dyn Error>>) {}", "dyn Error", "processes: take an enum that");
    // These may have serde's traits by a crate.
    refused(worker_query, "", "fn f(x: Box<dyn Shape>) -> Box<dyn Errors> {}", &[]);
    refused(worker_query, "", "fn f(x: Box<dyn Iterator<Item = Error>>) {}", &[]);
}

#[test]
fn a_query_is_a_plain_function() {
    function("unsafe fn f() {}", "unsafe", "remove `unsafe`");
    function("const fn f() {}", "const", "remove `const`");
    function("extern \"C\" fn f() {}", "extern \"C\"", "remove the `extern`");
    refused(
        worker_query,
        "",
        "extern fn f(x: u8, ...) {}",
        &[("extern", "remove the `extern`"), ("...", "take a `Vec<T>`")],
    );
}

#[test]
fn an_argument_has_a_plain_name() {
    function("fn f((a, b): (u8, u8)) {}", "(a, b)", "take it apart in the body");
    function("fn f(_: u8) {}", "_", "needs a plain name");
    function("fn f(ref a: u8) {}", "ref a", "needs a plain name");
    function("fn f(a @ 3: u8) {}", "a @ 3", "needs a plain name");
    function("fn f(#[cfg(x)] a: u8) {}", "#[cfg(x)]", "write the whole function twice");
}

#[test]
fn names_of_generated_types_are_reserved() {
    let says = "rename yours, or choose another stem with `name = \"..\"`";
    function("fn roll(x: RollRequest) {}", "RollRequest", says);
    function("fn roll() -> Vec<RollPoolBuilder> {}", "RollPoolBuilder", says);
    function("fn __() {}", "__", "write `#[worker_query(name = \"Roll\")]`");
    function("fn _2d() {}", "_2d", "write `#[worker_query(name = \"Roll\")]`");
    refused(worker_query, r#"name = "Dice""#, "fn roll(x: RollRequest) {}", &[]);
    refused(worker_query, "", "fn roll(x: theirs::RollRequest) {}", &[]);
}

#[test]
fn an_item_has_one_of_the_attributes() {
    let says = "cannot stand beside `#[worker_query]`: keep one of them";
    function("#[worker_query] fn f() {}", "#[worker_query]", says);
    function(
        "#[pm_runtime::worker_raw(workers = 3)] fn f() {}",
        "#[pm_runtime::worker_raw(workers = 3)]",
        says,
    );
    function("#[pm_runtime::test] fn f() {}", "#[pm_runtime::test]", says);
    refused(
        main,
        "",
        "#[worker_query] fn main() {}",
        &[("#[worker_query]", "cannot stand beside `#[pm_runtime::main]`")],
    );
}

#[test]
fn another_item_than_a_function_is_refused_at_its_keyword() {
    function("trait Dex { fn f(&self); }", "trait", "or above the `impl` block of a service");
    function("pub struct S;", "struct", "stands above a `fn` with a body");
    function("pub enum E {}", "enum", "stands above a `fn`");
    refused(main, "", "struct S;", &[("struct", "`#[pm_runtime::main]` stands above a `fn`")]);
    refused(test, "", "mod tests {}", &[("mod", "`#[pm_runtime::test]` stands above a `fn`")]);
}

#[test]
fn all_mistakes_show_at_once() {
    refused(
        worker_query,
        "workers = 0, timout = \"3s\", grace = \"3\"",
        "const fn f<T>(&self, (a, b): (u8, u8), c: &mut T) -> &T {}",
        &[
            ("0", "cannot be zero"),
            ("timout", "did you mean `timeout`?"),
            ("\"3\"", "has no unit"),
            ("const", "remove `const`"),
            ("T", "cannot be generic"),
            ("&self", "has no `self`"),
            ("(a, b)", "plain name"),
            ("&mut T", "take `T`"),
            ("&T", "return `T`"),
        ],
    );
}
