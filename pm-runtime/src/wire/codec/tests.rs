use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ffi::CString;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::{Bound, Range};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde_derive::{Deserialize, Serialize};

use super::decoder::EMPTY;
use super::*;

// ---- types of every shape ----

/// Bytes that travel as bytes, and ask for an owned buffer or not.
#[derive(Debug, Clone, PartialEq)]
struct Bytes<const OWNED: bool>(Vec<u8>);

impl<const OWNED: bool> Serialize for Bytes<OWNED> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de, const OWNED: bool> Deserialize<'de> for Bytes<OWNED> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Buffer;
        impl Visitor<'_> for Buffer {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        match OWNED {
            true => deserializer.deserialize_byte_buf(Buffer),
            false => deserializer.deserialize_bytes(Buffer),
        }
        .map(Self)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Numbers {
    unsigned: (u8, u16, u32, u64, u128, usize),
    signed: (i8, i16, i32, i64, i128, isize),
    floats: [f64; 2],
    single: f32,
    yes: bool,
    letter: char,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Newtype(u16);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pair(Newtype, Option<Option<bool>>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(Box<Numbers>),
    Tuple(u8, String, (Unit, Pair)),
    Struct { owned: Bytes<true>, lent: Bytes<false>, result: Result<char, String> },
    Option(Option<Box<Shape>>),
    List(Vec<Shape>),
    Map(BTreeMap<String, Shape>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Node(Box<Tree>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Lent<'a> {
    text: &'a str,
    bytes: &'a [u8],
    #[serde(borrow)]
    either: Cow<'a, str>,
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let float = prop::num::f64::ANY.prop_map(|float| if float.is_nan() { 0.5 } else { float });
    (any::<[u64; 9]>(), float, any::<(f32, bool, char)>()).prop_map(
        |(n, float, (single, yes, letter))| Numbers {
            unsigned: (
                n[0] as u8,
                n[1] as u16,
                n[2] as u32,
                n[3],
                u128::from(n[4]) << 64 | u128::from(n[5]),
                n[6] as usize,
            ),
            signed: (
                n[0] as i8,
                n[1] as i16,
                n[2] as i32,
                n[3] as i64,
                -(i128::from(n[4]) << 32),
                n[7] as isize,
            ),
            floats: [float, n[8] as f64],
            single,
            yes,
            letter,
        },
    )
}

fn shape() -> impl Strategy<Value = Shape> {
    let pair = any::<(u16, Option<Option<bool>>)>().prop_map(|(n, o)| Pair(Newtype(n), o));
    let leaf = prop_oneof![
        Just(Shape::Unit),
        numbers().prop_map(|numbers| Shape::Newtype(Box::new(numbers))),
        (any::<u8>(), any::<String>(), pair).prop_map(|(n, s, p)| Shape::Tuple(n, s, (Unit, p))),
        (vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..20), any::<Result<char, String>>()).prop_map(
            |(owned, lent, result)| Shape::Struct {
                owned: Bytes(owned),
                lent: Bytes(lent),
                result,
            }
        ),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::option::of(inner.clone().prop_map(Box::new)).prop_map(Shape::Option),
            vec(inner.clone(), 0..4).prop_map(Shape::List),
            btree_map("[a-zé]{0,4}", inner, 0..4).prop_map(Shape::Map),
        ]
    })
}

// ---- bincode's decoder beside ours ----

fn theirs<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    // The limit keeps it from taking gigabytes.
    let config = bincode::config::standard().with_fixed_int_encoding().with_limit::<{ 64 << 20 }>();
    match bincode::serde::borrow_decode_from_slice(bytes, config) {
        Ok((value, used)) if used == bytes.len() => Some(value),
        _ => None,
    }
}

#[track_caller]
fn returns<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    let bytes = encode(&value).unwrap();
    assert_eq!(decode::<T>(&bytes).unwrap(), value);
    assert_eq!(theirs::<T>(&bytes).unwrap(), value);
}

