//! What the handle of a service has: the names of its methods, as visible as they are.

use pm_runtime::{QueryError, worker_query};
use serde::{Deserialize, Serialize};

/// Methods with names that handles have from traits, from their pool, or in other pools.
#[derive(Default)]
struct Mimic;

#[worker_query(workers = 1)]
impl Mimic {
    fn default(&self) -> u8 {
        1
    }

    fn deref(&self) -> u8 {
        2
    }

    fn fmt(&self) -> u8 {
        3
    }

    #[allow(clippy::wrong_self_convention, reason = "handles have a function of this name")]
    fn from_pool(&self) -> u8 {
        4
    }

    fn drop(&self) -> u8 {
        5
    }

    fn clone_from(&self) -> u8 {
        6
    }

    fn to_owned(&self) -> u8 {
        7
    }

    fn name(&self) -> u8 {
        8
    }

    async fn spawn(&self) -> u8 {
        9
    }

    async fn destroy(&mut self) -> u8 {
        10
    }

    fn on_message(&self) -> u8 {
        11
    }

    fn retry(&self) -> u8 {
        12
    }

    fn map(&self) -> u8 {
        13
    }

    fn try_query(&self) -> u8 {
        14
    }

    fn query_temporary(&self) -> u8 {
        15
    }

    fn wait(&self) -> u8 {
        16
    }
}

#[pm_runtime::test]
async fn a_method_wins_whatever_else_has_its_name() {
    let pool = MimicPool::new();
    let calls = [
        pool.default(),
        pool.deref(),
        pool.fmt(),
        pool.from_pool(),
        pool.drop(),
        pool.clone_from(),
        pool.to_owned(),
        pool.name(),
        pool.spawn(),
        pool.destroy(),
        pool.on_message(),
        pool.retry(),
        pool.map(),
        pool.try_query(),
        pool.query_temporary(),
        pool.wait(),
    ];
    assert!(futures::future::join_all(calls).await.into_iter().eq((1..=16).map(Ok)));
    assert_eq!((format!("{pool:?}").contains("Mimic"), (*pool).name()), (true, "Mimic"));
    (*pool).destroy().await;
    assert_eq!(pool.clone().destroy().await, Err(QueryError::Destroyed));
}

/// A state with all that an `impl` block may have beside queries.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Odds {
    count: u32,
}

#[worker_query(init = async || Odds { count: Odds::first() })]
impl Odds {
    const ROOM: usize = 2;

    fn first() -> u32 {
        4
    }

    #[allow(clippy::needless_arbitrary_self_type, reason = "it is another form of `&self`")]
    fn look(self: &Self, mut n: u32) -> u32 {
        n += self.count;
        n
    }

    #[allow(clippy::needless_arbitrary_self_type, reason = "it is another form of `&mut self`")]
    async fn count(self: &mut Self) -> [u32; Self::ROOM] {
        self.count += 1;
        [self.count; Self::ROOM]
    }

    fn _last(&self, mut others: Vec<Self>) -> Option<Box<Self>> {
        others.pop().map(Box::new)
    }
}

#[pm_runtime::test]
async fn self_is_understood_in_every_form() {
    let pool = OddsPool::new();
    assert_eq!(pool.look(3).await, Ok(7));
    assert_eq!(pool.count().await, Ok([5, 5]));
    let odds = || Odds { count: 9 };
    assert_eq!(pool._last(vec![odds()]).await, Ok(Some(Box::new(odds()))));
}

mod outer {
    use pm_runtime::QueryError;

    mod inner {
        use pm_runtime::{QueryError, worker_query};

        #[derive(Default)]
        pub(super) struct Onion;

        /// The widest is the one that this file sees, and no further.
        #[worker_query(workers = 1)]
        impl Onion {
            fn own(&self) -> u8 {
                1
            }

            pub(super) fn above(&self) -> u8 {
                2
            }

            pub(in super::super) fn far_above(&self) -> u8 {
                3
            }
        }

        pub(super) async fn all() -> Vec<Result<u8, QueryError>> {
            let pool = OnionPool::new();
            futures::future::join_all([pool.own(), pool.above(), pool.far_above()]).await
        }
    }

    pub(super) use inner::OnionPool;

    pub(super) async fn visible() -> Vec<Result<u8, QueryError>> {
        let _: fn(&inner::OnionRequest, inner::OnionPoolBuilder) = |_, _| {};
        assert!(inner::all().await.into_iter().eq((1..=3).map(Ok)));
        let pool = inner::OnionPool::new();
        futures::future::join_all([pool.above(), pool.far_above()]).await
    }
}

#[pm_runtime::test]
async fn a_handle_is_as_visible_as_the_method_that_most_can_see() {
    assert_eq!(outer::visible().await, [Ok(2), Ok(3)]);
    assert_eq!(outer::OnionPool::new().far_above().await, Ok(3));
}

/// Methods with names that pools have, too.
#[derive(Default)]
struct Ward;

#[worker_query(workers = 1)]
impl Ward {
    fn health(&self) -> String {
        String::from("well")
    }

    fn query(&self, request: u8, frame: u8, state: u8, answer: u8) -> u32 {
        u32::from(request) + u32::from(frame) + u32::from(state) + u32::from(answer)
    }

    fn r#type(&self) -> u8 {
        7
    }
}

#[pm_runtime::test]
async fn a_method_wins_over_that_of_the_pool() {
    let pool = WardPool::new();
    assert_eq!(pool.health().await.as_deref(), Ok("well"));
    assert_eq!(pool.query(1, 2, 3, 4).await, Ok(10));
    assert_eq!(pool.r#type().await, Ok(7));
    assert_eq!((*pool).health().account.completed, 3);
}
