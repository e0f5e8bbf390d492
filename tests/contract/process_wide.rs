//! What concerns all pools of a process, and so needs one of its own.

use std::process::Command;
use std::time::Duration;

use pm_runtime::{Error, exec, shell};

#[test]
fn all_pools_of_a_process_are_told_at_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_process_wide")).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "pid, pid, pid\nall are destroyed\n");
}

#[pm_runtime::test]
async fn commands_are_run_with_and_without_a_shell() -> Result<(), Error> {
    let output = exec(["sh", "-c", "echo $1 in $ZONE at $PWD", "x.sh", "arg"])
        .cwd("/")
        .env("ZONE", "forest")
        .timeout(Duration::from_secs(3600))
        .await?;
    assert_eq!(output.stdout(), "arg in forest at /\n");
    assert_eq!((output.stdout_bytes(), &*output.stderr()), (&b"arg in forest at /\n"[..], ""));
    assert_ne!(shell("ls -la | wc -l").await?.stdout().trim(), "0");
    Ok(())
}
