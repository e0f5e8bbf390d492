//! bincode's decoder beside ours.

use super::*;

fn theirs<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    // The limit keeps it from taking gigabytes.
    let config = bincode::config::standard().with_fixed_int_encoding().with_limit::<{ 64 << 20 }>();
    match bincode::serde::borrow_decode_from_slice(bytes, config) {
        Ok((value, used)) if used == bytes.len() => Some(value),
        _ => None,
    }
}

#[track_caller]
pub(super) fn returns<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
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
        prop_assert_eq!(round_trip(&shape), Ok(()));
        prop_assert_eq!(round_trip(&(numbers.clone(), sets.clone(), tree(depth))), Ok(()));
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

#[test]
fn a_variant_can_be_told_without_the_rest() {
    #[derive(Serialize)]
    enum Message<'a> {
        Empty,
        Text(&'a str),
        Two(u8, u64),
    }
    let messages = [Message::Empty, Message::Text("x"), Message::Two(1, 2)];
    for (index, message) in messages.iter().enumerate() {
        assert_eq!(variant(&encode(message).unwrap()), Some(index));
    }
    assert_eq!(variant(&[0; 3]), None);
}
