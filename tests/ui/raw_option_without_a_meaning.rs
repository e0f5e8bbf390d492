use pm_runtime::{RawLink, worker_query, worker_raw};

#[worker_raw(timeout = "30s", concurrency = 4, cancel = "kill", queue = 3, timout = "3s")]
//           ^^^^^^^ `timeout` is an option of `#[worker_query]` and `#[worker_stream]`, and has no meaning for `#[worker_raw]`: remove it
//                            ^^^^^^^^^^^ `concurrency` is an option of `#[worker_query]` and `#[worker_stream]`, and has no meaning for `#[worker_raw]`: remove it
//                                             ^^^^^^ `cancel` is an option of `#[worker_query]`, and has no meaning for `#[worker_raw]`: remove it
//                                                              ^^^^^ `queue` is an option of `#[worker_query]` and `#[worker_stream]`, and has no meaning for `#[worker_raw]`: remove it
//                                                                         ^^^^^^ unknown option `timout`: the options are workers, boot_timeout, grace, max_crashes, crash_window, spares, max_age, max_memory, memory_limit, cpu_limit, init, message, env, clear_env, cwd, nice, stdio, core_dumps, max_frame, window, window_bytes, program, transport, runtime, name, crate
fn serve(link: RawLink<String, u64>) {
    let _ = link.send_blocking(&3);
}

#[worker_query(window_bytes = "1MiB")]
//             ^^^^^^^^^^^^ `window_bytes` is an option of `#[worker_stream]` and `#[worker_raw]`, and has no meaning for `#[worker_query]`: remove it
fn ask() {}

fn main() {
    let pool = ServePool::new();
    let worker = pool.acquire().unwrap();
    let _ = worker.send(&String::from("it has its types"));
    let _ = AskPool::new().query();
}
