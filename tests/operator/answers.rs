//! What each command does, and what events tell.

use std::time::{Duration, SystemTime};

use pm_runtime::operator::protocol::{Done, Id, Line};
use pm_runtime::{Event, WorkerState};
use pm_tests::stop;

use crate::program::{Client, Place, Program, SERVING};

#[test]
fn health_tells_of_the_application_and_of_every_pool() {
    let place = Place::new("health");
    let program = Program::start(&place);
    let state = program.client().state();
    assert_eq!((state.version, state.pid, &*state.name), (1, program.child.id(), "serving"));
    let age = state.started.and_then(|at| SystemTime::now().duration_since(at).ok());
    assert!(age.is_some_and(|age| age < Duration::from_secs(3600)), "{age:?}");
    let names: Vec<_> = state.pools.iter().map(|pool| (pool.id, &*pool.health.name)).collect();
    assert_eq!(names, [(1, "work"), (2, "servant")]);
    let [work, servant] = &state.pools[..] else { panic!("{state:?}") };
    assert_eq!((work.health.idle, servant.health.workers.len()), (2, 0));
    assert!(work.health.workers.iter().all(|worker| worker.rss.is_some_and(|rss| rss > 0)));
}

#[test]
fn what_identifies_an_application_stays_the_same() {
    let place = Place::new("replaced");
    let copy = place.runtime().join("thumbnails");
    std::fs::copy(SERVING, &copy).unwrap();
    let mut command = std::process::Command::new(&copy);
    let command = command.env("XDG_RUNTIME_DIR", place.runtime()).env_remove("RUNTIME_DIRECTORY");
    let program = Program::start_by(command);
    let first = program.client().state();
    assert_eq!(&*first.name, "thumbnails");
    // As an upgrade does.
    std::fs::remove_file(copy).unwrap();
    let second = program.client().state();
    assert_eq!((second.name, second.started), (first.name, first.started));
}

