use pm_runtime::worker_query;

#[worker_query]
fn argument(next: impl Fn() -> u32) {}
//                ^^^^^^^^^^^^^^^^ `impl Trait` cannot travel to a worker: write a concrete type

#[worker_query]
fn within(all: Vec<impl Copy>) {}
//                 ^^^^^^^^^ `impl Trait` cannot travel to a worker: write a concrete type

#[worker_query]
fn answer() -> impl Iterator<Item = u32> {
//             ^^^^^^^^^^^^^^^^^^^^^^^^^ `impl Trait` cannot travel from a worker: return a concrete type, such as `Vec<T>`
    0..3
}

fn main() {}
