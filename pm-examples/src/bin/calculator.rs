//! A heavy calculation, called like a function and run in worker processes.

use pm_runtime::worker_query;
use smol::future;

/// The longest Collatz sequence that starts at one of the numbers: where it starts, and its steps.
#[worker_query]
fn calculate(numbers: &[u64]) -> Option<(u64, u32)> {
    numbers.iter().map(|&number| (number, steps(number))).max_by_key(|&(_, steps)| steps)
}

fn steps(mut number: u64) -> u32 {
    let mut steps = 0;
    while number > 1 {
        number = if number.is_multiple_of(2) { number / 2 } else { 3 * number + 1 };
        steps += 1;
    }
    steps
}

#[pm_runtime::main]
async fn main() -> Result<(), pm_runtime::Error> {
    let calculator = CalculatePool::new();

    let result = calculator.query(&[1, 2, 3, 4, 5]).await?;
    if let Some((number, steps)) = result {
        println!("of 1 to 5, {number} takes the most steps: {steps}");
    }

    let numbers: Vec<u64> = (1..=100_000).collect();
    let halves = numbers.split_at(50_000);
    // Each half is lent to another worker, and both run at once.
    let (low, high) = (calculator.query(halves.0), calculator.query(halves.1));
    let (low, high) = future::try_zip(low, high).await?;
    for (number, steps) in [low, high].into_iter().flatten() {
        println!("of its half, {number} takes the most steps: {steps}");
    }
    Ok(())
}
