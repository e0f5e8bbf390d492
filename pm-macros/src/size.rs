//! Sizes in memory as people write them: `64MiB`, `10MB`, `100B`.

use crate::number::{self, Unit};

const UNITS: [Unit; 9] = [
    Unit { names: &["B"], size: 1 },
    Unit { names: &["KB", "kB"], size: 1_000 },
    Unit { names: &["MB"], size: 1_000_000 },
    Unit { names: &["GB"], size: 1_000_000_000 },
    Unit { names: &["TB"], size: 1_000_000_000_000 },
    Unit { names: &["KiB"], size: 1 << 10 },
    Unit { names: &["MiB"], size: 1 << 20 },
    Unit { names: &["GiB"], size: 1 << 30 },
    Unit { names: &["TiB"], size: 1 << 40 },
];

/// The bytes that `text` stands for, or what is wrong with it and what to write.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let (number, unit, rest) = number::split(text.trim());
    if number.is_empty() || !rest.trim().is_empty() {
        return Err(format!(
            "`{text}` is not a size: write a number and a unit, such as \"64MiB\""
        ));
    }
    if unit.is_empty() {
        return Err(format!(
            "`{number}` has no unit: write \"{number}B\", \"{number}KiB\" or \"{number}MiB\""
        ));
    }
    let Some(size) = number::size_of(&UNITS, unit) else {
        return Err(format!(
            "`{unit}` is not a unit of size: use B, KiB, MiB or GiB (1024s), or KB, MB or GB (1000s)"
        ));
    };
    number::scale(number, size).map_err(|why| why.explain(number, unit, "a byte", "16 million TiB"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn units_are_read() {
        for (text, bytes) in [
            ("100B", 100),
            ("1KiB", 1024),
            ("10MB", 10_000_000),
            ("10 kB", 10_000),
            ("64MiB", 64 << 20),
            ("1.5GiB", 3 << 29),
            ("2TiB", 2 << 40),
            ("1_000B", 1000),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn a_size_that_cannot_be_read_says_what_to_write() {
        for (text, says) in [
            ("", "write a number and a unit"),
            ("64", "write \"64B\", \"64KiB\" or \"64MiB\""),
            ("64M", "`M` is not a unit of size"),
            ("64mb", "`mb` is not a unit of size"),
            ("big", "`big` is not a size"),
            ("none", "`none` is not a size"),
            ("1MiB 2B", "`1MiB 2B` is not a size"),
            ("0.5B", "finer than a byte"),
            ("99999999999TiB", "more than 16 million TiB"),
        ] {
            let Err(error) = parse(text) else { panic!("{text} was read") };
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
