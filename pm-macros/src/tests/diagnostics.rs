use super::{Macro, mistakes};
use crate::expand::worker_query;
use crate::main_test::{main, test};
use crate::raw::worker_raw;
use crate::stream::worker_stream;

/// Each error: the source text that it stands under, and what its message has to say.
#[track_caller]
fn refused(macro_: Macro, args: &str, item: &str, expected: &[(&str, &str)]) {
    let found = mistakes(macro_, args, item);
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|((place, message), (expected_place, says))| {
            place == expected_place && message.contains(says)
        });
    assert!(fits, "{args} {item}\nfound {found:#?}\nexpected {expected:#?}");
}

/// A mistake in the options of a query.
#[track_caller]
fn option(args: &str, place: &str, says: &str) {
    refused(worker_query, args, "fn f() {}", &[(place, says)]);
}

/// A mistake in the function.
#[track_caller]
fn function(item: &str, place: &str, says: &str) {
    refused(worker_query, "", item, &[(place, says)]);
}

#[test]
fn an_unknown_option_is_answered_with_the_closest_and_the_list() {
    option(
        r#"timout = "30s""#,
        "timout",
        "unknown option `timout`: did you mean `timeout`? the options are workers, timeout,",
    );
    option("worker = 3", "worker", "did you mean `workers`?");
    option("ziggurat = 3", "ziggurat", "unknown option `ziggurat`: the options are");
    option("workers(3)", "workers", "write `workers = 4`");
    option("3", "3", "an option is a name and a value");
    option(r#""workers" = 3"#, r#""workers""#, "an option is a name and a value");
}

#[test]
fn an_option_is_given_once() {
    let args = "workers = 3, workers = 4";
    refused(worker_query, args, "fn f() {}", &[("workers", "`workers` is given twice: keep one")]);
}

#[test]
fn an_option_needs_a_value_and_a_comma() {
    option("workers", "workers", "write `workers = 4`");
    option("workers =", "=", "`workers` has no value: write `workers = 4`");
    option("workers = , queue = 3", "=", "`workers` has no value");
    option("workers = 3 queue = 3", "queue", "put a comma");
    option("workers = 3 4, queue = 3", "4", "put a comma");
}

#[test]
fn a_choice_is_one_of_its_words() {
    let says = "`cancel` is \"detach\" or \"kill\": write `cancel = \"kill\"`";
    option(r#"cancel = "murder""#, r#""murder""#, says);
    option("cancel = kill", "kill", says);
    option("cancel = true", "true", says);
}

#[test]
fn a_runtime_is_one_of_two() {
    let says = "`runtime` is \"smol\" or \"tokio\": write `runtime = \"smol\"`";
    option(r#"runtime = "async-std""#, r#""async-std""#, says);
}

#[cfg(not(feature = "tokio"))]
#[test]
fn tokio_has_to_be_enabled() {
    let says = "enable its feature `tokio`, as in `pm-runtime = { version = \"..\", \
                features = [\"tokio\"] }`";
    option(r#"runtime = "tokio""#, r#""tokio""#, says);
}

#[test]
fn nothing_runs_beside_what_is_killed_when_it_is_cancelled() {
    let says = "none can run beside it: write `concurrency = 1`, or `cancel = \"detach\"`";
    option(r#"cancel = "kill", concurrency = 2"#, "2", says);
    option(r#"concurrency = 0x40, cancel = "kill""#, "0x40", says);
}

#[test]
fn a_count_is_a_positive_whole_number() {
    option("workers = 0", "0", "`workers` cannot be zero: write `workers = 4`");
    option("concurrency = 0", "0", "cannot be zero");
    option("workers = -1", "-1", "cannot be negative");
    option("workers = 1.5", "1.5", "is a whole number");
    option(r#"workers = "3""#, r#""3""#, "is a whole number: write `workers = 4`");
    option("workers = 3u8", "3u8", "is a `usize`: write `3`");
    option("workers = None", "None", "`workers` needs a limit");
    option("max_crashes = 99999999999", "99999999999", "`max_crashes` is a `u32`");
    option("queue = [3]", "[3]", "is a whole number");
}

#[test]
fn a_range_of_workers_has_two_ends_and_something_between() {
    option("workers = 2..", "2..", "has two ends: write `workers = 1..=8`");
    option("workers = ..=8", "..=8", "has two ends: write `workers = 1..=8`");
    option("workers = 2..8", "2..8", "holds its end: write `workers = 2..=7`");
    option("workers = 8..=2", "8..=2", "this range is empty: write `workers = 2..=8`");
    option("workers = 0..=8", "0", "`workers` cannot be zero");
    option("workers = 1..=8u8", "8u8", "`workers` is a `usize`: write `8`");
    option(r#"workers = 1..="8""#, r#""8""#, "`workers` is a whole number");
    option("queue = 1..2", "1..2", "`queue` is not a range: write `queue = 1024`");
}

#[test]
fn a_length_of_time_has_a_unit() {
    option("timeout = 30", "30", "`timeout` needs a unit: write `timeout = \"30s\"`");
    option("timeout = 5min", "5min", "stands in quotes: write `timeout = \"5min\"`");
    option("max_frame = 1KiB", "1KiB", "stands in quotes: write `max_frame = \"1KiB\"`");
    option(r#"timeout = "30""#, r#""30""#, "`30` has no unit");
    option(r#"timeout = "30sek""#, r#""30sek""#, "`sek` is not a unit of time");
    option(
        r#"timeout = "0s""#,
        r#""0s""#,
        "cannot be zero: write `timeout = \"30s\"`, or \"none\" for no limit",
    );
    option(r#"crash_window = "0s""#, r#""0s""#, "cannot be zero");
    option(r#"boot_timeout = "0s""#, r#""0s""#, "cannot be zero: write `boot_timeout = \"10s\"`");
    option("timeout = true", "true", "is a length of time");
    option("timeout = 1.5", "1.5", "is a length of time");
}

#[test]
fn a_size_has_a_unit_or_is_in_bytes() {
    option(r#"max_frame = "64""#, r#""64""#, "`64` has no unit");
    option(r#"max_frame = "64M""#, r#""64M""#, "`M` is not a unit of size");
    option(r#"max_frame = "0B""#, r#""0B""#, "cannot be zero");
    option("max_frame = 0", "0", "cannot be zero");
    option(r#"queue_bytes = "none""#, r#""none""#, "`queue_bytes` needs a limit");
    option("queue_bytes = 'x'", "'x'", "is a size in bytes");
}

#[test]
fn a_variable_has_a_name_and_a_text() {
    option("env", "env", "takes its variables in parentheses: write `env(SAFARI_MODE = \"calm\")`");
    option(r#"env = "A=B""#, "env", "in parentheses");
    option("env()", "env", "`env` has no variable");
    option("env(3)", "3", "a variable is a name and a value");
    option("env(A)", "A", "`A` takes its value after `=`: write `A = \"value\"`");
    option(r#"env(A-B = "x")"#, "A", "a name that is no identifier stands in quotes");
    option("env(A =)", "=", "`A` has no value: write `A = \"\"`");
    option("env(A = 3)", "3", "`A` is text: write `A = \"3\"`");
    option("env(A = true)", "true", "`A` is text");
    option("env(A = [1])", "[1]", "`A` is text");
    option(r#"env("" = "x")"#, r#""""#, "cannot be the name of a variable");
    option(r#"env("A=B" = "x")"#, r#""A=B""#, "cannot be the name of a variable");
    option(r#"env(A = "x" B = "y")"#, "B", "put a comma between two variables");
    option(r#"env(A = "\0")"#, r#""\0""#, "contains no zero byte");
    // All of them in one compile, and what follows them.
    refused(
        worker_query,
        r#"env(A = 1, B = "x", B = 2), workers = 0"#,
        "fn f() {}",
        &[
            ("1", "write `A = \"1\"`"),
            ("2", "write `B = \"2\"`"),
            ("B", "`B` is given twice: keep one of them"),
            ("0", "`workers` cannot be zero"),
        ],
    );
}

#[test]
fn surroundings_are_of_their_kind() {
    option("clear_env = 1", "1", "`clear_env` is true or false: write `clear_env = true`");
    option(r#"core_dumps = "on""#, r#""on""#, "`core_dumps` is true or false");
    option("cwd = 3", "3", "`cwd` is the path of a folder");
    option(r#"cwd = """#, r#""""#, "`cwd` is the path of a folder");
    option("cwd", "cwd", "write `cwd = \"/var/lib/safari\"`");
    option("nice = 20", "20", "from -20 (served first) to 19 (served last): write `nice = 10`");
    option("nice = -21", "-21", "from -20 (served first) to 19");
    option("nice = 3u8", "3u8", "is a whole number");
    option(r#"nice = "10""#, r#""10""#, "is a whole number");
    option("nice = -1.5", "-1.5", "`nice` is a whole number");
    option(
        r#"stdio = "pipe""#,
        r#""pipe""#,
        "`stdio` is \"inherit\" or \"null\" or \"capture\": write `stdio = \"capture\"`",
    );
    option("stdio = 3", "3", "`stdio` is \"inherit\" or \"null\" or \"capture\"");
}

#[test]
fn the_other_options_are_of_their_kind() {
    option("program = 3", "3", "is the path of a program");
    option(r#"program = """#, r#""""#, "is the path of a program");
    option("name = Roll", "Roll", "is a word in quotes: write `name = \"Roll\"`");
    option(r#"name = "a b""#, r#""a b""#, "cannot begin the name of a type");
    option(r#"name = " Roll""#, r#"" Roll""#, "cannot begin the name of a type");
    option(r#"name = "2d""#, r#""2d""#, "cannot begin the name of a type");
    option(r#"name = "r#type""#, r#""r#type""#, "cannot begin the name of a type");
    option("crate = 3", "3", "is a path");
    option(r#"crate = "a-b""#, r#""a-b""#, "is a path");
}

#[test]
fn a_free_function_has_no_self() {
    function("fn f(&self, x: u8) {}", "&self", "a query on a free function has no `self`");
    function("fn f(self: Box<Self>) {}", "self: Box<Self>", "has no `self`");
}

#[test]
fn a_query_is_not_generic() {
    function("fn f<T: Clone>(x: T) {}", "T: Clone", "write a concrete one");
    function(
        "fn f<const N: usize>(x: [u8; N]) {}",
        "const N: usize",
        "take the constant as an argument",
    );
    function("fn f<'a>(x: &'a str) {}", "'a", "leave the lifetime out");
    function("fn f() where u8: Copy {}", "where", "remove the `where` clause");
    function("fn f() where {}", "where", "remove the `where` clause");
}

#[test]
fn a_type_that_cannot_travel_is_refused() {
    function("fn f(x: impl Fn()) {}", "impl Fn()", "write a concrete type");
    function("fn f(x: Vec<impl Copy>) {}", "impl Copy", "write a concrete type");
    function("fn f() -> impl Copy {}", "impl Copy", "return a concrete type");
    function("fn f(x: &mut Vec<u8>) {}", "&mut Vec<u8>", "take `Vec<u8>` and return the new value");
    function("fn f(x: Option<&mut [u8]>) {}", "&mut [u8]", "take `Vec<u8>`");
    function("fn f(x: &'static str) {}", "'static", "write `&str`");
    function("fn f() -> ! { loop {} }", "!", "leave the type out");
}

#[test]
fn a_lifetime_is_written_where_a_message_has_to_know_it() {
    function("fn f(x: Cow<str>) {}", "Cow<str>", "write `Cow<'_, ..>`");
    function(
        "fn f() -> Option<std::borrow::Cow<[u8]>> {}",
        "std::borrow::Cow<[u8]>",
        "write `Cow<'static, ..>`",
    );
    refused(worker_query, "", "fn f(x: Cow<'_, str>) -> Cow<'static, str> {}", &[]);
}

#[test]
fn a_query_has_no_link() {
    let says = "a link is the argument of a `#[worker_raw]`: write that instead of";
    function("async fn f(link: RawLink) {}", "RawLink", says);
    function("fn f(mut l: pm_runtime::RawLink<A, B>) {}", "pm_runtime::RawLink<A, B>", says);
}

#[test]
fn an_answer_is_not_borrowed() {
    function("fn f(x: &str) -> &str { x }", "&str", "return `String`");
    function(
        "fn f() -> Option<&'static [Vec<u8>]> { None }",
        "&'static [Vec<u8>]",
        "return `Vec<Vec<u8>>`",
    );
    function("fn f() -> &'static Path { None }", "&'static Path", "return `PathBuf`");
    function("fn f(x: &str) -> Cow<'_, str> { x.into() }", "'_", "write `'static`");
}

#[test]
fn a_query_is_a_plain_function() {
    function("unsafe fn f() {}", "unsafe", "remove `unsafe`");
    function("const fn f() {}", "const", "remove `const`");
    function("extern \"C\" fn f() {}", "extern \"C\"", "remove the `extern`");
    refused(
        worker_query,
        "",
        "extern fn f(x: u8, ...) {}",
        &[("extern", "remove the `extern`"), ("...", "take a `Vec<T>`")],
    );
}

#[test]
fn an_argument_has_a_plain_name() {
    function("fn f((a, b): (u8, u8)) {}", "(a, b)", "take it apart in the body");
    function("fn f(_: u8) {}", "_", "needs a plain name");
    function("fn f(ref a: u8) {}", "ref a", "needs a plain name");
    function("fn f(a @ 3: u8) {}", "a @ 3", "needs a plain name");
    function("fn f(#[cfg(x)] a: u8) {}", "#[cfg(x)]", "write the whole function twice");
}

#[test]
fn names_of_generated_types_are_reserved() {
    let says = "rename yours, or choose another stem with `name = \"..\"`";
    function("fn roll(x: RollRequest) {}", "RollRequest", says);
    function("fn roll() -> Vec<RollPoolBuilder> {}", "RollPoolBuilder", says);
    function("fn __() {}", "__", "write `#[worker_query(name = \"Roll\")]`");
    function("fn _2d() {}", "_2d", "write `#[worker_query(name = \"Roll\")]`");
    refused(worker_query, r#"name = "Dice""#, "fn roll(x: RollRequest) {}", &[]);
    refused(worker_query, "", "fn roll(x: theirs::RollRequest) {}", &[]);
}

#[test]
fn an_item_has_one_of_the_attributes() {
    let says = "cannot stand beside `#[worker_query]`: keep one of them";
    function("#[worker_query] fn f() {}", "#[worker_query]", says);
    function(
        "#[pm_runtime::worker_raw(workers = 3)] fn f() {}",
        "#[pm_runtime::worker_raw(workers = 3)]",
        says,
    );
    function("#[pm_runtime::test] fn f() {}", "#[pm_runtime::test]", says);
    refused(
        main,
        "",
        "#[worker_query] fn main() {}",
        &[("#[worker_query]", "cannot stand beside `#[pm_runtime::main]`")],
    );
}

#[test]
fn another_item_than_a_function_is_refused_at_its_keyword() {
    function("trait Dex { fn f(&self); }", "trait", "or above the `impl` block of a service");
    function("pub struct S;", "struct", "stands above a `fn` with a body");
    function("pub enum E {}", "enum", "stands above a `fn`");
    refused(main, "", "struct S;", &[("struct", "`#[pm_runtime::main]` stands above a `fn`")]);
    refused(test, "", "mod tests {}", &[("mod", "`#[pm_runtime::test]` stands above a `fn`")]);
}

#[test]
fn a_service_is_an_impl_block_of_a_type_with_a_name() {
    function(
        "impl Find for Dex { fn f(&self) {} }",
        "Find",
        "write `impl Dex`, with methods that call",
    );
    function("impl<T> Dex<T> { fn f(&self) {} }", "T", "such as `impl Dex<u32>`");
    function("impl<const N: usize> Dex<N> { fn f(&self) {} }", "const N: usize", "a concrete one");
    function("impl<'a> Dex<'a> { fn f(&self) {} }", "'a", "write `'static`");
    function("impl Dex<'_> { fn f(&self) {} }", "'_", "write `'static`");
    function("impl Dex where u8: Copy { fn f(&self) {} }", "where", "remove the `where`");
    function("impl Dex where { fn f(&self) {} }", "where", "remove the `where`");
    function("impl Dex { fn f(&self) where {} }", "where", "remove the `where`");
    function("impl (u8, u8) { fn f(&self) {} }", "(u8, u8)", "wrap `(u8, u8)` in a `struct`");
    function("unsafe impl Dex { fn f(&self) {} }", "unsafe", "remove `unsafe`");
    function("impl Dex { fn f() {} }", "impl", "at least one method with `&self` or `&mut self`");
    refused(worker_query, "", "impl dex::Dex<u8> { fn f(&self) {} fn g<T>(x: &mut T) {} }", &[]);
}

#[test]
fn a_query_of_a_service_borrows_its_state() {
    let service = |method: &str| format!("impl Dex {{ {method} }}");
    let says = "write `&self` or `&mut self`";
    function(&service("fn f(self) {}"), "self", says);
    function(&service("fn f(mut self) {}"), "mut self", says);
    function(&service("fn f(self: Box<Self>) {}"), "self: Box<Self>", says);
    function(&service("fn f(&'static self) {}"), "'static", "leave the lifetime out");
    for fine in ["&self", "&mut self", "self: &Self", "self: &mut Self"] {
        refused(worker_query, "", &service(&format!("fn f({fine}) {{}}")), &[]);
    }
}

#[test]
fn a_query_of_a_service_is_a_plain_method() {
    let method = |method: &str, place: &str, says: &str| {
        function(&format!("impl Dex {{ {method} }}"), place, says);
    };
    method("const fn f(&self) {}", "const", "remove `const`");
    method("unsafe fn f(&self) {}", "unsafe", "remove `unsafe`");
    method("extern \"C\" fn f(&self) {}", "extern \"C\"", "remove the `extern`");
    method("fn f<T>(&self, x: T) {}", "T", "write a concrete one");
    method("fn f(&self, x: &mut Self) {}", "&mut Self", "take `Self` and return the new value");
    method("fn f(&self) -> &Self { self }", "&Self", "return `Self`");
    method("fn f(&self, (a, b): (u8, u8)) {}", "(a, b)", "needs a plain name");
    method("fn f(&self, x: DexRequest) {}", "DexRequest", "rename yours");
    method("#[cfg(x)] fn f(&self) {}", "#[cfg(x)]", "put the condition into the method's body");
    method("#[cfg_attr(x, cfg(y))] fn f(&self) {}", "#[cfg_attr(x, cfg(y))]", "the whole `impl`");
    method("#[worker_query] fn f(&self) {}", "#[worker_query]", "keep one of them");
    method("fn __(&self) {}", "__", "rename the method");
    method("fn self_(&self) {}", "self_", "rename the method");
    method("fn a_b(&self) {} fn aB(&self) {}", "aB", "`a_b` is the variant `AB` of the messages");
}

#[test]
fn names_that_every_pool_has_are_refused_for_queries_and_free_for_helpers() {
    for name in ["new", "builder", "shared", "in_process", "clone"] {
        let service = format!("impl Dex {{ fn {name}(&self) {{}} }}");
        function(&service, name, "is what every pool has itself: rename the method");
        let service = format!("impl Dex {{ fn {name}() {{}} fn query(&self) {{}} }}");
        refused(worker_query, "", &service, &[]);
    }
}

#[test]
fn all_mistakes_of_a_service_show_at_once() {
    refused(
        worker_query,
        "workers = 0",
        "impl<T> Dex<T> { fn new(&self, x: impl Copy) {} fn f(self) -> &u8 { &0 } }",
        &[
            ("0", "cannot be zero"),
            ("T", "cannot be generic"),
            ("new", "rename the method"),
            ("impl Copy", "write a concrete type"),
            ("self", "write `&self`"),
            ("&u8", "return `u8`"),
        ],
    );
}

#[test]
fn init_is_the_path_of_a_function() {
    option("init = 3", "3", "is the path of a function without arguments: write `init = set_up`");
    option("init = \"load\"", "\"load\"", "is the path of a function");
    option("init = Dex::load()", "Dex::load()", "write `init = Dex::load`");
    option("init = load(3)", "load(3)", "is the path of a function");
    refused(worker_query, "init = Dex::<u8>::load", "fn f() {}", &[]);
    refused(worker_query, "init = || Dex::load(3)", "fn f() {}", &[]);
}

#[test]
fn message_is_a_type_that_owns_what_it_carries() {
    option("message = 3", "3", "`message` is a type: write `message = Progress`");
    option("message = \"Progress\"", "\"Progress\"", "`message` is a type");
    option("message = impl Serialize", "impl Serialize", "`message` is a type");
    option("message = _", "_", "`message` is a type");
    option("message = &'static str", "&'static str", "write `message = String`");
    option("message = &[Turn]", "&[Turn]", "write `message = Vec<Turn>`");
    for fine in ["HashMap<A, Vec<B>>", "(u32, Option<String>)", "[u8; 3]", "()", "a::B", "dyn A"] {
        refused(worker_query, &format!("message = {fine}, workers = 2"), "fn f() {}", &[]);
    }
}

#[test]
fn all_mistakes_show_at_once() {
    refused(
        worker_query,
        "workers = 0, timout = \"3s\", grace = \"3\"",
        "const fn f<T>(&self, (a, b): (u8, u8), c: &mut T) -> &T {}",
        &[
            ("0", "cannot be zero"),
            ("timout", "did you mean `timeout`?"),
            ("\"3\"", "has no unit"),
            ("const", "remove `const`"),
            ("T", "cannot be generic"),
            ("&self", "has no `self`"),
            ("(a, b)", "plain name"),
            ("&mut T", "take `T`"),
            ("&T", "return `T`"),
        ],
    );
}

#[test]
fn main_and_tests_take_nothing() {
    refused(main, "", "fn main(x: u8, y: u8) {}", &[("x: u8, y: u8", "`main` takes no arguments")]);
    refused(main, "", "async fn main<T>() {}", &[("<T>", "`main` cannot be generic")]);
    refused(main, "", "unsafe fn main() {}", &[("unsafe", "remove `unsafe`")]);
    refused(main, "", "fn start() {}", &[("start", "stands above `fn main`")]);
    refused(test, "", "async fn f(x: u8) {}", &[("x: u8", "a test takes no arguments")]);
    refused(test, "", "fn f() where u8: Copy {}", &[("where", "remove the `where` clause")]);
}

#[test]
fn main_and_tests_have_one_option() {
    refused(
        main,
        "workers = 3",
        "fn main() {}",
        &[("workers", "`#[pm_runtime::main]` takes only `crate`")],
    );
    refused(
        test,
        "flavor = 3",
        "fn f() {}",
        &[("flavor", "unknown option `flavor`: `#[pm_runtime::test]` takes only `crate`")],
    );
    refused(main, "crate = some::path", "fn main() {}", &[]);
}

#[test]
fn a_stream_stands_above_a_struct() {
    let stream = |item: &str, place: &str, says: &str| {
        refused(worker_stream, "", item, &[(place, says)]);
    };
    stream("enum E { A }", "enum", "put the enum into a field of one");
    stream("impl S {}", "impl", "not above its `impl`");
    stream("fn f() {}", "fn", "a function is a `#[worker_query]`");
    stream("trait T {}", "trait", "stands above a `struct`");
    stream("struct S<T>(T);", "T", "a stream cannot be generic");
    stream("struct S<'a>(&'a str);", "'a", "borrows nothing");
    stream("struct S<const N: usize>;", "const N: usize", "make the constant a field");
    stream("struct S { #[local = 3] a: u8 }", "#[local = 3]", "takes no value");
    stream("#[worker_raw] struct S;", "#[worker_raw]", "cannot stand beside `#[worker_stream]`");
}

/// A mistake in the function of a raw worker.
#[track_caller]
fn raw(item: &str, place: &str, says: &str) {
    refused(worker_raw, "", item, &[(place, says)]);
}

#[test]
fn a_raw_worker_is_a_function_of_its_link() {
    raw("fn f() {}", "f", "takes its link: write `link: RawLink`");
    raw("fn f(&self) {}", "&self", "has no `self`, only its link: write `link: RawLink`");
    raw("fn f(self: Box<Self>) {}", "self: Box<Self>", "write `link: RawLink`");
    raw("fn f(link: &RawLink) {}", "&RawLink", "owns its link: write `RawLink`");
    raw(
        "fn f(link: &mut RawLink<A, B>) {}",
        "&mut RawLink<A, B>",
        "owns its link: write `RawLink<A, B>`",
    );
    let says = "takes its link, by this name: write `RawLink`, or `RawLink<In, Out>` with";
    raw("fn f(link: impl Link) {}", "impl Link", says);
    raw("fn f(link: Link<A, B>) {}", "Link<A, B>", says);
    raw("fn f(port: u16) {}", "u16", says);
    raw("fn f(#[cfg(x)] link: RawLink) {}", "#[cfg(x)]", "write the whole function twice");
    raw(
        "fn f(link: RawLink, port: u16) {}",
        "port: u16",
        "takes nothing but its link: send the rest as its first message",
    );
    refused(
        worker_raw,
        "",
        "fn f(&self, link: RawLink) {}",
        &[("&self", "has no `self`"), ("link: RawLink", "takes nothing but its link")],
    );
    for fine in ["mut link: RawLink", "_: RawLink", "l: a::RawLink<Vec<A>, fn(&A)>", "l: (RawLink)"]
    {
        refused(worker_raw, "", &format!("fn f({fine}) {{}}"), &[]);
    }
}

#[test]
fn a_raw_worker_is_a_plain_function() {
    raw("unsafe fn f(l: RawLink) {}", "unsafe", "remove `unsafe`");
    raw("const fn f(l: RawLink) {}", "const", "remove `const`");
    raw("extern \"C\" fn f(l: RawLink) {}", "extern \"C\"", "remove the `extern`");
    raw("fn f<T>(l: RawLink<T, u8>) {}", "T", "write a concrete one");
    raw("fn f<const N: usize>(l: RawLink) {}", "const N: usize", "write a `const` beside it");
    raw("fn f<'a>(l: RawLink) {}", "'a", "remove the lifetime parameter");
    raw("fn f(l: RawLink) where {}", "where", "remove the `where` clause");
    raw("fn __(l: RawLink) {}", "__", "write `#[worker_raw(name = \"Serve\")]`");
    refused(
        worker_raw,
        "",
        "extern fn f(l: RawLink, ...) {}",
        &[("extern", "remove the `extern`"), ("...", "remove this")],
    );
}

#[test]
fn messages_of_raw_workers_are_owned_and_known() {
    raw("fn f(l: RawLink<&str, u8>) {}", "&str", "borrows nothing: write `String`");
    raw("fn f(l: RawLink<u8, Vec<&'static [A]>>) {}", "&'static [A]", "write `Vec<A>`");
    raw("fn f(l: RawLink<Cow<'_, str>, u8>) {}", "'_", "write `'static`");
    raw("fn f(l: RawLink<impl Copy, u8>) {}", "impl Copy", "write a concrete type");
    raw("fn f(l: RawLink<A>) {}", "RawLink<A>", "write `RawLink<A, Out>` with the type of what");
    let says = "write `RawLink` alone, or `Vec<u8>` for bytes in one direction";
    raw("fn f(l: RawLink<A, pm_runtime::RawBytes>) {}", "pm_runtime::RawBytes", says);
    raw("fn f(l: RawLink<_, u8>) {}", "_", "has to know the types of the messages");
    raw("fn f(l: RawLink<Self, u8>) {}", "Self", "write the type's name");
    raw("fn f(l: RawLink) -> Result<(), Self::Error> {}", "Self", "write the type's name");
    let says = "`FPool` is a type that `#[worker_raw]` makes: rename yours";
    raw("fn f(l: RawLink<Vec<FPool>, u8>) {}", "FPool", says);
}

#[test]
fn a_raw_worker_stands_above_a_function() {
    raw("struct S;", "struct", "a struct is a `#[worker_stream]`");
    raw("impl S {}", "impl", "an `impl` block is a `#[worker_query]`");
    raw("enum E {}", "enum", "`#[worker_raw]` stands above a `fn` with a body: move it there");
    let item = "fn f(l: RawLink);";
    raw(item, item, "`#[worker_raw]` stands above a `fn` with a body");
    raw(
        "#[worker_query(workers = 3)] fn f(l: RawLink) {}",
        "#[worker_query(workers = 3)]",
        "`#[worker_query]` cannot stand beside `#[worker_raw]`: keep one of them",
    );
}

#[test]
fn options_without_a_meaning_for_raw_workers_are_refused() {
    let option = |args: &str, place: &str, says: &str| {
        refused(worker_raw, args, "fn f(l: RawLink) {}", &[(place, says)]);
    };
    let says = "is an option of `#[worker_query]`, and has no meaning for `#[worker_raw]`";
    option(r#"cancel = "kill""#, "cancel", says);
    option("quarantine = 1", "quarantine", says);
    option("retries = 1", "retries", says);
    let says = "is an option of `#[worker_query]` and `#[worker_stream]`, and has no meaning for \
                `#[worker_raw]`: remove it";
    for name in ["timeout", "queue_timeout", "concurrency", "queue", "queue_bytes"] {
        option(&format!("{name} = 3"), name, says);
    }
    option(
        "timout = 3",
        "timout",
        "unknown option `timout`: the options are workers, boot_timeout,",
    );
    option("windo = 3", "windo", "did you mean `window`?");
}

#[test]
fn all_mistakes_of_a_raw_worker_show_at_once() {
    refused(
        worker_raw,
        "workers = 0, timeout = \"3s\"",
        "unsafe fn f<T>(link: &RawLink, more: T) {}",
        &[
            ("0", "cannot be zero"),
            ("timeout", "has no meaning"),
            ("unsafe", "remove `unsafe`"),
            ("T", "cannot be generic"),
            ("&RawLink", "owns its link"),
            ("more: T", "takes nothing but its link"),
        ],
    );
}

#[test]
fn options_of_streams_and_of_queries_are_told_apart() {
    let args = r#"cancel = "kill""#;
    let says = "`cancel` is an option of `#[worker_query]`, and has no meaning for";
    refused(worker_stream, args, "struct S;", &[("cancel", says)]);
    let says =
        "`window` is an option of `#[worker_stream]` and `#[worker_raw]`, and has no meaning";
    option("window = 3", "window", says);
    refused(worker_stream, "window = 0", "struct S;", &[("0", "")]);
    let says = "did you mean `window`?";
    refused(worker_stream, "windo = 3", "struct S;", &[("windo", says)]);
}
