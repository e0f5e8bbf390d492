//! Messages have a type and a size.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use pm_runtime::{Pool, Retry};

use super::*;

/// A type that is nobody's business, and that no other thread may have.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Progress {
    done: u32,
    #[serde(skip)]
    here: PhantomData<*const ()>,
}

#[worker_query(workers = 1, message = Progress)]
fn progress(rounds: u32) -> Result<u32, String> {
    for done in 1..=rounds {
        worker::message(Progress { done, here: PhantomData }).map_err(|error| error.to_string())?;
    }
    let text = worker::message("text").unwrap_err().to_string();
    assert!(text.contains("Progress") && text.contains("&str"), "{text}");
    Ok(rounds)
}

struct Counter;

#[worker_query(init = || Counter, message = Option<Self>)]
impl Counter {
    fn speak(&self) {
        worker::message(Some(Counter)).expect("the type is right");
    }

    async fn speak_later(&self) {
        yield_now().await;
        worker::message::<Option<Counter>>(None).expect("the type is right");
    }

    /// Called as every pool's way to hear messages is.
    fn on_message(&self, text: &str) -> String {
        text.to_uppercase()
    }
}

impl Serialize for Counter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Counter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Self)
    }
}

#[pm_runtime::test]
async fn messages_may_be_of_any_type_all_the_way() {
    fn is_send<T: Send>(call: T) -> T {
        call
    }
    for pool in [ProgressPool::new(), ProgressPool::in_process()] {
        let (by_caller, by_pool) = (Arc::new(Mutex::new(Vec::new())), mpsc::channel());
        pool.on_message(move |worker, Progress { done, .. }| {
            by_pool.0.send((worker.id(), done)).unwrap();
        });
        let call: Call<Result<u32, String>, Progress> = pool.query(3).on_message({
            let by_caller = by_caller.clone();
            move |progress| by_caller.lock().unwrap().push(progress.done)
        });
        assert_eq!(is_send(call).await, Ok(Ok(3)));
        assert_eq!(*by_caller.lock().unwrap(), [1, 2, 3]);
        assert_eq!(by_pool.1.iter().take(3).collect::<Vec<_>>(), [(1, 1), (1, 2), (1, 3)]);
        let results: Vec<_> = is_send(pool.map([1, 2])).try_collect().await.unwrap();
        assert_eq!(results, [Ok(1), Ok(2)]);
        assert_eq!(is_send(pool.query(2).retry(Retry::times(1))).await, Ok(Ok(2)));
    }
}

#[pm_runtime::test]
async fn a_service_has_messages_of_its_own_type_and_may_call_a_query_as_it_likes() {
    let pool = CounterPool::new();
    let (sender, heard) = mpsc::channel();
    let by_pool = sender.clone();
    (*pool)
        .on_message(move |_, message: Option<Counter>| by_pool.send(message.is_some()).unwrap())
        .unwrap();
    assert!(pool.speak().await.is_ok());
    assert_eq!(heard.recv(), Ok(true));
    pool.speak_later().on_message(move |m| sender.send(m.is_some()).unwrap()).await.unwrap();
    assert_eq!((heard.recv(), heard.recv()), (Ok(false), Ok(false)));
    assert_eq!(pool.on_message("loud").await.as_deref(), Ok("LOUD"));
}

#[pm_runtime::test]
async fn a_message_of_another_type_is_an_error_that_names_both() {
    let pool = TalkPool::new();
    let (call, heard) = overheard(pool.query(Act::SayNumber));
    let error = call.await.unwrap();
    for part in ["`talk`", "`u32`", "`alloc::string::String`", "message = u32"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(heard.try_iter().count(), 0);
    let untyped: &Pool = &pool;
    let error = untyped.on_message(|_, _: u8| ()).unwrap_err();
    assert!(matches!(error, MessageError::WrongType { given: "u8", .. }), "{error}");
}

#[pm_runtime::test]
async fn a_message_larger_than_max_frame_is_an_error_and_one_exactly_so_large_passes() {
    let pool = TalkPool::builder().max_frame(100).build();
    // Text is encoded with eight bytes for its length.
    let error = pool.query(Act::SayMuch(93)).await.unwrap();
    assert!(error.contains("101 bytes, and `max_frame` is 100 (100 B)"), "{error}");
    let (call, heard) = overheard(pool.query(Act::Flood(1, 92)));
    call.await.unwrap();
    assert_eq!(heard.try_iter().map(|text| text.len()).collect::<Vec<_>>(), [92]);
}
