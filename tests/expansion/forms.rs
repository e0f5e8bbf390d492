//! Queries and raw workers of several forms, without the prelude and with docs, for crates of every strictness.

use ::pm_runtime::{RawError, RawLink, worker_query, worker_raw};
use ::serde::{Deserialize, Serialize};
use ::std::borrow::Cow;
use ::std::path::Path;

/// What a query may be asked.
#[derive(::std::fmt::Debug, ::std::cmp::PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// How much of it.
    pub amount: u32,
}

/// Why there is no answer.
#[derive(::std::fmt::Debug, ::std::cmp::PartialEq, Serialize, Deserialize)]
pub enum Failure {
    /// There was nothing to answer.
    Nothing,
}

/// A plain query.
#[worker_query(workers = 1, timeout = "1min", max_crashes = None, queue_bytes = "1MiB")]
pub fn plain(question: Question) -> Question {
    Question { amount: question.amount + 1 }
}

/// Neither arguments nor an answer.
#[worker_query(workers = 1)]
pub fn nothing() {}

/// References of every kind.
#[worker_query(workers = 1)]
pub fn references(
    text: &str,
    bytes: &[u8],
    question: &Question,
    questions: &[Question],
    path: &Path,
    cow: Cow<'_, str>,
    pair: (u32, ::std::option::Option<&str>),
) -> usize {
    let maybe = match pair.1 {
        ::std::option::Option::Some(text) => text.len(),
        ::std::option::Option::None => 0,
    };
    let texts = text.len() + path.as_os_str().len() + maybe + cow.len();
    texts + bytes.len() + questions.len() + question.amount as usize + pair.0 as usize
}

/// Bytes in every place where they can be seen.
#[worker_query(workers = 1)]
pub fn bytes(
    owned: ::std::vec::Vec<u8>,
    maybe: ::std::option::Option<::std::boxed::Box<[u8]>>,
    pair: (&[u8], [u8; 2]),
) -> ::std::result::Result<(::std::vec::Vec<u8>, usize), Failure> {
    match (maybe, pair) {
        (::std::option::Option::Some(_), _) => ::std::result::Result::Err(Failure::Nothing),
        (_, (lent, _)) => ::std::result::Result::Ok((owned, lent.len())),
    }
}

/// An async query that may fail.
#[worker_query(workers = 1, concurrency = 8)]
pub async fn fallible(question: &Question) -> ::std::result::Result<u32, Failure> {
    ::smol::future::yield_now().await;
    match question.amount {
        0 => ::std::result::Result::Err(Failure::Nothing),
        amount => ::std::result::Result::Ok(amount),
    }
}

/// A state that is changed and looked at, by methods of several visibilities.
#[derive(::std::fmt::Debug, ::std::default::Default)]
pub struct Tally {
    /// So far.
    sum: u32,
}

#[worker_query]
impl Tally {
    /// Adds some, and is private.
    async fn add(&mut self, question: &Question) -> u32 {
        ::smol::future::yield_now().await;
        self.sum += question.amount;
        self.sum
    }

    /// Tells of them.
    pub async fn tell(&self, text: &str, number: &u32) -> ::std::string::String {
        ::std::format!("{text} {}", self.sum + number)
    }
}

/// A state that is only looked at, and has to be made.
#[derive(::std::fmt::Debug)]
pub struct Fixed {
    /// What it is.
    value: u32,
}

#[worker_query(workers = 1, init = Fixed::find)]
impl Fixed {
    /// May fail.
    fn find() -> ::std::result::Result<Self, ::std::fmt::Error> {
        ::std::result::Result::Ok(Self { value: 6 })
    }

    /// Tells of it.
    pub fn value(&self) -> u32 {
        self.value
    }
}

/// What a worker does first.
async fn warm_up() {}

/// A query after that.
#[worker_query(workers = 1, init = warm_up)]
pub fn warm() -> u32 {
    7
}

/// A query with messages of another type than text.
#[worker_query(workers = 1, message = ::std::option::Option<Question>)]
pub fn talkative(amount: u32) {
    let question = ::std::option::Option::Some(Question { amount });
    if let ::std::result::Result::Err(error) = ::pm_runtime::worker::message(question) {
        ::std::panic!("{error}");
    }
}

