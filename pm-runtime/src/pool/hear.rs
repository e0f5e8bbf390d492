//! What workers say, and what it means to the pool.

use std::time::{Instant, SystemTime};

use super::callbacks::{Kind, Notice};
use super::shared::{Seat, Shared, State};
use super::ticket::{Outcome, Ticket};
use super::worker::Worker;
use crate::error::{DecodeError, EncodeError, PanicReport, QueryError};
use crate::event::Event;
use crate::link::Word;
use crate::output::{OutputLine, OutputStream};
use crate::supervisor::{End, Obituary, Particulars, QueryKey, Violation, WorkerId};
use crate::wire::bulk::Parcel;
use crate::wire::message::{FromWorker, RAW, Refusal};
use crate::worker::{FunctionEnd, Owner};

impl Owner for Shared {
    fn ready(&self, id: WorkerId) {
        let rss = self.options.max_memory.and_then(|_| self.rss(id));
        let caller = self.change(|state, now| {
            state.core.weigh_newborn(id, rss);
            if let Err(violation) = state.core.ready(id, now) {
                state.core.violated(id, &violation.to_string(), now);
            }
            if self.plan.raw {
                if let Some(end) = state.worker(id).and_then(|worker| worker.early_end()) {
                    // Of a worker that is ready it can be.
                    let _ = state.end_of_function(id, end, now);
                }
                // It says what it likes from now on, and is listened to.
                state.after.send(id);
            }
            self.call_up(state, id)
        });
        if let Some(caller) = caller {
            caller.wake();
        }
    }

    fn heard(&self, id: WorkerId, words: &mut Vec<Word>) -> Result<bool, String> {
        self.change_only(|state, now| {
            let mut breach = None;
            for word in words.drain(..) {
                let word = match &breach {
                    None => word,
                    // What was seen to begin has begun, whatever its worker said before.
                    Some(_) => match word.ok().and_then(FromWorker::into_seen_begin) {
                        Some(begin) => Ok(begin),
                        None => continue,
                    },
                };
                let said = word.map_err(|error| error.to_string());
                if let Err(what) = said.and_then(|said| self.hear(state, id, said, now)) {
                    breach.get_or_insert(what);
                }
            }
            state.core.catch_up(now);
            breach.map_or_else(|| Ok(state.core.is_awaited(id)), Err)
        })
    }

    fn settle(&self) {
        self.finish_change();
    }

    fn lost(&self, id: WorkerId) {
        self.change(|state, now| state.core.lost(id, now));
    }

    fn broke(&self, id: WorkerId, what: &str) {
        self.change(|state, now| state.core.violated(id, what, now));
    }

    fn has_audience(&self) -> bool {
        self.events.has_readers() || self.callbacks.want_events()
    }

    fn printed(&self, worker: WorkerId, stream: OutputStream, lines: Vec<OutputLine>) {
        let at = SystemTime::now();
        let event = |line| Event::Output { worker, at, stream, line };
        self.say(lines.into_iter().map(event));
    }

    fn complained(&self, worker: WorkerId, what: &str) {
        let at = SystemTime::now();
        self.say([Event::Reported { worker, at, text: what.into() }]);
    }

