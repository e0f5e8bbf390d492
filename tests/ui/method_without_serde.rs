use pm_runtime::worker_query;

struct Plain;

#[derive(Default)]
struct Dex;

#[worker_query]
impl Dex {
    fn lookup(&self, plain: Plain) -> u32 {
//                          ^^^^^ required by a bound introduced by this call
//                          ^^^^^ the trait bound `Plain:
        0
    }

    fn answer(&self, name: &str) -> Plain {
//                                  ^^^^^ required by a bound introduced by this call
//                                  ^^^^^ the trait bound `Plain:
        Plain
    }
}

fn main() {}
