//! Everything that expansions make public has docs.
//!
//! It has a `main` of its own, because the lint does not look at what is built with a harness.
#![forbid(missing_docs)]

pub mod forms;

#[pm_runtime::main]
async fn main() {
    forms::run().await;
}