    fn died(&self, id: WorkerId, mut obituary: Obituary) {
        // Its words are read, so that it begins nothing more. Hashed without the lock.
        let (begun, suspected): (Vec<_>, bool) = self.look(|state| {
            let begun = state.core.begun_by(id);
            let begun = begun.map(|(key, ticket)| (key, ticket.clone())).collect();
            (begun, state.core.wants_prints(id, &obituary))
        });
        let particulars = |ticket: &Ticket| Particulars {
            query: self.plan.entry.query_of(ticket.request().value()),
            hash: ticket.hash(),
            print: if suspected { self.print_of(ticket) } else { None },
            twins: Vec::new(),
        };
        obituary.begun = begun.iter().map(|(key, ticket)| (*key, particulars(ticket))).collect();
        let seat = self.change(|state, now| {
            let gone = Worker::seated(self, state, id);
            let suspects = obituary.begun.iter().filter(|(_, its)| its.print.is_some());
            let suspects: Vec<QueryKey> = suspects.map(|(&key, _)| key).collect();
            for (key, twin) in state.core.twins(suspects, |one, other| one.compare(other)) {
                if let Some(particulars) = obituary.begun.get_mut(&key) {
                    particulars.twins.push(twin);
                }
            }
            let how = state.core.died(id, obituary, now);
            // What it died of is told before that it is gone.
            self.perform(state);
            let seat = state.seats.remove(&id);
            if let Some(raw) = state.raws.remove(&id) {
                state.after.end_raw(raw, how);
            }
            state.lead.forget_worker(id);
            if let Some(Seat::Taken(_)) = seat {
                self.callbacks.tell(Kind::Unspawn, || gone.map(Notice::Unspawned));
            }
            seat
        });
        drop(seat);
    }
}

impl Shared {
    /// Takes in what a worker said; `Err`: it cannot have said that.
    fn hear(
        &self,
        state: &mut State,
        id: WorkerId,
        message: FromWorker,
        now: Instant,
    ) -> Result<(), String> {
        let violated = |violation: Violation| violation.to_string();
        let end = |state: &mut State, query: u64, end: End, outcome: Outcome| {
            let key = QueryKey::from_wire(query);
            if let Some(ticket) = state.core.ended(id, key, end, now).map_err(violated)? {
                state.resolve(ticket, outcome);
            }
            Ok(())
        };
        // Of a query that is over there is nothing to hear any more, nor of the stream that it opened.
        if let Some(over) = self.plan.window.and_then(|_| message.over())
            && let Some(worker) = state.worker(id)
        {
            worker.leave_stream(over);
        }
        match message {
            FromWorker::Begun { id: query, at } => {
                let key = QueryKey::from_wire(query);
                let begun = match at {
                    Some(at) => state.core.begun_at(id, key, at, now),
                    None => state.core.begun(id, key, now),
                };
                begun.map_err(violated)
            }
            FromWorker::Took { time } => {
                state.core.took(time);
                Ok(())
            }
            FromWorker::Untold { id: query } => {
                let handed = state.core.handing(QueryKey::from_wire(query));
                if let (Some(worker), Some((ticket, ..))) = (state.worker(id), handed) {
                    worker.records().untold(query, ticket.traced());
                }
                Ok(())
            }
            FromWorker::Answer { id: query, begun, response }
                if self.objection(state, query, &response).is_some() =>
            {
                let objection = self.objection(state, query, &response).unwrap_or_default();
                if let Some(at) = begun {
                    let key = QueryKey::from_wire(query);
                    state.core.begun_at(id, key, at, now).map_err(violated)?;
                }
                Err(objection.into())
            }
            FromWorker::Answer { id: query, begun: None, response } => {
                end(state, query, End::Answered, Ok(response))
            }
            FromWorker::Answer { id: query, begun: Some(at), response } => {
                let key = QueryKey::from_wire(query);
                if let Some(ticket) = state.core.answered(id, key, at, now).map_err(violated)? {
                    state.resolve(ticket, Ok(response));
                }
                Ok(())
            }
            FromWorker::Panicked { id: RAW, note } if self.plan.raw => {
                if let Some(worker) = state.worker(id) {
                    worker.note_panic(note);
                }
                state.function_ended(id, FunctionEnd::Failed, now).map_err(violated)
            }
            FromWorker::Failed { error } if self.plan.raw => {
                if let Some(worker) = state.worker(id) {
                    worker.note_failure(error);
                }
                state.function_ended(id, FunctionEnd::Failed, now).map_err(violated)
            }
            FromWorker::Failed { .. } => Err(violated(Violation::Left)),
            FromWorker::Closed { id: RAW } if self.plan.raw => {
                state.function_ended(id, FunctionEnd::Returned, now).map_err(violated)
            }
            FromWorker::Panicked { id: query, note } => {
                if let Some(worker) = state.worker(id) {
                    worker.note_caught(&note);
                }
                let report = PanicReport::new(id, note);
                let handed = state.core.handing(QueryKey::from_wire(query));
                let ticket = handed.map(|(ticket, ..)| ticket.clone());
                end(state, query, End::Panicked, Err(QueryError::Panicked(report.clone())))?;
                // Whoever called may have gone, or never look.
                if let Some(ticket) = ticket {
                    let name = || self.plan.entry.query_of(ticket.request().value());
                    self.observer.panicked(&report, name);
                }
                Ok(())
            }
            FromWorker::Refused { id: query, refusal } => {
                let error = self.refused(refusal);
                end(state, query, End::Failed, Err(error))
            }
            FromWorker::Returned { id: query } => {
                if let Some(worker) = state.worker(id) {
                    worker.records().take_back(query);
                }
                state.core.returned(id, QueryKey::from_wire(query), now).map_err(violated)
            }
            FromWorker::Dropped { id: query } => {
                state.core.dropped(id, QueryKey::from_wire(query), now).map_err(violated)
            }
            FromWorker::Gated { running } => {
                let running: Vec<QueryKey> = running.into_iter().map(QueryKey::from_wire).collect();
                state.core.gated(id, &running, now).map_err(violated)
            }
            FromWorker::LastPanic { note } => {
                if let Some(worker) = state.worker(id) {
                    worker.note_panic(note);
                }
                Ok(())
            }
            FromWorker::Debug { query, text } => {
                self.hear_debug(state, id, query, text).map_err(violated)
            }
            FromWorker::Message { message, .. } if message.len() > self.options.max_frame => {
                Err("its message is larger than max_frame".into())
            }
            FromWorker::Message { query, message } => {
                self.hear_message(state, id, query, message).map_err(violated)
            }
            FromWorker::Opened { id: query } => {
                let key = QueryKey::from_wire(query);
                let ticket = state.core.opened(id, key, now).map_err(violated)?.clone();
                if ticket.stream().is_none() {
                    return Err("it opened a stream for a query that asks for none".into());
                }
                if !state.core.is_overdue(key) {
                    state.resolve(ticket, Ok(Parcel::default()));
                }
                Ok(())
            }
            FromWorker::Closed { id: query } => {
                let key = QueryKey::from_wire(query);
                if let Some(ticket) = state.core.closed(id, key, now).map_err(violated)? {
                    state.resolve(ticket, Ok(Parcel::default()));
                }
                Ok(())
            }
            FromWorker::Extended { id: query, by } => {
                let key = QueryKey::from_wire(query);
                state.core.extended(id, key, by).map_err(violated)
            }
            FromWorker::Report { text } => {
                self.hear_report(state, id, text);
                Ok(())
            }
        }
    }

