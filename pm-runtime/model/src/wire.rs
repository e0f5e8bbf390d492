//! What is kept of messages, where the module under test looks for it.

#[allow(dead_code, reason = "the scenes need only some of it")]
#[path = "../../src/wire/small.rs"]
pub(crate) mod small;
