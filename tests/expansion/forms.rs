//! Queries of several forms, without the prelude and with docs, for crates of every strictness.

use ::pm_runtime::worker_query;
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
}
