//! Reads what a worker has written, and makes spans and events of it again.
//!
//! Whatever comes may have been made up: ids that nobody knows name nothing, and there are no more of
//! anything than a worker that means well could have.

mod kept;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tracing::span::Attributes;
use tracing::{Dispatch, Event, Id};

use self::kept::{Fit, Kept};
use super::happened::Observer;
use super::records::Table;
use super::scope::Scope;
use super::site::{Site, Sites};
use super::source::Source;
use super::spans::Run;
use crate::sync::shielded;
use crate::wire::record::{Field, Frames, NoRecord, Parent, Record};

/// Bytes that are read at once, between which every other worker has its turn.
const AT_ONCE: usize = 16 << 10;

/// Callsites of a worker.
const SITES: usize = 4096;
/// Queries that run in a worker, streams included.
const RUNNING: usize = 1 << 17;

/// Whose records these are.
pub(super) struct About {
    pub(super) observer: Arc<Observer>,
    pub(super) worker: u64,
    /// Says what is wrong with them.
    pub(super) complain: Box<dyn Fn(&str) + Send>,
}

/// The records of a worker.
pub(super) struct Reader {
    source: Arc<Source>,
    frames: Frames,
    about: About,
    table: Arc<Table>,
    sites: Vec<Site>,
    spans: HashMap<u64, Span>,
    kept: Kept,
    running: HashMap<u64, Run>,
}

/// A span of the worker.
struct Span {
    scope: Scope,
    /// The place among the callsites; `None`: nobody wants it, and its scope is what it is in.
    site: Option<usize>,
}

/// What reading has found.
enum Found {
    Something,
    /// Nothing now.
    Nothing,
    /// Nothing ever again.
    End,
}

impl Reader {
    pub(super) fn new(pipe: OwnedFd, about: About, table: Arc<Table>) -> Self {
        Self {
            source: Arc::new(Source::new(pipe)),
            frames: Frames::default(),
            about,
            table,
            sites: Vec::new(),
            spans: HashMap::new(),
            kept: Kept::default(),
            running: HashMap::new(),
        }
    }

    pub(super) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Reads some of what is there. `false`: there is nothing more to come.
    pub(super) fn read(&mut self, sites: &mut Sites) -> bool {
        !matches!(self.read_some(sites), Found::End)
    }

    /// Reads what is there by now. `false`: there is nothing more to come.
    pub(super) fn read_written(&mut self, sites: &mut Sites) -> bool {
        let times = self.source.written().div_ceil(AT_ONCE);
        (0..times).all(|_| self.read(sites))
    }

    /// Reads what was there when the worker's end was seen.
    pub(super) fn read_rest(&mut self, sites: &mut Sites) {
        while let Found::Something = self.read_some(sites) {}
    }

    fn read_some(&mut self, sites: &mut Sites) -> Found {
        let mut bytes = Vec::with_capacity(AT_ONCE);
        match self.source.read(&mut bytes) {
            None => return Found::Nothing,
            Some(0) => {
                if self.source.is_cut() {
                    self.about.observer.cut(self.about.worker);
                }
                return Found::End;
            }
            Some(_) => {}
        }
        self.frames.push(&bytes);
        loop {
            let heard = self.frames.next().and_then(|record| {
                let Some(record) = record else { return Ok(false) };
                let mut heard = Ok(());
                // A subscriber that panics at one has the others all the same.
                shielded(|| heard = self.hear(record, sites));
                heard.map(|()| true)
            });
            match heard {
                Ok(true) => {}
                Ok(false) => return Found::Something,
                Err(error) => {
                    (self.about.complain)(&error.to_string());
                    return Found::End;
                }
            }
        }
    }

