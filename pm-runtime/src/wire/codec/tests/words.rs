//! What is said of it.

use super::*;

#[test]
fn an_error_says_what_and_where() {
    fn text<T: DeserializeOwned + Debug>(bytes: &[u8]) -> String {
        let text = decode::<T>(bytes).unwrap_err().to_string();
        text.split(" (a usual cause").next().unwrap().to_owned()
    }
    let at = |what: &str, at: &str| format!("{what} (at byte {at})");
    assert_eq!(
        text::<(u8, bool)>(&[1, 2]),
        at("cannot decode `(u8, bool)`: 2 is neither false nor true, 0 nor 1", "1 of 2")
    );
    assert_eq!(
        text::<Option<u8>>(&[7]),
        at(
            "cannot decode `core::option::Option<u8>`: 7 is neither None nor Some, 0 nor 1",
            "0 of 1"
        )
    );
    assert_eq!(
        text::<(u8, u64)>(&[1, 2, 3]),
        at("cannot decode `(u8, u64)`: 8 bytes are needed, and 2 are left", "1 of 3")
    );
    assert_eq!(
        text::<(u8, char)>(&[1, 0xff]),
        at("cannot decode `(u8, char)`: a character is not UTF-8", "1 of 2")
    );
    assert_eq!(
        text::<u8>(&[1, 2]),
        at("cannot decode `u8`: 1 byte is left over behind the value", "1 of 2")
    );
    let string = "cannot decode `alloc::string::String`";
    assert_eq!(
        text::<String>(&[2, 0, 0, 0, 0, 0, 0, 0, b'x']),
        at(&format!("{string}: a length of 2 makes no sense, as 1 byte is left"), "0 of 9")
    );
    assert_eq!(
        text::<String>(&[1, 0, 0, 0, 0, 0, 0, 0, 0xff]),
        at(&format!("{string}: text is not UTF-8"), "9 of 9")
    );
    assert!(
        text::<(u8, Tree)>(&[7, 9, 0, 0, 0])
            .ends_with("integer `9`, expected variant index 0 <= i < 2 (at byte 1 of 5)")
    );
}

#[test]
fn an_error_quotes_little_and_no_control_characters() {
    #[derive(Debug)]
    struct Picky;
    impl<'de> Deserialize<'de> for Picky {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = <&str>::deserialize(deserializer)?;
            Err(serde::de::Error::custom(format_args!("what is {text}")))
        }
    }
    let long = decode::<Picky>(&encode(&"é".repeat(1 << 20)).unwrap()).unwrap_err();
    assert!(long.to_string().contains("what is éé"));
    assert!(long.to_string().contains("é… (at byte "), "{long}");
    assert!(long.to_string().len() < 1000, "{long}");
    let forged = decode::<Picky>(&encode("\x1b[2J\n").unwrap()).unwrap_err();
    assert!(forged.to_string().contains("what is \\u{1b}[2J\\n (at"), "{forged}");
}

#[track_caller]
fn hints(error: impl ToString, hint: &str) {
    let text = error.to_string();
    assert!(text.contains(hint), "{text}");
    let usual = text.contains("skip_serializing_if");
    assert_eq!(usual, hint.contains("skip_serializing_if"), "{text}");
}

/// That the value is written and not read.
#[track_caller]
fn one_way<T: Serialize + DeserializeOwned + Debug>(value: &T, hint: &str) {
    hints(decode::<T>(&encode(value).unwrap()).unwrap_err(), hint);
}

const ANY: &str =
    "`#[serde(untagged)]`, `#[serde(tag = ..)]` and `serde_json::Value` cannot travel";
const NAME: &str = "`#[serde(tag = .., content = ..)]` and `#[serde(flatten)]` cannot travel";

#[test]
fn untagged_enums_are_named() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u32),
        Text(String),
    }
    one_way(&Untagged::Number(7), ANY);
    one_way(&vec![Some(Untagged::Text("a".into()))], ANY);
}

#[test]
fn internally_tagged_enums_are_named() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Inner {
        b: u8,
    }
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(tag = "t")]
    enum Tagged {
        Unit,
        Struct { a: u8 },
        Newtype(Inner),
        Unwritable(u8),
    }
    one_way(&Tagged::Unit, ANY);
    one_way(&Tagged::Struct { a: 7 }, ANY);
    one_way(&Tagged::Newtype(Inner { b: 7 }), ANY);
    hints(encode(&Tagged::Unwritable(7)).unwrap_err(), ANY);
}

#[test]
fn adjacently_tagged_enums_are_named() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(tag = "t", content = "c")]
    enum Tagged {
        Unit,
        Newtype(u8),
        Struct { a: u8 },
    }
    one_way(&Tagged::Unit, NAME);
    one_way(&Tagged::Newtype(7), NAME);
    one_way(&Tagged::Struct { a: 7 }, NAME);
}

#[test]
fn flattened_fields_are_named() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Inner {
        b: u8,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Outer {
        a: u8,
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Rest {
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    const WRITTEN: &str = "`#[serde(flatten)]` and sequences of unknown length cannot travel";
    let inner = Inner { b: 2 };
    hints(encode(&Outer { a: 1, inner }).unwrap_err(), WRITTEN);
    let rest = BTreeMap::new();
    hints(encode(&Rest { rest }).unwrap_err(), WRITTEN);
    let message = [count(1), vec![0; 20]].concat();
    hints(decode::<Outer>(&message).unwrap_err(), NAME);
    hints(decode::<Rest>(&message).unwrap_err(), NAME);
}

#[test]
fn sequences_of_unknown_length_are_named() {
    struct Unknown;
    impl Serialize for Unknown {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..9).filter(|n| n % 2 == 0))
        }
    }
    hints(encode(&Unknown).unwrap_err(), "collect the second into a `Vec`");
}

#[test]
fn skipped_fields_are_named() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Skips {
        #[serde(skip_serializing_if = "Option::is_none")]
        a: Option<u8>,
        b: u64,
    }
    const USUAL: &str = "a usual cause is `#[serde(skip_serializing_if = ..)]`";
    one_way(&Skips { a: None, b: 7 }, USUAL);
    one_way(&Skips { a: None, b: 1 }, USUAL);
    one_way(&Skips { a: None, b: 0 }, USUAL);
    one_way(&vec![Skips { a: None, b: 0 }], USUAL);
}

#[test]
fn values_that_describe_themselves_are_named() {
    /// As `serde_json::Value` does.
    #[derive(Debug)]
    struct Value;
    impl Serialize for Value {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u64(7)
        }
    }
    impl<'de> Deserialize<'de> for Value {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(IgnoredAny).map(|_| Self)
        }
    }
    one_way(&Value, ANY);
    hints(
        decode::<(u8, IgnoredAny)>(&[7, 8]).map(drop).unwrap_err(),
        "`serde::de::IgnoredAny` and `#[serde(flatten)]` cannot travel",
    );
}

#[test]
fn limits_say_what_to_write_instead() {
    let deep = 1_u32.to_le_bytes().repeat(10_000);
    hints(decode::<Tree>(&deep).unwrap_err(), "send a list as a `Vec`");
    let many = [count(EMPTY as u64 + 1), vec![0; 8]].concat();
    let error = decode::<Vec<()>>(&many).unwrap_err();
    hints(error, "send their number instead");
}

#[test]
fn what_a_type_says_is_not_quoted() {
    struct Never;
    impl Serialize for Never {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("this is a \"secret\""))
        }
    }
    let text = encode(&Never).unwrap_err().to_string();
    assert!(text.ends_with(": this is a \"secret\""), "{text}");
}
