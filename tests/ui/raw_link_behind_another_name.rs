use pm_runtime::{RawLink, worker_raw};

type Link = RawLink<String, u64>;
type To<T> = RawLink<T, u64>;

#[worker_raw]
fn typed(link: Link) {
//             ^^^^ a worker's function takes its link, by this name: write `RawLink`, or `RawLink<In, Out>` with the types of its messages
    drop(link);
}

#[worker_raw]
fn to(link: To<String>) {
//          ^^^^^^^^^^ a worker's function takes its link, by this name: write `RawLink`, or `RawLink<In, Out>` with the types of its messages
    drop(link);
}

#[worker_raw]
fn port(port: u16) {
//            ^^^ a worker's function takes its link, by this name: write `RawLink`, or `RawLink<In, Out>` with the types of its messages
    println!("{port}");
}

fn main() {
    let _ = (TypedPool::new().workers(), ToPool::new().acquire(), PortPool::new());
}
