use pm_runtime::{RawBytes, RawLink, worker_raw};
use std::borrow::Cow;

#[worker_raw]
fn borrowed(link: RawLink<&str, u8>) {
//                        ^^^^ a message goes to another process, and borrows nothing: write `String`
    drop(link);
}

#[worker_raw]
fn lasting(link: RawLink<u8, Vec<&'static [u16]>>) {
//                               ^^^^^^^^^^^^^^ a message goes to another process, and borrows nothing: write `Vec<u16>`
    drop(link);
}

#[worker_raw]
fn cow(link: RawLink<Cow<'_, str>, u8>) {
//                       ^^ a message goes to another process, and borrows nothing: write `Cow<'static, ..>`, or a type that owns its fields, such as `String`
    drop(link);
}

#[worker_raw]
fn unknown(link: RawLink<_, u8>) {
//                       ^ the placeholder `_` is not allowed
//                       ^ the pool has to know the types of the messages: write this one
    drop(link);
}

#[worker_raw]
fn of_a_trait(link: RawLink<impl Copy, u8>) {
//                          ^^^^^^^^^ `impl Trait` cannot travel: write a concrete type
    drop(link);
}

#[worker_raw]
fn one(link: RawLink<u8>) {
//           ^^^^^^^^^^^ a link has a type for each direction, or none: write `RawLink<u8, Out>` with the type of what the worker sends
    drop(link);
}

#[worker_raw]
fn bytes(link: RawLink<u8, RawBytes>) {
//                         ^^^^^^^^ this is what a link without types carries: write `RawLink` alone, or `Vec<u8>` for bytes in one direction
    drop(link);
}

#[worker_raw]
fn fine(link: RawLink<Cow<'static, str>, u8>) {
    drop(link);
}

fn main() {
    let _ = (BorrowedPool::new().workers(), LastingPool::new(), CowPool::new());
    let _ = (OnePool::new().workers(), BytesPool::new().workers());
    let _ = (UnknownPool::new(), OfATraitPool::new(), FinePool::new().acquire());
}
