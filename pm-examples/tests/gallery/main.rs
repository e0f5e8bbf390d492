//! The programs print what their readers expect; they are listed by the chapters of the reference.

mod advanced;
mod best_practices;
mod configuration;
mod managers;
mod recovery;
mod table;
mod utilities;

use std::process::Command;

#[test]
fn a_trace_goes_through_workers() {
    prints(
        env!("CARGO_BIN_EXE_traced"),
        "\
order number=1
  query outcome=\"answered\" pool=\"price\" query=\"price\" worker=1
    queue
    run attempt=1 worker=1
      lookup article=\"apple\"
        WARN message=the catalogue is old
  INFO message=answered price=Some(530)
order number=2
  query outcome=an error pool=\"price\" query=\"price\" worker=1
    queue
    run attempt=1 worker=1
      lookup article=\"durian\"
        WARN message=the catalogue is old
        INFO message=this one is never in stock
  INFO message=not answered
",
    );
}

#[track_caller]
fn prints(program: &str, expected: &str) {
    let output = Command::new(program).output().expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{stderr}");
    assert!(output.status.success(), "{stderr}");
}

#[test]
fn a_shop_has_its_prices() {
    prints(
        env!("CARGO_BIN_EXE_pricing"),
        "\
apple: Price(530)
pear: Price(424)
apple: Price(530)
",
    );
}
