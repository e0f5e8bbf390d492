use std::fmt;

use serde_derive::{Deserialize, Serialize};

use super::{Exit, Limit};

/// Whose doing the death of a worker was.
///
/// ```
/// use pm_runtime::{Blame, Limit, QueryError, worker_query};
///
/// #[worker_query(workers = 1, memory_limit = "256MiB")]
/// fn zeros(mebibytes: usize) -> usize {
///     vec![0_u8; mebibytes << 20].len()
/// }
///
/// #[pm_runtime::main]
/// async fn main() {
///     let pool = ZerosPool::new();
///     assert_eq!(pool.query(1).await, Ok(1 << 20));
///     match pool.query(1000).await {
///         Err(QueryError::Crashed(report)) => {
///             assert_eq!(report.blame, Blame::Limit(Limit::Memory(256 << 20)));
///             assert!(report.blame.is_of_query());
///         }
///         other => panic!("{other:?}"),
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Blame {
    /// Of what ran in it: a query, a stream, the function of a raw worker, or what those had left
    /// behind. It crashed, ended its process, broke the protocol, or kept its worker from going on.
    Query,
    /// The same, by meeting this limit.
    Limit(Limit),
    /// The system had run out of memory, or its control group had, and the system chose it to be
    /// killed: as a rule because it had much.
    Memory,
    /// Somebody's who sent it a signal, such as SIGKILL, that code which goes wrong does not raise by
    /// accident. Also the system's, where nobody could tell that it had run out of memory.
    Outside,
    /// Its pool's, for reasons of its own: a timeout, a cancelled query, a grace that was over.
    Pool,
    /// It was never ready, and nothing had begun in it.
    Start,
}

impl Blame {
    /// Whether what ran in the worker is to blame, so that it may well do the same to the next one.
    pub fn is_of_query(self) -> bool {
        matches!(self, Self::Query | Self::Limit(_) | Self::Memory)
    }

    /// Whether such a death counts against the crash budget (`max_crashes`), where it is not that of
    /// a temporary worker: those of queries and failed starts do.
    pub fn counts(self) -> bool {
        self.is_of_query() || self == Self::Start
    }

    /// Of a worker that ended like this, and that its pool has not killed.
    pub(crate) fn of_exit(exit: Exit) -> Self {
        if exit.is_from_outside() { Self::Outside } else { Self::Query }
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query => f.write_str("what ran"),
            Self::Limit(limit) => write!(f, "what ran, by its {limit}"),
            Self::Memory => f.write_str("want of memory"),
            Self::Outside => f.write_str("somebody outside"),
            Self::Pool => f.write_str("the pool"),
            Self::Start => f.write_str("the start"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_code_does_to_itself_is_not_put_down_to_others() {
        let itself = [libc::SIGSEGV, libc::SIGABRT, libc::SIGPIPE, libc::SIGALRM, libc::SIGPROF];
        for signal in itself {
            assert_eq!(Blame::of_exit(Exit::Signal(signal)), Blame::Query, "{signal}");
        }
        for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGUSR1, libc::SIGQUIT] {
            assert_eq!(Blame::of_exit(Exit::Signal(signal)), Blame::Outside, "{signal}");
        }
        assert_eq!(Blame::of_exit(Exit::Code(0)), Blame::Query);
    }

    #[test]
    fn a_limit_is_named() {
        let blame = Blame::Limit(Limit::Memory(512 << 20));
        assert_eq!(blame.to_string(), "what ran, by its `memory_limit` of 512 MiB");
    }
}
