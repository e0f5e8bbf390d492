//! What has room in one frame: texts that are too long for it are cut, and say so.

use std::fmt::{self, Write};

use super::{FIELDS, Field, Value};

/// Texts of a frame, in bytes: the rest of it is for everything else.
const TEXTS: usize = 3072;

/// Values of fields in a frame, in bytes: the rest of it is for everything else.
const VALUES: usize = 4000;

/// What any value takes of that, in bytes, beside a text.
const VALUE: usize = 21;

/// What stands behind a text that was cut.
const CUT: &str = "… (cut)";

/// Room for the texts of one frame, which are cut where there is no more.
pub(crate) struct Room(usize);

impl Room {
    pub(crate) fn new() -> Self {
        Self(TEXTS)
    }

    /// As much of a text as is written, and there is room for.
    pub(crate) fn written(&mut self, text: fmt::Arguments<'_>) -> String {
        self.at_most(TEXTS, |out| out.write_fmt(text))
    }

    /// A name, which leaves room for others.
    pub(crate) fn name(&mut self, name: &str) -> String {
        const NAME: usize = 512;
        self.at_most(NAME, |out| out.write_str(name))
    }

    fn at_most(&mut self, most: usize, write: impl FnOnce(&mut Cut) -> fmt::Result) -> String {
        let most = most.min(self.0);
        let text = Cut::new(most, write).within(most);
        self.0 = self.0.saturating_sub(text.len());
        text
    }
}

/// The values of fields that share a frame.
#[derive(Default)]
pub(crate) struct Values(Vec<(u8, Told)>);

enum Told {
    Whole(Value),
    Cut(Cut, fn(String) -> Value),
}

impl Values {
    /// A value that takes no more than any does.
    pub(crate) fn put(&mut self, index: usize, value: Value) {
        self.push(index, Told::Whole(value));
    }

    /// One with as much as is written of a text.
    pub(crate) fn put_text(
        &mut self,
        index: usize,
        text: fmt::Arguments<'_>,
        kind: fn(String) -> Value,
    ) {
        self.push(index, Told::Cut(Cut::new(TEXTS, |out| out.write_fmt(text)), kind));
    }

    fn push(&mut self, index: usize, told: Told) {
        if index < FIELDS && self.0.len() < FIELDS {
            self.0.push((index as u8, told));
        }
    }

    /// Those for which there is no room cut the longest texts.
    pub(crate) fn fields(self) -> Vec<Field> {
        let texts = self.0.iter().filter_map(|(_, told)| match told {
            Told::Whole(_) => None,
            Told::Cut(cut, _) => Some(cut.text.len()),
        });
        let room = TEXTS.min(VALUES.saturating_sub(self.0.len() * VALUE));
        let most = longest(texts.collect(), room);
        let field = |(index, told)| {
            let value = match told {
                Told::Whole(value) => value,
                Told::Cut(cut, kind) => kind(cut.within(most)),
            };
            Field { index, value }
        };
        self.0.into_iter().map(field).collect()
    }
}

/// How long each of texts of these lengths may be, so that all of them have room.
fn longest(mut lengths: Vec<usize>, mut room: usize) -> usize {
    lengths.sort_unstable();
    let mut texts = lengths.len();
    for length in lengths {
        if length * texts > room {
            return room / texts;
        }
        room -= length;
        texts -= 1;
    }
    usize::MAX
}

/// A text up to a length.
struct Cut {
    text: String,
    most: usize,
    /// There was more than that.
    over: bool,
}

impl Cut {
    fn new(most: usize, write: impl FnOnce(&mut Self) -> fmt::Result) -> Self {
        let mut cut = Self { text: String::new(), most, over: false };
        // What fails for want of room is cut, and what fails for itself has written so much.
        let _ = write(&mut cut);
        cut
    }