/// A query under another name, for its own module only.
#[worker_query(workers = 1, name = "Hidden")]
fn private(mut text: ::std::string::String) -> ::std::string::String {
    text.push('!');
    text
}

/// The same name twice in one file, in bodies.
fn in_one_body() -> u32 {
    /// Inside.
    #[worker_query(workers = 1)]
    fn inside(number: u32) -> u32 {
        number + 1
    }
    ask(InsidePool::new().query(1))
}

/// The same name twice in one file, in bodies.
fn in_another_body() -> u32 {
    /// Inside.
    #[worker_query(workers = 1)]
    fn inside(number: &u32) -> u32 {
        *number + 2
    }
    ask(InsidePool::new().query(&1))
}

/// A raw worker that says what it hears.
#[forbid(unused_mut)]
#[worker_raw(workers = 1, window_bytes = "1MiB")]
pub async fn raw(mut link: RawLink) -> ::std::result::Result<(), RawError> {
    while let ::std::option::Option::Some(heard) = link.recv().await? {
        link.send(&heard).await?;
    }
    ::std::result::Result::Ok(())
}

/// A raw worker that would rather be warned.
#[worker_raw(workers = 1)]
#[expect(unused_mut, reason = "it is asked for")]
pub fn warned(mut link: RawLink) {
    ::std::mem::drop(link.recv_blocking());
}

/// What is said to a raw worker, which nobody else need know.
#[derive(Serialize, Deserialize)]
struct Secret {
    /// How much of it.
    amount: u32,
}

/// A raw worker whose messages have types, one of them private.
#[allow(private_interfaces)]
#[worker_raw(name = "Typed", init = warm_up)]
pub fn raw_with_types(link: RawLink<Secret, Question>) {
    while let ::std::result::Result::Ok(::std::option::Option::Some(secret)) = link.recv_blocking()
    {
        let question = Question { amount: secret.amount + 1 };
        if link.send_blocking(&question).is_err() {
            return;
        }
    }
}

/// A raw worker that only ends when it is killed.
#[cfg(unix)]
#[worker_raw(grace = "1ms")]
async fn endless(link: RawLink<Question, u32>) -> ! {
    loop {
        match link.recv().await {
            ::std::result::Result::Ok(::std::option::Option::Some(heard)) => {
                ::std::mem::drop(link.send(&heard.amount).await);
            }
            _ => ::std::future::pending().await,
        }
    }
}

/// Not here.
#[cfg(not(unix))]
#[worker_raw]
fn endless(link: RawLink<Question, u32>) {}

/// Links whose types stand in a group that another macro has made.
macro_rules! echo {
    ($name:ident, $link:ty, $message:ty) => {
        /// Says what it hears.
        #[worker_raw(name = "Echo")]
        fn $name(mut link: $link) -> ::std::result::Result<(), RawError> {
            /// The same link behind another name.
            type Same = RawLink<$message, $message>;
            let link: &mut Same = &mut link;
            while let ::std::option::Option::Some(heard) = link.recv_blocking()? {
                link.send_blocking(&heard)?;
            }
            ::std::result::Result::Ok(())
        }
    };
}

/// Waits for an answer.
fn ask<T>(call: ::pm_runtime::Call<T>) -> T {
    match call.wait() {
        ::std::result::Result::Ok(answer) => answer,
        ::std::result::Result::Err(error) => ::std::panic!("{error}"),
    }
}

