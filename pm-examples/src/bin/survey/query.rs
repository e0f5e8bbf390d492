//! What a worker does: it reads one file, parses it and counts.

use std::fs;
use std::path::Path;

use pm_runtime::worker_query;
use serde::{Deserialize, Serialize};
use syn::visit::{self, Visit};
use syn::{Block, ExprUnsafe, ImplItemFn, ItemFn, Signature, TraitItemFn};

/// What is in a file. Code inside of macro calls is only tokens, and does not count.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileSurvey {
    /// Functions and methods that have a body, nested ones included.
    pub(crate) functions: u64,
    pub(crate) unsafe_blocks: u64,
    pub(crate) longest: Option<Function>,
}

/// A function, by its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The line of its `fn`, from 1.
    pub(crate) line: usize,
    /// From that line to the one of its closing brace.
    pub(crate) lines: usize,
}

/// Why there is nothing to count.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum FileError {
    /// It is a template, a fixture that has to fail, or of another time.
    #[error("{line}:{column}: {reason}")]
    NotRust { line: usize, column: usize, reason: String },
    #[error("byte {valid}: not UTF-8")]
    NotText {
        /// Bytes before the first one that is wrong.
        valid: usize,
    },
    #[error("{reason}")]
    Unreadable { reason: String },
}

/// Surveys one file.
///
/// The worker reads it too, so that whatever the file does to its reader happens there. A file on
/// which the parser dies is no reason to give the pool up, so that any number of crashes is made
/// good.
#[worker_query(max_crashes = None)]
pub(crate) fn survey_file(path: &Path) -> Result<FileSurvey, FileError> {
    let bytes =
        fs::read(path).map_err(|error| FileError::Unreadable { reason: error.to_string() })?;
    let text = String::from_utf8(bytes)
        .map_err(|error| FileError::NotText { valid: error.utf8_error().valid_up_to() })?;
    let survey = survey_text(&text);
    // The parser keeps the text of everything it ever parsed, for spans that may still be around.
    proc_macro2::extra::invalidate_current_thread_spans();
    survey
}

fn survey_text(text: &str) -> Result<FileSurvey, FileError> {
    let file = syn::parse_file(text).map_err(|error| {
        let start = error.span().start();
        FileError::NotRust { line: start.line, column: start.column + 1, reason: error.to_string() }
    })?;
    let mut survey = FileSurvey::default();
    survey.visit_file(&file);
    Ok(survey)
}

impl FileSurvey {
    fn count(&mut self, signature: &Signature, body: &Block) {
        self.functions += 1;
        let line = signature.fn_token.span.start().line;
        let end = body.brace_token.span.close().end().line;
        let lines = end.saturating_sub(line) + 1;
        if self.longest.as_ref().is_none_or(|it| it.lines < lines) {
            let name = signature.ident.to_string();
            self.longest = Some(Function { name, line, lines });
        }
    }
}

impl<'ast> Visit<'ast> for FileSurvey {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.count(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.count(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.count(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_expr_unsafe(&mut self, block: &'ast ExprUnsafe) {
        self.unsafe_blocks += 1;
        visit::visit_expr_unsafe(self, block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_with_a_body_counts() {
        let text = "
            fn free() { fn nested() {} }
            struct S;
            impl S { const fn method(&self) {} }
            trait T { fn declared(); fn provided() {} }
            extern \"C\" { fn foreign(); }
            macro_rules! m { () => { fn of_a_macro() {} } }
        ";
        let survey = survey_text(text).unwrap();
        assert_eq!(survey.functions, 4);
    }

    #[test]
    fn unsafe_blocks_count_and_unsafe_functions_do_not() {
        let text = "unsafe fn f() { unsafe { unsafe {} } } unsafe impl Send for S {}";
        assert_eq!(survey_text(text).unwrap().unsafe_blocks, 2);
    }

    #[test]
    fn the_longest_function_is_measured_from_fn_to_brace() {
        let text = "fn short() {}\n\n/// Docs.\n#[inline]\npub fn long(\n) {\n}\nfn last() {\n}\n";
        let expected = Function { name: "long".into(), line: 5, lines: 3 };
        assert_eq!(survey_text(text).unwrap().longest, Some(expected));
        assert_eq!(survey_text("").unwrap(), FileSurvey::default());
    }

    #[test]
    fn what_is_not_rust_is_placed() {
        let error = survey_text("fn f() {}\nfn {{ name }}() {}\n").unwrap_err();
        let FileError::NotRust { line, column, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!((line, column), (2, 4));
    }

    #[test]
    fn a_file_is_text_and_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latin1.rs");
        fs::write(&path, b"// caf\xe9\n").unwrap();
        assert_eq!(survey_file(&path), Err(FileError::NotText { valid: 6 }));
        let missing = survey_file(&folder.path().join("missing.rs"));
        assert!(matches!(missing, Err(FileError::Unreadable { .. })));
    }
}
