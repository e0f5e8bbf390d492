use pm_runtime::worker_query;

#[worker_query(timeout = 30)]
//                       ^^ `timeout` needs a unit: write `timeout = "30s"`
fn number() {}

#[worker_query(timeout = "30")]
//                       ^^^^ `30` has no unit: write "30s", "30ms" or "30min"
fn without_unit() {}

#[worker_query(timeout = "30sek")]
//                       ^^^^^^^ `sek` is not a unit of time: use us, ms, s, min, h or d
fn unknown_unit() {}

#[worker_query(timeout = "1.2.3s")]
//                       ^^^^^^^^ `1.2.3` is not a number: write one such as 30 or 1.5
fn two_points() {}

#[worker_query(timeout = "0.5ns")]
//                       ^^^^^^^ `0.5ns` is finer than a nanosecond
fn too_fine() {}

#[worker_query(timeout = "600000d")]
//                       ^^^^^^^^^ `600000d` is more than 500 years
fn too_long() {}

#[worker_query(timeout = "soon")]
//                       ^^^^^^ `soon` is not a length of time: write a number and a unit, such as "30s" or "1h 30min"
fn word() {}

#[worker_query(timeout = "")]
//                       ^^ a length of time is missing: write a number and a unit, such as "30s"
fn nothing() {}

#[worker_query(timeout = true)]
//                       ^^^^ `timeout` is a length of time: write `timeout = "30s"`
fn truth() {}

#[worker_query(timeout = -30)]
//                       ^^^ `timeout` cannot be negative: write `timeout = "30s"`
fn negative() {}

#[worker_query(timeout = 5min)]
//                       ^^^^ a value with a unit stands in quotes: write `timeout = "5min"`
fn without_quotes() {}

#[worker_query(timeout = 5sek)]
//                       ^^^^ `timeout` needs a unit: write `timeout = "5s"`
fn unknown_unit_without_quotes() {}

fn main() {}
