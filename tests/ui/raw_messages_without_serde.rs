use pm_runtime::{RawLink, worker_raw};

struct Plain {
    value: u32,
}

#[worker_raw]
fn to(link: RawLink<Plain, u8>) {
//                  ^^^^^ the trait bound `Plain: RawMessage` is not satisfied
    drop(link);
}

#[worker_raw]
fn from(link: RawLink<u8, Plain>) {
//                        ^^^^^ the trait bound `Plain: RawMessage` is not satisfied
    drop(link);
}

fn main() {
    println!("{}", Plain { value: 3 }.value);
}
