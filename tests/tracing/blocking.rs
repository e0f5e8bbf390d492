//! A subscriber that does not come back until it is let go.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Blocks at the message "block" until it is let go, and passes all messages on.
#[derive(Clone)]
pub struct Blocking {
    go: Arc<Mutex<Receiver<()>>>,
    said: Sender<String>,
}

impl Blocking {
    /// It, what lets it go, and the messages.
    pub fn new() -> (Self, Sender<()>, Receiver<String>) {
        let ((go, wait), (said, hear)) = (channel(), channel());
        (Self { go: Arc::new(Mutex::new(wait)), said }, go, hear)
    }
}

impl Subscriber for Blocking {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        if message.0 == "block" {
            // It fails when the test is over.
            let _ = self.go.lock().unwrap().recv();
        }
        let _ = self.said.send(message.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
