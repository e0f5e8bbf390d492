//! `impl` blocks below `#[worker_query]`, and their methods.

use super::{function, refused};
use crate::expand::worker_query;

#[test]
fn a_service_is_an_impl_block_of_a_type_with_a_name() {
    function(
        "impl Find for Dex { fn f(&self) {} }",
        "Find",
        "write `impl Dex`, with methods that call",
    );
    function("impl<T> Dex<T> { fn f(&self) {} }", "T", "such as `impl Dex<u32>`");
    function("impl<const N: usize> Dex<N> { fn f(&self) {} }", "const N: usize", "a concrete one");
    function("impl<'a> Dex<'a> { fn f(&self) {} }", "'a", "write `'static`");
    function("impl Dex<'_> { fn f(&self) {} }", "'_", "write `'static`");
    function("impl Dex where u8: Copy { fn f(&self) {} }", "where", "remove the `where`");
    function("impl Dex where { fn f(&self) {} }", "where", "remove the `where`");
    function("impl Dex { fn f(&self) where {} }", "where", "remove the `where`");
    function("impl (u8, u8) { fn f(&self) {} }", "(u8, u8)", "wrap `(u8, u8)` in a `struct`");
    function("unsafe impl Dex { fn f(&self) {} }", "unsafe", "remove `unsafe`");
    function("impl Dex { fn f() {} }", "impl", "at least one method with `&self` or `&mut self`");
    refused(worker_query, "", "impl dex::Dex<u8> { fn f(&self) {} fn g<T>(x: &mut T) {} }", &[]);
}

#[test]
fn a_query_of_a_service_borrows_its_state() {
    let service = |method: &str| format!("impl Dex {{ {method} }}");
    let says = "write `&self` or `&mut self`";
    function(&service("fn f(self) {}"), "self", says);
    function(&service("fn f(mut self) {}"), "mut self", says);
    function(&service("fn f(self: Box<Self>) {}"), "self: Box<Self>", says);
    function(&service("fn f(&'static self) {}"), "'static", "leave the lifetime out");
    for fine in ["&self", "&mut self", "self: &Self", "self: &mut Self"] {
        refused(worker_query, "", &service(&format!("fn f({fine}) {{}}")), &[]);
    }
}

#[test]
fn a_private_method_that_cannot_be_a_query_is_taken_for_a_helper() {
    let service = "impl Dex { pub fn f(&self) {} fn helper<T>(&self) {} }";
    let move_it = "move it into an `impl` block without `#[worker_query]`";
    refused(worker_query, "", service, &[("T", "cannot be generic"), ("helper", move_it)]);
    // Where all are private, it is as likely a query as the others are.
    function("impl Dex { fn f(&self) {} fn g<T>(&self) {} }", "T", "cannot be generic");
}

#[test]
fn a_query_of_a_service_is_a_plain_method() {
    let method = |method: &str, place: &str, says: &str| {
        function(&format!("impl Dex {{ {method} }}"), place, says);
    };
    method("const fn f(&self) {}", "const", "remove `const`");
    method("unsafe fn f(&self) {}", "unsafe", "remove `unsafe`");
    method("extern \"C\" fn f(&self) {}", "extern \"C\"", "remove the `extern`");
    method("fn f<T>(&self, x: T) {}", "T", "write a concrete one");
    method("fn f(&self, x: &mut Self) {}", "&mut Self", "take `Self` and return the new value");
    method("fn f(&self) -> &Self { self }", "&Self", "return `Self`");
    method("fn f(&self, (a, b): (u8, u8)) {}", "(a, b)", "needs a plain name");
    method("fn f(&self, x: DexRequest) {}", "DexRequest", "rename yours");
    method("#[cfg(x)] fn f(&self) {}", "#[cfg(x)]", "put the condition into the method's body");
    method("#[cfg_attr(x, cfg(y))] fn f(&self) {}", "#[cfg_attr(x, cfg(y))]", "the whole `impl`");
    method("#[worker_query] fn f(&self) {}", "#[worker_query]", "keep one of them");
    method("fn __(&self) {}", "__", "rename the method");
    method("fn self_(&self) {}", "self_", "rename the method");
    method("fn a_b(&self) {} fn aB(&self) {}", "aB", "`a_b` is the variant `AB` of the messages");
}

#[test]
fn names_that_every_pool_has_are_refused_for_queries_and_free_for_helpers() {
    for name in ["new", "builder", "shared", "in_process", "clone"] {
        let service = format!("impl Dex {{ fn {name}(&self) {{}} }}");
        function(&service, name, "is what every pool has itself: rename the method");
        let service = format!("impl Dex {{ fn {name}() {{}} fn query(&self) {{}} }}");
        refused(worker_query, "", &service, &[]);
    }
}

#[test]
fn all_mistakes_of_a_service_show_at_once() {
    refused(
        worker_query,
        "workers = 0",
        "impl<T> Dex<T> { fn new(&self, x: impl Copy) {} fn f(self) -> &u8 { &0 } }",
        &[
            ("0", "cannot be zero"),
            ("T", "cannot be generic"),
            ("new", "rename the method"),
            ("impl Copy", "write a concrete type"),
            ("self", "write `&self`"),
            ("&u8", "return `u8`"),
        ],
    );
}
