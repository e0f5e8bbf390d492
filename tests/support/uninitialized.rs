//! A program that was never made to be a worker: it does not call `init`.

fn main() {
    // What it does instead must not be taken for the words of a worker.
    println!("this is no worker");
}
