//! The same as `idle`, with procspawn.

use std::io::Read;

use procspawn::Pool;

fn add((a, b): (u64, u64)) -> u64 {
    a + b
}

fn main() -> Result<(), procspawn::SpawnError> {
    procspawn::init();
    let pool = Pool::new(1)?;
    pool.spawn((1, 2), add).join()?;
    println!("idle");
    // Until whoever measures has seen enough.
    let _ = std::io::stdin().read(&mut [0]);
    Ok(())
}