    fn hear(&mut self, record: Record, sites: &mut Sites) -> Result<(), NoRecord> {
        match record {
            Record::Site(site) => {
                if self.sites.len() >= SITES {
                    return Err(NoRecord);
                }
                self.sites.push(sites.site(site, self.about.observer.pool()));
            }
            Record::Begun { query } => {
                if let Some(handed) = self.table.take(query) {
                    if self.running.len() >= RUNNING {
                        return Err(NoRecord);
                    }
                    if let Some(run) = Run::begin(handed.spans, handed.run) {
                        self.running.insert(query, run);
                    }
                }
            }
            Record::Ended { query } => {
                drop(self.running.remove(&query));
                // Its begin may be among what was lost.
                drop(self.table.take(query));
            }
            Record::Span { span, site, parent, fields } => {
                self.open(span, site as usize, parent, &fields)?;
            }
            Record::Recorded { span, fields } => {
                let size = |site: &Site| site.size(&fields);
                if let Some((dispatch, span, site)) = self.more_of(span, size) {
                    site.values(&fields, |values| {
                        dispatch.record(span, &tracing::span::Record::new(values));
                    });
                }
            }
            Record::Follows { span, other } => {
                let other = self.spans.get(&other).filter(|other| other.site.is_some());
                let other = other.and_then(|other| other.scope.id().cloned());
                let size = |_: &Site| size_of::<Id>();
                if let Some(other) = other
                    && let Some((dispatch, span, _)) = self.more_of(span, size)
                {
                    dispatch.record_follows_from(span, &other);
                }
            }
            Record::Closed { span } => {
                self.kept.end(span);
                drop(self.spans.remove(&span));
            }
            Record::Event { site, parent, fields } => {
                let site = self.sites.get(site as usize).ok_or(NoRecord)?;
                self.tell(site, parent, &fields);
            }
            Record::Line { line, parent } => {
                let (site, fields) = sites.line(line, self.about.observer.pool());
                self.tell(&site, parent, &fields);
            }
            Record::Lost { records } => self.about.observer.lost(self.about.worker, records),
        }
        if self.kept.is_to_be_told() {
            self.about.observer.left_out(self.about.worker);
        }
        Ok(())
    }

    /// What something belongs to; `None`: there is no subscriber who is to hear it.
    fn scope(&self, parent: Parent) -> Option<Scope> {
        if let Some(span) = parent.span.and_then(|span| self.spans.get(&span)) {
            return Some(span.scope.clone());
        }
        if let Some(run) = parent.query.and_then(|query| self.running.get(&query)) {
            return Some(run.scope().clone());
        }
        self.about.observer.audience().map(Scope::outside)
    }

    fn open(
        &mut self,
        span: u64,
        index: usize,
        parent: Parent,
        fields: &[Field],
    ) -> Result<(), NoRecord> {
        let site = self.sites.get(index).filter(|site| site.metadata().is_span());
        let site = site.ok_or(NoRecord)?;
        let Some(scope) = self.scope(parent) else { return Ok(()) };
        let bytes = site.size(fields);
        let fit = self.kept.fit(span, parent.span, bytes);
        if fit == Fit::Unknown {
            return Ok(());
        }
        let entered = scope.enter();
        let is_told = fit == Fit::Whole && site.is_wanted(scope.dispatch());
        self.kept.begin(span, parent.span, is_told.then_some(bytes));
        let span_of_worker = if is_told {
            let scope =
                site.values(fields, |values| scope.open(&Attributes::new(site.metadata(), values)));
            Span { scope, site: Some(index) }
        } else {
            // What is in it is then in what it is in.
            Span { scope, site: None }
        };
        drop(entered);
        self.spans.insert(span, span_of_worker);
        Ok(())
    }

    /// A span that was made again, with its subscriber and its callsite, where so much more may be said
    /// of it.
    fn more_of(
        &mut self,
        id: u64,
        size: impl FnOnce(&Site) -> usize,
    ) -> Option<(&Dispatch, &Id, &Site)> {
        let span = self.spans.get(&id)?;
        let site = self.sites.get(span.site?)?;
        let fits = self.kept.record(id, size(site));
        span.scope.id().filter(|_| fits).map(|id| (span.scope.dispatch(), id, site))
    }

    fn tell(&self, site: &Site, parent: Parent, fields: &[Field]) {
        let Some(scope) = self.scope(parent) else {
            let About { observer, worker, .. } = &self.about;
            return site.log(observer.pool(), *worker, fields);
        };
        let _entered = scope.enter();
        if site.is_wanted(scope.dispatch()) {
            // As the macros do: what the subscriber itself says meanwhile does not come back to it.
            site.values(fields, |values| Event::dispatch(site.metadata(), values));
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Nobody reads any more what it begins.
        self.table.close();
    }
}
