//! A program that was never made to be a worker: it does not call `init`.

use pm_tests::{Task, WorkPool};

fn main() {
    match std::env::args().nth(1).as_deref() {
        // As an application with a pool, it forgot something.
        Some("query") => {
            let error = WorkPool::new().query(Task::Return(1)).wait().expect_err("it cannot work");
            println!("{error}");
        }
        // It needs none where its workers are threads.
        Some("disabled") => {
            pm_runtime::set_disabled(true);
            let answer = WorkPool::new().query(Task::Return(1)).wait();
            println!("{}", answer.expect("it works"));
        }
        // As the program of somebody's worker it does whatever it does; that must not be taken
        // for the words of a worker.
        _ => println!("this is no worker"),
    }
}
