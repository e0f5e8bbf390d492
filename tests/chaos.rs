//! Half a minute of chaos: see `chaos/main.rs`, which runs for longer by hand.

use std::process::Command;

#[test]
fn whatever_happens_to_workers_every_call_ends_once_and_nothing_is_left() {
    let output = Command::new(env!("CARGO_BIN_EXE_chaos")).output().expect("it starts");
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{stdout}");
    assert!(output.status.success(), "{}: {stderr}", output.status);
}
