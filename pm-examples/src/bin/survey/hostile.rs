//! Two small files on which a parser really dies.
//!
//! Neither holds anything but valid Rust.

use std::fs;
use std::io;

use tempfile::TempDir;

use crate::sources::Sources;

/// So deep that not even a stack of a gigabyte holds the calls of the parser.
const DEPTH: usize = 400_000;

/// So many that they take the parser minutes: it turns an integer literal into decimal digits
/// whatever its base, by multiplying all digits so far for each one more.
const DIGITS: usize = 200_000;

/// Writes the two files, and adds them to what is surveyed, ahead of everything else. They are
/// gone when the folder is dropped.
pub(crate) fn add(sources: &mut Sources) -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("survey-").tempdir()?;
    let files = [
        ("deep.rs", deep(), "400,000 parentheses, one in the other"),
        ("slow.rs", slow(), "one integer of 200,000 digits"),
    ];
    for (name, text, _) in &files {
        fs::write(folder.path().join(name), text)?;
    }
    let files = files.map(|(name, _, about)| (name, about));
    sources.put_first("hostile", folder.path(), files);
    Ok(folder)
}

fn deep() -> String {
    let (open, close) = ("(".repeat(DEPTH), ")".repeat(DEPTH));
    format!("const DEEP: () = {open}{close};\n")
}

fn slow() -> String {
    format!("const SLOW: u8 = {};\n", "7".repeat(DIGITS))
}
