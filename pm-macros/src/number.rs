//! Decimal numbers with units, exactly.

/// A unit, its spellings and what it is worth in the smallest one.
pub(crate) struct Unit {
    pub(crate) names: &'static [&'static str],
    pub(crate) size: u64,
}

/// Why a number does not fit.
pub(crate) enum Misfit {
    NotANumber,
    TooFine,
    TooLarge,
}

impl Misfit {
    pub(crate) fn explain(&self, number: &str, unit: &str, finest: &str, largest: &str) -> String {
        match self {
            Misfit::NotANumber => {
                format!("`{number}` is not a number: write one such as 30 or 1.5")
            }
            Misfit::TooFine => {
                format!("`{number}{unit}` is finer than {finest}: write a multiple of one")
            }
            Misfit::TooLarge => {
                format!("`{number}{unit}` is more than {largest}: write less")
            }
        }
    }
}

/// Splits off the first number and its unit; either may be empty.
pub(crate) fn split(text: &str) -> (&str, &str, &str) {
    let is_digit = |c: char| c.is_ascii_digit() || c == '.' || c == '_';
    let (number, rest) = split_while(text, is_digit);
    let (unit, rest) = split_while(rest.trim_start(), |c| !is_digit(c) && !c.is_whitespace());
    (number, unit, rest)
}

fn split_while(text: &str, matches: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !matches(c)).unwrap_or(text.len()))
}

pub(crate) fn size_of(units: &[Unit], name: &str) -> Option<u64> {
    units.iter().find(|unit| unit.names.contains(&name)).map(|unit| unit.size)
}

/// `number * size`, refused where that is not a whole number.
pub(crate) fn scale(number: &str, size: u64) -> Result<u64, Misfit> {
    let number = number.replace('_', "");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.contains('.') || !number.contains(|c: char| c.is_ascii_digit()) {
        return Err(Misfit::NotANumber);
    }
    let digits: u128 = format!("0{whole}{fraction}").parse().map_err(|_| Misfit::TooLarge)?;
    let product = digits.checked_mul(size.into()).ok_or(Misfit::TooLarge)?;
    let divisor = u32::try_from(fraction.len())
        .ok()
        .and_then(|places| 10u128.checked_pow(places))
        .ok_or(Misfit::TooFine)?;
    if product % divisor != 0 {
        return Err(Misfit::TooFine);
    }
    u64::try_from(product / divisor).map_err(|_| Misfit::TooLarge)
}
