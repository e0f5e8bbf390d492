//! How a program becomes one that has workers. (Those that start otherwise are programs of their
//! own: `plain_main`, `init_first`, `above_tokio`, `below_tokio` and `forgotten` in `programs/`.)

use pm_runtime::worker_query;

#[worker_query(workers = 1)]
fn double(n: u32) -> u32 {
    2 * n
}

#[pm_runtime::test]
fn a_test_is_a_function() {
    assert_eq!(DoublePool::new().query(4).wait(), Ok(8));
}

#[pm_runtime::test]
async fn a_test_is_an_async_function() {
    assert_eq!(DoublePool::new().query(4).await, Ok(8));
}

#[pm_runtime::test]
#[should_panic(expected = "as it shall")]
async fn a_test_has_other_attributes() {
    assert_eq!(DoublePool::new().query(4).await, Ok(8), "never");
    panic!("as it shall");
}
