use super::{Macro, pretty};
use crate::expand::worker_query;
use crate::main_test::{main, test};
use crate::raw::worker_raw;
use crate::stream::worker_stream;

/// Compares with the snapshot of that name.
fn snapshot(name: &str, macro_: Macro, args: &str, item: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, pretty(macro_, args, item)));
}

const PLAIN: &str = "
    /// Rolls one wild encounter.
    pub fn encounter(input: EncounterInput) -> EncounterResult { roll(&input) }
";

#[test]
fn a_plain_query() {
    snapshot("query_plain", worker_query, r#"workers = 3, timeout = "30s""#, PLAIN);
}

#[test]
fn a_plain_query_is_at_most_90_lines() {
    let file = pretty(worker_query, r#"workers = 3, timeout = "30s""#, PLAIN);
    assert!(file.lines().count() <= 90, "{} lines", file.lines().count());
}

#[test]
fn a_stream() {
    snapshot(
        "stream",
        worker_stream,
        r#"workers = 2, window = 64, init = set_up, message = Notice"#,
        "/// A battle.
         #[derive(Debug, Default)]
         pub struct BattleLog { pub format: String, turn: u32, #[local] started: Option<Instant> }",
    );
}

#[test]
fn a_stream_with_serde_of_its_own() {
    snapshot(
        "stream_serde",
        worker_stream,
        r#"name = "Tail", crate = "renamed::runtime""#,
        "#[cfg(unix)] #[derive(Clone, serde::Serialize, serde::Deserialize)]
         pub(crate) struct Follow(PathBuf, #[local] u64);",
    );
}

#[test]
fn a_query_with_many_arguments() {
    snapshot(
        "query_many",
        worker_query,
        r#"name = "Roll", crate = "renamed::runtime""#,
        "#[cfg(unix)] #[allow(deprecated)] #[inline]
         pub(crate) fn roll_many(mut zone: String, r#type: Type, request: Request<u8>,
                                 frame: [u8; 4], answer: u32, pool: u64, self_: ()) -> Result<Vec<Roll>, RollError> { body() }",
    );
}

#[test]
fn a_query_with_references() {
    snapshot(
        "query_references",
        worker_query,
        "",
        "fn count(text: &str, bytes: &[u8], options: &Opts, list: &[Opts], deep: &Option<&str>,
                  cow: Cow<'_, str>, pair: (&str, u32), owned: Cow<'static, str>) -> usize { 0 }",
    );
}

#[test]
fn a_query_with_bytes() {
    snapshot(
        "query_bytes",
        worker_query,
        "",
        "fn hash(file: Vec<u8>, salt: &[u8], mask: Option<std::vec::Vec<u8>>, key: [u8; 32],
                 part: (u64, (Box<[u8]>, Option<&[u8]>)), list: Vec<u32>, boxed: Box<Vec<u8>>)
             -> io::Result<(Vec<u8>, bool)> { digest() }",
    );
}

#[test]
fn a_service_with_bytes() {
    snapshot(
        "service_bytes",
        worker_query,
        "",
        "impl Store {
             pub async fn get(&self, key: &[u8]) -> Option<Vec<u8>> { self.find(key) }
             pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) { self.insert(key, value) }
         }",
    );
}

#[test]
fn an_async_query() {
    snapshot(
        "query_async",
        worker_query,
        "concurrency = 8, queue_timeout = None",
        "pub async fn fetch(url: &str, options: &Opts) -> Result<Page, Error> { get(url).await }",
    );
}

#[test]
fn a_query_without_arguments_and_answer() {
    snapshot("query_nothing", worker_query, "", "fn tick() {}");
}

#[test]
fn a_service() {
    snapshot(
        "service",
        worker_query,
        "init = Dex::load, workers = 2",
        "impl Dex {
             fn load() -> Result<Self, Error> { read() }
             pub fn lookup(&self, name: &str) -> Option<Species> { self.get(name) }
             pub(crate) fn merge(&mut self, other: Self) -> usize { self.extend(other) }
         }",
    );
}

#[test]
fn an_async_service() {
    snapshot(
        "service_async",
        worker_query,
        "",
        "#[cfg(unix)]
         impl dex::Dex {
             async fn look_up(&self, names: &[String]) -> Vec<Species> { self.get(names).await }
             async fn learn(&mut self, species: Species) { self.insert(species).await }
             #[deprecated] fn count(&self) -> usize { self.len() }
         }",
    );
}

