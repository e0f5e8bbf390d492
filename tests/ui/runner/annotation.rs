//! What is expected of the compiler, in comments below the tokens in question.

use crate::compiler::Mistake;

/// A text, and where it is said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Annotation {
    pub(crate) place: Place,
    pub(crate) text: String,
}

/// Tokens in one line; those that go on in further lines end with their first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Counted from 0, without the lines of annotations.
    pub(crate) line: usize,
    /// In characters, counted from 0.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The annotations of a file.
pub(crate) fn read(file: &str) -> Vec<Annotation> {
    let mut line = 0;
    let mut annotations = Vec::new();
    for text in file.lines() {
        match carets(text) {
            Some((start, end, text)) => {
                let place = Place { line: line - 1, start, end };
                annotations.push(Annotation { place, text: text.into() });
            }
            None => line += 1,
        }
    }
    annotations
}

/// For each line of a file the number that it has without annotations.
pub(crate) fn numbers(file: &str) -> Vec<usize> {
    let mut line = 0;
    let number = |text| {
        line += usize::from(carets(text).is_none());
        line - 1
    };
    file.lines().map(number).collect()
}

/// The file with annotations that hold: its own, where they do, and what else the macros say.
pub(crate) fn written(file: &str, mistakes: &[Mistake]) -> String {
    let mut annotations = read(file);
    annotations.retain(|annotation| mistakes.iter().any(|mistake| mistake.says(annotation)));
    for mistake in mistakes.iter().filter(|mistake| !mistake.is_of_the_compiler) {
        if !annotations.iter().any(|annotation| mistake.says(annotation)) {
            let text = mistake.message.clone();
            annotations.push(Annotation { place: mistake.place, text });
        }
    }
    annotations.sort();
    let mut text = String::new();
    for (number, line) in file.lines().filter(|line| carets(line).is_none()).enumerate() {
        text.push_str(line);
        text.push('\n');
        for Annotation { place, text: says } in &annotations {
            if place.line == number {
                let indent = match place.start {
                    0 => String::from("//<"),
                    start => format!("//{}", " ".repeat(start.saturating_sub(2))),
                };
                text.push_str(&format!("{indent}{} {says}\n", "^".repeat(place.end - place.start)));
            }
        }
    }
    text
}

/// The columns of an annotation's carets, and its text.
fn carets(line: &str) -> Option<(usize, usize, &str)> {
    let (start, rest) = match line.strip_prefix("//<") {
        Some(rest) => (0, rest),
        None => {
            let rest = line.strip_prefix("//")?;
            let carets = rest.trim_start_matches(' ');
            (2 + rest.len() - carets.len(), carets)
        }
    };
    let text = rest.trim_start_matches('^');
    let width = rest.len() - text.len();
    (width > 0).then(|| (start, start + width, text.trim()))
}
