//! Options and their values.

use super::{option, refused};
use crate::expand::worker_query;
use crate::stream::worker_stream;

#[test]
fn an_unknown_option_is_answered_with_the_closest_and_the_list() {
    option(
        r#"timout = "30s""#,
        "timout",
        "unknown option `timout`: did you mean `timeout`? the options are workers, timeout,",
    );
    option("worker = 3", "worker", "did you mean `workers`?");
    for (name, key) in
        [("mem_limit", "memory_limit"), ("memory", "memory_limit"), ("retry", "retries")]
    {
        option(&format!("{name} = 3"), name, &format!("did you mean `{key}`?"));
    }
    option("ziggurat = 3", "ziggurat", "unknown option `ziggurat`: the options are");
    for name in ["num_workers", "processes", "threads"] {
        option(&format!("{name} = 3"), name, "did you mean `workers`? the options are");
    }
    option("max_workers = 3", "max_workers", "did you mean `workers = 1..=4`? the options are");
    option("workers(3)", "workers", "write `workers = 4`");
    option("3", "3", "an option is a name and a value");
    option(r#""workers" = 3"#, r#""workers""#, "an option is a name and a value");
}

#[test]
fn what_only_the_builder_takes_is_sent_there() {
    let says = "`label` is said to the builder: write `FPool::builder().label(..)`";
    option(r#"label = "uploads""#, "label", says);
    option("in_process", "in_process", "write `FPool::builder().in_process()`");
    let args = r#"workers = 0, force(true), name = "G", faults = Faults::new().crash(1)"#;
    refused(
        worker_query,
        args,
        "fn f() {}",
        &[
            ("0", "cannot be zero"),
            ("force", "write `GPool::builder().force()`"),
            ("faults", "write `GPool::builder().faults(..)`"),
        ],
    );
    let says = "write `DexPool::builder().label(..)`";
    refused(worker_query, "label = 3", "impl Dex { fn f(&self) {} }", &[("label", says)]);
    let says = "write `LogPool::builder().force()`";
    refused(worker_stream, "force", "struct Log;", &[("force", says)]);
    let says = "`listener` is said to the builder of a `#[worker_raw]`, and has no meaning for \
                `#[worker_query]`: remove it";
    option("listener = tcp", "listener", says);
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
fn a_worker_needs_some_memory_for_itself() {
    for key in ["memory_limit", "max_memory"] {
        let says = format!(
            "a worker itself needs about a MiB, and 1000 bytes are less: write `{key} = \"512MiB\"`, \
             or \"none\" for no limit"
        );
        option(&format!("{key} = 1000"), "1000", &says);
        option(&format!("{key} = \"512KiB\""), "\"512KiB\"", "and 524288 bytes are less");
        option(&format!("{key} = 0"), "0", "cannot be zero");
        for enough in ["1048576", "\"1MiB\"", "None", "LIMIT"] {
            refused(worker_query, &format!("{key} = {enough}"), "fn f() {}", &[]);
        }
    }
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
    option(
        "message = Box<dyn Error>",
        "dyn Error",
        "cannot travel between processes: send an enum",
    );
    for fine in ["HashMap<A, Vec<B>>", "(u32, Option<String>)", "[u8; 3]", "()", "a::B", "dyn A"] {
        refused(worker_query, &format!("message = {fine}, workers = 2"), "fn f() {}", &[]);
    }
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
