use pm_runtime::worker_query;

#[worker_query]
fn length(text: &'static str) -> usize {
//               ^^^^^^^ in the worker, an argument lives as long as its query: write `&str`
    text.len()
}

fn main() {}
