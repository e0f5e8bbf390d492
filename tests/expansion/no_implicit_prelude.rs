//! Expansions name everything by its full path.
#![no_implicit_prelude]

mod forms;

#[::pm_runtime::test]
async fn without_the_prelude() {
    forms::run().await;
}

#[::pm_runtime::test]
fn without_the_prelude_and_without_async() {
    ::pm_runtime::block_on(forms::run());
}