/// Both refuse the bytes, or both read the same from them.
fn agree<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    match (decode::<T>(bytes), theirs::<T>(bytes)) {
        // By their bytes, as NaN is no equal of its own.
        (Ok(ours), Some(theirs)) => assert_eq!(encode(&ours).unwrap(), encode(&theirs).unwrap()),
        (Err(_), None) => {}
        (Ok(_), None) => panic!("{} is read from {bytes:?}", type_name::<T>()),
        (Err(error), Some(_)) => panic!("{error}, from {bytes:?}"),
    }
}

fn all_agree(bytes: &[u8]) {
    agree::<Shape>(bytes);
    agree::<Numbers>(bytes);
    agree::<Vec<Shape>>(bytes);
    agree::<(bool, char, Option<u8>, Unit)>(bytes);
    agree::<Vec<char>>(bytes);
    agree::<Vec<Option<bool>>>(bytes);
    agree::<String>(bytes);
    agree::<Bytes<true>>(bytes);
    agree::<Bytes<false>>(bytes);
    agree::<BTreeMap<u8, String>>(bytes);
    agree::<Result<Vec<u16>, (f32, f64)>>(bytes);
    agree::<(Option<Box<str>>, i128, u128)>(bytes);
    agree::<Range<NonZeroU32>>(bytes);
    agree::<(IpAddr, Duration)>(bytes);
    agree::<CString>(bytes);
    agree::<Tree>(bytes);
}

/// What a hostile, or broken, worker may make of a message.
#[derive(Debug, Clone)]
enum Harm {
    Set(prop::sample::Index, u8),
    Length(prop::sample::Index, u64),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, u8),
    Append(Vec<u8>),
}

fn harm() -> impl Strategy<Value = Harm> {
    let byte = prop_oneof![any::<u8>(), 0..=7u8];
    let length = prop_oneof![0..=20u64, any::<u64>(), Just(1 << 33), Just(u64::MAX)];
    prop_oneof![
        (any::<prop::sample::Index>(), byte.clone()).prop_map(|(at, byte)| Harm::Set(at, byte)),
        (any::<prop::sample::Index>(), length).prop_map(|(at, length)| Harm::Length(at, length)),
        any::<prop::sample::Index>().prop_map(Harm::Cut),
        (any::<prop::sample::Index>(), byte).prop_map(|(at, byte)| Harm::Insert(at, byte)),
        vec(any::<u8>(), 1..9).prop_map(Harm::Append),
    ]
}

fn harmed(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        let len = bytes.len();
        match harm {
            Harm::Set(at, byte) if len > 0 => bytes[at.index(len)] = *byte,
            Harm::Length(at, length) if len >= 8 => {
                let at = at.index(len - 7);
                bytes[at..at + 8].copy_from_slice(&length.to_le_bytes());
            }
            Harm::Cut(at) => bytes.truncate(at.index(len + 1)),
            Harm::Insert(at, byte) => bytes.insert(at.index(len + 1), *byte),
            Harm::Append(more) => bytes.extend(more),
            Harm::Set(..) | Harm::Length(..) => {}
        }
    }
    bytes
}

