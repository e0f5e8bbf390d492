//! Every form of argument. The function itself, called here, says what its worker has to answer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pm_runtime::QueryError;
use serde::{Deserialize, Serialize};

/// Neither `Clone` nor anything else that a reference does not need.
#[derive(Serialize, Deserialize)]
pub struct Rules {
    depth: u32,
    names: Vec<String>,
}

impl Rules {
    fn new(depth: u32) -> Self {
        Self { depth, names: vec!["flood".into(), "été".into()] }
    }
}

/// A type of the user's that borrows.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct View<'a> {
    text: &'a str,
    raw: &'a [u8],
}

#[derive(Serialize, Deserialize)]
pub enum Tree {
    Leaf(i32),
    Node(Box<Tree>, Box<Tree>),
}

impl Tree {
    fn sum(&self) -> i32 {
        match self {
            Self::Leaf(value) => *value,
            Self::Node(left, right) => left.sum() + right.sum(),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub struct Tagged<T>(T, String);

mod plain {
    use super::*;
    use pm_runtime::worker_query;

    #[worker_query(workers = 1)]
    pub fn nothing() -> u32 {
        7
    }

    #[worker_query(workers = 1)]
    pub fn one(number: u32) -> u32 {
        number + 1
    }

    #[worker_query(workers = 1)]
    #[allow(clippy::too_many_arguments)]
    pub fn many(
        a: u8,
        b: i64,
        c: String,
        d: char,
        e: bool,
        f: f64,
        g: Option<u32>,
        h: [u8; 3],
        i: (),
    ) -> String {
        format!("{a} {b} {c} {d} {e} {f} {g:?} {h:?} {i:?}")
    }

    #[worker_query(workers = 1)]
    pub fn text(text: &str) -> String {
        text.to_uppercase()
    }

    #[worker_query(workers = 1)]
    pub fn bytes(bytes: &[u8]) -> Vec<u8> {
        bytes.iter().rev().copied().collect()
    }

    #[worker_query(workers = 1)]
    pub fn text_and_bytes(text: &str, times: usize, bytes: &'_ [u8]) -> String {
        format!("{}{bytes:?}", text.repeat(times))
    }

    #[worker_query(workers = 1)]
    pub fn reference(rules: &Rules) -> String {
        format!("{}{:?}", rules.depth, rules.names)
    }

    #[worker_query(workers = 1)]
    pub fn slice(rules: &[Rules]) -> Vec<u32> {
        rules.iter().map(|rules| rules.depth).collect()
    }

    #[worker_query(workers = 1)]
    pub fn array(numbers: &[u16; 4]) -> u16 {
        numbers.iter().sum()
    }

    #[worker_query(workers = 1)]
    pub fn path(path: &Path) -> usize {
        path.components().count()
    }

    #[worker_query(workers = 1)]
    pub fn maybe(text: Option<&str>, bytes: Option<&[u8]>) -> String {
        format!("{text:?} {bytes:?}")
    }

    #[worker_query(workers = 1)]
    pub fn lent_maybe(text: &Option<&str>) -> String {
        format!("{text:?}")
    }

    #[worker_query(workers = 1)]
    pub fn cow(text: Cow<'_, str>, bytes: std::borrow::Cow<'_, [u8]>) -> String {
        format!("{text} {bytes:?}")
    }

    #[worker_query(workers = 1)]
    pub fn is_borrowed(text: Cow<'_, str>, owned: Cow<'static, str>) -> (bool, bool) {
        (matches!(text, Cow::Borrowed(_)), matches!(owned, Cow::Borrowed(_)))
    }

    #[worker_query(workers = 1)]
    pub fn tuple(pair: (&str, u32), nested: (&[u8], (Option<&str>, bool))) -> String {
        format!("{pair:?} {nested:?}")
    }

    #[worker_query(workers = 1)]
    pub fn texts(lent: &[&str], owned: Vec<&str>, map: BTreeMap<&str, u32>) -> String {
        format!("{lent:?} {owned:?} {map:?}")
    }

    #[worker_query(workers = 1)]
    pub fn view(view: View<'_>, lent: &View<'_>) -> String {
        format!("{}{:?} {}{:?}", view.text, view.raw, lent.text, lent.raw)
    }

    #[worker_query(workers = 1)]
    pub fn changed(mut text: String, mut rest: &[u8], mut numbers: Vec<u32>) -> String {
        text.push('!');
        rest = &rest[1..];
        numbers.sort_unstable();
        format!("{text} {rest:?} {numbers:?}")
    }

    #[worker_query(workers = 1)]
    #[allow(clippy::boxed_local)]
    pub fn tree(tree: &Tree, other: Box<Tree>, name: Box<str>) -> String {
        format!("{name} {} {}", tree.sum(), other.sum())
    }

    #[worker_query(workers = 1)]
    pub fn generic(one: Tagged<Vec<u8>>, lent: &Tagged<Option<u8>>) -> String {
        format!("{:?} {} {:?} {}", one.0, one.1, lent.0, lent.1)
    }
}

/// The same as async functions, which hold their arguments across an await.
mod asynchronous {
    use super::*;
    use pm_runtime::worker_query;
    use smol::future::yield_now;

    #[worker_query(workers = 1)]
    pub async fn nothing() -> u32 {
        yield_now().await;
        plain::nothing()
    }

    #[worker_query(workers = 1)]
    pub async fn one(number: u32) -> u32 {
        yield_now().await;
        plain::one(number)
    }

    #[worker_query(workers = 1)]
    #[allow(clippy::too_many_arguments)]
    pub async fn many(
        a: u8,
        b: i64,
        c: String,
        d: char,
        e: bool,
        f: f64,
        g: Option<u32>,
        h: [u8; 3],
        i: (),
    ) -> String {
        yield_now().await;
        plain::many(a, b, c, d, e, f, g, h, i)
    }

    #[worker_query(workers = 1)]
    pub async fn text(text: &str) -> String {
        yield_now().await;
        plain::text(text)
    }

    #[worker_query(workers = 1)]
    pub async fn bytes(bytes: &[u8]) -> Vec<u8> {
        yield_now().await;
        plain::bytes(bytes)
    }

    #[worker_query(workers = 1)]
    pub async fn text_and_bytes(text: &str, times: usize, bytes: &'_ [u8]) -> String {
        yield_now().await;
        plain::text_and_bytes(text, times, bytes)
    }

    #[worker_query(workers = 1)]
    pub async fn reference(rules: &Rules) -> String {
        yield_now().await;
        plain::reference(rules)
    }

    #[worker_query(workers = 1)]
    pub async fn slice(rules: &[Rules]) -> Vec<u32> {
        yield_now().await;
        plain::slice(rules)
    }

    #[worker_query(workers = 1)]
    pub async fn array(numbers: &[u16; 4]) -> u16 {
        yield_now().await;
        plain::array(numbers)
    }

    #[worker_query(workers = 1)]
    pub async fn path(path: &Path) -> usize {
        yield_now().await;
        plain::path(path)
    }

    #[worker_query(workers = 1)]
    pub async fn maybe(text: Option<&str>, bytes: Option<&[u8]>) -> String {
        yield_now().await;
        plain::maybe(text, bytes)
    }

    #[worker_query(workers = 1)]
    pub async fn lent_maybe(text: &Option<&str>) -> String {
        yield_now().await;
        plain::lent_maybe(text)
    }

    #[worker_query(workers = 1)]
    pub async fn cow(text: Cow<'_, str>, bytes: std::borrow::Cow<'_, [u8]>) -> String {
        yield_now().await;
        plain::cow(text, bytes)
    }

    #[worker_query(workers = 1)]
    pub async fn is_borrowed(text: Cow<'_, str>, owned: Cow<'static, str>) -> (bool, bool) {
        yield_now().await;
        plain::is_borrowed(text, owned)
    }

    #[worker_query(workers = 1)]
    pub async fn tuple(pair: (&str, u32), nested: (&[u8], (Option<&str>, bool))) -> String {
        yield_now().await;
        plain::tuple(pair, nested)
    }

    #[worker_query(workers = 1)]
    pub async fn texts(lent: &[&str], owned: Vec<&str>, map: BTreeMap<&str, u32>) -> String {
        yield_now().await;
        plain::texts(lent, owned, map)
    }

    #[worker_query(workers = 1)]
    pub async fn view(view: View<'_>, lent: &View<'_>) -> String {
        yield_now().await;
        plain::view(view, lent)
    }

    #[worker_query(workers = 1)]
    pub async fn changed(mut text: String, mut rest: &[u8], mut numbers: Vec<u32>) -> String {
        text.push('?');
        rest = &rest[1..];
        numbers.pop();
        yield_now().await;
        plain::changed(text, rest, numbers)
    }

    #[worker_query(workers = 1)]
    #[allow(clippy::boxed_local)]
    pub async fn tree(tree: &Tree, other: Box<Tree>, name: Box<str>) -> String {
        yield_now().await;
        plain::tree(tree, other, name)
    }

    #[worker_query(workers = 1)]
    pub async fn generic(one: Tagged<Vec<u8>>, lent: &Tagged<Option<u8>>) -> String {
        yield_now().await;
        plain::generic(one, lent)
    }
}

fn small_tree() -> Tree {
    let leaf = |value| Box::new(Tree::Leaf(value));
    Tree::Node(leaf(3), Box::new(Tree::Node(leaf(-4), leaf(50))))
}

#[pm_runtime::test]
async fn no_argument_one_and_many() {
    assert_eq!(plain::NothingPool::new().query().await, Ok(7));
    assert_eq!(asynchronous::NothingPool::new().query().await, Ok(7));
    assert_eq!(plain::OnePool::new().query(1).await, Ok(2));
    assert_eq!(asynchronous::OnePool::new().query(u32::MAX - 1).await, Ok(u32::MAX));
    let expected = plain::many(1, i64::MIN, "c".into(), 'ß', true, 0.5, None, [1, 2, 3], ());
    let answer = plain::ManyPool::new()
        .query(1, i64::MIN, "c".into(), 'ß', true, 0.5, None, [1, 2, 3], ())
        .await;
    assert_eq!(answer, Ok(expected.clone()));
    let answer = asynchronous::ManyPool::new()
        .query(1, i64::MIN, "c".into(), 'ß', true, 0.5, None, [1, 2, 3], ())
        .await;
    assert_eq!(answer, Ok(expected));
}

#[pm_runtime::test]
async fn text_and_bytes_are_lent() {
    let (text, bytes) = (String::from("grün"), vec![0, 1, 255]);
    assert_eq!(plain::TextPool::new().query(&text).await, Ok("GRÜN".into()));
    assert_eq!(asynchronous::TextPool::new().query(&text).await, Ok("GRÜN".into()));
    assert_eq!(plain::BytesPool::new().query(&bytes).await, Ok(vec![255, 1, 0]));
    assert_eq!(asynchronous::BytesPool::new().query(&bytes).await, Ok(vec![255, 1, 0]));
    let expected = plain::text_and_bytes(&text, 2, &bytes);
    let answer = plain::TextAndBytesPool::new().query(&text, 2, &bytes).await;
    assert_eq!(answer, Ok(expected.clone()));
    let answer = asynchronous::TextAndBytesPool::new().query(&text, 2, &bytes).await;
    assert_eq!(answer, Ok(expected));
}

#[pm_runtime::test]
async fn empty_arguments_arrive_empty() {
    assert_eq!(plain::TextPool::new().query("").await, Ok(String::new()));
    assert_eq!(asynchronous::BytesPool::new().query(&[]).await, Ok(Vec::new()));
    assert_eq!(plain::SlicePool::new().query(&[]).await, Ok(Vec::new()));
    assert_eq!(plain::PathPool::new().query(Path::new("")).await, Ok(0));
}

#[pm_runtime::test]
async fn any_type_is_lent_without_a_clone() {
    let rules = [Rules::new(3), Rules::new(9)];
    let expected = plain::reference(&rules[0]);
    assert_eq!(plain::ReferencePool::new().query(&rules[0]).await, Ok(expected.clone()));
    assert_eq!(asynchronous::ReferencePool::new().query(&rules[0]).await, Ok(expected));
    assert_eq!(plain::SlicePool::new().query(&rules).await, Ok(vec![3, 9]));
    assert_eq!(asynchronous::SlicePool::new().query(&rules[1..]).await, Ok(vec![9]));
    assert_eq!(plain::ArrayPool::new().query(&[1, 2, 3, 4]).await, Ok(10));
    assert_eq!(asynchronous::ArrayPool::new().query(&[1, 2, 3, 5]).await, Ok(11));
}

#[pm_runtime::test]
async fn a_path_is_lent() {
    let path = Path::new("/a/b/c");
    assert_eq!(plain::PathPool::new().query(path).await, Ok(4));
    assert_eq!(asynchronous::PathPool::new().query(path).await, Ok(4));
}

#[pm_runtime::test]
async fn a_path_that_is_no_text_is_a_typed_error() {
    let pool = plain::PathPool::new();
    let error = pool.query(Path::new(OsStr::from_bytes(b"/\xff"))).await.unwrap_err();
    assert!(matches!(error, QueryError::Encode(_)), "{error}");
    assert_eq!(pool.query(Path::new("/a")).await, Ok(2));
}

#[pm_runtime::test]
async fn options_of_references() {
    for (text, bytes) in
        [(None, None), (Some("a"), None), (None, Some(&b"b"[..])), (Some(""), Some(&[]))]
    {
        let expected = plain::maybe(text, bytes);
        let answer = plain::MaybePool::new().query(text, bytes).await;
        assert_eq!(answer, Ok(expected.clone()));
        let answer = asynchronous::MaybePool::new().query(text, bytes).await;
        assert_eq!(answer, Ok(expected));
        let expected = plain::lent_maybe(&text);
        assert_eq!(plain::LentMaybePool::new().query(&text).await, Ok(expected.clone()));
        assert_eq!(asynchronous::LentMaybePool::new().query(&text).await, Ok(expected));
    }
}

#[pm_runtime::test]
async fn cows_go_out_in_either_state() {
    for text in [Cow::Borrowed("lent"), Cow::Owned(String::from("owned"))] {
        let bytes = || Cow::Borrowed(&b"bytes"[..]);
        let expected = plain::cow(text.clone(), bytes());
        let answer = plain::CowPool::new().query(text.clone(), bytes()).await;
        assert_eq!(answer, Ok(expected.clone()));
        let answer = asynchronous::CowPool::new().query(text, bytes()).await;
        assert_eq!(answer, Ok(expected));
    }
}

#[pm_runtime::test]
async fn a_cow_points_into_the_message_unless_it_is_static() {
    let answer = plain::IsBorrowedPool::new().query("a".into(), "b".into()).await;
    assert_eq!(answer, Ok((true, false)));
    let answer = asynchronous::IsBorrowedPool::new().query("a".into(), "b".into()).await;
    assert_eq!(answer, Ok((true, false)));
}

#[pm_runtime::test]
async fn tuples_and_collections_of_references() {
    let (pair, nested) = (("a", 1), (&b"bc"[..], (Some("d"), true)));
    let expected = plain::tuple(pair, nested);
    assert_eq!(plain::TuplePool::new().query(pair, nested).await, Ok(expected.clone()));
    assert_eq!(asynchronous::TuplePool::new().query(pair, nested).await, Ok(expected));
    let owned = || vec!["x", "y"];
    let map = || BTreeMap::from([("k", 1), ("l", 2)]);
    let expected = plain::texts(&["p", "q"], owned(), map());
    let answer = plain::TextsPool::new().query(&["p", "q"], owned(), map()).await;
    assert_eq!(answer, Ok(expected.clone()));
    let answer = asynchronous::TextsPool::new().query(&["p", "q"], owned(), map()).await;
    assert_eq!(answer, Ok(expected));
}

#[pm_runtime::test]
async fn a_type_of_the_users_that_borrows() {
    let view = View { text: "seen", raw: &[1, 2] };
    let expected = plain::view(view, &view);
    assert_eq!(plain::ViewPool::new().query(view, &view).await, Ok(expected.clone()));
    assert_eq!(asynchronous::ViewPool::new().query(view, &view).await, Ok(expected));
}

#[pm_runtime::test]
async fn mutable_arguments_are_the_workers_own() {
    let bytes = vec![1, 2, 3];
    let answer = plain::ChangedPool::new().query("a".into(), &bytes, vec![3, 1, 2]).await;
    assert_eq!(answer, Ok("a! [2, 3] [1, 2, 3]".into()));
    let answer = asynchronous::ChangedPool::new().query("a".into(), &bytes, vec![3, 1, 2]).await;
    assert_eq!(answer, Ok("a?! [3] [1, 3]".into()));
}

#[pm_runtime::test]
async fn recursive_boxed_and_generic_types() {
    let tree = small_tree();
    let other = || Box::new(small_tree());
    let answer = plain::TreePool::new().query(&tree, other(), "oak".into()).await;
    assert_eq!(answer, Ok("oak 49 49".into()));
    let answer = asynchronous::TreePool::new().query(&tree, other(), "elm".into()).await;
    assert_eq!(answer, Ok("elm 49 49".into()));
    let tagged = || Tagged(vec![1], "a".into());
    let lent = Tagged(Some(2), "b".into());
    let expected = plain::generic(tagged(), &lent);
    assert_eq!(plain::GenericPool::new().query(tagged(), &lent).await, Ok(expected.clone()));
    assert_eq!(asynchronous::GenericPool::new().query(tagged(), &lent).await, Ok(expected));
}

#[pm_runtime::test]
async fn arguments_are_encoded_when_the_call_is_made() {
    let pool = plain::TextPool::new();
    let mut text = String::from("before");
    let call = pool.query(&text);
    text.clear();
    text.push_str("after");
    assert_eq!(call.await, Ok("BEFORE".into()));
}
