//! Callers of queries: each asks, in every way there is, and looks at what it gets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pm_runtime::{Call, CrashCause, CrashReport, PanicReport, QueryError};
use smol::future;

use crate::deeds::{Deed, HALF_A_CHANGE, answer_to, bytes_of};
use crate::dice::Dice;
use crate::ledger::name_of;
use crate::subject::Subject;
use crate::trouble::Storm;
use crate::wrong;

/// What a pool is asked with: a number, a deed, bytes.
pub type Ask = Box<dyn Fn(u64, u64, Deed, Vec<u8>) -> Call<(u64, Vec<u8>)> + Send + Sync>;

/// The ways in which a query is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    Temporary,
    Key,
    On,
    Immediate,
    ShortTimeout,
    ShortQueueTimeout,
    /// Dropped a moment later.
    Dropped,
    /// Dropped without having been polled.
    NeverPolled,
}

fn way(dice: &mut Dice) -> Way {
    match dice.below(200) {
        0 => Way::Temporary,
        1..10 => Way::Key,
        10..20 => Way::On,
        20..30 => Way::Immediate,
        30..32 => Way::ShortTimeout,
        32..40 => Way::ShortQueueTimeout,
        40..50 => Way::Dropped,
        50 => Way::NeverPolled,
        _ => Way::Plain,
    }
}

/// Something that costs a worker only where the storm grants it.
fn deed(dice: &mut Dice, storm: &Storm, subject: &Subject) -> Deed {
    match dice.below(100) {
        0..4 => Deed::Pause(dice.below(4)),
        4 => Deed::Speak(dice.below(5)),
        5 => Deed::Panic,
        6 if subject.lies => Deed::Scribble,
        7..10 if storm.grants() => match dice.below(16) {
            0..4 => Deed::Abort,
            4..7 => Deed::Segfault,
            7..10 => Deed::Exit,
            10..12 => Deed::Kill,
            12 => Deed::Overflow,
            13..15 => Deed::Leave,
            _ => Deed::Spin,
        },
        _ => Deed::Nothing,
    }
}

/// Asks until the storm is over.
pub async fn call_on(subject: Arc<Subject>, number: u64, storm: Arc<Storm>, ask: Arc<Ask>) {
    let mut dice = Dice::of(storm.seed, number);
    let mut asked = 0;
    while !storm.is_over() {
        asked += 1;
        let question = number << 32 | asked;
        let deed = deed(&mut dice, &storm, &subject);
        let length = subject.length(&mut dice);
        let way = way(&mut dice);
        let call = ask(dice.below(4), question, deed, bytes_of(question, length));
        one(&subject, &mut dice, call, way, (question, deed, length)).await;
        if dice.in_a_thousand(100) {
            smol::Timer::after(Duration::from_millis(dice.below(5))).await;
        }
    }
}

/// The same, by a thread that waits.
pub fn wait_on(subject: &Subject, number: u64, storm: &Storm, ask: &Ask) {
    let mut dice = Dice::of(storm.seed, number);
    let mut asked = 0;
    while !storm.is_over() {
        asked += 1;
        let question = number << 32 | asked;
        let length = subject.length(&mut dice);
        subject.ledger.submit();
        let outcome = ask(0, question, Deed::Nothing, bytes_of(question, length)).wait();
        look(subject, outcome, Way::Plain, (question, Deed::Nothing, length));
    }
}

async fn one(
    subject: &Subject,
    dice: &mut Dice,
    call: Call<(u64, Vec<u8>)>,
    way: Way,
    asked: (u64, Deed, usize),
) {
    let moment = Duration::from_millis(1 + dice.below(50));
    let worker = match way {
        Way::On => subject.pool.acquire(),
        _ => None,
    };
    let mut call = match way {
        Way::Temporary => call.temporary(),
        Way::Key => call.key(&dice.below(5)),
        Way::Immediate => call.immediate(),
        Way::ShortTimeout => call.timeout(moment),
        Way::ShortQueueTimeout => call.queue_timeout(moment),
        Way::On => match &worker {
            Some(worker) => call.on(worker),
            None => call,
        },
        Way::NeverPolled => return,
        Way::Dropped | Way::Plain => call,
    };
    let heard = Arc::new(Mutex::new(Vec::new()));
    if let Deed::Speak(_) = asked.1 {
        let heard = heard.clone();
        call = call.on_message(move |message: String| {
            heard.lock().expect("nobody panics with it").push(message);
        });
    }
    subject.ledger.submit();
    let outcome = if way == Way::Dropped {
        let moment = Duration::from_micros(dice.below(3000));
        let in_time = async { Some((&mut call).await) };
        let late = async {
            smol::Timer::after(moment).await;
            None
        };
        match future::or(in_time, late).await {
            Some(outcome) => outcome,
            None => return subject.ledger.drop_call(),
        }
    } else {
        (&mut call).await
    };
    drop(call);
    hear(subject, &outcome, asked, &heard.lock().expect("nobody panics with it"));
    look(subject, outcome, way, asked);
}