proptest! {
    #[test]
    fn what_bincode_writes_is_read(
        shape in shape(),
        numbers in numbers(),
        depth in 0..200usize,
        sets in any::<(HashMap<u32, String>, BTreeSet<char>, HashSet<i16>, VecDeque<u8>)>(),
        units in 0..5000usize,
    ) {
        returns(shape);
        returns(numbers);
        returns(tree(depth));
        returns(sets);
        returns(vec![(); units]);
        returns((vec![Unit; units], Unit, [(), ()]));
    }

    #[test]
    fn what_is_lent_borrows_from_the_frame(text: String, bytes: Vec<u8>, other: String) {
        let value = Lent { text: &text, bytes: &bytes, either: other.as_str().into() };
        let encoded = encode(&value).unwrap();
        let decoded: Lent = decode(&encoded).unwrap();
        prop_assert_eq!(&decoded, &value);
        let frame = encoded.as_ptr_range();
        prop_assert!(text.is_empty() || frame.contains(&decoded.text.as_ptr()));
        prop_assert!(bytes.is_empty() || frame.contains(&decoded.bytes.as_ptr()));
        prop_assert!(matches!(decoded.either, Cow::Borrowed(_)));
    }

    // Where the decoder is stricter than bincode's, types and sizes here never come: values
    // that nest too deeply, and more than `EMPTY` elements that take no bytes.
    #[test]
    fn harmed_messages_are_refused_as_by_bincode(
        shape in shape(),
        numbers in numbers(),
        harms in vec(harm(), 1..4),
    ) {
        agree::<Shape>(&harmed(encode(&shape).unwrap(), &harms));
        agree::<Numbers>(&harmed(encode(&numbers).unwrap(), &harms));
        agree::<Tree>(&harmed(encode(&tree(20)).unwrap(), &harms));
        agree::<(Vec<char>, CString, IpAddr)>(&harmed(
            encode(&("aé漢𝄞".chars().collect::<Vec<_>>(), c"text", IpAddr::from([7; 16]))).unwrap(),
            &harms,
        ));
    }

    #[test]
    fn random_bytes_are_refused_as_by_bincode(
        bytes in prop_oneof![vec(any::<u8>(), 0..200), vec(0..=4u8, 0..200)],
    ) {
        all_agree(&bytes);
    }
}

#[test]
fn types_of_the_standard_library_return() {
    returns((Duration::new(3, 7), SystemTime::UNIX_EPOCH));
    returns((IpAddr::from([127, 0, 0, 1]), IpAddr::from([7; 16])));
    returns((PathBuf::from("/tmp/é"), CString::from(c"text")));
    returns((0..7, Bound::Included(3), NonZeroU32::MIN));
    returns((PhantomData::<String>, std::num::Wrapping(7_i8)));
    returns(((f64::MIN_POSITIVE, f32::INFINITY), ((), [(); 3], [[1_u8; 4]; 4])));
    returns((u128::MAX, i128::MIN, u64::MAX, i64::MIN, '\u{10ffff}', '\0'));
    assert!(decode::<f64>(&f64::NAN.to_le_bytes()).unwrap().is_nan());
}

#[test]
fn large_values_return() {
    returns((0..200_000).collect::<Vec<u64>>());
    returns("é".repeat(1 << 20));
    returns(Bytes::<true>(vec![7; 3 << 20]));
    returns(vec![Newtype(7); 300_000]);
    returns((0..50_000).map(|i| (i, i.to_string())).collect::<HashMap<u32, _>>());
    returns([[[[7_u8; 32]; 32]; 32]; 2]);
}

#[test]
fn a_format_that_is_not_for_people_is_asked_for() {
    assert!(!Deserializer::is_human_readable(&&mut Decoder::new(&[])));
}

// ---- hostile bytes ----

fn count(count: u64) -> Vec<u8> {
    count.to_le_bytes().to_vec()
}

#[track_caller]
fn refused<'a, T: Deserialize<'a>>(bytes: &'a [u8], words: &str) {
    match decode::<T>(bytes) {
        Ok(_) => panic!("{} was read", type_name::<T>()),
        Err(error) => assert!(error.to_string().contains(words), "{error}"),
    }
}

