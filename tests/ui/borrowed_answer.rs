use pm_runtime::worker_query;
use std::borrow::Cow;
use std::path::Path;

#[worker_query]
fn trimmed(text: &str) -> &str {
//                        ^^^^ an answer comes from another process and cannot be borrowed: return `String`
    text.trim()
}

#[worker_query]
fn constant() -> Option<&'static [u8]> {
//                      ^^^^^^^^^^^^^ an answer comes from another process and cannot be borrowed: return `Vec<u8>`
    None
}

#[worker_query]
fn path(path: &Path) -> Result<&Path, String> {
//                             ^^^^^ an answer comes from another process and cannot be borrowed: return `PathBuf`
    Ok(path)
}

#[worker_query]
fn maybe(text: &str) -> Cow<'_, str> {
//                          ^^ an answer comes from another process and cannot be borrowed: write `'static`
    text.into()
}

fn main() {}
