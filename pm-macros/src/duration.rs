//! Lengths of time as people write them: `30s`, `1.5s`, `1h 30min`.

use crate::number::{self, Unit};
use proc_macro2::{Literal, Span, TokenStream};
use quote::quote_spanned;

const UNITS: [Unit; 7] = [
    Unit { names: &["ns"], size: 1 },
    Unit { names: &["us", "µs", "μs"], size: MICRO },
    Unit { names: &["ms"], size: MILLI },
    Unit { names: &["s", "sec", "secs", "second", "seconds"], size: SECOND },
    Unit { names: &["m", "min", "mins", "minute", "minutes"], size: 60 * SECOND },
    Unit { names: &["h", "hr", "hrs", "hour", "hours"], size: 3600 * SECOND },
    Unit { names: &["d", "day", "days"], size: 86_400 * SECOND },
];
const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// The nanoseconds that `text` stands for, or what is wrong with it and what to write.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(
            "a length of time is missing: write a number and a unit, such as \"30s\"".into()
        );
    }
    let mut total = 0u64;
    while !rest.is_empty() {
        let (number, unit, tail) = number::split(rest);
        if number.is_empty() {
            return Err(format!(
                "`{text}` is not a length of time: write a number and a unit, such as \"30s\" or \"1h 30min\""
            ));
        }
        if unit.is_empty() {
            return Err(format!(
                "`{number}` has no unit: write \"{number}s\", \"{number}ms\" or \"{number}min\""
            ));
        }
        let Some(size) = number::size_of(&UNITS, unit) else {
            return Err(format!("`{unit}` is not a unit of time: use us, ms, s, min, h or d"));
        };
        total = number::scale(number, size)
            .map_err(|why| why.explain(number, unit, "a nanosecond", "500 years"))?
            .checked_add(total)
            .ok_or_else(|| format!("`{text}` is more than 500 years: write less"))?;
        rest = tail.trim_start();
    }
    Ok(total)
}

/// A `Duration` of so many nanoseconds, in the largest unit that holds it exactly.
pub(crate) fn to_tokens(nanos: u64, span: Span) -> TokenStream {
    let (constructor, count) = match nanos {
        _ if nanos.is_multiple_of(SECOND) => ("from_secs", nanos / SECOND),
        _ if nanos.is_multiple_of(MILLI) => ("from_millis", nanos / MILLI),
        _ if nanos.is_multiple_of(MICRO) => ("from_micros", nanos / MICRO),
        _ => ("from_nanos", nanos),
    };
    let constructor = syn::Ident::new(constructor, span);
    let count = Literal::u64_unsuffixed(count);
    quote_spanned!(span=> ::core::time::Duration::#constructor(#count))
}

#[cfg(test)]
mod tests {
    use super::{MILLI, SECOND, parse, to_tokens};
    use proc_macro2::Span;

    #[test]
    fn units_are_read() {
        for (text, nanos) in [
            ("0s", 0),
            ("7ns", 7),
            ("10us", 10_000),
            ("10µs", 10_000),
            ("10μs", 10_000),
            ("250ms", 250 * MILLI),
            ("30s", 30 * SECOND),
            (" 30 s ", 30 * SECOND),
            ("30 seconds", 30 * SECOND),
            ("1.5s", 1_500 * MILLI),
            ("0.000000001s", 1),
            ("15m", 900 * SECOND),
            ("15min", 900 * SECOND),
            ("2h", 7_200 * SECOND),
            ("1h 30min", 5_400 * SECOND),
            ("1h30m", 5_400 * SECOND),
            ("1d", 86_400 * SECOND),
            ("1_000ms", SECOND),
        ] {
            assert_eq!(parse(text), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn a_length_that_cannot_be_read_says_what_to_write() {
        for (text, says) in [
            ("", "write a number and a unit"),
            ("30", "write \"30s\", \"30ms\" or \"30min\""),
            ("1h 30", "`30` has no unit"),
            ("soon", "`soon` is not a length of time"),
            ("-3s", "`-3s` is not a length of time"),
            ("30sek", "`sek` is not a unit of time"),
            ("30S", "`S` is not a unit of time"),
            ("1.2.3s", "`1.2.3` is not a number"),
            (".s", "`.` is not a number"),
            ("0.5ns", "finer than a nanosecond"),
            ("600000d", "more than 500 years"),
            ("200000d 200000d", "more than 500 years"),
            ("99999999999999999999999s", "more than 500 years"),
        ] {
            let Err(error) = parse(text) else { panic!("{text} was read") };
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_length_is_written_in_its_largest_exact_unit() {
        for (nanos, says) in [
            (30 * SECOND, "from_secs (30)"),
            (1_500 * MILLI, "from_millis (1500)"),
            (10_000, "from_micros (10)"),
            (7, "from_nanos (7)"),
        ] {
            let tokens = to_tokens(nanos, Span::call_site()).to_string();
            assert!(tokens.ends_with(says), "{tokens}");
        }
    }
}
