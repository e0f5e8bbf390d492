//! Structured lines: pairs such as `level=info msg="it is up" peers=[a, b] at={zone=forest}`.
//!
//! Lists and maps hold each other to any depth, and so do the calls that parse them: a line with
//! brackets enough overflows the stack. Nothing in a grammar that is written like this prevents it.

use winnow::ascii::{space0, space1};
use winnow::combinator::{alt, delimited, dispatch, peek, repeat, separated, separated_pair};
use winnow::prelude::*;
use winnow::token::{any, none_of, take_till, take_while};

/// A key and the text of its value.
pub(crate) type Pair<'a> = (&'a str, &'a str);

/// The pairs of a line. `Err`: the byte from which on there are none.
pub(crate) fn pairs(line: &str) -> Result<Vec<Pair<'_>>, usize> {
    let pairs = separated(1.., pair, space1);
    delimited(space0, pairs, space0).parse(line).map_err(|error| error.offset())
}

fn pair<'a>(input: &mut &'a str) -> winnow::Result<Pair<'a>> {
    separated_pair(key, '=', value).parse_next(input)
}

fn key<'a>(input: &mut &'a str) -> winnow::Result<&'a str> {
    take_while(1.., ('a'..='z', 'A'..='Z', '0'..='9', '_', '-', '.')).parse_next(input)
}

fn value<'a>(input: &mut &'a str) -> winnow::Result<&'a str> {
    dispatch! {peek(any);
        '"' => quoted,
        '[' => list,
        '{' => map,
        _ => word,
    }
    .parse_next(input)
}

fn word<'a>(input: &mut &'a str) -> winnow::Result<&'a str> {
    take_till(1.., [' ', '\t', '"', '=', ',', '[', ']', '{', '}']).parse_next(input)
}

fn quoted<'a>(input: &mut &'a str) -> winnow::Result<&'a str> {
    let character = alt((none_of(['"', '\\']).void(), ('\\', any).void()));
    delimited('"', repeat::<_, _, (), _, _>(0.., character), '"').take().parse_next(input)
}

fn list<'a>(input: &mut &'a str) -> winnow::Result<&'a str> {
    let values = separated::<_, _, (), _, _, _, _>(0.., value, comma);
    delimited(('[', space0), values, (space0, ']')).take().parse_next(input)
}

fn map<'a>(input: &mut &'a str) -> winnow::Result<&'a str> {
    let pairs = separated::<_, _, (), _, _, _, _>(0.., pair, comma);
    delimited(('{', space0), pairs, (space0, '}')).take().parse_next(input)
}

fn comma(input: &mut &str) -> winnow::Result<()> {
    (space0, ',', space0).void().parse_next(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_words_texts_lists_and_maps() {
        let line =
            r#" level=info msg="she said \"up\"" peers=[a, [], "b c"] at={zone=forest, n={}}"#;
        let expected = [
            ("level", "info"),
            ("msg", r#""she said \"up\"""#),
            ("peers", r#"[a, [], "b c"]"#),
            ("at", "{zone=forest, n={}}"),
        ];
        assert_eq!(pairs(line), Ok(expected.to_vec()));
    }

    #[test]
    fn a_mistake_is_placed() {
        let lines = ["", "level", "a=b c=", "a=b c=[d", "a=b, c=d"];
        assert_eq!(lines.map(|line| pairs(line).unwrap_err()), [0, 5, 4, 4, 3]);
    }
}
