//! `#[worker_raw]`.

use super::refused;
use crate::raw::worker_raw;

/// A mistake in the function of a raw worker.
#[track_caller]
fn raw(item: &str, place: &str, says: &str) {
    refused(worker_raw, "", item, &[(place, says)]);
}

#[test]
fn a_raw_worker_is_a_function_of_its_link() {
    raw("fn f() {}", "f", "takes its link: write `link: RawLink`");
    raw("fn f(&self) {}", "&self", "has no `self`, only its link: write `link: RawLink`");
    raw("fn f(self: Box<Self>) {}", "self: Box<Self>", "write `link: RawLink`");
    raw("fn f(link: &RawLink) {}", "&RawLink", "owns its link: write `RawLink`");
    raw(
        "fn f(link: &mut RawLink<A, B>) {}",
        "&mut RawLink<A, B>",
        "owns its link: write `RawLink<A, B>`",
    );
    let says = "takes its link, by this name: write `RawLink`, or `RawLink<In, Out>` with";
    raw("fn f(link: impl Link) {}", "impl Link", says);
    raw("fn f(link: Link<A, B>) {}", "Link<A, B>", says);
    raw("fn f(port: u16) {}", "u16", says);
    raw("fn f(#[cfg(x)] link: RawLink) {}", "#[cfg(x)]", "write the whole function twice");
    raw(
        "fn f(link: RawLink, port: u16) {}",
        "port: u16",
        "takes nothing but its link: send the rest as its first message",
    );
    refused(
        worker_raw,
        "",
        "fn f(&self, link: RawLink) {}",
        &[("&self", "has no `self`"), ("link: RawLink", "takes nothing but its link")],
    );
    for fine in ["mut link: RawLink", "_: RawLink", "l: a::RawLink<Vec<A>, fn(&A)>", "l: (RawLink)"]
    {
        refused(worker_raw, "", &format!("fn f({fine}) {{}}"), &[]);
    }
}

#[test]
fn a_raw_worker_is_a_plain_function() {
    raw("unsafe fn f(l: RawLink) {}", "unsafe", "remove `unsafe`");
    raw("const fn f(l: RawLink) {}", "const", "remove `const`");
    raw("extern \"C\" fn f(l: RawLink) {}", "extern \"C\"", "remove the `extern`");
    raw("fn f<T>(l: RawLink<T, u8>) {}", "T", "write a concrete one");
    raw("fn f<const N: usize>(l: RawLink) {}", "const N: usize", "write a `const` beside it");
    raw("fn f<'a>(l: RawLink) {}", "'a", "remove the lifetime parameter");
    raw("fn f(l: RawLink) where {}", "where", "remove the `where` clause");
    raw("fn __(l: RawLink) {}", "__", "write `#[worker_raw(name = \"Serve\")]`");
    refused(
        worker_raw,
        "",
        "extern fn f(l: RawLink, ...) {}",
        &[("extern", "remove the `extern`"), ("...", "remove this")],
    );
}

#[test]
fn messages_of_raw_workers_are_owned_and_known() {
    raw("fn f(l: RawLink<&str, u8>) {}", "&str", "borrows nothing: write `String`");
    raw("fn f(l: RawLink<u8, Vec<&'static [A]>>) {}", "&'static [A]", "write `Vec<A>`");
    raw("fn f(l: RawLink<Cow<'_, str>, u8>) {}", "'_", "write `Cow<'static, ..>`");
    raw("fn f(l: RawLink<P<'_>, u8>) {}", "'_", "or a type that owns its fields, such as `String`");
    raw("fn f(l: RawLink<u8, Box<dyn Error>>) {}", "dyn Error", "processes: send an enum that");
    refused(worker_raw, "", "fn f(l: RawLink) -> Result<(), Box<dyn Error>> {}", &[]);
    raw("fn f(l: RawLink<impl Copy, u8>) {}", "impl Copy", "write a concrete type");
    raw("fn f(l: RawLink<A>) {}", "RawLink<A>", "write `RawLink<A, Out>` with the type of what");
    let says = "write `RawLink` alone, or `Vec<u8>` for bytes in one direction";
    raw("fn f(l: RawLink<A, pm_runtime::RawBytes>) {}", "pm_runtime::RawBytes", says);
    raw("fn f(l: RawLink<_, u8>) {}", "_", "has to know the types of the messages");
    raw("fn f(l: RawLink<Self, u8>) {}", "Self", "write the type's name");
    raw("fn f(l: RawLink) -> Result<(), Self::Error> {}", "Self", "write the type's name");
    let says = "`FPool` is a type that `#[worker_raw]` makes: rename yours";
    raw("fn f(l: RawLink<Vec<FPool>, u8>) {}", "FPool", says);
}

#[test]
fn a_raw_worker_stands_above_a_function() {
    raw("struct S;", "struct", "a struct is a `#[worker_stream]`");
    raw("impl S {}", "impl", "an `impl` block is a `#[worker_query]`");
    raw("enum E {}", "enum", "`#[worker_raw]` stands above a `fn` with a body: move it there");
    let item = "fn f(l: RawLink);";
    raw(item, item, "`#[worker_raw]` stands above a `fn` with a body");
    raw(
        "#[worker_query(workers = 3)] fn f(l: RawLink) {}",
        "#[worker_query(workers = 3)]",
        "`#[worker_query]` cannot stand beside `#[worker_raw]`: keep one of them",
    );
}

#[test]
fn options_without_a_meaning_for_raw_workers_are_refused() {
    let option = |args: &str, place: &str, says: &str| {
        refused(worker_raw, args, "fn f(l: RawLink) {}", &[(place, says)]);
    };
    let says = "is an option of `#[worker_query]`, and has no meaning for `#[worker_raw]`";
    option(r#"cancel = "kill""#, "cancel", says);
    option("quarantine = 1", "quarantine", says);
    option("retries = 1", "retries", says);
    let says = "is an option of `#[worker_query]` and `#[worker_stream]`, and has no meaning for \
                `#[worker_raw]`: remove it";
    for name in ["timeout", "queue_timeout", "concurrency", "queue", "queue_bytes"] {
        option(&format!("{name} = 3"), name, says);
    }
    option(
        "timout = 3",
        "timout",
        "unknown option `timout`: the options are workers, boot_timeout,",
    );
    option("windo = 3", "windo", "did you mean `window`?");
    option("max_workers = 3", "max_workers", "did you mean `workers`?");
    option("listener = tcp", "listener", "write `FPool::builder().listener(..)`");
    option("reuse_port(80)", "reuse_port", "write `FPool::builder().reuse_port(..)`");
}

#[test]
fn all_mistakes_of_a_raw_worker_show_at_once() {
    refused(
        worker_raw,
        "workers = 0, timeout = \"3s\"",
        "unsafe fn f<T>(link: &RawLink, more: T) {}",
        &[
            ("0", "cannot be zero"),
            ("timeout", "has no meaning"),
            ("unsafe", "remove `unsafe`"),
            ("T", "cannot be generic"),
            ("&RawLink", "owns its link"),
            ("more: T", "takes nothing but its link"),
        ],
    );
}
