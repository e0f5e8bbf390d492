//! Callsites of workers, made again with a life as long as the process, as subscribers want them.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Once, OnceLock};

use tracing::callsite::{self, Callsite, Identifier};
use tracing::field::{FieldSet, Value as Recorded, ValueSet, display};
use tracing::level_filters::LevelFilter;
use tracing::metadata::Kind;
use tracing::subscriber::Interest;
use tracing::{Dispatch, Metadata, dispatcher};

use super::{TARGET, dispatch};
use crate::error::Escaped;
use crate::sync::shielded;
use crate::wire::record::{self, FIELDS, Field, Level, Line, Place, Value};

/// So many are made, whatever workers make up: they stay for ever. What comes beyond that is told by
/// one for each level, with its names among its fields.
const MOST: usize = 4096;

/// So many are made for all pools of one name, however often they and their workers begin anew, so that
/// they leave some to others.
const SHARE: usize = 512;

/// The name of what was logged without one.
const LOGGED: &str = "log event";

/// All of the process.
#[derive(Default)]
pub(super) struct Sites {
    /// By what workers call them.
    made: HashMap<record::Site, &'static Made>,
    /// How many of them there are by the names of pools: no more names than callsites.
    shares: HashMap<Box<str>, usize>,
    common: HashMap<(bool, Level), &'static Made>,
}

/// Where spans or events come from.
pub(super) struct Site {
    made: &'static Made,
    /// What it really is, where it has to share.
    hidden: Option<Box<record::Site>>,
}

/// A callsite that was made here.
struct Made {
    /// Made when it is first asked for, as it names this in turn.
    metadata: OnceLock<Metadata<'static>>,
    site: record::Site,
    registered: Once,
    interest: AtomicU8,
}

const NEVER: u8 = 0;
const SOMETIMES: u8 = 1;
const ALWAYS: u8 = 2;

/// The fields of a shared callsite.
const MESSAGE: &str = "message";
const SHARED: [&str; 3] = [MESSAGE, "name", "target"];

impl Sites {
    /// The callsite that a worker of this pool has told of.
    pub(super) fn site(&mut self, mut site: record::Site, pool: &str) -> Site {
        site.fields.truncate(FIELDS);
        site.fields.shrink_to_fit();
        if let Some(made) = self.made.get(&site) {
            return Site { made, hidden: None };
        }
        if self.take_share(pool) {
            let made = Made::new(escaped(site.clone()));
            self.made.insert(site, made);
            return Site { made, hidden: None };
        }
        let made = self.common.entry((site.is_span, site.place.level)).or_insert_with(|| {
            let name = if site.is_span { "span of a worker" } else { "event of a worker" };
            let place = Place {
                level: site.place.level,
                target: TARGET.into(),
                module: None,
                file: None,
                line: None,
            };
            let fields = SHARED.map(String::from).into();
            Made::new(record::Site { is_span: site.is_span, name: name.into(), place, fields })
        });
        Site { made, hidden: Some(Box::new(escaped(site))) }
    }

    /// Whether one more may be made for this pool, which is counted.
    fn take_share(&mut self, pool: &str) -> bool {
        if self.made.len() >= MOST {
            return false;
        }
        let Some(taken) = self.shares.get_mut(pool) else {
            self.shares.insert(pool.into(), 1);
            return true;
        };
        let is_left = *taken < SHARE;
        *taken += usize::from(is_left);
        is_left
    }

    /// That of a line, and the field that it has.
    pub(super) fn line(&mut self, line: Line, pool: &str) -> (Site, [Field; 1]) {
        let Line { place, message } = line;
        let fields = vec![MESSAGE.into()];
        let site = record::Site { is_span: false, name: LOGGED.into(), place, fields };
        (self.site(site, pool), [Field { index: 0, value: Value::Debug(message) }])
    }
}

/// No subscriber expects control characters in names.
fn escaped(site: record::Site) -> record::Site {
    let record::Site { is_span, name, place, fields } = site;
    let Place { level, target, module, file, line } = place;
    let text = |text: String| Escaped(&text).to_string();
    record::Site {
        is_span,
        name: text(name),
        place: Place {
            level,
            target: text(target),
            module: module.map(text),
            file: file.map(text),
            line,
        },
        fields: fields.into_iter().map(text).collect(),
    }
}

impl Site {
    pub(super) fn metadata(&self) -> &'static Metadata<'static> {
        self.made.metadata.get().unwrap_or(&NOTHING)
    }

    /// Whether a subscriber wants what comes from here: asked just before it gets it.
    pub(super) fn is_wanted(&self, dispatch: &Dispatch) -> bool {
        let made = self.made;
        // Not before, and there: a process with one subscriber has that of the thread asked.
        made.registered.call_once(|| {
            // A panic would have it refused for ever.
            shielded(|| dispatcher::with_default(dispatch, || callsite::register(made)));
        });
        let metadata = self.metadata();
        if *metadata.level() > LevelFilter::current() {
            return false;
        }
        match &self.hidden {
            // What a subscriber thinks of the shared one concerns others, too.
            Some(hidden) => dispatch.enabled(&self.revealed(hidden)),
            None => match made.interest.load(Ordering::Relaxed) {
                NEVER => false,
                ALWAYS => true,
                _ => dispatch.enabled(metadata),
            },
        }
    }

