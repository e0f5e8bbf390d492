//! What a worker's code says with the crate `log`.

use log::{Log, Metadata, Record};

use super::{OUTLET, forwarder};
use crate::process::fork;
use crate::wire::record::{Level, Line, Place, Record as Sent, Room};

pub(super) struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        OUTLET.get().is_some_and(|outlet| Level::from(metadata.level()) <= outlet.level)
            && !fork::is_fork()
    }

    fn log(&self, record: &Record<'_>) {
        let Some(outlet) = OUTLET.get().filter(|_| self.enabled(record.metadata())) else { return };
        let mut room = Room::new();
        let place = Place {
            level: record.level().into(),
            target: room.name(record.target()),
            module: record.module_path().map(|module| room.name(module)),
            file: record.file().map(|file| room.name(file)),
            line: record.line(),
        };
        let line = Line { place, message: room.written(*record.args()) };
        outlet.send(&Sent::Line { line, parent: forwarder::parent(forwarder::innermost()) });
    }

    // Whatever was logged is written.
    fn flush(&self) {}
}