#[test]
fn elements_that_take_no_bytes_have_a_budget() {
    const NO_SENSE: &str = "makes no sense";
    const TOO_MANY: &str = "elements that take no bytes";
    assert_eq!(decode::<Vec<()>>(&count(EMPTY as u64)).unwrap().len(), EMPTY);
    for hostile in [EMPTY as u64 + 1, 1 << 33, u64::MAX] {
        refused::<Vec<()>>(&count(hostile), NO_SENSE);
        refused::<Vec<Unit>>(&count(hostile), NO_SENSE);
        refused::<VecDeque<[(); 2]>>(&count(hostile), NO_SENSE);
        refused::<HashMap<(), ()>>(&count(hostile), NO_SENSE);
        refused::<HashSet<PhantomData<u8>>>(&count(hostile), NO_SENSE);
    }
    // It is one for all, however they are spread.
    let most = count(EMPTY as u64 - 1);
    refused::<[Vec<()>; 2]>(&[&most[..], &most].concat(), NO_SENSE);
    let many = [count(9), count(EMPTY as u64 / 8).repeat(9), count(0)].concat();
    refused::<Vec<Vec<()>>>(&many, TOO_MANY);
    refused::<Vec<BTreeMap<(), ()>>>(&many, TOO_MANY);
    // Bytes that are there, but are not theirs, do not help.
    refused::<Vec<()>>(&[count(3 << 20), vec![0; 4 << 20]].concat(), TOO_MANY);
}

#[test]
fn fields_that_do_not_travel_count_by_the_memory_they_take() {
    #[derive(Default, Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Hidden {
        #[serde(skip)]
        room: [u64; 32],
    }
    returns(vec![Hidden::default(); 1000]);
    refused::<Vec<Hidden>>(&count(EMPTY as u64), "elements that take no bytes");
}

#[test]
fn empty_fields_beside_others_have_no_budget() {
    returns(vec![(7_u8, (), PhantomData::<u8>, [Unit]); EMPTY + 7]);
    returns(vec![None::<()>; EMPTY + 7]);
}

#[test]
fn a_length_is_refused_before_memory_is_taken() {
    for hostile in [1 << 32, 1 << 40, u64::MAX, 9] {
        let bytes = [count(hostile), vec![b'x'; 8]].concat();
        refused::<String>(&bytes, "makes no sense");
        refused::<&str>(&bytes, "makes no sense");
        refused::<Box<str>>(&bytes, "makes no sense");
        refused::<&[u8]>(&bytes, "makes no sense");
        refused::<Bytes<true>>(&bytes, "makes no sense");
        refused::<Bytes<false>>(&bytes, "makes no sense");
        refused::<CString>(&bytes, "makes no sense");
    }
    refused::<Vec<u64>>(&[count(1 << 40), vec![0; 80]].concat(), "makes no sense");
    refused::<Vec<u64>>(&[count(1 << 19), vec![0; 80]].concat(), "8 bytes are needed");
    refused::<BTreeMap<u8, u8>>(&[count(9), vec![0; 9]].concat(), "1 bytes are needed");
}

/// The hints that a sequence or map gives, at its start and after each element.
struct Hints<const MAP: bool>(Vec<Option<usize>>);

impl<'de, const MAP: bool> Deserialize<'de> for Hints<MAP> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Recorder;
        impl<'de> Visitor<'de> for Recorder {
            type Value = Vec<Option<usize>>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("elements")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut hints = vec![seq.size_hint()];
                while let Ok(Some(_)) = seq.next_element::<u16>() {
                    hints.push(seq.size_hint());
                }
                Ok(hints)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut hints = vec![map.size_hint()];
                while let Ok(Some(_)) = map.next_entry::<u16, ()>() {
                    hints.push(map.size_hint());
                }
                Ok(hints)
            }
        }
        match MAP {
            true => deserializer.deserialize_map(Recorder),
            false => deserializer.deserialize_seq(Recorder),
        }
        .map(Self)
    }
}

#[test]
fn a_size_hint_is_exact_or_none_and_never_more_than_the_bytes() {
    fn both(bytes: &[u8]) -> Vec<Option<usize>> {
        let seq = decode::<Hints<false>>(bytes).unwrap().0;
        let map = decode::<Hints<true>>(bytes).unwrap().0;
        assert_eq!(seq, map);
        seq
    }
    let honest = encode(&[7_u16, 8, 9][..]).unwrap();
    assert_eq!(both(&honest), [Some(3), Some(2), Some(1), Some(0)]);
    let hostile = [count(1 << 19), vec![0; 4]].concat();
    assert_eq!(both(&hostile), [None, None, None]);
}

