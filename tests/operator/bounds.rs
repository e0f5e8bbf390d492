//! What clients may take of an application: so much and no more.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;

use pm_runtime::Event;
use pm_runtime::operator::protocol::{Done, LONGEST_REQUEST, Line};
use pm_tests::{stop, until};

use crate::program::{Client, Place, Program};

#[test]
fn the_ninth_client_is_told_that_there_are_eight() {
    let place = Place::new("ninth");
    let program = Program::start(&place);
    let mut clients: Vec<Client> = (0..8).map(|_| program.client()).collect();
    for client in &mut clients {
        client.state();
    }
    let mut ninth = program.client();
    assert_eq!(ninth.error(), "there are 8 clients, which is the limit: come again");
    assert!(ninth.next().is_none());
    // One that leaves makes room, as soon as that is noticed.
    clients.pop();
    until(|| {
        let mut another = program.client();
        another.stream.write_all(b"{\"do\":\"forgive\",\"pool\":1}\n").is_ok()
            && matches!(another.next(), Some(Line::Ok { .. }))
    });
    clients[0].state();
}

#[test]
fn who_hangs_up_ends_no_application_even_where_broken_pipes_are_deadly() {
    let place = Place::new("pipe");
    let mut program = Program::start(&place);
    assert_eq!(program.tell("die of broken pipes"), "it may");
    let mut clients: Vec<Client> = (0..8).map(|_| program.client()).collect();
    for client in &mut clients {
        client.state();
    }
    for _ in 0..200 {
        // It is told that there are eight, and is not there any more.
        drop(program.client());
    }
    clients[0].state();
}

#[test]
fn who_says_all_and_goes_gives_up_its_seat_though_its_command_is_under_way() {
    let place = Place::new("half");
    let mut program = Program::start(&place);
    assert_eq!(program.tell("make another pool"), "made");
    let mut observer = program.client();
    // It cannot be replaced: it does not end.
    stop(observer.pool(3).health.workers[0].pid);
    let begin = |_| {
        let mut client = program.client();
        client.send(r#"{"do":"respawn","pool":3}"#);
        client.stream.shutdown(Shutdown::Write).unwrap();
        // It was heard that this is all, as this was said after it.
        observer.state();
        observer.state();
        client
    };
    drop((0..7).map(begin).collect::<Vec<Client>>());
    until(|| {
        let mut another = program.client();
        another.stream.write_all(b"{\"do\":\"forgive\",\"pool\":1}\n").is_ok()
            && matches!(another.next(), Some(Line::Ok { .. }))
    });
}

#[test]
fn a_line_has_an_end() {
    let place = Place::new("long");
    let program = Program::start(&place);
    let request = br#"{"do":"forgive","pool":1}"#;
    let padded = |length: usize| [&vec![b' '; length - request.len()][..], request].concat();
    let mut client = program.client();
    client.send(padded(LONGEST_REQUEST));
    assert!(client.next().is_some_and(|line| line.to_string() == r#"{"ok":"forgive"}"#));
    for longer in [padded(LONGEST_REQUEST + 1), vec![b'{'; LONGEST_REQUEST + 1]] {
        let mut client = program.client();
        // What is not read any more cannot be written to the end.
        let _ = client.stream.write_all(&longer).and_then(|()| client.stream.write_all(b"\n"));
        let error = client.error();
        assert_eq!(error, "no request: a line may have 65536 bytes at most; goodbye");
        assert!(client.next().is_none());
    }
    // Nobody waits for the end of a line that has none.
    let mut endless = program.client();
    while endless.stream.write_all(&[b'x'; 1024]).is_ok() {}
    client.state();
}

#[test]
fn who_does_not_read_is_not_heard_until_it_does_and_holds_up_nobody() {
    let place = Place::new("deaf");
    let program = Program::start(&place);
    let mut deaf = program.client();
    let mut client = program.client();
    deaf.stream.set_nonblocking(true).unwrap();
    let mut asked = 0;
    let full = loop {
        // Each has an answer, which nobody reads.
        match deaf.stream.write(b"?\n") {
            Ok(2) => asked += 1,
            other => break other,
        }
        if asked % 1000 == 0 {
            client.state();
        }
    };
    assert_eq!(full.unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(client.state().pools.len(), 2);
    deaf.stream.set_nonblocking(false).unwrap();
    assert_eq!(deaf.rest().len(), asked, "none was lost");
}

#[test]
fn who_hears_events_and_does_not_read_keeps_its_seat_and_learns_how_many_it_missed() {
    const MESSAGES: u64 = 5000;
    let place = Place::new("flood");
    let mut program = Program::start(&place);
    let mut deaf = program.client();
    assert_eq!(deaf.done(r#"{"do":"events"}"#), Done::Events);
    let mut said = 0;
    // The last ones of these it misses, whatever the system keeps for it.
    for _ in 0..4 {
        assert_eq!(program.tell("chatter"), "much was said");
        said += MESSAGES;
    }
    let (mut told, mut missed) = (0, 0);
    while told + missed < said {
        match deaf.next() {
            Some(Line::Event { event: Event::Message { .. }, .. }) => told += 1,
            Some(Line::Event { event: Event::Lagged { missed: more }, .. }) => missed += more,
            Some(Line::Event { .. }) => {}
            other => panic!("{other:?} after {told} and {missed}"),
        }
    }
    assert!(told + missed == said && missed > 0, "{told} and {missed}");
    assert_eq!(deaf.done(r#"{"do":"forgive","pool":1}"#), Done::Forgive);
}

#[test]
fn so_many_commands_are_under_way_at_once() {
    let place = Place::new("many");
    let program = Program::start(&place);
    let mut client = program.client();
    let lines = b"{\"do\":\"respawn\",\"pool\":1}\n".repeat(100);
    client.stream.write_all(&lines).unwrap();
    let answers: Vec<String> = client.rest().iter().map(ToString::to_string).collect();
    assert_eq!(answers.len(), 100);
    let refused = answers.iter().filter(|line| line.contains("64 commands are under way"));
    let obeyed = answers.iter().filter(|line| *line == r#"{"ok":"respawn"}"#);
    assert!(obeyed.clone().count() >= 64, "{answers:?}");
    assert_eq!(obeyed.count() + refused.count(), 100, "{answers:?}");
}
