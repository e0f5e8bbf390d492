//! What recorders are told of each name.

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Tells the recorder that is there now.
pub(super) fn all() {
    describe_counter!("pm_queries_submitted_total", Unit::Count, "Queries that came");
    describe_counter!("pm_queries_total", Unit::Count, "Queries that ended, by outcome");
    describe_counter!(
        "pm_query_timeouts_total",
        Unit::Count,
        "Queries that ran longer than their timeout"
    );
    describe_counter!("pm_query_panics_total", Unit::Count, "Queries that panicked");
    describe_counter!(
        "pm_worker_deaths_total",
        Unit::Count,
        "Workers that died without the pool's doing, whoever is to blame"
    );
    describe_counter!(
        "pm_worker_crashes_total",
        Unit::Count,
        "Deaths that counted against the crash budget"
    );
    describe_counter!(
        "pm_worker_restarts_total",
        Unit::Count,
        "Workers that were started in the place of others"
    );
    describe_counter!(
        "pm_messages_missed_total",
        Unit::Count,
        "Messages of workers, and occasions for callbacks, that were lost"
    );
    describe_gauge!("pm_workers", Unit::Count, "Workers that are not gone, by state");
    describe_gauge!("pm_workers_resident_bytes", Unit::Bytes, "The resident sets of all workers");
    describe_gauge!("pm_queries_waiting", Unit::Count, "Queries that no worker has begun");
    describe_gauge!(
        "pm_queries_running",
        Unit::Count,
        "Queries that a worker runs, with a caller that waits"
    );
    describe_gauge!("pm_queries_detached", Unit::Count, "Queries that run for nobody");
    describe_gauge!("pm_queue_bytes", Unit::Bytes, "Arguments in the queue");
    describe_gauge!("pm_queries_quarantined", Unit::Count, "Different queries that are refused");
    describe_gauge!(
        "pm_query_oldest_seconds",
        Unit::Seconds,
        "For how long the oldest query runs, streams aside"
    );
    describe_gauge!("pm_pools_exhausted", Unit::Count, "Pools whose crash budget is spent");
    describe_histogram!(
        "pm_query_queue_seconds",
        Unit::Seconds,
        "How long queries waited until a worker began them"
    );
    describe_histogram!("pm_query_run_seconds", Unit::Seconds, "How long queries ran");
}
