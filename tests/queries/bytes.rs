//! Bytes in every place where they can be seen. The function itself, called here, says what its
//! worker has to answer.

use pm_runtime::worker_query;
use serde::{Deserialize, Serialize};

#[worker_query(workers = 1)]
#[expect(clippy::type_complexity)]
fn shapes(
    owned: Vec<u8>,
    lent: &[u8],
    maybe: Option<Vec<u8>>,
    maybe_lent: Option<&[u8]>,
    pair: (std::vec::Vec<u8>, u32),
    nested: (Option<Box<[u8]>>, ([u8; 40],)),
    mut last: Vec<u8>,
) -> (Vec<u8>, u32, (Option<Box<[u8]>>, [u8; 40])) {
    last.extend(owned.iter().chain(lent).rev());
    last.extend(maybe.unwrap_or_default().iter().chain(maybe_lent.unwrap_or_default()));
    last.extend(pair.0);
    (last, pair.1 + 1, (nested.0.map(|boxed| boxed.iter().rev().copied().collect()), nested.1.0))
}

#[worker_query(workers = 1)]
async fn read(name: &[u8], content: Vec<u8>) -> Result<Vec<u8>, String> {
    smol::future::yield_now().await;
    match name {
        b"missing" => Err("there is no such file".into()),
        name => Ok([name, &content].concat()),
    }
}

/// A `Result` of another name, whose error stays where it is.
mod fallible {
    pub(super) type Result<T> = std::result::Result<T, (Vec<u8>, u8)>;
}

#[worker_query(workers = 1)]
fn named(bulk: Vec<u8>, held: Option<Vec<u8>>, part_0: (u8, [u8; 2])) -> (Vec<u8>, u8) {
    ([bulk, held.unwrap_or_default(), part_0.1.to_vec()].concat(), part_0.0)
}

#[worker_query(workers = 1)]
fn aliased(bytes: Vec<u8>) -> fallible::Result<Option<Vec<u8>>> {
    match &bytes[..] {
        [] => Ok(None),
        [0, ..] => Err((bytes, 7)),
        _ => Ok(Some(bytes)),
    }
}

/// What the macro cannot see through travels as serde says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Page(Vec<u8>, Vec<Vec<u8>>);

#[worker_query(workers = 1)]
#[expect(clippy::ptr_arg)]
fn unseen(page: Page, list: Vec<Vec<u8>>, boxed: &Vec<u8>, array: &[u8; 4]) -> Page {
    Page([&page.0[..], boxed, array].concat(), [page.1, list].concat())
}

#[derive(Default)]
struct Store {
    files: Vec<(Vec<u8>, Vec<u8>)>,
}

#[worker_query]
impl Store {
    fn put(&mut self, name: &[u8], content: Vec<u8>) -> Option<Vec<u8>> {
        self.files.push((name.into(), content));
        self.files.iter().rev().skip(1).find(|(old, _)| old == name).map(|(_, old)| old.clone())
    }

    async fn get(&self, name: &[u8]) -> Result<(Vec<u8>, usize), String> {
        smol::future::yield_now().await;
        let found = self.files.iter().rposition(|(old, _)| old == name);
        let found = found.ok_or("there is no such file")?;
        Ok((self.files[found].1.clone(), found))
    }
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| i as u8).collect()
}

/// None, few, and so many that they are cut on their way.
const LENGTHS: [usize; 6] = [0, 3, 100, 65_536, 65_543, 3 << 20];

#[pm_runtime::test]
async fn bytes_in_every_place() {
    let pool = ShapesPool::new();
    for length in LENGTHS {
        let (owned, lent, array) = (bytes(length), bytes(length / 3), [7; 40]);
        let nested = || (Some(bytes(length / 2).into()), (array,));
        let maybe = (length > 3).then(|| bytes(length + 1));
        let maybe_lent = (length < 100).then_some(&lent[..]);
        let pair = || (bytes(length * 2), 7);
        let expected = shapes(
            owned.clone(),
            &lent,
            maybe.clone(),
            maybe_lent,
            pair(),
            nested(),
            owned.clone(),
        );
        let answer =
            pool.query(owned.clone(), &lent, maybe, maybe_lent, pair(), nested(), owned).await;
        assert!(answer == Ok(expected), "with {length} bytes");
    }
}

#[pm_runtime::test]
async fn bytes_of_an_async_function_that_may_fail() {
    let pool = ReadPool::new();
    for length in LENGTHS {
        let expected = [&bytes(length)[..], &bytes(7)].concat();
        assert!(pool.query(&bytes(length), bytes(7)).await == Ok(Ok(expected)), "{length}");
        let expected = [&bytes(7)[..], &bytes(length)].concat();
        assert!(pool.query(&bytes(7), bytes(length)).await == Ok(Ok(expected)), "{length}");
    }
    assert_eq!(pool.query(b"missing", bytes(9)).await, Ok(Err("there is no such file".into())));
}

#[pm_runtime::test]
async fn bytes_whose_names_are_those_of_generated_code() {
    let answer = NamedPool::new().query(bytes(3), Some(bytes(2)), (7, [8, 9])).await;
    assert_eq!(answer, Ok((vec![0, 1, 2, 0, 1, 8, 9], 7)));
}

#[pm_runtime::test]
async fn bytes_in_a_result_of_another_name() {
    let pool = AliasedPool::new();
    for bytes in [vec![], vec![0, 1], vec![1; 100_000]] {
        assert_eq!(pool.query(bytes.clone()).await, Ok(aliased(bytes)));
    }
}

#[pm_runtime::test]
async fn bytes_that_cannot_be_seen() {
    let (page, list) = (Page(bytes(100_000), vec![bytes(3), vec![]]), vec![bytes(70_000)]);
    let expected = unseen(page.clone(), list.clone(), &bytes(9), &[1, 2, 3, 4]);
    let answer = UnseenPool::new().query(page, list, &bytes(9), &[1, 2, 3, 4]).await;
    assert_eq!(answer, Ok(expected));
}

#[pm_runtime::test]
async fn bytes_of_a_service() {
    let pool = StorePool::new();
    assert_eq!(pool.put(b"a", bytes(100_000)).await, Ok(None));
    assert_eq!(pool.put(b"b", bytes(3)).await, Ok(None));
    assert_eq!(pool.put(b"a", bytes(200_000)).await, Ok(Some(bytes(100_000))));
    assert_eq!(pool.get(b"a").await, Ok(Ok((bytes(200_000), 2))));
    assert_eq!(pool.get(b"c").await, Ok(Err("there is no such file".into())));
}

#[pm_runtime::test]
async fn many_inputs_of_bytes() {
    use futures::StreamExt;
    let inputs = || LENGTHS.into_iter().map(bytes);
    let answers: Vec<_> = AliasedPool::new().map(inputs()).collect().await;
    let expected: Vec<_> = inputs().map(|bytes| Ok(aliased(bytes))).collect();
    assert!(answers == expected);
}
