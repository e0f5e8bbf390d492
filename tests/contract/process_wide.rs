//! What concerns all pools of a process, and so needs one of its own.

use std::process::Command;

#[test]
fn all_pools_of_a_process_are_told_at_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_process_wide")).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "pid, pid, pid\nall are destroyed\n");
}
