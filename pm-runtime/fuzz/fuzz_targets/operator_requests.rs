//! Lines that may be requests to an operator's socket.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pm_runtime::operator::protocol::{Line, Request};

fuzz_target!(|line: &[u8]| match Request::parse(line) {
    Ok(request) => {
        let text = request.to_string();
        assert!(!text.contains('\n'));
        assert_eq!(Request::parse(text.as_bytes()), Ok(request));
    }
    Err(answer) => {
        assert!(matches!(answer, Line::Error { .. }));
        let text = answer.to_string();
        assert!(!text.contains('\n') && text.len() < 1000 + 2 * line.len());
    }
});
