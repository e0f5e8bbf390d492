//! The fields of spans and events, on their way.

use std::error::Error;
use std::fmt::Debug;

use tracing::field::{self, Visit};

use crate::wire::record::{Field, Value, Values};

/// The fields that this records.
pub(super) fn fields(record: impl FnOnce(&mut dyn Visit)) -> Vec<Field> {
    let mut taken = Taken(Values::default());
    record(&mut taken);
    taken.0.fields()
}

struct Taken(Values);

impl Visit for Taken {
    fn record_debug(&mut self, field: &field::Field, value: &dyn Debug) {
        self.0.put_text(field.index(), format_args!("{value:?}"), Value::Debug);
    }

    fn record_str(&mut self, field: &field::Field, value: &str) {
        self.0.put_text(field.index(), format_args!("{value}"), Value::Text);
    }

    fn record_bool(&mut self, field: &field::Field, value: bool) {
        self.0.put(field.index(), Value::Bool(value));
    }

    fn record_i64(&mut self, field: &field::Field, value: i64) {
        self.0.put(field.index(), Value::I64(value));
    }

    fn record_u64(&mut self, field: &field::Field, value: u64) {
        self.0.put(field.index(), Value::U64(value));
    }

    fn record_i128(&mut self, field: &field::Field, value: i128) {
        self.0.put(field.index(), Value::I128(value));
    }

    fn record_u128(&mut self, field: &field::Field, value: u128) {
        self.0.put(field.index(), Value::U128(value));
    }

    fn record_f64(&mut self, field: &field::Field, value: f64) {
        self.0.put(field.index(), Value::F64(value));
    }

    fn record_error(&mut self, field: &field::Field, value: &(dyn Error + 'static)) {
        self.0.put_text(field.index(), format_args!("{value}"), Value::Debug);
    }
}
