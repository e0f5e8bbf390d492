use pm_runtime::{RawLink, worker_raw};

#[worker_raw]
unsafe fn careful(link: RawLink) {
//<^^^^^^ a pool cannot promise what an `unsafe fn` asks of its callers: remove `unsafe`, or call it from a safe function
    drop(link);
}

#[worker_raw]
const fn early(_link: &RawLink) {}
//<^^^^^ a worker's function runs in another process: remove `const`
//                    ^^^^^^^^ a worker's function owns its link: write `RawLink`

#[worker_raw]
extern "C" fn foreign(link: RawLink) {
//<^^^^^^^^^^ a worker's function is a Rust function: remove the `extern`
    drop(link);
}

#[worker_raw]
fn generic<T>(link: RawLink<T, u8>)
//         ^ a worker's function cannot be generic, because the worker must know the type: write a concrete one
where
//<^^^^^ a worker's function cannot be generic: remove the `where` clause
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let _ = link.recv_blocking();
}

#[worker_raw]
fn sized<const N: usize>(link: RawLink) {
//       ^^^^^^^^^^^^^^ a worker's function cannot be generic: write a `const` beside it, or send the number as its first message
    let _ = link.send_blocking(&[0; N]);
}

#[worker_raw]
fn lasting<'a>(link: RawLink) {
//         ^^ a worker's function owns its link: remove the lifetime parameter
    drop(link);
}

fn main() {
    let _ = (CarefulPool::new(), EarlyPool::new(), ForeignPool::new());
    let _ = (GenericPool::new().workers(), SizedPool::new().workers(), LastingPool::new());
}
