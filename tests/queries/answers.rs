//! Every form of answer.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use pm_runtime::{QueryError, worker_query};
use serde::{Deserialize, Serialize};

/// An error of the application, as it travels back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RollError {
    NoSuchZone(String),
    TooLow { level: u32 },
}

impl fmt::Display for RollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no encounter: {self:?}")
    }
}

impl Error for RollError {}

/// What a caller has that takes both kinds of failure.
#[derive(Debug, PartialEq)]
enum CallerError {
    Query(QueryError),
    Roll(RollError),
}

impl From<QueryError> for CallerError {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<RollError> for CallerError {
    fn from(error: RollError) -> Self {
        Self::Roll(error)
    }
}

#[worker_query(workers = 1)]
fn roll(zone: &str, level: u32) -> Result<u32, RollError> {
    match (zone, level) {
        ("abyss", _) => panic!("nothing comes back from there"),
        ("forest", 0) => Err(RollError::TooLow { level }),
        ("forest", level) => Ok(level * 2),
        _ => Err(RollError::NoSuchZone(zone.into())),
    }
}

#[worker_query(workers = 1)]
async fn roll_async(zone: &str, level: u32) -> Result<u32, RollError> {
    smol::future::yield_now().await;
    roll(zone, level)
}

async fn into_own(pool: &RollPool, zone: &str, level: u32) -> Result<u32, CallerError> {
    Ok(pool.query(zone, level).await??)
}

async fn into_boxed(pool: &RollAsyncPool, zone: &str, level: u32) -> Result<u32, Box<dyn Error>> {
    Ok(pool.query(zone, level).await??)
}

async fn into_shared(
    pool: &RollPool,
    zone: &str,
    level: u32,
) -> Result<u32, Box<dyn Error + Send + Sync>> {
    Ok(pool.query(zone, level).await??)
}

#[pm_runtime::test]
async fn two_question_marks_where_the_callers_error_takes_both() {
    let pool = RollPool::new();
    assert_eq!(into_own(&pool, "forest", 4).await, Ok(8));
    let error = into_own(&pool, "forest", 0).await;
    assert_eq!(error, Err(CallerError::Roll(RollError::TooLow { level: 0 })));
    let error = into_own(&pool, "abyss", 0).await;
    assert!(matches!(error, Err(CallerError::Query(QueryError::Panicked(_)))), "{error:?}");
    assert!(into_shared(&pool, "sea", 1).await.unwrap_err().is::<RollError>());
}

#[pm_runtime::test]
async fn two_question_marks_into_a_boxed_error() {
    let pool = RollAsyncPool::new();
    assert_eq!(into_boxed(&pool, "forest", 4).await.unwrap(), 8);
    let error = into_boxed(&pool, "sea", 4).await.unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&RollError::NoSuchZone("sea".into())));
    let error = into_boxed(&pool, "abyss", 4).await.unwrap_err();
    let error = error.downcast_ref::<QueryError>();
    assert!(matches!(error, Some(QueryError::Panicked(_))), "{error:?}");
}

#[pm_runtime::test]
async fn an_error_of_the_application_is_an_answer() {
    let pool = RollPool::new();
    assert_eq!(pool.query("forest", 0).await, Ok(Err(RollError::TooLow { level: 0 })));
    let account = pool.health().account;
    assert_eq!((account.completed, account.failed), (1, 0));
    assert_eq!(pool.health().crashes, 0);
}

#[worker_query(workers = 1)]
fn silent() {}

#[worker_query(workers = 1)]
#[allow(clippy::unused_unit)]
fn unit(_number: u32) -> () {}

#[worker_query(workers = 1)]
async fn silent_async() {
    smol::future::yield_now().await;
}

#[worker_query(workers = 1)]
fn fallible_unit(fails: bool) -> Result<(), String> {
    if fails { Err("as asked".into()) } else { Ok(()) }
}

#[pm_runtime::test]
async fn no_answer_is_the_unit() {
    silent();
    assert_eq!(SilentPool::new().query().await, Ok(()));
    assert_eq!(UnitPool::new().query(1).await, Ok(()));
    assert_eq!(SilentAsyncPool::new().query().await, Ok(()));
    let pool = FallibleUnitPool::new();
    assert_eq!(pool.query(false).await, Ok(Ok(())));
    assert_eq!(pool.query(true).await, Ok(Err("as asked".into())));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Shape {
    Nothing,
    Wrapped(u128),
    Pair(i128, char),
    Named { map: BTreeMap<String, Vec<Option<u8>>>, next: Option<Box<Shape>> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Marker;

/// Bound to its thread.
#[derive(Serialize, Deserialize)]
pub struct Local {
    number: u32,
    #[serde(skip)]
    not_send: PhantomData<*const ()>,
}

#[worker_query(workers = 1)]
fn shapes() -> Vec<Shape> {
    let map = BTreeMap::from([(String::new(), vec![]), ("ü".into(), vec![None, Some(3)])]);
    let named = Shape::Named { map, next: Some(Box::new(Shape::Pair(i128::MIN, '\u{10ffff}'))) };
    vec![Shape::Nothing, Shape::Wrapped(u128::MAX), named]
}

#[worker_query(workers = 1)]
fn floats() -> (f64, f32, f64) {
    (f64::NAN, f32::NEG_INFINITY, -0.0)
}

#[worker_query(workers = 1)]
fn nested() -> Option<Result<Option<()>, ()>> {
    Some(Ok(Some(())))
}

#[worker_query(workers = 1)]
#[allow(clippy::type_complexity)]
fn odds_and_ends() -> (Marker, [u16; 3], HashMap<String, Cow<'static, str>>, Box<[u8]>) {
    (Marker, [1, 2, 3], HashMap::from([("k".into(), "v".into())]), Box::new([9]))
}

#[worker_query(workers = 1)]
fn local() -> Local {
    Local { number: 5, not_send: PhantomData }
}

/// Neither its future nor its answer can leave their thread.
#[worker_query(workers = 1)]
async fn local_async() -> Local {
    let number = Rc::new(6);
    smol::future::yield_now().await;
    Local { number: *number, not_send: PhantomData }
}

#[pm_runtime::test]
async fn any_type_that_serde_knows() {
    assert_eq!(ShapesPool::new().query().await, Ok(shapes()));
    assert_eq!(NestedPool::new().query().await, Ok(nested()));
    assert_eq!(OddsAndEndsPool::new().query().await, Ok(odds_and_ends()));
    let (nan, infinite, zero) = FloatsPool::new().query().await.unwrap();
    assert!(nan.is_nan() && infinite == f32::NEG_INFINITY);
    assert!(zero == 0.0 && zero.is_sign_negative());
}

#[pm_runtime::test]
async fn an_answer_need_not_be_send() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let pool = LocalPool::new();
    assert_eq!(assert_send(pool.query()).await.map(|local| local.number), Ok(5));
    let pool = LocalAsyncPool::new();
    assert_eq!(assert_send(pool.query()).await.map(|local| local.number), Ok(6));
}