    /// As much of it as that; what was cut says so, where there is room for it.
    fn within(self, most: usize) -> String {
        let Self { mut text, most: at_first, over } = self;
        let most = most.min(at_first);
        if over || text.len() > most {
            text.truncate(boundary(&text, most.saturating_sub(CUT.len())));
            if most >= CUT.len() {
                text.push_str(CUT);
            }
        }
        text
    }
}

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.over {
            return Err(fmt::Error);
        }
        let room = self.most.saturating_sub(self.text.len());
        self.over = text.len() > room;
        self.text.push_str(&text[..boundary(text, room)]);
        if self.over { Err(fmt::Error) } else { Ok(()) }
    }
}

/// The last place between two characters that is not behind this one.
fn boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::super::{Level, Line, Parent, Place, Record, Site};
    use super::*;

    #[test]
    fn the_largest_of_each_fits_into_a_frame() {
        let long = "ü".repeat(5000);
        let parent = Parent { span: Some(1), query: Some(2) };
        for texts in 0..=FIELDS {
            let mut values = Values::default();
            for index in 0..2 * FIELDS {
                match index < texts {
                    true => values.put_text(index, format_args!("{long}"), Value::Debug),
                    false => values.put(index, Value::U128(u128::MAX)),
                }
            }
            let fields = values.fields();
            assert_eq!(fields.len(), FIELDS);
            let is_cut = |field: &Field| match &field.value {
                Value::Debug(text) => text.len() <= TEXTS && text.ends_with(CUT),
                value => *value == Value::U128(u128::MAX),
            };
            assert!(fields.iter().all(is_cut), "{fields:?}");
            let span = Record::Span { span: 1, site: 2, parent, fields };
            assert!(span.to_frame().is_some());
        }
        let mut room = Room::new();
        let place = Place {
            level: Level::Trace,
            target: room.name(&long),
            module: Some(room.name(&long)),
            file: Some(room.name(&long)),
            line: Some(u32::MAX),
        };
        let name = room.name(&long);
        let fields = (0..FIELDS).map(|_| room.name(&long)).collect();
        let site = Record::Site(Site { is_span: true, name, place: place.clone(), fields });
        assert!(site.to_frame().is_some());
        let mut room = Room::new();
        let place = Place {
            target: room.name(&long),
            module: Some(room.name(&long)),
            file: Some(room.name(&long)),
            ..place
        };
        let line = Line { place, message: room.written(format_args!("{long}")) };
        assert!(Record::Line { line, parent }.to_frame().is_some());
    }

    #[test]
    fn short_texts_are_whole_beside_long_ones() {
        let told = |lengths: &[usize]| -> Vec<usize> {
            let mut values = Values::default();
            for (index, length) in lengths.iter().enumerate() {
                values.put_text(index, format_args!("{}", "a".repeat(*length)), Value::Text);
            }
            let length = |field: Field| match field.value {
                Value::Text(text) => text.len(),
                _ => 0,
            };
            values.fields().into_iter().map(length).collect()
        };
        assert_eq!(told(&[]), [0; 0]);
        assert_eq!(told(&[TEXTS]), [TEXTS]);
        assert_eq!(told(&[TEXTS + 1]), [TEXTS]);
        assert_eq!(told(&[1000, 2000]), [1000, 2000]);
        assert_eq!(told(&[5000, 10, 0]), [TEXTS - 10, 10, 0]);
        assert_eq!(told(&[5000, 72, 4000, 1000]), [1000, 72, 1000, 1000]);
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(Room(9).name("12345678ü"), CUT);
        assert_eq!(Room(20).name("short"), "short");
        let written = Room(20).written(format_args!("{:?} {}", [1, 2, 3], "and so on, and on"));
        assert_eq!(written, format!("[1, 2, 3] a{CUT}"));
        assert_eq!(Room(12).written(format_args!("{:?}", [100, 200, 300])), format!("[10{CUT}"));
        assert_eq!(Room(3).name("four"), "");
    }
}
