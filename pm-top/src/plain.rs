//! One view as text, for a log, a mail, or `watch`.

use std::fmt::Write;
use std::time::SystemTime;

use crate::columns::{self, POOLS, WORKERS};
use crate::model::Model;
use crate::table::{Column, Row, fit};

/// What to do where there is nothing to be seen.
pub(crate) const NOTHING: &str = "\
no application of this user serves an operator's socket; one that is to be seen here calls
`pm_runtime::operator::serve()` (feature `operator`) and keeps what it returns
";

pub(crate) fn view(model: &Model) -> String {
    let now = SystemTime::now();
    if model.applications.is_empty() {
        return NOTHING.to_owned();
    }
    let (mut pools, mut reports) = (Vec::new(), String::new());
    let mut workers = String::new();
    for (&pid, application) in &model.applications {
        if application.is_bare() {
            pools.push(columns::of_application(pid, application, now));
        }
        for pool in application.pools.values() {
            pools.push(columns::of_pool(pid, application, pool));
            let whose = format!("{} ({pid}), pool {}", application.name, pool.name);
            if !pool.workers.is_empty() {
                let rows = pool.workers.values().map(|worker| columns::of_worker(pool, worker));
                let rows = rows.collect();
                // It fails at nothing that is written to text.
                let _ = write!(workers, "\n{whose}\n{}", table(&WORKERS, rows));
            }
            if let Some(crash) = pool.reports.front() {
                let _ = write!(reports, "\n{whose}, last crash\n{}\n", crash.text);
            }
        }
    }
    table(&POOLS, pools) + &workers + &reports
}

fn table(columns: &[Column], mut rows: Vec<Row>) -> String {
    // A graph of one value shows nothing.
    let shown: Vec<usize> =
        (0..columns.len()).filter(|&at| !columns[at].title.is_empty()).collect();
    let columns: Vec<Column> = shown.iter().map(|&at| columns[at]).collect();
    for row in &mut rows {
        row.keep(&shown);
    }
    let fit = fit(&columns, &rows, usize::MAX);
    let lines = rows.iter().map(|row| fit.line(&columns, row));
    std::iter::once(fit.titles(&columns)).chain(lines).map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::model::tests::state;

    #[test]
    fn it_is_aligned_text() {
        let (mut model, now) = (Model::default(), Instant::now());
        model.tell(17, state("thumbnails", 1000, 9), now);
        model.tell(4, state("a\x1b[2J", 3, 90), now);
        model.trouble(5, "it does not answer");
        insta::assert_snapshot!(view(&model));
        assert!(!view(&model).contains('\x1b'));
    }

    #[test]
    fn where_there_is_nothing_it_says_what_to_do() {
        assert!(view(&Model::default()).contains("pm_runtime::operator::serve()"));
    }
}
