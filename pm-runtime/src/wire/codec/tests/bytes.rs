//! What is packed as bytes.

use super::*;
use crate::wire::bytes::Bytes as Packed;

proptest! {
    #[test]
    fn bytes_travel_as_the_sequence_would(bytes: Vec<u8>, number: u32) {
        let packed = (Some(Packed(bytes.clone())), number, Packed(&*bytes));
        let encoded = encode(&packed).unwrap();
        prop_assert_eq!(&encoded, &encode(&(Some(&bytes), number, &bytes)).unwrap());
        let back: (Option<Packed<Vec<u8>>>, u32, Packed<&[u8]>) = decode(&encoded).unwrap();
        prop_assert_eq!(&back, &packed);
        let frame = encoded.as_ptr_range();
        prop_assert!(bytes.is_empty() || frame.contains(&back.2.0.as_ptr()));
        let boxed: (Option<Packed<Box<[u8]>>>, u32, Packed<Vec<u8>>) = decode(&encoded).unwrap();
        prop_assert_eq!(boxed, (Some(Packed((&*bytes).into())), number, Packed(bytes)));
    }
}

#[test]
fn an_array_of_any_length_returns() {
    #[track_caller]
    fn comes_back<const N: usize>() {
        let array: [u8; N] = std::array::from_fn(|i| i as u8);
        let encoded = encode(&Packed(array)).unwrap();
        assert_eq!(decode::<Packed<[u8; N]>>(&encoded).unwrap().0, array);
    }
    comes_back::<0>();
    comes_back::<32>();
    comes_back::<1000>();
}

#[test]
fn an_array_of_another_length_is_refused() {
    let error = decode::<Packed<[u8; 3]>>(&encode(&Packed([1, 2])).unwrap()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("invalid length 2, expected the bytes of `[u8; 3]`"), "{text}");
}
