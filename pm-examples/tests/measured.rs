//! The program `measured`, from its start to what Prometheus scrapes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// What somebody scrapes there.
fn scrape(address: &str) -> String {
    let mut connection = TcpStream::connect(address).expect("it listens");
    connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    answer
}

/// The value of a series.
fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {metrics}")).parse().expect("a number")
}

#[test]
fn counters_gauges_and_histograms_are_scraped_under_their_names() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_measured"))
        .arg("0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    stdout.read_line(&mut line).expect("it tells where");
    let address = line.trim().trim_start_matches("metrics: http://").trim_end_matches("/metrics");

    let completed = r#"pm_queries_total{pool="primes",outcome="completed"}"#;
    let crashes = r#"pm_worker_crashes_total{pool="primes"}"#;
    let metrics = loop {
        let metrics = scrape(address);
        // It works meanwhile.
        let is_there = |series: &str| metrics.lines().any(|line| line.starts_with(series));
        if is_there(completed) && value(&metrics, completed) >= 600.0 {
            break metrics;
        }
    };
    let of_pool = |name: &str| value(&metrics, &format!("{name}{{pool=\"primes\"}}"));
    assert!(value(&metrics, crashes) >= 1.0, "{metrics}");
    assert!(of_pool("pm_worker_restarts_total") >= 1.0);
    let outcomes = ["completed", "failed", "cancelled", "rejected"];
    let ended: f64 = outcomes
        .map(|outcome| {
            value(&metrics, &format!("pm_queries_total{{pool=\"primes\",outcome=\"{outcome}\"}}"))
        })
        .iter()
        .sum();
    let there = of_pool("pm_queries_waiting") + of_pool("pm_queries_running");
    assert_eq!(of_pool("pm_queries_submitted_total"), ended + there, "the account balances");
    let states = ["starting", "idle", "busy", "spare", "releasing"];
    let workers: f64 = states
        .map(|state| value(&metrics, &format!("pm_workers{{pool=\"primes\",state=\"{state}\"}}")))
        .iter()
        .sum();
    assert!(workers >= 1.0, "{metrics}");
    for name in ["pm_query_queue_seconds", "pm_query_run_seconds"] {
        assert!(metrics.contains(&format!("# TYPE {name} histogram")), "{metrics}");
        let count = of_pool(&format!("{name}_count"));
        assert!(count >= 600.0 && of_pool(&format!("{name}_sum")) > 0.0, "{metrics}");
        let limits = ["0.00001", "0.0001", "0.001", "0.01", "0.1", "1", "+Inf"];
        let within = limits
            .map(|le| value(&metrics, &format!("{name}_bucket{{pool=\"primes\",le=\"{le}\"}}")));
        assert!(within.is_sorted() && within[6] == count, "{within:?} of {count}");
    }
    // Counters only grow.
    assert!(value(&scrape(address), completed) >= value(&metrics, completed));

    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
}
