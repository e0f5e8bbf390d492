//! The folder, the nice value and the limits of a worker, and the program that it runs.

use std::path::PathBuf;

use pm_runtime::{BootError, QueryError, worker_query};
use rustix::process::{Resource, getrlimit};

/// Working directory, nice value, and the soft and hard limit of core dumps.
type Attributes = (PathBuf, i32, Option<u64>, Option<u64>);

#[worker_query(workers = 1, cwd = "/", nice = 19)]
fn attributes() -> Attributes {
    let folder = std::env::current_dir().expect("there is one");
    // As another thread than the first has them.
    let nice = rustix::process::getpriority_process(None).expect("it can be read");
    let core = getrlimit(Resource::Core);
    (folder, nice, core.current, core.maximum)
}

fn boot_error(error: QueryError) -> BootError {
    match error {
        QueryError::Boot(error) => error,
        other => panic!("no boot error: {other}"),
    }
}

#[pm_runtime::test]
async fn a_worker_is_where_and_as_nice_as_it_is_told() {
    let pool = AttributesPool::new();
    let (folder, nice, ..) = pool.query().await.unwrap();
    assert_eq!((folder, nice), (PathBuf::from("/"), 19));
    let (folder, nice, ..) = pool.query_temporary().await.unwrap();
    assert_eq!((folder, nice), (PathBuf::from("/"), 19));
    let other = std::env::temp_dir().canonicalize().unwrap();
    let builder = AttributesPool::builder().cwd(&other);
    let (folder, nice, ..) = builder.clone().build().query().await.unwrap();
    assert_eq!((folder, nice), (other, 19));
    let (folder, nice, ..) = builder.in_process().build().query().await.unwrap();
    let here = rustix::process::getpriority_process(None).unwrap();
    assert_eq!((folder, nice), (std::env::current_dir().unwrap(), here));
}

#[pm_runtime::test]
async fn core_dumps_are_off_unless_they_are_asked_for() {
    let here = getrlimit(Resource::Core);
    let (_, _, soft, hard) = AttributesPool::new().query().await.unwrap();
    // One byte, where so much is allowed: then the kernel pipes none to a program either.
    assert_eq!((soft, hard), (Some(here.maximum.unwrap_or(1).min(1)), here.maximum));
    let pool = AttributesPool::builder().core_dumps(true).build();
    let (_, _, soft, hard) = pool.query().await.unwrap();
    assert_eq!((soft, hard), (here.maximum, here.maximum));
}

#[pm_runtime::test]
async fn a_folder_that_is_not_there_is_told_at_once() {
    let pool = AttributesPool::builder().cwd("/nowhere/at/all").build();
    let error = boot_error(pool.query().await.unwrap_err());
    assert_eq!(
        error.to_string(),
        "the worker cannot have `cwd = \"/nowhere/at/all\"`: No such file or directory (os error 2)"
    );
    assert!(error.is_permanent());
    // A file is no folder, and not every path is text.
    let pool = AttributesPool::builder().cwd("/dev/null").build();
    let error = boot_error(pool.query().await.unwrap_err()).to_string();
    assert!(error.contains("cwd = \"/dev/null\"`: Not a directory"), "{error}");
    let odd: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(vec![b'/', 0xff]);
    let error = boot_error(AttributesPool::builder().cwd(odd).build().query().await.unwrap_err());
    assert!(error.to_string().contains("No such file or directory"), "{error}");
}

#[pm_runtime::test]
async fn a_nice_value_that_needs_a_privilege_is_had_or_refused_with_a_reason() {
    match AttributesPool::builder().nice(-20).build().query().await {
        Ok((_, nice, ..)) => assert_eq!(nice, -20),
        Err(error) => {
            let error = boot_error(error).to_string();
            assert!(error.starts_with("the worker cannot have `nice = -20`: "), "{error}");
        }
    }
}

#[pm_runtime::test]
async fn what_cannot_be_a_folder_or_a_nice_value_is_a_mistake() {
    for (builder, name) in [
        (AttributesPool::builder().cwd(""), "cwd"),
        (AttributesPool::builder().cwd("a\0b"), "cwd"),
        (AttributesPool::builder().cwd("x/".repeat(4096)), "cwd"),
        (AttributesPool::builder().nice(20), "nice"),
        (AttributesPool::builder().nice(-21), "nice"),
    ] {
        match boot_error(builder.build().query().await.unwrap_err()) {
            BootError::Option { option, .. } => assert_eq!(&*option, name),
            other => panic!("{other:?}"),
        }
    }
}

#[pm_runtime::test]
async fn a_program_that_cannot_be_executed_is_named_also_beside_a_folder() {
    for program in ["/nowhere/worker", "no-such-worker", "/dev/null"] {
        let builder = AttributesPool::builder().program(program).clear_env(true);
        match boot_error(builder.build().query().await.unwrap_err()) {
            BootError::Program { path, .. } => assert_eq!(&*path, program),
            other => panic!("{other:?}"),
        }
    }
}

#[pm_runtime::test]
async fn relative_paths_are_seen_from_the_application() {
    let here = std::env::current_dir().unwrap();
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let exe = up.join(std::env::current_exe().unwrap().strip_prefix("/").unwrap());
    let pool = AttributesPool::builder().cwd(&up).program(exe).build();
    assert_eq!(pool.query().await.unwrap().0, PathBuf::from("/"));
}
