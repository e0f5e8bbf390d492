//! Debug texts and reports.

use super::*;

#[pm_runtime::test]
async fn the_last_debug_text_is_known_even_of_a_worker_that_is_killed_right_after() {
    for i in 0..20 {
        let text = format!("turn {i}\x1b[2J");
        let report = match TalkPool::new().query(Act::Die(text.clone())).await {
            Err(QueryError::Crashed(report)) => report,
            other => panic!("{other:?}"),
        };
        assert_eq!(report.debug.as_ref(), Some(&text));
        let shown = report.to_string();
        assert!(shown.contains(&format!("its last debug text: turn {i}\\u{{1b}}[2J")), "{shown}");
    }
}

#[pm_runtime::test]
async fn a_query_that_times_out_shows_what_it_said_itself() {
    let limit = Duration::from_secs(1);
    let debug_of = |error: Result<String, QueryError>| match error {
        Err(QueryError::TimedOut { debug, .. }) => debug.map(|text| text.to_string()),
        other => panic!("{other:?}"),
    };
    for pool in [ChatPool::new(), ChatPool::in_process()] {
        let calls = [Some("a"), None, Some("b")]
            .map(|text| smol::spawn(pool.query(Act::Stay(text.map(str::to_owned))).timeout(limit)));
        let mut said = Vec::new();
        for call in calls {
            said.push(debug_of(call.await));
        }
        assert_eq!(said, [Some("a".into()), None, Some("b".into())]);
    }
    let pool = TalkPool::new();
    pool.query(Act::At("before".into())).await.unwrap();
    let stay = |text: Option<&str>| pool.query(Act::Stay(text.map(str::to_owned)));
    assert_eq!(debug_of(stay(None).timeout(limit).await), None, "another query's");
    assert_eq!(debug_of(stay(Some("x\ny")).timeout(limit).await).as_deref(), Some("x\ny"));
    let beside = pool.query(Act::StayBeside("a helper".into())).timeout(limit).await;
    let shown = beside.as_ref().unwrap_err().to_string();
    assert!(shown.ends_with("its last debug text: a helper"), "{shown}");
    assert_eq!(debug_of(beside).as_deref(), Some("a helper"));
}

#[pm_runtime::test]
async fn a_worker_s_debug_text_can_be_asked_for_and_is_bounded() {
    let pool = TalkPool::builder().max_frame(100).build();
    let worker = pool.spawn_one().await.unwrap();
    assert_eq!(worker.debug_text(), None);
    pool.query(Act::At("one".into())).await.unwrap();
    assert_eq!(worker.debug_text().as_deref(), Some("one"));
    let pool = TalkPool::new();
    let long = format!("{}the end", "é".repeat(100_000));
    pool.query(Act::At(long.clone())).await.unwrap();
    let worker = pool.acquire().unwrap();
    let kept = worker.debug_text().unwrap();
    assert!(long.ends_with(&*kept) && kept.len() > 32_000 && kept.len() <= 32 << 10);
    pool.destroy().await;
    assert_eq!(worker.debug_text(), None, "it is gone");
}

#[pm_runtime::test]
async fn reports_and_messages_are_events() {
    let pool = TalkPool::new();
    let mut events = pool.events();
    pool.query(Act::Report("a loss\n".into())).await.unwrap();
    pool.query(Act::Say(1, 1)).await.unwrap();
    pool.query(Act::Report("long ".repeat(10_000))).await.unwrap();
    let told = |event: &Event| matches!(event, Event::Reported { .. } | Event::Message { .. });
    let told: Vec<_> = (&mut events).filter(told).take(3).collect().await;
    assert!(told.iter().all(|event| event.worker() == Some(1) && event.at().is_some()));
    match &told[..] {
        [
            Event::Reported { text: first, .. },
            Event::Message { size, .. },
            Event::Reported { text: second, .. },
        ] => assert_eq!((&**first, *size, second.len()), ("a loss\n", 9, 4096)),
        other => panic!("{other:?}"),
    }
}
