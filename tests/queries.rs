//! Queries of every form, each answered by real worker processes.

#[path = "queries/answers.rs"]
mod answers;
#[path = "queries/arguments.rs"]
mod arguments;
#[path = "queries/bytes.rs"]
mod bytes;
#[path = "queries/handles.rs"]
mod handles;
#[path = "queries/names.rs"]
mod names;
#[path = "queries/options.rs"]
mod options;