#[test]
fn a_service_with_one_query() {
    snapshot(
        "service_single",
        worker_query,
        "",
        "impl Dice { pub fn roll(&mut self) -> u8 { 4 } }",
    );
}

#[test]
fn a_service_with_mistakes() {
    snapshot(
        "service_mistakes",
        worker_query,
        "timout = 3",
        "impl Dex {
             pub fn new(&self) {}
             pub fn pick<T>(&self, from: Vec<T>) -> &T { &from[0] }
             fn give(self, other: Self) -> Self { other }
         }",
    );
}

#[test]
fn a_query_with_init() {
    snapshot("query_init", worker_query, "init = warm_up", "fn tick() {}");
}

#[test]
fn a_query_with_messages() {
    snapshot(
        "query_message",
        worker_query,
        "message = (u32, Option<Progress>)",
        "fn train(rounds: u32) -> Weights { run(rounds) }",
    );
}

#[test]
fn a_service_with_messages() {
    snapshot(
        "service_message",
        worker_query,
        "message = Vec<Self>",
        "impl Dex {
             pub fn show(&self) { send(self) }
             pub fn on_message(&self, text: &str) { hear(text) }
         }",
    );
}

#[test]
fn a_query_with_mistakes() {
    snapshot(
        "query_mistakes",
        worker_query,
        "workers = 2, timout = 3",
        "pub fn pick<T>(from: Vec<T>) -> &T { &from[0] }",
    );
}

const RAW: &str = "
    /// Runs a safari.
    async fn safari(mut link: RawLink) -> std::io::Result<()> {
        while let Some(command) = link.recv().await? { link.send(&run(&command)).await?; }
        Ok(())
    }
";

#[test]
fn a_raw_pool() {
    let args = r#"workers = 4, env(SAFARI_MODE = "high_performance")"#;
    snapshot("raw", worker_raw, args, RAW);
}

#[test]
fn a_raw_pool_with_types() {
    snapshot(
        "raw_types",
        worker_raw,
        r#"name = "Adder", crate = "renamed::runtime", init = set_up, message = Progress"#,
        "#[cfg(unix)] #[allow(deprecated)]
         pub fn add(link: RawLink<Vec<u32>, Sum>) { run(link) }",
    );
}

#[test]
fn a_raw_pool_of_which_errors_are_known_only_by_what_they_can() {
    snapshot(
        "raw_impl_trait",
        worker_raw,
        "",
        "pub(crate) async fn count(link: pm_runtime::RawLink<Word, u64>) -> Result<(), impl Display> { run(link).await }",
    );
}

#[test]
fn a_raw_pool_that_never_returns() {
    snapshot(
        "raw_never",
        worker_raw,
        r#"runtime = "smol""#,
        "async fn serve(link: RawLink) -> ! { loop { turn(&link).await } }",
    );
}

#[test]
fn a_raw_pool_whose_unused_mut_is_expected() {
    let item = "#[expect(unused_mut)] fn serve(mut link: RawLink) {}";
    assert!(!pretty(worker_raw, "", item).contains("let _"));
}

#[test]
fn a_raw_pool_with_mistakes() {
    snapshot(
        "raw_mistakes",
        worker_raw,
        "workers = 2, timeout = 3, message = Progress",
        "pub fn serve(link: RawLink<u8, u16>, twice: u8) -> Result<(), Error> { run(link) }",
    );
}

#[test]
fn a_main() {
    snapshot(
        "main",
        main,
        "",
        "/// Runs. \n fn main() -> Result<(), Error> { #![allow(unused)] run() }",
    );
}

#[test]
fn an_async_main() {
    snapshot(
        "main_async",
        main,
        "crate = renamed",
        "/// Runs. \n #[instrument] async fn main() -> Result<(), Error> { #![allow(unused)] run().await }",
    );
}

#[test]
fn a_main_above_another() {
    snapshot(
        "main_above_another",
        main,
        "",
        r#"#[cfg(unix)] #[tokio::main(flavor = "current_thread")] async fn main() { run().await }"#,
    );
}

#[test]
fn a_test() {
    snapshot(
        "test",
        test,
        "",
        "#[cfg(unix)] #[ignore] fn it_works() -> Result<(), Error> { run() }",
    );
}

#[test]
fn an_async_test() {
    snapshot(
        "test_async",
        test,
        "",
        r#"/// It does. \n
           #[should_panic = "no"] async fn it_works() { run().await }"#,
    );
}

#[test]
fn a_test_above_another() {
    snapshot("test_above_another", test, "", "#[tokio::test] async fn it_works() { run().await }");
}
