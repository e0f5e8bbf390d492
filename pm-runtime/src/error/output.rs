use std::borrow::Cow;
use std::fmt;

use serde_derive::{Deserialize, Serialize};

use super::{Escaped, Exit, cut_front};

/// Where a worker or a command printed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OutputStream {
    /// Its stdout.
    Stdout,
    /// Its stderr.
    Stderr,
}

impl fmt::Display for OutputStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        })
    }
}

/// What a command printed, and how it ended: the answer of [`exec`](crate::exec()) and
/// [`shell`](crate::shell), and a part of most [errors](crate::ExecError) of theirs.
///
/// It keeps the bytes; [`stdout`](Self::stdout) and [`stderr`](Self::stderr) show them as text. Its
/// `Debug` shows the end of either, as text with control characters escaped.
///
/// ```
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let output = pm_runtime::shell("printf 'na\\303\\257ve'; printf '\\377' >&2").await?;
///     assert_eq!(output.stdout(), "naïve");
///     assert_eq!(output.stderr(), "\u{fffd}");
///     assert_eq!(output.stderr_bytes(), [0xff]);
///     Ok(())
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    exit: Exit,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Output {
    pub(crate) fn new(exit: Exit, stdout: Vec<u8>, stderr: Vec<u8>) -> Self {
        Self { exit, stdout, stderr }
    }

    /// How the command ended: with code 0 where there was no error.
    pub fn status(&self) -> Exit {
        self.exit
    }

    /// What it printed to stdout, as text, its last newline included; U+FFFD stands for what is no
    /// text.
    pub fn stdout(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// What it printed to stderr, as text, its last newline included; U+FFFD stands for what is no
    /// text.
    pub fn stderr(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }

    /// What it printed to stdout.
    pub fn stdout_bytes(&self) -> &[u8] {
        &self.stdout
    }

    /// What it printed to stderr.
    pub fn stderr_bytes(&self) -> &[u8] {
        &self.stderr
    }

    /// The bytes themselves: those of stdout and those of stderr.
    pub fn into_bytes(self) -> (Vec<u8>, Vec<u8>) {
        (self.stdout, self.stderr)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("exit", &self.exit)
            .field("stdout", &Shown(&self.stdout))
            .field("stderr", &Shown(&self.stderr))
            .finish()
    }
}

/// Serde for one that several clones of an error share.
pub(super) mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Output;

    pub(in crate::error) fn serialize<S: Serializer>(
        output: &Arc<Output>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        output.as_ref().serialize(serializer)
    }

    pub(in crate::error) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<Output>, D::Error> {
        Output::deserialize(deserializer).map(Arc::new)
    }
}

/// The end of some bytes for a `Debug`, which somebody may print who expects a line or two.
struct Shown<'a>(&'a [u8]);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 1024;
        let (text, is_cut) = end_of(self.0, LONGEST);
        let dots = if is_cut { "…" } else { "" };
        write!(f, "\"{dots}{}\"", Escaped(&text))
    }
}

/// The last lines of what a command printed, of its stderr or, where there are none, of its
/// stdout: behind the rest, or where `{:#}` asks for it each on a line of its own.
pub(super) struct LastLines<'a>(pub(super) &'a Output);

impl fmt::Display for LastLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Output { stdout, stderr, .. } = self.0;
        let ends = [(OutputStream::Stderr, stderr), (OutputStream::Stdout, stdout)];
        let mut ends = ends.map(|(stream, bytes)| (stream, last_lines(bytes))).into_iter();
        let Some((stream, lines)) = ends.find(|(_, lines)| !lines.is_empty()) else {
            return f.write_str("; it printed nothing");
        };
        if !f.alternate() {
            return write!(f, "; the end of its {stream}: {}", Escaped(&lines));
        }
        lines.split('\n').try_for_each(|line| write!(f, "\n  {stream}: {}", Escaped(line)))
    }
}

/// The last lines as text, without the end of the last one; what is left of a line whose begin is
/// cut off only where there is no other.
fn last_lines(bytes: &[u8]) -> String {
    const LONGEST: usize = 4096;
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
    let (text, is_cut) = end_of(&bytes[..end], LONGEST);
    match text.split_once('\n') {
        Some((_, whole)) if is_cut => whole.into(),
        _ => text,
    }
}

/// So many bytes of text at most, and whether there was more before them.
fn end_of(bytes: &[u8], longest: usize) -> (String, bool) {
    let start = bytes.len().saturating_sub(longest);
    let text = String::from_utf8_lossy(&bytes[start..]);
    let end = cut_front(&text, longest);
    (end.into(), start > 0 || end.len() < text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(stdout: &str, stderr: &str) -> Output {
        Output::new(Exit::Code(0), stdout.into(), stderr.into())
    }

    #[test]
    fn the_last_lines_are_of_stderr_if_there_are_any() {
        let last = |stdout, stderr| LastLines(&output(stdout, stderr)).to_string();
        assert_eq!(
            last("out\n", "one\r\n\x1b[2Jtwo\n\n"),
            "; the end of its stderr: one\\r\\n\\u{1b}[2Jtwo"
        );
        assert_eq!(last("out\n", "\n"), "; the end of its stdout: out");
        assert_eq!(last("", ""), "; it printed nothing");
        let lines = format!("{:#}", LastLines(&output("", "one\n  stdout: no\u{202e}\n")));
        assert_eq!(lines, "\n  stderr: one\n  stderr:   stdout: no\\u{202e}");
    }

    #[test]
    fn of_much_that_was_printed_the_whole_lines_at_the_end_are_shown() {
        let lines: String = (0..2000).map(|i| format!("line {i}\n")).collect();
        let shown = last_lines(lines.as_bytes());
        assert!(shown.starts_with("line 1") && shown.ends_with("line 1998\nline 1999"), "{shown}");
        assert!(shown.len() <= 4096 && shown.len() > 4000, "{}", shown.len());
        assert_eq!(last_lines("y".repeat(5000).as_bytes()).len(), 4096);
        // What is no text becomes longer as text.
        assert!(last_lines(&[0xff; 5000]).len() <= 4096);
        let debug = format!("{:?}", output(&lines, "\x1b"));
        assert!(
            debug.len() < 1500 && debug.ends_with("line 1999\\n\", stderr: \"\\u{1b}\" }"),
            "{debug}"
        );
        assert!(debug.starts_with("Output { exit: Code(0), stdout: \"…"), "{debug}");
    }
}
