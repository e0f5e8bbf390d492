//! What a worker remembers of its panics.

use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::thread::LocalKey;

use super::inbox::Inbox;
use crate::error::{PanicNote, cut};

thread_local! {
    static LAST: RefCell<Option<PanicNote>> = const { RefCell::new(None) };
    /// The one before that.
    static EARLIER: RefCell<Option<PanicNote>> = const { RefCell::new(None) };
}

/// Notes every panic before anything else happens to it: whether it will be caught or end the
/// process, the pool gets to know what it said.
pub(super) fn install(inbox: &Arc<Inbox>) {
    let inbox = Arc::downgrade(inbox);
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        let note = with_its_cause(PanicNote {
            message: message(info.payload()),
            location: info.location().map(|location| cut(&location.to_string()).into()),
        });
        if let Some(inbox) = inbox.upgrade() {
            inbox.tell_panic(&note);
        }
        // Of a thread that has dropped these already there is nothing more to catch.
        let last = LAST.try_with(|last| last.replace(Some(note))).unwrap_or(None);
        let _ = EARLIER.try_with(|earlier| earlier.replace(last));
        previous(info);
    }));
}

/// Where a panic must not go on, Rust's own comes last, and says only that. What is to be known is the
/// one that was under way.
fn with_its_cause(note: PanicNote) -> PanicNote {
    let take = |panic: &'static LocalKey<RefCell<Option<PanicNote>>>| {
        panic.try_with(RefCell::take).unwrap_or(None)
    };
    let cause = match &*note.message {
        // A destructor had panicked while another panic went by.
        "panic in a destructor during cleanup" => take(&EARLIER).or_else(|| take(&LAST)),
        "panic in a function that cannot unwind" => take(&LAST),
        _ => None,
    };
    match cause {
        Some(PanicNote { message, location }) => {
            let message = format!("{message}; then: {}", note.message);
            PanicNote { message: cut(&message).into(), location }
        }
        None => note,
    }
}

/// The panic that was just caught on this thread.
pub(super) fn caught(payload: Box<dyn std::any::Any + Send>) -> PanicNote {
    let message = message(&*payload);
    // A payload that was thrown on without the hook comes after a note of something else.
    let location =
        LAST.take().filter(|note| note.message == message).and_then(|note| note.location);
    let note = PanicNote { message, location };
    // Its destructor may panic in turn, which would end the thread.
    if let Err(another) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
    note
}

fn message(payload: &(dyn std::any::Any + Send)) -> Box<str> {
    let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text.as_str(),
        (None, None) => "a panic whose payload is no text",
    };
    cut(text).into()
}