    /// What it really is, for filters: all but the name, which has to stay for ever.
    fn revealed<'a>(&self, hidden: &'a record::Site) -> Metadata<'a> {
        let Place { level, target, module, file, line } = &hidden.place;
        let shared = self.metadata();
        Metadata::new(
            shared.name(),
            target,
            (*level).into(),
            file.as_deref(),
            *line,
            module.as_deref(),
            FieldSet::new(&SHARED, shared.callsite()),
            if hidden.is_span { Kind::SPAN } else { Kind::EVENT },
        )
    }

    /// About how much a subscriber keeps that keeps these fields of a span, in bytes.
    pub(super) fn size(&self, fields: &[Field]) -> usize {
        let names = &self.site().fields;
        let field = |field: &Field| {
            let name = names.get(usize::from(field.index)).map_or(0, String::len);
            let value = match &field.value {
                Value::Text(text) | Value::Debug(text) => text.len(),
                _ => 0,
            };
            size_of_val(field) + name + value
        };
        let hidden = |site: &record::Site| site.name.len() + site.place.target.len();
        self.hidden.as_deref().map_or(0, hidden) + fields.iter().map(field).sum::<usize>()
    }

    /// Has the fields as subscribers take them.
    pub(super) fn values<R>(&self, fields: &[Field], take: impl FnOnce(&ValueSet<'_>) -> R) -> R {
        let Some(hidden) = &self.hidden else { return self.plain_values(fields, take) };
        let text = |index, text| Field { index, value: Value::Debug(text) };
        let fields = [
            text(0, named(&hidden.fields, fields)),
            text(1, hidden.name.clone()),
            text(2, hidden.place.target.clone()),
        ];
        self.plain_values(&fields, take)
    }

    fn plain_values<R>(&self, fields: &[Field], take: impl FnOnce(&ValueSet<'_>) -> R) -> R {
        let shown: Vec<_> = fields
            .iter()
            .map(|field| match &field.value {
                Value::Debug(text) => display(text.as_str()),
                _ => display(""),
            })
            .collect();
        let names = self.metadata().fields();
        let mut values: Vec<Option<&dyn Recorded>> = vec![None; names.len()];
        for (field, shown) in fields.iter().zip(&shown) {
            if let Some(value) = values.get_mut(usize::from(field.index)) {
                *value = Some(match &field.value {
                    Value::Bool(value) => value,
                    Value::I64(value) => value,
                    Value::U64(value) => value,
                    Value::I128(value) => value,
                    Value::U128(value) => value,
                    Value::F64(value) => value,
                    Value::Text(value) => value,
                    Value::Debug(_) => shown,
                });
            }
        }
        take(&names.value_set_all(&values))
    }

    /// Says the fields to the crate `log`, as a line of text, and of which worker they are: it knows
    /// neither fields nor spans.
    pub(super) fn log(&self, pool: &str, worker: u64, fields: &[Field]) {
        let text = format!("pool `{pool}`: worker {worker}: {}", self.text(fields));
        match &self.hidden {
            Some(hidden) => dispatch::to_log(&self.revealed(hidden), &text),
            None => dispatch::to_log(self.metadata(), &text),
        }
    }

    fn text(&self, fields: &[Field]) -> String {
        named(&self.site().fields, fields)
    }

    /// What it really is.
    fn site(&self) -> &record::Site {
        self.hidden.as_deref().unwrap_or(&self.made.site)
    }
}

/// The message, and the other fields with their names behind it.
fn named(names: &[String], fields: &[Field]) -> String {
    let mut text = String::new();
    let name = |field: &Field| names.get(usize::from(field.index)).map(String::as_str);
    for field in fields.iter().filter(|field| name(field) == Some(MESSAGE)) {
        write(&mut text, &field.value);
    }
    for field in fields {
        if let Some(name) = name(field).filter(|name| *name != MESSAGE) {
            let space = if text.is_empty() { "" } else { " " };
            text.extend([space, name, "="]);
            write(&mut text, &field.value);
        }
    }
    text
}

fn write(text: &mut String, value: &Value) {
    // Into a `String` nothing fails.
    let _ = match value {
        Value::Bool(value) => write!(text, "{value}"),
        Value::I64(value) => write!(text, "{value}"),
        Value::U64(value) => write!(text, "{value}"),
        Value::I128(value) => write!(text, "{value}"),
        Value::U128(value) => write!(text, "{value}"),
        Value::F64(value) => write!(text, "{value}"),
        Value::Text(value) | Value::Debug(value) => text.write_str(value),
    };
}

impl Made {
    fn new(site: record::Site) -> &'static Self {
        let (metadata, registered) = (OnceLock::new(), Once::new());
        let interest = AtomicU8::new(SOMETIMES);
        let made = Self { metadata, site, registered, interest };
        let made: &'static Self = Box::leak(Box::new(made));
        made.metadata.get_or_init(|| make_metadata(made));
        made
    }
}

