//! `#[pm_runtime::main]` and `#[pm_runtime::test]`.

use super::refused;
use crate::main_test::{main, test};

#[test]
fn main_and_tests_take_nothing() {
    refused(main, "", "fn main(x: u8, y: u8) {}", &[("x: u8, y: u8", "`main` takes no arguments")]);
    refused(main, "", "async fn main<T>() {}", &[("<T>", "`main` cannot be generic")]);
    refused(main, "", "unsafe fn main() {}", &[("unsafe", "remove `unsafe`")]);
    refused(main, "", "fn start() {}", &[("start", "stands above `fn main`")]);
    refused(test, "", "async fn f(x: u8) {}", &[("x: u8", "a test takes no arguments")]);
    refused(test, "", "fn f() where u8: Copy {}", &[("where", "remove the `where` clause")]);
}

#[test]
fn main_and_tests_have_one_option() {
    refused(
        main,
        "workers = 3",
        "fn main() {}",
        &[("workers", "`#[pm_runtime::main]` takes only `crate`")],
    );
    refused(
        test,
        "flavor = 3",
        "fn f() {}",
        &[("flavor", "unknown option `flavor`: `#[pm_runtime::test]` takes only `crate`")],
    );
    refused(main, "crate = some::path", "fn main() {}", &[]);
}
