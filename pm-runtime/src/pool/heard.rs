//! What workers have logged, at the end of their pool: it is told before anybody hears of that end, so that
//! none of it is lost to an application that ends next.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::pause::Pause;
use crate::process::fork;
use crate::trace;

/// How long a subscriber is waited for that may never come back.
const PATIENCE: Duration = Duration::from_secs(1);

/// Waits until everything is told that workers which are gone have logged.
pub(crate) async fn heard() {
    let Some(told) = trace::told() else { return };
    let pause = Pause::new(PATIENCE);
    let mut told = pin!(told);
    poll_fn(|cx| {
        let is_over = pause.as_ref().is_none_or(|pause| pause.poll(cx).is_ready());
        // In a fork there is nobody who tells.
        if is_over || fork::is_fork() { Poll::Ready(()) } else { told.as_mut().poll(cx) }
    })
    .await;
}
