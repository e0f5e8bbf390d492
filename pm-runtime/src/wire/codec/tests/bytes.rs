//! What is packed as bytes.

use super::*;
use crate::wire::bytes::Bytes;

fn packed<T>(bytes: T) -> Bytes<T> {
    Bytes::here(bytes)
}

proptest! {
    #[test]
    fn bytes_travel_as_the_sequence_would(bytes: Vec<u8>, number: u32) {
        let value = (Some(packed(bytes.clone())), number, packed(&*bytes));
        let encoded = encode(&value).unwrap();
        prop_assert_eq!(&encoded, &encode(&(Some(&bytes), number, &bytes)).unwrap());
        type Lent<'a> = (Option<Bytes<Vec<u8>>>, u32, Bytes<&'a [u8]>);
        let back: Lent = decode(&encoded).unwrap();
        prop_assert_eq!(&back, &value);
        let frame = encoded.as_ptr_range();
        prop_assert!(bytes.is_empty() || frame.contains(&back.2.0.as_ptr()));
        type Boxed = (Option<Bytes<Box<[u8]>>>, u32, Bytes<Vec<u8>>);
        let boxed: Boxed = decode(&encoded).unwrap();
        prop_assert_eq!(boxed, (Some(packed((&*bytes).into())), number, packed(bytes)));
    }
}

#[test]
fn an_array_of_any_length_returns() {
    #[track_caller]
    fn comes_back<const N: usize>() {
        let array: [u8; N] = std::array::from_fn(|i| i as u8);
        let encoded = encode(&packed(array)).unwrap();
        assert_eq!(decode::<Bytes<[u8; N]>>(&encoded).unwrap().0, array);
    }
    comes_back::<0>();
    comes_back::<32>();
    comes_back::<1000>();
}

#[test]
fn an_array_of_another_length_is_refused() {
    let error = decode::<Bytes<[u8; 3]>>(&encode(&packed([1, 2])).unwrap()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("invalid length 2, expected the bytes of `[u8; 3]`"), "{text}");
}

/// Sends it through what the transports see of it.
fn sent(parcel: &Parcel) -> Parcel {
    let [first, second] = parcel.parts();
    assert!(first.len() % 8 == 0, "a part that others follow is not whole words");
    let bytes = [first, second].concat();
    let place = bytes.as_ptr();
    let received = Parcel::from_bytes(bytes).unwrap();
    assert!(first.is_empty() || received.parts()[0].as_ptr() == place, "it was copied");
    assert_eq!((received.value(), received.size()), (parcel.value(), parcel.size()));
    received
}

proptest! {
    #[test]
    fn large_bytes_come_back_from_beside_a_message(
        lengths in vec(prop_oneof![0..100usize, 65_500..65_600usize, Just(1 << 20)], 3),
        number: u32,
        text in prop_oneof![Just(String::new()), Just("é".repeat(40_000))],
    ) {
        let all: Vec<Vec<u8>> = lengths.iter().map(|n| (0..*n).map(|i| i as u8).collect()).collect();
        let mut bulk = Bulk::new();
        let message = (
            bulk.pack(&all[0][..]),
            number,
            Some(bulk.pack(all[1].clone())),
            text.clone(),
            bulk.pack(all[2].clone().into_boxed_slice()),
        );
        let parcel = encode_message(&message, bulk).unwrap();
        let alike = encode(&(&all[0], number, Some(&all[1]), &text, &all[2])).unwrap();
        prop_assert_eq!(parcel.size(), alike.len());
        let mut received = sent(&parcel);
        type Message<'a> = (Bytes<&'a [u8]>, u32, Option<Bytes<Vec<u8>>>, String, Bytes<Box<[u8]>>);
        let (lent, back, owned, said, boxed): Message = decode_message(&mut received).unwrap();
        prop_assert!(lent.0 == all[0] && owned.unwrap().0 == all[1] && *boxed.0 == all[2]);
        prop_assert_eq!((back, said), (number, text));
    }

    #[test]
    fn what_is_beside_a_message_is_as_long_as_that_says(
        length in 65_536..65_600usize,
        lie in prop_oneof![any::<u64>(), 65_000..66_000u64],
        here in 0..20usize,
    ) {
        let mut bulk = Bulk::new();
        let packed = bulk.pack(vec![1; length]);
        let kept = (length - packed.0.len()) as u64;
        let value = [&(lie | 1 << 63).to_le_bytes()[..], &vec![7; here]].concat();
        let mut parcel = sent(&Parcel::new(value, bulk));
        let said = lie & !(1 << 63);
        match decode_message::<Bytes<Vec<u8>>>(&mut parcel) {
            Ok(bytes) => prop_assert!(said == kept + here as u64 && bytes.0.len() as u64 == said),
            Err(_) => prop_assert!(said != kept + here as u64),
        }
    }
}

#[test]
fn large_bytes_are_moved_all_the_way() {
    let bytes = vec![7; 100_000];
    let place = bytes.as_ptr();
    let mut bulk = Bulk::new();
    let message = (1_u8, bulk.pack(bytes));
    let mut parcel = encode_message(&message, bulk).unwrap();
    assert_eq!(parcel.parts()[0].as_ptr(), place);
    let back: (u8, Bytes<Vec<u8>>) = decode_message(&mut parcel).unwrap();
    assert_eq!((back.1.0.as_ptr(), back.1.0.len()), (place, 100_000));
}

#[test]
fn what_is_beside_a_message_has_to_be_asked_for() {
    let mut bulk = Bulk::new();
    bulk.pack(vec![7; 65_536]);
    let mut parcel = Parcel::new(encode(&7_u8).unwrap(), bulk);
    let error = decode_message::<u8>(&mut parcel).unwrap_err().to_string();
    assert!(error.contains("65536 bytes are left over"), "{error}");
}

#[test]
fn a_parcel_cannot_have_more_bulk_than_bytes() {
    let mut bytes = vec![0; 70_000];
    for (length, is_parcel) in [(0, true), (69_992, true), (69_993, false), (u64::MAX, false)] {
        bytes.truncate(69_992);
        bytes.extend(length.to_le_bytes());
        assert_eq!(Parcel::from_bytes(bytes.clone()).is_some(), is_parcel, "{length}");
    }
}
