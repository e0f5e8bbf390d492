//! The module under test, where it believes itself to be.

#[allow(dead_code, unused_imports, reason = "the scenes need only some of it")]
#[path = "../../src/transport/memory/mod.rs"]
pub(crate) mod memory;

#[allow(dead_code, reason = "the scenes need only some of it")]
#[path = "../../src/transport/payload.rs"]
pub(crate) mod payload;

#[allow(dead_code, reason = "the scenes need only some of it")]
#[path = "../../src/transport/piece.rs"]
pub(crate) mod piece;
