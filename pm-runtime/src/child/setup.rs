//! What a worker does before it is ready: `init`, and the state of a service.

use std::fmt::Display;
use std::future::{self, Future};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use smol::lock::RwLock;

use super::driver::Driver;
use super::entries::{AsyncService, Reply, Running, Service, Setup};
use super::inbox::Inbox;
use super::{panics, records};
use crate::error::{BootError, cut};
use crate::wire::bulk::Parcel;

/// The state of a service with async methods, which they borrow one after the other or together.
/// The lock is never waited for: what may not run together does not begin together.
pub type State<S> = Rc<RwLock<S>>;

/// What the option `init` may be: a function that makes an `S`, or fails to, now or in a future.
/// `Form` tells the forms apart, and is inferred.
#[diagnostic::on_unimplemented(
    message = "`init` has to return `{S}`, a `Result<{S}, E>` whose `E` is `Display`, or a future of either",
    label = "this is no function without arguments that returns such a thing",
    note = "above a `fn`, `init` returns `()`; above an `impl` block, the state"
)]
pub trait Init<S, Form> {
    fn set_up(self) -> impl Future<Output = Result<S, String>>;
}

/// The forms of `init`.
#[derive(Debug)]
pub enum Plain {}
#[derive(Debug)]
pub enum Fallible {}
#[derive(Debug)]
pub enum Async {}
#[derive(Debug)]
pub enum AsyncFallible {}

impl<S, F: FnOnce() -> S> Init<S, Plain> for F {
    fn set_up(self) -> impl Future<Output = Result<S, String>> {
        future::ready(Ok(self()))
    }
}

impl<S, E: Display, F: FnOnce() -> Result<S, E>> Init<S, Fallible> for F {
    fn set_up(self) -> impl Future<Output = Result<S, String>> {
        future::ready(self().map_err(reason))
    }
}

impl<S, T: Future<Output = S>, F: FnOnce() -> T> Init<S, Async> for F {
    async fn set_up(self) -> Result<S, String> {
        Ok(self().await)
    }
}

impl<S, E: Display, T: Future<Output = Result<S, E>>, F: FnOnce() -> T> Init<S, AsyncFallible>
    for F
{
    async fn set_up(self) -> Result<S, String> {
        self().await.map_err(reason)
    }
}

/// Errors that know their sources tell of them in this form.
fn reason(error: impl Display) -> String {
    format!("{error:#}")
}

/// The state of a service that has no `init`. (Errors about it name this function.)
pub fn default_without_init<S: Default>() -> fn() -> S {
    S::default
}

/// `init` above a function.
pub fn init<Form>(init: impl Init<(), Form> + 'static) -> Setup<()> {
    Box::pin(async move { init.set_up().await })
}

/// A service whose methods block.
pub fn service<S: 'static, Form>(
    init: impl Init<S, Form> + 'static,
    run: fn(&mut S, &mut Parcel) -> Reply,
) -> Setup<Service> {
    Box::pin(async move {
        let mut state = init.set_up().await?;
        let service: Service = Box::new(move |request| run(&mut state, request));
        Ok(service)
    })
}

/// A service with async methods.
pub fn async_service<S: 'static, Form>(
    init: impl Init<S, Form> + 'static,
    run: fn(State<S>, Parcel) -> Running,
) -> Setup<AsyncService> {
    Box::pin(async move {
        let state = Rc::new(RwLock::new(init.set_up().await?));
        let service: AsyncService = Box::new(move |request| run(state.clone(), request));
        Ok(service)
    })
}

/// Waits for what is set up. `None`: it failed, and the pool knows.
pub(super) fn finish<T>(inbox: &Inbox, driver: &Driver, set_up: fn() -> Setup<T>) -> Option<T> {
    inbox.tell_setting_up();
    let run = || catch_unwind(AssertUnwindSafe(|| driver.block_on(set_up())));
    let reason = match records::installed_meanwhile(run) {
        Ok(Ok(value)) => {
            records::install();
            return Some(value);
        }
        Ok(Err(reason)) => reason,
        Err(payload) => {
            let note = panics::caught(payload);
            let location = note.location.map(|location| format!(" at {location}"));
            format!("it panicked: {}{}", note.message, location.unwrap_or_default())
        }
    };
    inbox.tell_failed(BootError::Init { reason: cut(&reason).into() });
    None
}
