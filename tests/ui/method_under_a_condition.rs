use pm_runtime::worker_query;

#[derive(Default)]
struct Dex;

#[worker_query]
impl Dex {
    #[cfg(unix)]
//  ^^^^^^^^^^^^ pool and worker have to agree on the queries of a service: put the condition into the method's body, or write the whole `impl` twice
    fn sometimes(&self) {}

    fn always(&self) {}
}

fn main() {}
