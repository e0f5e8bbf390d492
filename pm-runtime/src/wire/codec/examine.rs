//! What a value says of itself through serde: whether two say the same, and where one says what
//! bincode cannot carry.

use std::fmt::{self, Display};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::decoder::LEVELS;
use super::spot::Spot;

/// Why a value does not come back as it was sent.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) spot: Spot,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A map or sequence that does not know its length.
    Length,
    /// A field that was left out, though it is always read.
    Skipped,
    /// Deeper than anybody reads.
    Depth,
    /// What the type itself says.
    Custom(Box<str>),
}

/// A hash of all that the value says, names included. Elements and entries count in any order,
/// because a hashed set or map has another each time.
///
/// Fields that are left out are flaws if that is asked for.
pub(super) fn examine<T: Serialize + ?Sized>(value: &T, skips: bool) -> Result<u64, Flaw> {
    value.serialize(Examiner { skips, levels: LEVELS })
}

#[derive(Clone, Copy)]
struct Examiner {
    skips: bool,
    /// How much deeper it goes.
    levels: usize,
}

impl Examiner {
    /// For what is one level deeper, as the decoder counts levels.
    fn deeper(self) -> Result<Self, Flaw> {
        match self.levels.checked_sub(1) {
            Some(levels) => Ok(Self { levels, ..self }),
            None => Err(Flaw { spot: Spot::default(), kind: Kind::Depth }),
        }
    }
}

fn hash(content: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

/// Values that hold no others.
macro_rules! plain {
    ($($method:ident($type:ty);)*) => {$(
        fn $method(self, value: $type) -> Result<u64, Flaw> {
            Ok(hash((stringify!($type), value)))
        }
    )*};
}

impl Serializer for Examiner {
    type Ok = u64;
    type Error = Flaw;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    plain! {
        serialize_bool(bool);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
    }

    fn serialize_f32(self, value: f32) -> Result<u64, Flaw> {
        Ok(hash(("f32", value.to_bits())))
    }

    fn serialize_f64(self, value: f64) -> Result<u64, Flaw> {
        Ok(hash(("f64", value.to_bits())))
    }

    fn serialize_none(self) -> Result<u64, Flaw> {
        Ok(hash("none"))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<u64, Flaw> {
        Ok(hash(("some", value.serialize(self.deeper()?)?)))
    }

    fn serialize_unit(self) -> Result<u64, Flaw> {
        Ok(hash("unit"))
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<u64, Flaw> {
        Ok(hash(("unit", name)))
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        _: &'static str,
    ) -> Result<u64, Flaw> {
        Ok(hash((name, index)))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<u64, Flaw> {
        Ok(hash((name, value.serialize(self.deeper()?)?)))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<u64, Flaw> {
        let mut parts = Parts::new(self, name)?.of_variant(index);
        parts.element(value)?;
        Ok(parts.finish())
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Parts, Flaw> {
        len.ok_or_else(Flaw::length)?;
        Ok(Parts::new(self, "seq")?.in_any_order())
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Parts, Flaw> {
        len.ok_or_else(Flaw::length)?;
        Ok(Parts::new(self, "map")?.in_any_order())
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts, Flaw> {
        Parts::new(self, "tuple")
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Parts, Flaw> {
        Parts::new(self, name)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Parts, Flaw> {
        Ok(Parts::new(self, name)?.of_variant(index))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts, Flaw> {
        Parts::new(self, name)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Flaw> {
        // Its fields are named, and so their position is of no use.
        let mut parts = Parts::new(self, variant)?;
        index.hash(&mut parts.hasher);
        Ok(parts)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// A value that holds others.
struct Parts {
    examiner: Examiner,
    owner: &'static str,
    hasher: DefaultHasher,
    /// The sum of those in any order.
    sum: Option<u64>,
    /// The hash of a map's key whose value is still to come.
    key: u64,
    variant: Option<u32>,
    count: u32,
}

impl Parts {
    fn new(examiner: Examiner, owner: &'static str) -> Result<Self, Flaw> {
        let examiner = examiner.deeper()?;
        let mut hasher = DefaultHasher::new();
        owner.hash(&mut hasher);
        Ok(Self { examiner, owner, hasher, sum: None, key: 0, variant: None, count: 0 })
    }

    fn in_any_order(mut self) -> Self {
        self.sum = Some(0);
        self
    }

    fn of_variant(mut self, index: u32) -> Self {
        index.hash(&mut self.hasher);
        self.variant = Some(index);
        self
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Flaw> {
        let part = value.serialize(self.examiner).map_err(|mut flaw| {
            if let Some(variant) = self.variant {
                flaw.spot.within_variant::<T>(variant, self.count);
            }
            flaw
        })?;
        self.add(part);
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Flaw> {
        let part = value.serialize(self.examiner).map_err(|mut flaw| {
            flaw.spot.within_field(self.owner, name);
            flaw
        })?;
        self.add(hash((name, part)));
        Ok(())
    }

    fn skip(&self, name: &'static str) -> Result<(), Flaw> {
        if !self.examiner.skips {
            return Ok(());
        }
        let mut flaw = Flaw { spot: Spot::default(), kind: Kind::Skipped };
        flaw.spot.within_field(self.owner, name);
        Err(flaw)
    }

    fn add(&mut self, part: u64) {
        self.count = self.count.wrapping_add(1);
        match &mut self.sum {
            Some(sum) => *sum = sum.wrapping_add(part),
            None => part.hash(&mut self.hasher),
        }
    }

    fn finish(mut self) -> u64 {
        (self.sum, self.count).hash(&mut self.hasher);
        self.hasher.finish()
    }
}

/// Those that only count what they hold.
macro_rules! elements {
    ($($trait:ident::$method:ident;)*) => {$(
        impl $trait for Parts {
            type Ok = u64;
            type Error = Flaw;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Flaw> {
                self.element(value)
            }

            fn end(self) -> Result<u64, Flaw> {
                Ok(self.finish())
            }
        }
    )*};
}

elements! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

/// Those that name what they hold.
macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl $trait for Parts {
            type Ok = u64;
            type Error = Flaw;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Flaw> {
                self.field(name, value)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), Flaw> {
                self.skip(name)
            }

            fn end(self) -> Result<u64, Flaw> {
                Ok(self.finish())
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }

impl SerializeMap for Parts {
    type Ok = u64;
    type Error = Flaw;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Flaw> {
        self.key = key.serialize(self.examiner)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Flaw> {
        let value = value.serialize(self.examiner)?;
        self.add(hash((self.key, value)));
        Ok(())
    }

    fn end(self) -> Result<u64, Flaw> {
        Ok(self.finish())
    }
}

impl Flaw {
    fn length() -> Self {
        Self { spot: Spot::default(), kind: Kind::Length }
    }
}

impl serde::ser::Error for Flaw {
    fn custom<T: Display>(message: T) -> Self {
        Self { spot: Spot::default(), kind: Kind::Custom(message.to_string().into()) }
    }
}

impl Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Length => f.write_str("a map or sequence does not know its length")?,
            Kind::Skipped => f.write_str("a field is left out")?,
            Kind::Depth => f.write_str("values are nested too deeply")?,
            Kind::Custom(text) => f.write_str(text)?,
        }
        self.spot.fmt(f)
    }
}

impl std::error::Error for Flaw {}
