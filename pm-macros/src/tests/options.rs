use super::{mistakes, pretty};
use crate::expand::worker_query;
use crate::keys::{KEYS, Kind, Subject};
use crate::raw::worker_raw;
use crate::stream::worker_stream;

/// The body of `builder()`, without spaces.
fn builder(args: &str) -> String {
    let file = pretty(worker_query, args, "fn f() {}");
    let compact: String = file.split_whitespace().collect();
    let (_, body) = compact.split_once("__private::builder()").expect("a builder");
    let (body, _) = body.split_once('}').expect("its end");
    body.to_owned()
}

#[test]
fn the_docs_list_every_option_in_order() {
    let docs = include_str!("../options.md");
    let rows: Vec<_> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split("` |").next())
        .collect();
    let examples: Vec<_> = KEYS.iter().map(|key| key.example).collect();
    assert_eq!(rows, examples);
}

#[test]
fn every_example_of_the_table_is_accepted() {
    for key in KEYS {
        let rest = key.example.strip_prefix(key.name).expect("its name");
        assert!(rest.starts_with(" = ") || rest.starts_with('('), "{}", key.example);
        for subject in [Subject::Query, Subject::Stream, Subject::Raw] {
            let found = match subject {
                Subject::Query => mistakes(worker_query, key.example, "fn f() {}"),
                Subject::Stream => mistakes(worker_stream, key.example, "struct S;"),
                Subject::Raw => mistakes(worker_raw, key.example, "fn f(link: RawLink) {}"),
            };
            let is_accepted = found.is_empty();
            assert_eq!(
                is_accepted,
                key.subjects().contains(&subject),
                "{}: {found:?}",
                key.example
            );
        }
    }
}

#[test]
fn a_value_that_the_macro_reads_reaches_the_builder_typed() {
    for (args, call) in [
        ("", ""),
        ("workers = 3", ".workers(3usize)"),
        ("workers = 0x10", ".workers(16usize)"),
        ("workers = 1_000usize", ".workers(1000usize)"),
        ("workers = (3)", ".workers(3usize)"),
        ("workers = 2..=8", ".workers(2usize..=8usize)"),
        ("workers = (N..=2 * N)", ".workers(N..=2*N)"),
        ("queue = 0", ".queue(0usize)"),
        ("max_crashes = 7", ".max_crashes(7u32)"),
        ("max_crashes = None", ".max_crashes(::core::option::Option::<u32>::None)"),
        (r#"timeout = "1.5s""#, ".timeout(::core::time::Duration::from_millis(1500))"),
        (r#"grace = "0s""#, ".grace(::core::time::Duration::from_secs(0))"),
        (r#"timeout = "none""#, ".timeout(::core::option::Option::<::core::time::Duration>::None)"),
        (r#"max_frame = "1MiB""#, ".max_frame(1048576)"),
        (r#"memory_limit = "1MiB""#, ".memory_limit(1048576usize)"),
        ("memory_limit = 2_000_000", ".memory_limit(2000000usize)"),
        (r#"max_memory = "2MiB""#, ".max_memory(2097152usize)"),
        (r#"memory_limit = "none""#, ".memory_limit(::core::option::Option::<usize>::None)"),
        (r#"cpu_limit = "1min 5s""#, ".cpu_limit(::core::time::Duration::from_secs(65))"),
        ("queue_bytes = 4096", ".queue_bytes(4096usize)"),
        (r#"program = "/bin/worker""#, r#".program("/bin/worker")"#),
        (r#"runtime = "smol""#, ".runtime(::pm_runtime::Runtime::Smol)"),
        #[cfg(feature = "tokio")]
        (r#"runtime = "tokio""#, ".runtime(::pm_runtime::Runtime::Tokio)"),
        (r#"cancel = "detach""#, ".cancel(::pm_runtime::Cancel::Detach)"),
        (
            r#"concurrency = 1, cancel = "kill", crate = c"#,
            ".concurrency(1usize).cancel(c::Cancel::Kill)",
        ),
        (r#"env(A = "x", "b-c" = "y",)"#, r#".env("A","x").env("b-c","y")"#),
        (r#"env(r#type = "x")"#, r#".env("type","x")"#),
        ("clear_env", ".clear_env(true)"),
        ("clear_env, core_dumps = false", ".clear_env(true).core_dumps(false)"),
        (r#"cwd = "/tmp""#, r#".cwd("/tmp")"#),
        ("nice = -20", ".nice(-20)"),
        ("nice = 19i32", ".nice(19i32)"),
        (r#"stdio = "null""#, ".stdio(::pm_runtime::Stdio::Null)"),
        (r#"crate = c, stdio = "capture""#, ".stdio(c::Stdio::Capture)"),
        (r#"name = "G", crate = c"#, ""),
    ] {
        assert_eq!(builder(args), call, "{args}");
    }
}

#[test]
fn every_length_of_time_may_be_none() {
    for key in KEYS.iter().filter(|key| matches!(key.kind, Kind::Time { .. } | Kind::Seconds)) {
        let name = key.name;
        let call = format!(".{name}(::core::option::Option::<::core::time::Duration>::None)");
        assert_eq!(builder(&format!("{name} = None")), call);
        assert_eq!(builder(&format!("{name} = \"none\"")), call);
    }
}

#[test]
fn an_expression_reaches_the_builder_as_it_is() {
    for (args, call) in [
        ("workers = N", ".workers(N)"),
        ("workers = 2 * cpus::<A, B>()", ".workers(2*cpus::<A,B>())"),
        ("timeout = LIMIT, grace = limits::GRACE,", ".timeout(LIMIT).grace(limits::GRACE)"),
        ("max_frame = 64 << 20", ".max_frame(64<<20)"),
        (r#"program = env!("WORKER")"#, r#".program(env!("WORKER"))"#),
        ("env(A = MODE, B = concat!(1, 2))", r#".env("A",MODE).env("B",concat!(1,2))"#),
        ("clear_env = CLEAR, nice = -NICE", ".clear_env(CLEAR).nice(-NICE)"),
    ] {
        assert_eq!(builder(args), call, "{args}");
    }
}

#[test]
fn options_that_are_right_are_kept_beside_those_that_are_not() {
    assert_eq!(
        builder("timout = 3, workers = 3, grace = 4, queue = 5"),
        ".workers(3usize).queue(5usize)"
    );
}

#[test]
fn a_value_made_by_another_macro_is_read_all_the_same() {
    use proc_macro2::{Delimiter, Group, TokenStream};
    let literal: TokenStream = "3".parse().expect("a literal");
    let group = Group::new(Delimiter::None, literal);
    let expansion = worker_query(
        quote::quote!(workers = #group),
        quote::quote!(
            fn f() {}
        ),
    );
    assert!(expansion.to_string().contains("3usize"));
}
