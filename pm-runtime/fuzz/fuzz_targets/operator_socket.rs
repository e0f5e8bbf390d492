//! Bytes that a client sends to the socket of an application without pools.
#![no_main]

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use pm_runtime::operator::{self, Operator};

/// Less than what a client is closed for.
const MOST: usize = 4096;

fuzz_target!(|bytes: &[u8]| {
    static OPERATOR: OnceLock<Operator> = OnceLock::new();
    let operator = OPERATOR.get_or_init(|| operator::serve().expect("there is a place for it"));
    let bytes = &bytes[..bytes.len().min(MOST)];
    let mut client = UnixStream::connect(operator.socket()).expect("it lets clients in");
    client.write_all(bytes).expect("it reads");
    client.shutdown(Shutdown::Write).expect("it is there");
    let lines = bytes.split(|&byte| byte == b'\n').count();
    let expected = lines - usize::from(bytes.last().is_none_or(|&byte| byte == b'\n'));
    assert_eq!(BufReader::new(client).lines().count(), expected);
});
