//! An empty program: what a process takes at least.

use std::io::Read;

fn main() -> std::io::Result<()> {
    println!("idle");
    std::io::stdin().read_exact(&mut [0])
}