fn tree(depth: usize) -> Tree {
    (0..depth).fold(Tree::Leaf, |tree, _| Tree::Node(Box::new(tree)))
}

#[derive(Debug, PartialEq, Deserialize)]
struct List {
    next: Option<Box<List>>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Nest(Vec<Nest>);

#[derive(Debug, PartialEq, Deserialize)]
enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Array(Vec<Json>),
    Object(HashMap<String, Json>),
    Object2 { entries: BTreeMap<String, Json> },
}

#[derive(Debug, PartialEq, Deserialize)]
struct Fat {
    next: Option<Box<Fat>>,
    room: [[u64; 32]; 8],
}

macro_rules! wide {
    ($($variant:ident)*) => {
        #[derive(Debug, PartialEq, Deserialize)]
                enum Wide {
            Node(Box<Wide>),
            $($variant([u64; 8]),)*
        }
    };
}

wide!(A B C D E F G H I J K L M N O P Q R S T U V W X Y Z A1 B1 C1 D1 E1 F1 G1 H1 I1 J1 K1 L1 M1);

/// Recurses in nothing but tuples.
#[derive(Debug, PartialEq)]
struct Custom(Option<Box<Custom>>);

impl<'de> Deserialize<'de> for Custom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Next;
        impl<'de> Visitor<'de> for Next {
            type Value = Custom;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a custom list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Custom, A::Error> {
                Ok(Custom(match seq.next_element()? {
                    Some(true) => seq.next_element()?,
                    _ => None,
                }))
            }
        }
        deserializer.deserialize_tuple(2, Next)
    }
}

#[test]
fn nesting_ends_before_the_stack_does() {
    const DEEP: &str = "nested too deeply";
    const MEBI: usize = 1 << 20;
    let key = [count(1), vec![b'k']].concat();
    let one = |tag: u32, more: &[u8]| [&tag.to_le_bytes()[..], &count(1), more].concat();
    // Half the stack of a usual thread, in a build that takes as much stack as any.
    std::thread::Builder::new()
        .stack_size(MEBI)
        .spawn(move || {
            refused::<Tree>(&1_u32.to_le_bytes().repeat(15 * MEBI), DEEP);
            refused::<List>(&vec![1; MEBI], DEEP);
            refused::<Nest>(&count(1).repeat(MEBI), DEEP);
            refused::<Json>(&one(4, &[]).repeat(MEBI), DEEP);
            refused::<Json>(&one(5, &key).repeat(MEBI), DEEP);
            refused::<Json>(&one(6, &key).repeat(MEBI), DEEP);
            refused::<Fat>(&vec![1; MEBI], DEEP);
            refused::<Wide>(&vec![0; MEBI], DEEP);
            refused::<Custom>(&vec![1; MEBI], DEEP);
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn deep_values_of_honest_workers_return() {
    let null = 0_u32.to_le_bytes();
    let array = [&4_u32.to_le_bytes()[..], &count(1)].concat();
    returns(tree(600));
    assert!(decode::<List>(&[vec![1; 300], vec![0]].concat()).is_ok());
    assert!(decode::<Json>(&[array.repeat(200), null.to_vec()].concat()).is_ok());
    // Depth is not length.
    returns(vec![tree(300); 100]);
}

// ---- what is said of it ----

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
    assert_eq!(text::<u8>(&[1, 2]), at("cannot decode `u8`: 1 bytes too many", "1 of 2"));
    let string = "cannot decode `alloc::string::String`";
    assert_eq!(
        text::<String>(&[2, 0, 0, 0, 0, 0, 0, 0, b'x']),
        at(&format!("{string}: a length of 2 makes no sense, as 1 bytes are left"), "0 of 9")
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
