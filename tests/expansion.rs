//! Expansions stand in the strictest of crates: all that the crates in `expansion/` ask for at
//! once.
#![no_implicit_prelude]
#![forbid(unsafe_code, missing_docs)]
#![deny(warnings)]

#[path = "expansion/forms.rs"]
pub mod forms;

#[::pm_runtime::main]
async fn main() {
    forms::run().await;
}
