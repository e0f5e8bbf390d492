//! Whatever the user's own things are called and wherever they stand, the generated code means
//! what it says.

use pm_runtime::worker_query;
use serde::{Deserialize, Serialize};

#[worker_query(workers = 1)]
#[allow(clippy::too_many_arguments)]
fn arguments(
    request: u32,
    frame: u32,
    answer: u32,
    pool: u32,
    self_: u32,
    error: u32,
    call: u32,
    decode: u32,
    builder: u32,
    r#type: u32,
    arguments: u32,
) -> Vec<u32> {
    vec![request, frame, answer, pool, self_, error, call, decode, builder, r#type, arguments]
}

#[worker_query(workers = 1)]
#[allow(clippy::too_many_arguments)]
async fn arguments_async(
    request: u32,
    frame: &str,
    answer: u32,
    pool: u32,
    self_: u32,
    error: u32,
    arguments_async: u32,
) -> String {
    format!("{request} {frame} {answer} {pool} {self_} {error} {arguments_async}")
}

#[pm_runtime::test]
async fn arguments_may_be_called_as_locals_of_generated_code() {
    let answer = ArgumentsPool::new().query(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11).await;
    assert_eq!(answer, Ok((1..=11).collect()));
    let answer = ArgumentsAsyncPool::new().query(1, "2", 3, 4, 5, 6, 7).await;
    assert_eq!(answer, Ok("1 2 3 4 5 6 7".into()));
}

/// Functions that are called as locals and helpers of generated code.
mod functions {
    use pm_runtime::worker_query;

    #[worker_query(workers = 1)]
    pub fn frame(number: u32) -> u32 {
        number + 1
    }

    #[worker_query(workers = 1)]
    pub async fn request(frame: u32) -> u32 {
        frame + 2
    }

    #[worker_query(workers = 1)]
    pub fn answer(answer: u32) -> u32 {
        answer + 3
    }

    #[worker_query(workers = 1)]
    pub async fn error(error: u32) -> u32 {
        error + 4
    }

    #[worker_query(workers = 1)]
    pub fn query(query: u32) -> u32 {
        query + 5
    }

    #[worker_query(workers = 1)]
    pub fn r#match(r#match: u32) -> u32 {
        r#match + 6
    }

    pub mod asynchronous {
        use pm_runtime::worker_query;

        #[worker_query(workers = 1)]
        pub async fn frame(number: u32) -> u32 {
            number + 7
        }

        #[worker_query(workers = 1)]
        pub async fn answer(number: u32) -> u32 {
            number + 8
        }
    }
}

#[pm_runtime::test]
async fn functions_may_be_called_as_locals_of_generated_code() {
    assert_eq!(functions::FramePool::new().query(10).await, Ok(11));
    assert_eq!(functions::RequestPool::new().query(10).await, Ok(12));
    assert_eq!(functions::AnswerPool::new().query(10).await, Ok(13));
    assert_eq!(functions::ErrorPool::new().query(10).await, Ok(14));
    assert_eq!(functions::QueryPool::new().query(10).await, Ok(15));
    assert_eq!(functions::MatchPool::new().query(10).await, Ok(16));
    assert_eq!(functions::MatchPool::new().name(), "match");
    assert_eq!(functions::asynchronous::FramePool::new().query(10).await, Ok(17));
    assert_eq!(functions::asynchronous::AnswerPool::new().query(10).await, Ok(18));
}

