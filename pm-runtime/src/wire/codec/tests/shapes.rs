//! Types of every shape.

use super::*;

/// Bytes that travel as bytes, and ask for an owned buffer or not.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bytes<const OWNED: bool>(pub(super) Vec<u8>);

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
pub(super) struct Numbers {
    unsigned: (u8, u16, u32, u64, u128, usize),
    signed: (i8, i16, i32, i64, i128, isize),
    floats: [f64; 2],
    single: f32,
    yes: bool,
    letter: char,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Newtype(pub(super) u16);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pair(Newtype, Option<Option<bool>>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Shape {
    Unit,
    Newtype(Box<Numbers>),
    Tuple(u8, String, (Unit, Pair)),
    Struct { owned: Bytes<true>, lent: Bytes<false>, result: Result<char, String> },
    Option(Option<Box<Shape>>),
    List(Vec<Shape>),
    Map(BTreeMap<String, Shape>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Tree {
    Leaf,
    Node(Box<Tree>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lent<'a> {
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    #[serde(borrow)]
    pub(super) either: Cow<'a, str>,
}

pub(super) fn numbers() -> impl Strategy<Value = Numbers> {
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

pub(super) fn shape() -> impl Strategy<Value = Shape> {
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
