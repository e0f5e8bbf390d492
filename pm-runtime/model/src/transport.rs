//! The module under test, where it believes itself to be.

#[allow(dead_code, unused_imports, reason = "the scenes need only some of it")]
#[path = "../../src/transport/memory/mod.rs"]
pub(crate) mod memory;

pub(crate) mod socket {
    pub(crate) type Payload = std::sync::Arc<dyn AsRef<[u8]> + Send + Sync>;
}
