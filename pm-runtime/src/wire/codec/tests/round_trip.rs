//! The self-test of applications finds what does not come back.

use super::*;
use crate::error::Place;

fn fails<T: Serialize + DeserializeOwned>(value: &T) -> RoundTripError {
    round_trip(value).unwrap_err()
}

/// That it says where.
#[track_caller]
fn says(error: impl ToString, place: &str) {
    let text = error.to_string();
    assert!(text.contains(place), "{text}");
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Plain {
    n: u32,
}

#[test]
fn a_flattened_field_cannot_be_written() {
    #[derive(Serialize, Deserialize)]
    struct Flat {
        name: String,
        #[serde(flatten)]
        plain: Plain,
    }
    #[derive(Serialize, Deserialize)]
    struct Outer {
        flat: Vec<Option<Flat>>,
    }
    let flat = Flat { name: "a".into(), plain: Plain { n: 1 } };
    assert!(matches!(fails(&flat), RoundTripError::Encode(_)));
    let error = fails(&Outer { flat: vec![None, Some(flat)] });
    assert!(matches!(error, RoundTripError::Encode(_)));
    says(&error, "in the field `flat` of `Outer`");
    says(&error, "`#[serde(flatten)]`");
}

#[test]
fn a_tagged_or_untagged_enum_cannot_be_read() {
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Plain(Plain),
    }
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "t")]
    enum Internally {
        Plain(Plain),
    }
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "t", content = "c")]
    enum Adjacently {
        Plain(Plain),
    }
    #[derive(Serialize, Deserialize)]
    struct Outer<T> {
        before: u8,
        inner: T,
    }
    #[track_caller]
    fn unread<T: Serialize + DeserializeOwned>(inner: T, place: &str, attribute: &str) {
        let error = fails(&Outer { before: 1, inner });
        assert!(matches!(error, RoundTripError::Decode(_)), "{error}");
        says(&error, place);
        says(&error, attribute);
    }
    let (plain, outer) = (Plain { n: 1 }, "in the field `inner` of `Outer`");
    unread(Untagged::Plain(plain.clone()), outer, "`#[serde(untagged)]`");
    unread(Internally::Plain(plain.clone()), outer, "`#[serde(tag = ..)]`");
    let tag = "in the field `t` of `Adjacently`";
    unread(Adjacently::Plain(plain), tag, "`#[serde(tag = .., content = ..)]`");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Skips {
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<u8>,
    b: bool,
}

#[test]
fn a_field_that_is_left_out_is_named() {
    assert_eq!(round_trip(&Skips { a: Some(1), b: true }), Ok(()));
    let (owner, field) = ("Skips", "a");
    let skipped = |type_name| RoundTripError::Skipped { type_name, owner, field };
    let value = Skips { a: None, b: true };
    assert_eq!(fails(&value), skipped(type_name::<Skips>()));
    // It is read without an error, as another value that is even written alike.
    let value = (value, vec![0_u8, 0]);
    let read: (Skips, Vec<u8>) = decode(&encode(&value).unwrap()).unwrap();
    assert_eq!(read, (Skips { a: Some(2), b: false }, vec![]));
    assert_eq!(encode(&read).unwrap(), encode(&value).unwrap());
    assert_eq!(fails(&value), skipped(type_name::<(Skips, Vec<u8>)>()));
}

#[test]
fn a_field_that_is_left_out_of_a_variant_is_named() {
    #[derive(Serialize, Deserialize)]
    enum Skips {
        Some {
            a: u8,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            b: Vec<u8>,
        },
    }
    let error = fails(&Skips::Some { a: 1, b: vec![] });
    assert!(matches!(error, RoundTripError::Skipped { owner: "Some", field: "b", .. }), "{error}");
}

#[test]
fn a_field_that_goes_one_way_is_found() {
    #[derive(Serialize, Deserialize)]
    struct Unwritten {
        #[serde(skip_serializing)]
        #[expect(dead_code)]
        a: u8,
        b: u8,
    }
    #[derive(Serialize, Deserialize)]
    struct Unread {
        #[serde(skip_deserializing)]
        a: u8,
        b: u8,
    }
    #[derive(Serialize, Deserialize)]
    struct Swapped {
        #[serde(serialize_with = "swapped")]
        a: u16,
    }
    fn swapped<S: Serializer>(n: &u16, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(n.swap_bytes())
    }
    assert!(matches!(fails(&Unwritten { a: 1, b: 2 }), RoundTripError::Decode(_)));
    assert!(matches!(fails(&Unread { a: 1, b: 2 }), RoundTripError::Decode(_)));
    assert!(matches!(fails(&Swapped { a: 1 }), RoundTripError::Different { .. }));
}

#[test]
fn what_asks_the_input_what_it_is_cannot_be_read() {
    #[derive(Serialize)]
    struct Value(u64);
    impl<'de> Deserialize<'de> for Value {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(IgnoredAny).map(|_| Self(0))
        }
    }
    says(fails(&Value(1)), "`serde_json::Value` cannot travel");
}

#[test]
fn what_does_not_travel_does_not_count() {
    #[derive(Serialize, Deserialize)]
    struct Cached {
        n: f64,
        #[serde(skip)]
        #[expect(dead_code)]
        cache: Option<u8>,
        #[serde(default, rename = "other", alias = "another")]
        plain: Plain,
    }
    let value = Cached { n: f64::NAN, cache: Some(1), plain: Plain::default() };
    assert_eq!(round_trip(&value), Ok(()));
}

#[test]
fn a_set_and_a_map_come_back_in_any_order() {
    let set: HashSet<u32> = (0..1000).collect();
    let map: HashMap<u32, HashSet<String>> =
        (0..100).map(|n| (n, ["a", "b", "c"].map(String::from).into())).collect();
    assert_eq!(round_trip(&(set, map)), Ok(()));
}

#[test]
fn a_message_says_which_of_its_values_it_is_about() {
    #[derive(Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        plain: Plain,
    }
    #[derive(Serialize, Deserialize)]
    enum Request {
        One(Flat),
        Two(u8, Option<Flat>),
    }
    let flat = || Flat { plain: Plain { n: 1 } };
    for (request, type_name, place) in [
        (Request::One(flat()), type_name::<Flat>(), Place { query: 0, argument: 0 }),
        (
            Request::Two(1, Some(flat())),
            type_name::<Option<Flat>>(),
            Place { query: 1, argument: 1 },
        ),
    ] {
        let error = encode_message(&request, Bulk::new()).unwrap_err();
        assert_eq!((error.type_name(), error.note().place), (type_name, Some(place)));
    }
    let mut parcel = Parcel::from_bytes(vec![1, 0, 0, 0, 7, 1]).unwrap();
    let error = decode_message::<Request>(&mut parcel).map(drop).unwrap_err();
    let place = Place { query: 1, argument: 1 };
    assert_eq!((error.type_name(), error.note().place), (type_name::<Option<Flat>>(), Some(place)));
}

#[test]
fn what_is_nested_too_deeply_is_refused_before_it_is_written() {
    // On a stack as small as any caller's should be.
    let refuse = || {
        for depth in [800, 10_000] {
            let mut deep = tree(depth);
            let error = fails(&deep);
            assert!(matches!(error, RoundTripError::Decode(_)));
            says(&error, "nested too deeply");
            says(&error, "nodes that name each other by index");
            // Its own destructor would go as deep.
            while let Tree::Node(next) = deep {
                deep = *next;
            }
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(refuse).unwrap().join().unwrap();
    assert_eq!(round_trip(&tree(600)), Ok(()));
}
