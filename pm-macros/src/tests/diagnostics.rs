//! What the macros say of mistakes, and where.

mod functions;
mod main_test;
mod options;
mod raw;
mod services;
mod streams;

use super::{Macro, mistakes};
use crate::expand::worker_query;

/// Each error: the source text that it stands under, and what its message has to say.
#[track_caller]
fn refused(macro_: Macro, args: &str, item: &str, expected: &[(&str, &str)]) {
    let found = mistakes(macro_, args, item);
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|((place, message), (expected_place, says))| {
            place == expected_place && message.contains(says)
        });
    assert!(fits, "{args} {item}\nfound {found:#?}\nexpected {expected:#?}");
}

/// A mistake in the options of a query.
#[track_caller]
fn option(args: &str, place: &str, says: &str) {
    refused(worker_query, args, "fn f() {}", &[(place, says)]);
}

/// A mistake in the function.
#[track_caller]
fn function(item: &str, place: &str, says: &str) {
    refused(worker_query, "", item, &[(place, says)]);
}
