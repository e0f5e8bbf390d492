//! The fields of spans and events, on their way.

use std::error::Error;
use std::fmt::Debug;

use tracing::field::{self, Visit};

use crate::wire::record::{FIELDS, Field, Room, Value};

/// The fields that this records.
pub(super) fn fields(record: impl FnOnce(&mut dyn Visit)) -> Vec<Field> {
    let mut taken = Taken { room: Room::new(), fields: Vec::new() };
    record(&mut taken);
    taken.fields
}

struct Taken {
    room: Room,
    fields: Vec<Field>,
}

impl Taken {
    fn take(&mut self, field: &field::Field, value: impl FnOnce(&mut Room) -> Value) {
        if field.index() < FIELDS && self.fields.len() < FIELDS {
            let value = value(&mut self.room);
            self.fields.push(Field { index: field.index() as u8, value });
        }
    }
}

impl Visit for Taken {
    fn record_debug(&mut self, field: &field::Field, value: &dyn Debug) {
        self.take(field, |room| Value::Debug(room.written(format_args!("{value:?}"))));
    }

    fn record_str(&mut self, field: &field::Field, value: &str) {
        self.take(field, |room| Value::Text(room.text(value)));
    }

    fn record_bool(&mut self, field: &field::Field, value: bool) {
        self.take(field, |_| Value::Bool(value));
    }

    fn record_i64(&mut self, field: &field::Field, value: i64) {
        self.take(field, |_| Value::I64(value));
    }

    fn record_u64(&mut self, field: &field::Field, value: u64) {
        self.take(field, |_| Value::U64(value));
    }

    fn record_i128(&mut self, field: &field::Field, value: i128) {
        self.take(field, |_| Value::I128(value));
    }

    fn record_u128(&mut self, field: &field::Field, value: u128) {
        self.take(field, |_| Value::U128(value));
    }

    fn record_f64(&mut self, field: &field::Field, value: f64) {
        self.take(field, |_| Value::F64(value));
    }

    fn record_error(&mut self, field: &field::Field, value: &(dyn Error + 'static)) {
        self.take(field, |room| Value::Debug(room.written(format_args!("{value}"))));
    }
}