fn make_metadata(made: &'static Made) -> Metadata<'static> {
    let record::Site { is_span, name, place, fields } = &made.site;
    let names: Vec<&'static str> = fields.iter().map(String::as_str).collect();
    Metadata::new(
        name,
        &place.target,
        place.level.into(),
        place.file.as_deref(),
        place.line,
        place.module.as_deref(),
        FieldSet::new(Vec::leak(names), Identifier(made)),
        if *is_span { Kind::SPAN } else { Kind::EVENT },
    )
}

impl Callsite for Made {
    fn set_interest(&self, interest: Interest) {
        let interest = match interest {
            interest if interest.is_never() => NEVER,
            interest if interest.is_always() => ALWAYS,
            _ => SOMETIMES,
        };
        self.interest.store(interest, Ordering::Relaxed);
    }

    fn metadata(&self) -> &Metadata<'_> {
        self.metadata.get().unwrap_or(&NOTHING)
    }
}

/// What stands in the place of metadata that are not there yet, which nobody gets to see.
static NOTHING: Metadata<'static> = Metadata::new(
    "",
    TARGET,
    tracing::Level::TRACE,
    None,
    None,
    None,
    FieldSet::new(&[], Identifier(&Nowhere)),
    Kind::EVENT,
);

struct Nowhere;

impl Callsite for Nowhere {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &NOTHING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(number: usize) -> record::Site {
        let place = Place {
            level: Level::Info,
            target: "app".into(),
            module: None,
            file: None,
            line: u32::try_from(number).ok(),
        };
        let fields = vec!["who".into(), MESSAGE.into()];
        record::Site { is_span: false, name: format!("event {number}"), place, fields }
    }

    fn fields() -> [Field; 2] {
        let text = |index, text: &str| Field { index, value: Value::Text(text.into()) };
        [text(0, "ann"), text(1, "hello")]
    }

    #[test]
    fn one_stays_the_same_and_those_beyond_a_number_share_one() {
        let mut sites = Sites::default();
        let pool = |number: usize| (number / SHARE).to_string();
        let first = sites.site(site(0), &pool(0));
        for number in 1..MOST {
            assert!(sites.site(site(number), &pool(number)).hidden.is_none());
        }
        let again = sites.site(site(0), "another");
        assert_eq!(again.metadata().callsite(), first.metadata().callsite());
        assert_eq!((again.metadata().target(), again.metadata().line()), ("app", Some(0)));
        let [one, other] = [MOST, MOST + 1].map(|number| sites.site(site(number), "another"));
        assert_eq!(one.metadata().callsite(), other.metadata().callsite());
        assert_eq!(*one.metadata().level(), tracing::Level::INFO);
        assert_eq!(one.metadata().target(), TARGET);
        let said = one.values(&fields(), |values| format!("{values:?}"));
        for part in ["hello who=ann", "event 4096", "app"] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn pools_of_a_name_have_their_share_and_what_others_have_made() {
        let mut sites = Sites::default();
        let mut is_hidden = |number, pool| sites.site(site(number), pool).hidden.is_some();
        for number in 0..SHARE {
            assert!(!is_hidden(number, "one"));
        }
        assert!(is_hidden(SHARE, "one"));
        assert!(!is_hidden(SHARE, "other"));
        assert!(!is_hidden(SHARE, "one"));
    }

    #[test]
    fn no_name_has_control_characters() {
        let mut sites = Sites::default();
        let evil = || String::from("a\nb\x1b\u{202e}");
        let place = Place {
            level: Level::Info,
            target: evil(),
            module: Some(evil()),
            file: Some(evil()),
            line: None,
        };
        let site = record::Site { is_span: true, name: evil(), place, fields: vec![evil()] };
        let site = sites.site(site, "one");
        let metadata = site.metadata();
        let field = metadata.fields().iter().next().unwrap().name();
        let names = [metadata.module_path(), metadata.file()].map(Option::unwrap);
        for name in [names[0], names[1], metadata.name(), metadata.target(), field] {
            assert_eq!(name, r"a\nb\u{1b}\u{202e}");
        }
    }

    #[test]
    fn fields_that_no_callsite_has_are_left_out() {
        let mut sites = Sites::default();
        let site = sites.site(site(0), "one");
        assert_eq!(site.text(&fields()), "hello who=ann");
        let stray = [Field { index: 9, value: Value::Bool(true) }];
        assert_eq!(site.text(&stray), "");
        assert!(site.values(&stray, |values| values.is_empty()));
    }
}
