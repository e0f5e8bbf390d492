//! What the compiler says of wrong use: each file in `ui/` is a mistake, or several that belong
//! together, and has what is said of it below the token that it is said of:
//!
//! ```text
//! #[worker_query(workers = 0)]
//! //                       ^ `workers` cannot be zero: write `workers = 4`
//! ```
//!
//! (Where a token stands in the first column, `//<^^^` is below it.) A text has to be part of an
//! error's message or of a label. Everything that the macros say has to be there. What the compiler
//! finds itself differs from version to version, and may be cut short; it may be left out where the
//! macros say nothing: beside what they say, it would be a second error for one mistake.
//!
//! `UI_WRITE=1 cargo test -p pm-tests --test ui` writes what the macros say into the files.

#[path = "ui/runner/annotation.rs"]
mod annotation;
#[path = "ui/runner/compiler.rs"]
mod compiler;

use std::path::{Path, PathBuf};

use annotation::Annotation;
use compiler::Mistake;

/// Nobody wrote these, and nobody can follow advice about them.
const INTERNALS: [&str; 3] = ["__private", "_serde", "Reply"];

#[test]
fn every_mistake_is_told_where_it_is_with_what_to_write() {
    let files = files();
    let mut found = compiler::check(&files);
    let mut failures = Vec::new();
    for path in &files {
        let mistakes = found.remove(path).unwrap_or_default();
        let mut text = std::fs::read_to_string(path).unwrap();
        if std::env::var_os("UI_WRITE").is_some() {
            text = annotation::written(&text, &mistakes);
            std::fs::write(path, &text).unwrap();
        }
        let differences = compare(&annotation::read(&text), &mistakes);
        if !differences.is_empty() {
            failures.push(format!("{}:\n{}", path.display(), differences.join("\n")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Every file of mistakes.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn compare(expected: &[Annotation], mistakes: &[Mistake]) -> Vec<String> {
    let missing = expected
        .iter()
        .filter(|annotation| !mistakes.iter().any(|mistake| mistake.says(annotation)))
        .map(|annotation| format!("not said: {annotation:?}"));
    let is_of_macros = mistakes.iter().any(|mistake| !mistake.is_of_the_compiler);
    let unexpected = mistakes
        .iter()
        .filter(|_| is_of_macros)
        .filter(|mistake| !expected.iter().any(|annotation| mistake.says(annotation)))
        .map(|mistake| format!("not expected:\n{}", mistake.rendered));
    let internal = mistakes
        .iter()
        .filter(|mistake| mistake.help.iter().any(|help| names_internals(help)))
        .map(|mistake| format!("advice about what is generated:\n{}", mistake.rendered));
    let nothing = expected.is_empty().then(|| String::from("nothing is expected of it"));
    missing.chain(unexpected).chain(internal).chain(nothing).collect()
}

fn names_internals(help: &str) -> bool {
    INTERNALS.iter().any(|word| help.contains(word))
}
