//! The ways to start a program that has workers, and what comes of forgetting them.

use std::process::{Command, Output};

/// Starts a program, and waits for its end.
fn run(program: &str, args: &[&str]) -> Output {
    Command::new(program).args(args).output().unwrap()
}

/// What a program and all of its workers print. A `main` that ran in a worker would print too.
#[track_caller]
fn printed(program: &str) -> String {
    let output = run(program, &[]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{} {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_example_of_the_documentation_prints_an_encounter() {
    let answer = r#"EncounterResult { pokemon: "safari rain night", level: 25, shiny: true }"#;
    assert_eq!(printed(env!("CARGO_BIN_EXE_encounter")), format!("{answer}\n"));
}

#[test]
fn a_main_that_is_no_async_function() {
    assert_eq!(printed(env!("CARGO_BIN_EXE_plain_main")), "main runs\n4\n");
}

#[test]
fn an_init_as_the_first_statement_of_main() {
    assert_eq!(printed(env!("CARGO_BIN_EXE_init_first")), "main runs\n4\n");
}

#[test]
fn a_main_above_that_of_another_executor() {
    assert_eq!(printed(env!("CARGO_BIN_EXE_above_tokio")), "main runs\n4\n");
}

#[test]
fn a_main_below_that_of_another_executor() {
    assert_eq!(printed(env!("CARGO_BIN_EXE_below_tokio")), "main runs\n4\n");
}

#[test]
fn an_error_that_main_returns_is_written_for_people() {
    let output = run(env!("CARGO_BIN_EXE_plain_main"), &["0"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"main runs\n");
    let errors = String::from_utf8(output.stderr).unwrap();
    let last = errors.lines().last().unwrap();
    assert!(
        last.starts_with("Error: the query panicked: `attempt to divide by zero` at"),
        "{last}"
    );
}

#[test]
fn forgetting_all_of_them_is_a_clear_error_and_no_second_run_of_main() {
    let printed = printed(env!("CARGO_BIN_EXE_forgotten"));
    let (first, error) = printed.split_once('\n').unwrap();
    assert_eq!(first, "main runs");
    assert!(error.contains("put `#[pm_runtime::main]` above its `main`"), "{error}");
}

#[test]
fn two_queries_of_one_name_are_refused_with_both_places() {
    let output = run(env!("CARGO_BIN_EXE_twins"), &[]);
    assert_eq!((output.status.code(), output.stdout), (Some(70), vec![]));
    let errors = String::from_utf8(output.stderr).unwrap();
    for line in [7, 12] {
        assert!(errors.contains(&format!("twins.rs:{line}")), "{errors}");
    }
}