#[test]
fn each_command_does_what_it_says_before_it_is_answered() {
    let place = Place::new("commands");
    let program = Program::start(&place);
    let mut client = program.client();
    assert_eq!(client.done(r#"{"do":"spawn","pool":1,"workers":3}"#), Done::Spawn);
    assert_eq!(client.workers(1), [1, 2, 3]);
    assert_eq!(client.done(r#"{"do":"respawn","pool":1,"worker":2}"#), Done::Respawn);
    assert_eq!(client.workers(1), [1, 3, 4], "that one, and no other");
    assert_eq!(client.done(r#"{"do":"unspawn","pool":1,"worker":1}"#), Done::Unspawn);
    assert_eq!(client.workers(1), [3, 4]);
    assert_eq!(client.done(r#"{"do":"respawn","pool":1}"#), Done::Respawn);
    assert_eq!(client.workers(1), [5, 6]);
    let health = client.pool(1).health;
    assert!(health.workers.iter().all(|worker| worker.state == WorkerState::Idle), "{health}");
    assert_eq!(client.done(r#"{"do":"unspawn","pool":1}"#), Done::Unspawn);
    assert_eq!(client.workers(1), [0; 0]);
    assert_eq!(client.done(r#"{"do":"forgive","pool":1}"#), Done::Forgive);
    assert_eq!(client.workers(2), [0; 0], "nobody has asked for these");
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let place = Place::new("missing");
    let program = Program::start(&place);
    let mut client = program.client();
    for (line, error) in [
        (r#"{"do":"respawn","pool":3}"#, "there is no pool 3: there are 1 (`work`), 2 (`servant`)"),
        (
            r#"{"do":"unspawn","pool":1,"worker":9}"#,
            "pool 1 (`work`) has no worker 9: there are 1, 2",
        ),
        (
            r#"{"do":"respawn","pool":2,"worker":1}"#,
            "pool 2 (`servant`) has no worker 1: there is none now",
        ),
    ] {
        assert_eq!(client.refused(line), error);
    }
    client.send(r#"{"do":"kill","id":"mine"}"#);
    let Some(Line::Error { id, error }) = client.next() else { panic!("it is no command") };
    assert_eq!(id, Some(Id::Text("mine".into())));
    assert!(error.contains("there is no command `kill`"), "{error}");
}

#[test]
fn answers_come_as_they_are_ready_and_each_with_its_id() {
    let place = Place::new("ids");
    let program = Program::start(&place);
    let mut client = program.client();
    for line in [
        r#"{"do":"respawn","pool":1,"id":1}"#,
        r#"{"do":"forgive","pool":1,"id":2}"#,
        r#"{"do":"spawn","pool":2,"workers":1,"id":3}"#,
    ] {
        client.send(line);
    }
    // Nothing more is said: answers come all the same.
    let id_and_done = |line| match line {
        Line::Ok { done, id: Some(Id::Number(id)) } => (id.as_u64().unwrap(), done),
        other => panic!("{other:?}"),
    };
    let mut answered: Vec<_> = client.rest().into_iter().map(id_and_done).collect();
    answered.sort_by_key(|(id, _)| *id);
    assert_eq!(answered, [(1, Done::Respawn), (2, Done::Forgive), (3, Done::Spawn)]);
}

/// The next event that is wanted, and its pool.
fn wait_for(client: &mut Client, wanted: impl Fn(&Event) -> bool) -> (u64, Event) {
    loop {
        match client.next() {
            Some(Line::Event { event, pool }) if wanted(&event) => return (pool, event),
            Some(Line::Event { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn events_tell_of_crashes_and_of_pools_that_are_made_later() {
    let place = Place::new("events");
    let mut program = Program::start(&place);
    let mut clients = [program.client(), program.client()];
    for client in &mut clients {
        assert_eq!(client.done(r#"{"do":"events"}"#), Done::Events);
    }
    assert_eq!(program.tell("crash"), "true");
    for client in &mut clients {
        let (pool, event) = wait_for(client, |event| matches!(event, Event::Crashed(_)));
        let Event::Crashed(report) = event else { unreachable!("it was asked for") };
        assert_eq!((pool, &*report.pool), (1, "work"));
        assert!(report.to_string().contains("was killed by SIGABRT"), "{report}");
    }
    assert_eq!(program.tell("make another pool"), "made");
    let (pool, event) = wait_for(&mut clients[0], |event| event.worker() == Some(1));
    assert!(pool == 3 && matches!(event, Event::Spawned { .. }), "{pool}: {event}");
    // Who hears events may ask for other things.
    clients[1].send(r#"{"do":"forgive","pool":1}"#);
    while !matches!(clients[1].next(), Some(Line::Ok { done: Done::Forgive, .. })) {}
    assert_eq!(program.client().pool(1).health.crashes, 1);
}

#[test]
fn a_command_does_not_keep_alive_a_pool_that_is_dropped() {
    let place = Place::new("dropped");
    let mut program = Program::start(&place);
    assert_eq!(program.tell("make another pool"), "made");
    let mut client = program.client();
    // The worker that is to be replaced does not end within its grace.
    stop(client.pool(3).health.workers[0].pid);
    client.send(r#"{"do":"respawn","pool":3,"id":1}"#);
    // It was begun, as this one was after it.
    assert_eq!(client.refused(r#"{"do":"respawn","pool":4}"#).find("there is no pool 4"), Some(0));
    assert_eq!(program.tell("drop the other pools"), "dropped");
    assert_eq!(program.client().state().pools.len(), 2);
    let answer = client.next();
    assert!(matches!(answer, Some(Line::Error { id: Some(_), .. })), "{answer:?}");
}

#[test]
fn a_fork_ends_nothing_and_does_not_serve() {
    let place = Place::new("fork");
    let mut program = Program::start(&place);
    let mut client = program.client();
    assert_eq!(program.tell("fork"), "the fork is gone");
    assert_eq!((client.state().pools.len(), program.client().state().pools.len()), (2, 2));
}

#[test]
fn workers_do_not_serve_and_an_application_does_so_once_at_a_time() {
    let place = Place::new("once");
    let mut program = Program::start(&place);
    let refusal = program.tell("serve in a worker");
    assert!(refusal.starts_with("this process is a worker"), "{refusal}");
    let refusal = program.tell("serve again");
    assert!(refusal.starts_with("this application serves already"), "{refusal}");
    let mut old = program.client();
    assert_eq!(program.tell("begin anew"), "served");
    assert!(old.next().is_none(), "its service has ended");
    assert_eq!(program.client().state().pools.len(), 2);
}
