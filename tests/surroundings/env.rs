//! The environment of a worker.

use std::collections::BTreeMap;

use pm_runtime::{BootError, QueryError, worker_query};

type Variables = BTreeMap<String, String>;

/// The variables that this process sees, and those that a program sees that it starts.
fn look() -> (Variables, Variables) {
    let path =
        if std::path::Path::new("/usr/bin/env").exists() { "/usr/bin/env" } else { "/bin/env" };
    let child = std::process::Command::new(path).output().expect("env can be started").stdout;
    let child = String::from_utf8(child).expect("names and values are text");
    let split = |line: &str| line.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
    (std::env::vars().collect(), child.lines().filter_map(split).collect())
}

#[worker_query(workers = 1, env(SAFARI_MODE = "high_performance", "odd-name" = "1"))]
fn inherited() -> (Variables, Variables) {
    look()
}

#[worker_query(workers = 1, clear_env, env(ONLY = "this"))]
fn cleared() -> (Variables, Variables) {
    look()
}

#[pm_runtime::test]
async fn variables_are_added_to_what_is_inherited() {
    let (own, started) = InheritedPool::new().query().await.unwrap();
    let mut expected: Variables = std::env::vars().collect();
    expected.insert("SAFARI_MODE".into(), "high_performance".into());
    expected.insert("odd-name".into(), "1".into());
    // Nothing of the start is left, for the worker or for what it starts.
    assert_eq!(own, expected);
    expected.insert("_".into(), started.get("_").cloned().unwrap_or_default());
    let started = Variables::from_iter([("_".into(), String::new())]).into_iter().chain(started);
    assert_eq!(started.collect::<Variables>(), expected);
}

#[pm_runtime::test]
async fn nothing_is_inherited_where_the_environment_is_cleared() {
    let only = Variables::from([("ONLY".into(), "this".into())]);
    let pool = ClearedPool::new();
    let (own, started) = pool.query().await.unwrap();
    assert_eq!(own, only);
    assert_eq!(started.get("ONLY").map(String::as_str), Some("this"));
    assert!(!started.keys().any(|name| name.contains("RUNTIME")), "{started:?}");
    // Nor by a temporary one, nor by the next.
    assert_eq!(pool.query_temporary().await.unwrap().0, only);
    pool.respawn().await.unwrap();
    assert_eq!(pool.query().await.unwrap().0, only);
}

#[pm_runtime::test]
async fn the_builder_adds_to_the_attribute() {
    let builder = ClearedPool::builder().env("MORE", "a=b").envs([("ONLY", "that")]);
    let (own, _) = builder.clone().build().query().await.unwrap();
    let both = [("MORE", "a=b"), ("ONLY", "that")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(own, Variables::from(both));
    let (own, _) = builder.clear_env(false).build().query().await.unwrap();
    assert!(own.len() > 2, "{own:?}");
}

#[pm_runtime::test]
async fn in_process_workers_have_the_environment_of_the_application() {
    let (own, _) = ClearedPool::in_process().query().await.unwrap();
    assert_eq!(own, std::env::vars().collect());
}

#[pm_runtime::test]
async fn what_cannot_be_a_variable_is_a_mistake() {
    for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "\0")] {
        let pool = InheritedPool::builder().env(name, value).build();
        match pool.query().await {
            Err(QueryError::Boot(BootError::Option { option, .. })) => assert_eq!(&*option, "env"),
            other => panic!("{name:?} {value:?}: {other:?}"),
        }
    }
}

#[pm_runtime::test]
async fn an_environment_that_is_too_large_is_refused_with_a_reason() {
    // More than the system takes for one variable.
    let error = InheritedPool::builder().env("BIG", "x".repeat(1 << 20)).build().query().await;
    let error = error.unwrap_err();
    assert!(matches!(error, QueryError::Boot(BootError::Surroundings { .. })), "{error:?}");
    assert!(error.to_string().contains("the worker cannot have `env`: "), "{error}");
}
