//! The guide: from the first pool to a service in production.
//!
//! | chapter | for |
//! |---|---|
//! | [`first_pool`] | the way from an empty folder to the first answer |
//! | [`patterns`] | which of the three macros, and which of the calls, a task wants |
//! | [`options`] | the options that matter first, by what you are afraid of |
//! | [`failures`] | what a caller has to expect, what runs again, and what an operator reads |
//! | [`observing`] | traces that go through workers, logs that are lost nowhere, and numbers |
//! | [`testing`] | tests of what workers do, and of an application that survives them |
//! | [`performance`] | what a call costs, and what makes it cost more |
//! | [`deployment`] | systemd, containers, descriptors, updates in place |
//! | [`security`] | what a process keeps apart, and what it does not |
//! | [`from_python`] | `multiprocessing` and `ProcessPoolExecutor`, and what stands for what here |
//! | [`from_node`] | `child_process` and worker pools of Node, likewise |
//!
//! There is no code in here: each chapter is text, and its examples run as tests.

#[doc = include_str!("first_pool.md")]
pub mod first_pool {}

#[doc = include_str!("patterns.md")]
pub mod patterns {}

#[doc = include_str!("options.md")]
pub mod options {}

#[doc = include_str!("failures.md")]
pub mod failures {}

#[doc = include_str!("observing.md")]
pub mod observing {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("performance.md")]
pub mod performance {}

#[doc = include_str!("deployment.md")]
pub mod deployment {}

#[doc = include_str!("security.md")]
pub mod security {}

#[doc = include_str!("from_python.md")]
pub mod from_python {}

#[doc = include_str!("from_node.md")]
pub mod from_node {}
