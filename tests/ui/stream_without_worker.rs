use pm_runtime::worker_stream;

#[worker_stream]
struct Log {
//     ^^^ `Log` has no `impl StreamWorker`, which says what it does with its inputs
    path: String,
}

fn main() {}
