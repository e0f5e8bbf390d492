//! A worker's surroundings: what it inherits of the process of its pool, and what it gets instead.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_derive::{Deserialize, Serialize};

use crate::error::BootError;

/// Why no worker can do with so little memory.
pub(crate) fn too_little_memory(bytes: Option<u64>) -> Option<String> {
    const LEAST: u64 = 1 << 20;
    bytes.filter(|bytes| *bytes < LEAST).map(|bytes| {
        format!(
            "a worker itself needs about a MiB, and {bytes} bytes are less: write \"512MiB\", or \
             512 << 20 bytes; `None` is no limit"
        )
    })
}

/// Where the output of workers goes: what they write to stdout and stderr.
///
/// Their input is empty: what reads from stdin finds its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Stdio {
    /// To the application's own stdout and stderr.
    #[default]
    Inherit,
    /// Nowhere.
    Null,
    /// Into the pool's events, line by line, as [`Event::Output`](crate::Event::Output); and the
    /// last lines of stderr into the [`CrashReport`](crate::CrashReport).
    ///
    /// It takes two more descriptors for each worker. A worker that prints faster than the pool
    /// can read has to wait; what it holds back in a buffer of its own when it dies is lost, and
    /// what processes print that it started and that outlive it.
    Capture,
}

/// What a pool gives its workers beside work.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// Variables beside the inherited ones, or instead of those of the same names.
    pub(crate) env: BTreeMap<OsString, OsString>,
    /// None is inherited.
    pub(crate) clear_env: bool,
    pub(crate) stdio: Stdio,
    pub(crate) attributes: Attributes,
}

/// Attributes of its process that a worker sets itself, so that nothing has to run between fork
/// and exec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attributes {
    /// The bytes of a path, because not every path is text.
    cwd: Option<Vec<u8>>,
    pub(crate) nice: Option<i32>,
    pub(crate) core_dumps: bool,
    pub(crate) limits: Limits,
}

/// What a worker may use while it runs something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    /// Private memory, in bytes.
    pub(crate) memory: Option<u64>,
    /// CPU time beyond what was used, in whole seconds.
    pub(crate) cpu: Option<Duration>,
}

impl Surroundings {
    /// What can be no name, value, folder, nice value or limit, as option and reason.
    pub(crate) fn mistake(&self) -> Option<(&'static str, String)> {
        /// The system's `PATH_MAX`, with the zero at its end.
        const LONGEST_PATH: usize = 4096;
        let has_zero = |text: &OsStr| text.as_bytes().contains(&0);
        for (name, value) in &self.env {
            if name.is_empty() || name.as_bytes().contains(&b'=') || has_zero(name) {
                let reason = format!("`{}` cannot be the name of a variable", name.display());
                return Some(("env", reason));
            }
            if has_zero(value) {
                let reason = format!("the value of `{}` contains a zero byte", name.display());
                return Some(("env", reason));
            }
        }
        if let Some(cwd) = self.attributes.cwd() {
            let cwd = cwd.as_os_str();
            if cwd.is_empty() || cwd.len() >= LONGEST_PATH || has_zero(cwd) {
                let reason = "the path of a folder is neither empty nor longer than 4095 bytes, \
                              and contains no zero byte";
                return Some(("cwd", reason.into()));
            }
        }
        let Limits { memory, cpu } = self.attributes.limits;
        if let Some(reason) = too_little_memory(memory) {
            return Some(("memory_limit", reason));
        }
        if let Some(cpu) = cpu.filter(|cpu| cpu.is_zero() || cpu.subsec_nanos() > 0) {
            let reason = format!("{cpu:?} is not a whole number of seconds; `None` is no limit");
            return Some(("cpu_limit", reason));
        }
        let nice = self.attributes.nice.filter(|nice| !(-20..=19).contains(nice));
        nice.map(|nice| ("nice", format!("{nice} is not between -20 and 19")))
    }
}

impl Attributes {
    pub(crate) fn cwd(&self) -> Option<&Path> {
        self.cwd.as_deref().map(|cwd| Path::new(OsStr::from_bytes(cwd)))
    }

    pub(crate) fn set_cwd(&mut self, cwd: PathBuf) {
        self.cwd = Some(cwd.into_os_string().into_vec());
    }
}

/// The system does not let the worker have this.
pub(crate) fn refused(setting: String, reason: impl std::fmt::Display) -> BootError {
    BootError::Surroundings { setting: setting.into(), reason: reason.to_string().into() }
}
