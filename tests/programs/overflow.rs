//! A program whose workers overflow their stacks, with a limit of memory and without.

use pm_runtime::{QueryError, Stdio};
use pm_tests::{Task, WorkPool};

#[pm_runtime::main]
async fn main() {
    for limit in [None, Some(256 << 20)] {
        let pool = WorkPool::builder().memory_limit(limit).stdio(Stdio::Capture).build();
        match pool.query(Task::Overflow).await {
            Err(QueryError::Crashed(report)) => {
                let said = report.stderr_tail.as_deref().unwrap_or_default();
                let says = said.contains("has overflowed its stack")
                    && report.to_string().contains(" overflowed its stack, and was killed by");
                println!("{} {:?} {says}", report.exit, report.blame);
            }
            other => panic!("{other:?}"),
        }
    }
}
