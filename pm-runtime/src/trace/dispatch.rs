//! Who is to hear something.

use std::sync::OnceLock;

use tracing::dispatcher::{self, WeakDispatch};
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Metadata};

use crate::wire::record::Level;

/// The subscriber of the thread that this runs on; `None`: there is none.
pub(super) fn current() -> Option<Dispatch> {
    let dispatch = dispatcher::get_default(Dispatch::clone);
    (!dispatch.is::<NoSubscriber>()).then_some(dispatch)
}

/// Who was there when a pool was first used. It is not kept alive for that.
#[derive(Default)]
pub(super) struct Audience(OnceLock<WeakDispatch>);

impl Audience {
    /// Notes who is there, unless somebody was.
    pub(super) fn note(&self) {
        if let Some(dispatch) = current() {
            self.0.get_or_init(|| dispatch.downgrade());
        }
    }

    /// That subscriber, or the one of the whole process.
    pub(super) fn get(&self) -> Option<Dispatch> {
        self.0.get().and_then(WeakDispatch::upgrade).or_else(current)
    }
}

/// Says a text to the crate `log`, for who listens there.
pub(super) fn to_log(metadata: &Metadata<'_>, text: &str) {
    let level = log::Level::from(Level::from(*metadata.level()));
    let about = log::Metadata::builder().level(level).target(metadata.target()).build();
    if level > log::max_level() || !log::logger().enabled(&about) {
        return;
    }
    log::logger().log(
        &log::Record::builder()
            .metadata(about)
            .module_path(metadata.module_path())
            .file(metadata.file())
            .line(metadata.line())
            .args(format_args!("{text}"))
            .build(),
    );
}
