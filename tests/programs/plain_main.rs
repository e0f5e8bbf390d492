//! A program whose `main` is no async function, and returns the error of its query.

#[pm_runtime::worker_query(workers = 2)]
fn divide(number: u32, by: u32) -> u32 {
    number / by
}

/// The `main` that the attribute stands above.
#[pm_runtime::main]
fn main() -> Result<(), pm_runtime::Error> {
    println!("main runs");
    let by = std::env::args().nth(1).map_or(2, |by| by.parse().expect("a number"));
    println!("{}", DividePool::new().query(8, by).wait()?);
    Ok(())
}