    /// Why this cannot be the answer of a query.
    fn objection(&self, state: &State, query: u64, answer: &Parcel) -> Option<&'static str> {
        // What an opening answers is why there is no stream.
        let opens = self.plan.window.is_some();
        let is_open = || state.core.is_stream(QueryKey::from_wire(query));
        if answer.size() > self.options.max_frame {
            Some("its answer is larger than max_frame")
        } else if opens && (answer.value().is_empty() || is_open()) {
            Some("it answered what has opened a stream")
        } else {
            None
        }
    }

    /// An answer that came, and makes no sense.
    pub(super) fn unread(&self, error: DecodeError) -> QueryError {
        QueryError::Decode(error.about(|place| self.plan.entry.answer(place)))
    }

    fn refused(&self, refusal: Refusal) -> QueryError {
        match refusal {
            Refusal::Decode(note) => {
                let error = DecodeError::from_note(note);
                QueryError::Decode(error.about(|place| self.plan.entry.argument(place)))
            }
            Refusal::Encode(note) => {
                let error = EncodeError::from_note(note);
                QueryError::Encode(error.about(|place| self.plan.entry.answer(place)))
            }
            Refusal::TooLarge { size } => QueryError::TooLarge {
                size: usize::try_from(size).unwrap_or(usize::MAX),
                limit: self.options.max_frame,
            },
        }
    }
}
