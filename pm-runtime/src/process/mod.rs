//! Worker processes, from both sides: how the pool starts, watches and kills them, and how a
//! new worker cuts itself off from what it inherited.

pub(crate) mod attributes;
pub(crate) mod bare;
pub(crate) mod cgroup;
pub(crate) mod command;
pub(crate) mod fork;
pub(crate) mod guard;
pub(crate) mod isolate;
pub(crate) mod large;
pub(crate) mod lasting;
pub(crate) mod limits;
pub(crate) mod peer;
pub(crate) mod pipe;
pub(crate) mod signals;
pub(crate) mod usage;
