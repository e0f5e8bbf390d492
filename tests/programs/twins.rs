//! A program in which two queries cannot be told apart.

#[pm_runtime::main]
fn main() {
    println!("main runs");
    {
        #[pm_runtime::worker_query]
        fn twin() {}
        drop(TwinPool::new());
    }
    {
        #[pm_runtime::worker_query]
        fn twin() {}
        drop(TwinPool::new());
    }
}