/// Of messages each comes to the call whose query sent it, in order; all of them before an answer.
fn hear(
    subject: &Subject,
    outcome: &Result<(u64, Vec<u8>), QueryError>,
    (question, deed, _): (u64, Deed, usize),
    heard: &[String],
) {
    let Deed::Speak(times) = deed else { return };
    if subject.lies {
        return;
    }
    subject.ledger.hear(heard.len() as u64);
    // Where a query runs again it says them again, from the first one on; and a worker that breaks the
    // protocol may say one twice, which nobody can tell from two.
    let mut next: u64 = 0;
    let in_order = heard.iter().all(|text| {
        let says = |index| *text == format!("{question} {index}");
        let twice = subject.breaks && next > 0 && says(next - 1);
        let fits = twice || says(0) || says(next);
        next = match (twice, says(0)) {
            (true, _) => next,
            (false, true) => 1,
            (false, false) => next + 1,
        };
        fits
    });
    // An answer may be there although the link broke on which they come.
    let all = outcome.is_err() || subject.breaks || next == times;
    if !(all && in_order) {
        wrong(format!("{}: {question} was to say {times} and said {heard:?}", subject.name));
    }
}

/// An outcome: the right answer, or an error that may be.
fn look(
    subject: &Subject,
    outcome: Result<(u64, Vec<u8>), QueryError>,
    way: Way,
    (question, deed, length): (u64, Deed, usize),
) {
    let error = match outcome {
        Ok(answer) => {
            subject.ledger.complete();
            if !subject.lies && answer != answer_to(question, bytes_of(question, length)) {
                wrong(format!(
                    "{}: {question} of {length} bytes ({deed:?}, {way:?}) was answered by {:?} and {} \
                     bytes",
                    subject.name,
                    answer.0,
                    answer.1.len()
                ));
            }
            return;
        }
        Err(error) => error,
    };
    if subject.lies && matches!(error, QueryError::Decode(_)) {
        return lied(subject, &error);
    }
    subject.ledger.fail(&error);
    let meant = |report: &PanicReport| deed == Deed::Panic && report.message() != HALF_A_CHANGE;
    let expected = match &error {
        // It runs again, unless nobody else is to run it. Only a liar may be believed to have failed.
        QueryError::Crashed(_) => way == Way::On || subject.lies,
        QueryError::Protocol(report) => {
            let mine = subject.breaks || died_slowly(report);
            mine && way == Way::On || subject.lies
        }
        QueryError::Quarantined { .. } => subject.breaks,
        QueryError::Panicked(report) => meant(report) || subject.lies,
        // Any worker may be stopped.
        QueryError::TimedOut { .. } | QueryError::Released => true,
        QueryError::QueueFull => way == Way::Immediate,
        QueryError::QueueTimedOut { .. } => way == Way::ShortQueueTimeout,
        QueryError::WorkerGone => way == Way::On,
        QueryError::Boot(error) => way == Way::Temporary && !error.is_permanent(),
        QueryError::TooLarge { .. } | QueryError::Encode(_) | QueryError::Decode(_) => subject.lies,
        _ => false,
    };
    if !expected {
        wrong(format!("{}: {question} ({deed:?}, {way:?}) failed: {error}", subject.name));
    }
}

/// Where there is hardly any CPU time a worker that was killed takes long from the end of its link to
/// its death, and its pool takes it for one that lives on.
pub fn died_slowly(report: &CrashReport) -> bool {
    matches!(&report.cause, CrashCause::Protocol(what) if what.contains("lived on"))
}

/// What a liar says may be an answer that cannot be decoded, or an error of decoding.
fn lied(subject: &Subject, error: &QueryError) {
    subject.ledger.either(name_of(error));
}
