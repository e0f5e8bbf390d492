use pm_runtime::worker_query;

#[worker_query]
fn roll(request: RollRequest) {}
//               ^^^^^^^^^^^ `RollRequest` is a type that `#[worker_query]` makes: rename yours, or choose another stem with `name = ".."`

#[worker_query]
fn toss() -> Vec<TossPool> {
//               ^^^^^^^^ `TossPool` is a type that `#[worker_query]` makes: rename yours, or choose another stem with `name = ".."`
    Vec::new()
}

fn main() {}
