use pm_runtime::worker_query;

#[worker_query(timout = "30s")]
//             ^^^^^^ unknown option `timout`: did you mean `timeout`? the options are workers, timeout,
fn misspelt() {}

#[worker_query(worker = 3)]
//             ^^^^^^ unknown option `worker`: did you mean `workers`? the options are workers, timeout,
fn in_the_singular() {}

#[worker_query(colour = "red")]
//             ^^^^^^ unknown option `colour`: the options are workers, timeout,
fn unheard_of() {}

fn main() {}
