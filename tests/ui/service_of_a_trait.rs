use pm_runtime::worker_query;

#[derive(Default)]
struct Dex;

#[worker_query]
impl Iterator for Dex {
//   ^^^^^^^^ a service is an `impl` block of its own, without a trait: write `impl Dex`, with methods that call those of the trait
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        None
    }
}

fn main() {}
