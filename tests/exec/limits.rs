//! How much a command may print, and for how long it may run.

use std::time::Duration;

use pm_runtime::{ExecError, Exit, OutputStream, exec, shell};
use pm_tests::{is_alive, until};

const LONG: Duration = Duration::from_secs(3600);

/// The numbers in a text.
fn pids(text: &str) -> Vec<u32> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// A script that says whose ids are these, with so much time that it gets to say it.
async fn killed_after_saying(script: &str, words: usize) -> (ExecError, Vec<u32>) {
    let mut timeout = Duration::from_millis(20);
    loop {
        let error = shell(script).timeout(timeout).await.unwrap_err();
        let said = pids(&error.output().expect("it was started").stdout());
        if said.len() == words {
            return (error, said);
        }
        timeout *= 2;
    }
}

#[pm_runtime::test]
async fn a_timeout_kills_all_that_was_started_and_says_what_was_printed() {
    // A process that runs in the background, and one that ignores what it may.
    let script = "sleep 1h & trap '' TERM HUP INT; echo $$ $!; sh -c 'echo $$; exec sleep 1h'";
    let (error, said) = killed_after_saying(script, 3).await;
    let ExecError::TimedOut { output, .. } = &error else { panic!("{error}") };
    assert_eq!(output.status(), Exit::Signal(9));
    assert!(error.to_string().contains("was killed with all that it had started"), "{error}");
    // Its leader is gone; of the others the death may take a moment.
    assert!(!is_alive(said[0]));
    until(|| said.iter().all(|pid| !is_alive(*pid)));
}

#[pm_runtime::test]
async fn what_ends_in_time_does_not_time_out() {
    for timeout in [Some(LONG), Some(Duration::MAX), None] {
        assert_eq!(exec(["echo", "quick"]).timeout(timeout).await.unwrap().stdout(), "quick\n");
    }
    let failed = exec(["false"]).timeout(LONG).await.unwrap_err();
    assert!(matches!(failed, ExecError::Failed { exit: Exit::Code(1), .. }), "{failed}");
}

#[pm_runtime::test]
async fn a_timeout_of_zero_starts_nothing() {
    let error = shell("echo started >&2").timeout(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, ExecError::TimedOut { after: Duration::ZERO, .. }), "{error:?}");
    assert!(error.to_string().ends_with("it was not started"), "{error}");
}

#[pm_runtime::test]
async fn exactly_the_limit_passes_and_one_more_byte_does_not() {
    for limit in [0_usize, 1, 4096, 1 << 20] {
        let print = |bytes: usize, to: &str| shell(format!("head -c {bytes} /dev/zero {to}"));
        let output = print(limit, "").max_output(limit).await.unwrap();
        assert_eq!(output.stdout_bytes().len(), limit);
        for (to, expected) in [("", OutputStream::Stdout), (">&2", OutputStream::Stderr)] {
            let error = print(limit + 1, to).max_output(limit).await.unwrap_err();
            let ExecError::TooLarge { stream, limit: met, output, .. } = error else {
                panic!("{error}")
            };
            assert_eq!((stream, met), (expected, limit));
            let (stdout, stderr) = (output.stdout_bytes().len(), output.stderr_bytes().len());
            assert_eq!(stdout.max(stderr), limit);
        }
    }
    // For each stream.
    let both = shell("printf 1234; printf 5678 >&2").max_output(4).await.unwrap();
    assert_eq!((&*both.stdout(), &*both.stderr()), ("1234", "5678"));
}

#[pm_runtime::test]
async fn what_prints_for_ever_is_killed_at_the_limit() {
    let error = exec(["yes"]).await.unwrap_err();
    let ExecError::TooLarge { limit, output, .. } = &error else { panic!("{error}") };
    assert_eq!((*limit, output.stdout_bytes().len()), (16 << 20, 16 << 20));
    assert_eq!(output.status(), Exit::Signal(9));
    assert!(error.to_string().contains("printed more than 16 MiB to its stdout"), "{error}");
    // Also where it is a process in the background that prints, and where that is all it does.
    let script = "yes & echo $! >&2; sleep 1h";
    let error = shell(script).max_output(1 << 16).await.unwrap_err();
    let said = pids(&error.output().unwrap().stderr());
    until(|| said.iter().all(|pid| !is_alive(*pid)));
}

#[pm_runtime::test]
async fn much_output_within_the_limit_is_all_there() {
    let script = "head -c 20000000 /dev/zero & head -c 20000000 /dev/zero >&2; wait";
    let output = shell(script).max_output(20_000_000).await.unwrap();
    assert_eq!(output.stdout_bytes().len(), 20_000_000);
    assert_eq!(output.stderr_bytes().len(), 20_000_000);
}
