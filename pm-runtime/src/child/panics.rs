//! What a worker remembers of its panics.

use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::Arc;

use super::inbox::Inbox;
use crate::error::{PanicNote, cut};

thread_local! {
    static LAST: RefCell<Option<PanicNote>> = const { RefCell::new(None) };
}

/// Notes every panic before anything else happens to it: whether it will be caught or end the
/// process, the pool gets to know what it said.
pub(super) fn install(inbox: &Arc<Inbox>) {
    let inbox = Arc::downgrade(inbox);
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        let note = PanicNote {
            message: message(info.payload()),
            location: info.location().map(|location| cut(&location.to_string()).into()),
        };
        if let Some(inbox) = inbox.upgrade() {
            inbox.tell_panic(&note);
        }
        LAST.set(Some(note));
        previous(info);
    }));
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
