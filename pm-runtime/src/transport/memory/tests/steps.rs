//! Random histories of both sides, step by step.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{Claim, Ending, Heard, INLINE, Long, Near, Next, Requests, end};
use super::{posting, region};
use crate::transport::payload::Parts;

#[derive(Debug, Clone)]
enum Step {
    Push(usize),
    Flush,
    TakeBack(usize),
    Shut,
    Open,
    Poll,
    Begin,
    End { which: usize, length: usize },
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..=INLINE, 2 => INLINE..1000usize, 1 => 400_000..900_000usize]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => length().prop_map(Step::Push),
        4 => Just(Step::Flush),
        2 => any::<usize>().prop_map(Step::TakeBack),
        1 => Just(Step::Shut),
        2 => Just(Step::Open),
        4 => Just(Step::Poll),
        4 => Just(Step::Begin),
        4 => (any::<usize>(), length()).prop_map(|(which, length)| Step::End { which, length }),
    ]
}

fn bytes(id: u64, length: usize) -> Vec<u8> {
    (0..length).map(|i| (i as u64).wrapping_mul(31).wrapping_add(id) as u8).collect()
}

/// Where a query is, as the test knows it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Pushed,
    Begun,
    Ended(usize),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_query_begins_once_or_is_taken_back_and_ends_once(
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let region = region(16);
        let mut near = Near::new(region.clone(), 1 << 20, 64);
        let mut next = Next::new(region.clone());
        let mut long = Long::default();
        let mut requests = Requests::default();
        let mut queries = BTreeMap::new();
        let mut running: Vec<Claim> = Vec::new();
        let mut shut = false;
        let mut count = 0;
        for step in steps {
            match step {
                Step::Push(length) => {
                    count += 1;
                    near.push(posting(count, bytes(count, length)));
                    queries.insert(count, Place::Pushed);
                }
                Step::Flush => {
                    near.flush().unwrap();
                }
                Step::TakeBack(which) if !queries.is_empty() => {
                    let id = *queries.keys().nth(which % queries.len()).unwrap();
                    let taken = near.take_back(id);
                    prop_assert_eq!(taken, queries[&id] == Place::Pushed);
                    if taken {
                        queries.remove(&id);
                    }
                }
                Step::TakeBack(_) => {}
                Step::Shut => {
                    let runs = near.shut_gate();
                    shut = true;
                    for (id, place) in &queries {
                        prop_assert_eq!(runs.contains(id), *place == Place::Begun);
                    }
                }
                Step::Open => {
                    near.open_gate();
                    shut = false;
                }
                Step::Poll => hear(&mut near, &mut queries)?,
                Step::Begin => {
                    // What is longer than the stream needs the other side meanwhile.
                    if let Some(claim) = next.begin(0) {
                        prop_assert!(!shut);
                        prop_assert_eq!(queries.insert(claim.id, Place::Begun), Some(Place::Pushed));
                        let request = requests.receive(&region, claim.slot, |_| {
                            near.flush().is_ok()
                        }).unwrap();
                        prop_assert!(*request == bytes(claim.id, request.len()));
                        running.push(claim);
                    }
                }
                Step::End { which, length } if !running.is_empty() => {
                    let Claim { slot, id, .. } = running.swap_remove(which % running.len());
                    queries.insert(id, Place::Ended(length));
                    let answer = bytes(id, length);
                    let (said, untold) = flags(id);
                    let ending = Ending { slot, kind: 2, said, untold, parts: answer.parts() };
                    match length <= INLINE {
                        true => end(&region, &ending, || ()),
                        false => {
                            let mut heard = Ok(());
                            long.end(&region, &ending, || (), |_| {
                                heard = hear(&mut near, &mut queries);
                                heard.is_ok()
                            });
                            heard?;
                        }
                    }
                }
                Step::End { .. } => {}
            }
        }
        // In the end everything does.
        near.open_gate();
        while !queries.is_empty() {
            near.flush().unwrap();
            while let Some(claim) = next.begin(0) {
                requests.receive(&region, claim.slot, |_| near.flush().is_ok());
                prop_assert_eq!(queries.insert(claim.id, Place::Begun), Some(Place::Pushed));
                running.push(claim);
                near.flush().unwrap();
            }
            for Claim { slot, id, .. } in running.drain(..) {
                queries.insert(id, Place::Ended(1));
                let answer = bytes(id, 1);
                let (said, untold) = flags(id);
                let ending = Ending { slot, kind: 2, said, untold, parts: answer.parts() };
                end(&region, &ending, || ());
            }
            hear(&mut near, &mut queries)?;
        }
        hear(&mut near, &mut queries)?;
        prop_assert!(near.sleep());
    }
}

/// What is told beside the end of this query.
fn flags(id: u64) -> (bool, bool) {
    (id & 1 != 0, id & 2 != 0)
}

fn hear(near: &mut Near, queries: &mut BTreeMap<u64, Place>) -> Result<(), TestCaseError> {
    let mut heard = Vec::new();
    near.poll(&mut heard).unwrap();
    for heard in heard {
        match heard {
            Heard::Begun { id, .. } => prop_assert_ne!(queries[&id], Place::Pushed),
            Heard::Took { .. } => {}
            Heard::Ended { id, kind, said, untold, bytes: answer, .. } => {
                prop_assert_eq!((kind, (said, untold)), (2, flags(id)));
                let Some(Place::Ended(length)) = queries.remove(&id) else {
                    return Err(TestCaseError::fail("an end that nobody told"));
                };
                prop_assert!(*answer == bytes(id, length));
            }
        }
    }
    Ok(())
}
