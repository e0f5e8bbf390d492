//! Bytes that mean harm.

use super::*;

pub(super) fn count(count: u64) -> Vec<u8> {
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
    refused::<BTreeMap<u8, u8>>(
        &[count(9), vec![0; 9]].concat(),
        "1 byte is needed, and 0 are left",
    );
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

pub(super) fn tree(depth: usize) -> Tree {
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