/// Types that are called as what generated code is full of.
mod shadows {
    use pm_runtime::worker_query;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct I(pub u32);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub enum Option {
        Buy,
        Sell(I),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub enum Result {
        Win,
        Loss(Option),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct Ok(pub u8);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct Err(pub Ok);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct Some;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct Box(pub u8);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct Query(pub u8);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct Ref(pub u8);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct Call(pub u8);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct Pool(pub u8);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct Entry(pub u8);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct T(pub u8);

    /// Nothing that a generated item implements is meant by these.
    #[allow(dead_code)]
    pub trait Default {}
    #[allow(dead_code)]
    pub trait Deref {}
    #[allow(dead_code)]
    pub trait Clone {}
    #[allow(dead_code)]
    pub trait Debug {}
    #[allow(dead_code)]
    pub trait Fn {}
    #[allow(dead_code)]
    pub trait Send {}

    #[worker_query(workers = 1)]
    pub fn trade(i: I, option: &Option) -> Result {
        match option {
            Option::Buy if i.0 == 0 => Result::Win,
            Option::Buy => Result::Loss(Option::Sell(i)),
            Option::Sell(_) => Result::Loss(Option::Buy),
        }
    }

    #[worker_query(workers = 1)]
    pub async fn settle(ok: Ok, err: &Err, _some: Some, of: Box) -> Err {
        Err(Ok(ok.0 + err.0.0 + of.0))
    }

    #[worker_query(workers = 1)]
    pub fn others(query: Query, lent: &Ref, call: Call, pool: Pool, entry: &Entry) -> T {
        T(query.0 + lent.0 + call.0 + pool.0 + entry.0)
    }

    #[worker_query(workers = 1)]
    pub fn list(options: &[Option]) -> usize {
        options.len()
    }
}

#[pm_runtime::test]
async fn types_may_be_called_as_those_of_the_prelude_and_of_generated_code() {
    use shadows::*;
    let pool = TradePool::new();
    let answer = pool.query(I(0), &Option::Buy).await;
    assert_eq!(answer, std::result::Result::Ok(Result::Win));
    let answer = pool.query(I(2), &Option::Buy).await;
    assert_eq!(answer, std::result::Result::Ok(Result::Loss(Option::Sell(I(2)))));
    let answer = SettlePool::new().query(Ok(1), &Err(Ok(2)), Some, Box(3)).await;
    assert_eq!(answer, std::result::Result::Ok(Err(Ok(6))));
    let answer = OthersPool::new().query(Query(1), &Ref(2), Call(3), Pool(4), &Entry(5)).await;
    assert_eq!(answer, std::result::Result::Ok(T(15)));
    let answer = ListPool::new().query(&[Option::Buy]).await;
    assert_eq!(answer, std::result::Result::Ok(1));
}

/// One name at several places, with several visibilities.
mod places {
    pub mod open {
        #[pm_runtime::worker_query(workers = 1)]
        pub fn place() -> String {
            "open".into()
        }
    }

    pub mod inner {
        #[pm_runtime::worker_query(workers = 1)]
        pub(crate) fn place() -> String {
            "crate".into()
        }

        pub mod deeper {
            #[pm_runtime::worker_query(workers = 1)]
            pub(super) fn place() -> String {
                "super".into()
            }

            #[pm_runtime::worker_query(workers = 1)]
            pub(in crate::names) fn elsewhere() -> String {
                place() + " in names"
            }
        }

        pub fn pool_of_deeper() -> impl Future<Output = String> {
            let pool: deeper::PlacePool =
                deeper::PlacePoolBuilder::build(deeper::PlacePool::builder());
            async move { pool.query().await.unwrap() }
        }
    }

    pub mod private {
        #[pm_runtime::worker_query(workers = 1)]
        fn place() -> String {
            "private".into()
        }

        pub async fn ask() -> String {
            PlacePool::new().query().await.unwrap()
        }
    }
}

#[pm_runtime::test]
async fn functions_of_one_name_in_different_modules_keep_apart() {
    assert_eq!(places::open::PlacePool::new().query().await, Ok("open".into()));
    assert_eq!(places::inner::PlacePool::new().query().await, Ok("crate".into()));
    assert_eq!(places::inner::pool_of_deeper().await, "super");
    assert_eq!(
        places::inner::deeper::ElsewherePool::new().query().await,
        Ok("super in names".into())
    );
    assert_eq!(places::private::ask().await, "private");
}

/// A query of a private type, in a public function.
mod interfaces {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Secret(u32);

    #[worker_query(workers = 1)]
    #[allow(private_interfaces)]
    pub fn reveal(secret: Secret, lent: &Secret) -> Secret {
        Secret(secret.0 + lent.0)
    }

    pub async fn ask() -> u32 {
        RevealPool::new().query(Secret(1), &Secret(2)).await.unwrap().0
    }
}

#[pm_runtime::test]
async fn types_may_be_less_visible_than_their_query() {
    assert_eq!(interfaces::ask().await, 3);
}

async fn in_one_body() -> u32 {
    #[worker_query(workers = 1)]
    fn inside(number: u32) -> u32 {
        number + 1
    }
    InsidePool::new().query(10).await.unwrap()
}

fn in_another_body() -> u32 {
    #[derive(Serialize, Deserialize)]
    struct Number(u32);

    #[worker_query(workers = 1)]
    async fn inside(number: Number) -> u32 {
        number.0 + 2
    }
    InsidePool::new().query(Number(10)).wait().unwrap()
}

fn in_a_generic_body<T: Default>() -> (T, u32) {
    #[worker_query(workers = 1)]
    fn inside() -> u32 {
        3
    }
    (T::default(), InsidePool::new().query().wait().unwrap())
}

struct Owner;

impl Owner {
    fn in_a_method(&self) -> u32 {
        #[worker_query(workers = 1)]
        fn inside() -> u32 {
            4
        }
        InsidePool::new().query().wait().unwrap()
    }
}

#[pm_runtime::test]
async fn functions_of_one_name_inside_different_bodies_keep_apart() {
    #[worker_query(workers = 1)]
    fn inside() -> u32 {
        5
    }
    assert_eq!(in_one_body().await, 11);
    assert_eq!(in_another_body(), 12);
    assert_eq!(in_a_generic_body::<u8>(), (0, 3));
    assert_eq!(in_a_generic_body::<String>(), (String::new(), 3));
    assert_eq!(Owner.in_a_method(), 4);
    assert_eq!(InsidePool::new().query().await, Ok(5));
}

/// Two functions of one shape, written by a macro.
macro_rules! adders {
    ($($name:ident: $number:ty, $add:literal;)*) => {$(
        #[worker_query(workers = 1, timeout = "1min")]
        fn $name(number: $number, lent: &$number, text: &str) -> $number {
            number + lent + $add + text.len() as $number
        }
    )*};
}

adders! {
    add_five: u8, 5;
    add_six: i64, 6;
}

#[pm_runtime::test]
async fn macros_may_write_queries() {
    assert_eq!(AddFivePool::new().query(1, &2, "abc").await, Ok(11));
    assert_eq!(AddSixPool::new().query(-100, &2, "abc").await, Ok(-89));
}

#[worker_query(name = "Better", workers = 1)]
fn named(number: u32) -> u32 {
    number
}

/// Another function may then have the name that this one gave up.
struct NamedPool(BetterPoolBuilder);

#[pm_runtime::test]
async fn a_name_is_another_stem() {
    let NamedPool(builder) = NamedPool(BetterPool::builder());
    let pool: BetterPool = builder.build();
    assert_eq!(pool.query(4).await, Ok(4));
    assert_eq!(pool.name(), "named");
    assert!(matches!(BetterRequest::Query(1), BetterRequest::Query(1)));
    assert!(matches!(BetterResponse::Query(1), BetterResponse::Query(1)));
}

/// The runtime under other names.
mod renamed {
    extern crate pm_runtime as other;

    pub mod vendor {
        pub use pm_runtime as runtime;
    }

    #[other::worker_query(crate = self::other, workers = 1)]
    pub fn by_path(number: u32, text: &str, lent: &u32) -> u32 {
        number + lent + text.len() as u32
    }

    #[vendor::runtime::worker_query(crate = "crate::names::renamed::vendor::runtime", workers = 1)]
    pub async fn by_text(number: &u32) -> u32 {
        number + 1
    }

    #[other::test(crate = self::other)]
    async fn the_runtime_may_have_another_name() {
        assert_eq!(ByPathPool::new().query(1, "ab", &3).await, Ok(6));
        assert_eq!(ByTextPool::new().query(&1).await, Ok(2));
    }

    #[vendor::runtime::test(crate = vendor::runtime)]
    fn the_runtime_may_have_another_name_inside_a_body() {
        use pm_runtime as local;

        #[local::worker_query(crate = local, workers = 1)]
        fn inside(text: &str) -> usize {
            text.len()
        }
        assert_eq!(InsidePool::new().query("four").wait(), Ok(4));
    }
}

/// What is not there can neither be called nor clash.
mod conditional {
    use pm_runtime::worker_query;

    #[cfg(not(unix))]
    #[worker_query(workers = 1)]
    pub fn above(nothing: NoSuchType) -> NoSuchType {}

    #[cfg(unix)]
    #[worker_query(workers = 1)]
    pub fn above() -> u32 {
        1
    }

    #[worker_query(workers = 1)]
    #[cfg(not(unix))]
    pub async fn below(nothing: &NoSuchType) -> NoSuchType {}

    #[worker_query(workers = 1)]
    #[cfg(unix)]
    pub async fn below() -> u32 {
        2
    }

    #[worker_query(workers = 1)]
    #[cfg_attr(unix, cfg(not(unix)))]
    pub fn nested(nothing: NoSuchType) {}

    #[cfg_attr(unix, worker_query(workers = 1))]
    pub fn nested() -> u32 {
        3
    }

    #[cfg(not(unix))]
    #[pm_runtime::test]
    async fn a_test_that_is_not_there() {
        no_such_function().await
    }

    #[pm_runtime::test]
    #[cfg(not(unix))]
    fn another_test_that_is_not_there() {
        no_such_function()
    }
}

#[pm_runtime::test]
async fn a_condition_holds_for_everything_that_is_generated() {
    assert_eq!(conditional::AbovePool::new().query().await, Ok(1));
    assert_eq!(conditional::BelowPool::new().query().await, Ok(2));
    assert_eq!(conditional::NestedPool::new().query().await, Ok(3));
}