/// Asks every query once.
pub async fn run() {
    let question = || Question { amount: 4 };
    let pool: PlainPool = PlainPool::builder().workers(2).build();
    ::std::assert_eq!(ask(pool.query(question())), Question { amount: 5 });
    ::std::assert_eq!(plain(question()), Question { amount: 5 });
    pool.destroy().await;
    ask(NothingPool::in_process().query());
    nothing();
    let sum = ask(ReferencesPool::new().query(
        "text",
        &[1, 2, 3],
        &question(),
        &[question(), question()],
        Path::new("/a"),
        Cow::Borrowed("cow"),
        (10, ::std::option::Option::Some("maybe")),
    ));
    ::std::assert_eq!(sum, 4 + 3 + 4 + 2 + 2 + 5 + 3 + 10);
    let pair = (&[1, 2][..], [3, 4]);
    let answer = BytesPool::new().query(::std::vec![5], ::std::option::Option::None, pair).await;
    let expected = ::std::result::Result::Ok((::std::vec![5], 2));
    ::std::assert_eq!(answer, ::std::result::Result::Ok(expected));
    let pool = FalliblePool::new();
    let answer = pool.query(&question()).await;
    ::std::assert_eq!(answer, ::std::result::Result::Ok(::std::result::Result::Ok(4)));
    let answer = pool.query(&Question { amount: 0 }).await;
    let failure = ::std::result::Result::Err(Failure::Nothing);
    ::std::assert_eq!(answer, ::std::result::Result::Ok(failure));
    ::std::assert_eq!(ask(HiddenPool::new().query(::std::string::String::new())), "!");
    ::std::assert_eq!((in_one_body(), in_another_body()), (2, 3));
    let pool = TallyPool::new();
    ::std::assert_eq!(ask(pool.add(&question())), 4);
    ::std::assert_eq!(ask(pool.tell("now", &1)), "now 5");
    ::std::assert_eq!(ask(FixedPool::new().value()), 6);
    ::std::assert_eq!(ask(WarmPool::new().query()), 7);
    let (sender, heard) = ::std::sync::mpsc::channel();
    let call = TalkativePool::new().query(3).on_message(move |question| {
        ::std::assert_eq!(sender.send(question), ::std::result::Result::Ok(()));
    });
    ::std::assert_eq!(call.await, ::std::result::Result::Ok(()));
    let said = ::std::option::Option::Some(Question { amount: 3 });
    ::std::assert_eq!(heard.recv(), ::std::result::Result::Ok(said));
    speak().await;
}

/// Says something to every raw worker, and hears what it says.
async fn speak() {
    let pool: RawPool = RawPool::builder().workers(2).build();
    let worker = expect(pool.spawn_one().await);
    expect(worker.send("raw").await);
    ::std::assert_eq!(
        expect(worker.recv().await).as_deref(),
        ::std::option::Option::Some(&b"raw"[..])
    );
    let pool = TypedPool::in_process();
    pool.on_spawn(|worker| worker.add_load(1));
    let worker = expect(pool.spawn_one().await);
    expect(worker.send(&Secret { amount: 1 }).await);
    let heard = expect(worker.recv().await);
    ::std::assert_eq!(heard, ::std::option::Option::Some(Question { amount: 2 }));
    ::std::assert_eq!(pool.workers().len(), 1);
    let pool = EndlessPool::new();
    let worker = expect(pool.spawn_one().await);
    expect(worker.send(&Question { amount: 3 }).await);
    ::std::assert_eq!(expect(worker.recv().await), ::std::option::Option::Some(3));
    pool.destroy().await;
    ::std::assert_eq!(worker.recv().await, ::std::result::Result::Err(RawError::Released));
    ::std::assert_eq!((in_one_raw_body().await, in_another_raw_body().await), (4, 5));
}

/// The same name twice in one file, in bodies.
async fn in_one_raw_body() -> u8 {
    echo!(inside, RawLink<u8, u8>, u8);
    let pool = EchoPool::new();
    let worker = expect(pool.spawn_one().await);
    expect(worker.send(&4).await);
    expect(worker.recv().await).unwrap_or_default()
}

/// The same name twice in one file, in bodies.
async fn in_another_raw_body() -> u16 {
    echo!(inside, ::pm_runtime::RawLink<u16, u16>, u16);
    let pool = EchoPool::new();
    let worker = expect(pool.spawn_one().await);
    expect(worker.send(&5).await);
    expect(worker.recv().await).unwrap_or_default()
}

/// What did not fail.
fn expect<T, E: ::std::fmt::Display>(result: ::std::result::Result<T, E>) -> T {
    match result {
        ::std::result::Result::Ok(value) => value,
        ::std::result::Result::Err(error) => ::std::panic!("{error}"),
    }
}
