//! A trace of a whole order, through two processes: spans and lines of workers stand below those of their
//! callers, also those of a worker that dies.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use pm_runtime::worker_query;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Instrument, Subscriber, info, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Looks up a price. What it says need not know of any process.
#[worker_query(workers = 1)]
fn price(article: &str) -> Option<u32> {
    let _lookup = info_span!("lookup", article).entered();
    log::warn!("the catalogue is old");
    match article {
        "apple" => Some(530),
        "durian" => {
            info!("this one is never in stock");
            std::process::abort()
        }
        _ => None,
    }
}

#[pm_runtime::main]
async fn main() -> Result<(), pm_runtime::Error> {
    let tree = Tree::default();
    tracing_subscriber::registry().with(tree.clone()).init();

    let pool = PricePool::new();
    for (number, article) in [(1, "apple"), (2, "durian")] {
        let order = async {
            match pool.query(article).await {
                Ok(price) => info!(?price, "answered"),
                Err(_) => info!("not answered"),
            }
        };
        order.instrument(info_span!("order", number)).await;
    }
    // When it returns, all that workers have said is told.
    pool.destroy().await;
    tree.print();
    Ok(())
}

/// Keeps the lines of a trace, each below the span that it is in.
#[derive(Clone, Default)]
struct Tree(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    /// Where the lines of spans are.
    spans: BTreeMap<u64, usize>,
    lines: Vec<Line>,
}

struct Line {
    /// The line of the span that it is in.
    parent: Option<usize>,
    name: &'static str,
    /// In the order of their names, whenever they are told.
    fields: BTreeMap<&'static str, String>,
}

impl Tree {
    fn change<R>(&self, change: impl FnOnce(&mut Lines) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn print(&self) {
        self.change(|lines| lines.print_below(None, 0));
    }
}

impl Lines {
    fn print_below(&self, parent: Option<usize>, depth: usize) {
        for (index, line) in self.lines.iter().enumerate().filter(|(_, line)| line.parent == parent)
        {
            print!("{}{}", "  ".repeat(depth), line.name);
            line.fields.iter().for_each(|(name, value)| print!(" {name}={value}"));
            println!();
            self.print_below(Some(index), depth + 1);
        }
    }

    fn add(&mut self, parent: Option<Id>, name: &'static str, fields: Fields) -> usize {
        let parent = parent.and_then(|parent| self.spans.get(&parent.into_u64()).copied());
        self.lines.push(Line { parent, name, fields: fields.0 });
        self.lines.len() - 1
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Tree {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let parent = context.span(id).and_then(|span| Some(span.parent()?.id()));
        self.change(|lines| {
            let line = lines.add(parent, attributes.metadata().name(), fields);
            lines.spans.insert(id.into_u64(), line);
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        self.change(|lines| {
            let line = lines.spans.get(&id.into_u64()).copied();
            if let Some(line) = line.and_then(|line| lines.lines.get_mut(line)) {
                line.fields.extend(fields.0);
            }
        });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        // What happens in the pool belongs to no order.
        let Some(parent) = context.event_span(event) else { return };
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.change(|lines| {
            lines.add(Some(parent.id()), event.metadata().level().as_str(), fields)
        });
    }
}

/// Fields as text.
#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = format!("{value:?}");
        // That of a crash has process ids and times.
        if field.name() == "outcome" && text != "\"answered\"" {
            text = "an error".into();
        }
        self.0.insert(field.name(), text);
    }
}
