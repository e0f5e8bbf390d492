//! The screen, at any size. Pure: what is drawn follows from what is known and chosen.

mod layout;
mod reports;
mod tables;

use std::time::SystemTime;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use crate::model::Model;
use crate::table::cut;
use crate::ui::{Focus, Ui};
use crate::{keys, plain};
use layout::Parts;

/// Draws all of it.
pub(crate) fn draw(frame: &mut Frame, model: &Model, ui: &Ui, now: SystemTime) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if area.is_empty() {
        return;
    }
    if ui.shows_help {
        return lines(buffer, area, keys::HELP.lines(), Style::new());
    }
    let parts = Parts::of(area, model, ui);
    if let Some(title) = parts.title {
        line(buffer, title, &summary(model), Style::new().bold());
    }
    if model.applications.is_empty() {
        lines(buffer, parts.body(), plain::NOTHING.lines(), Style::new());
    } else {
        tables::draw_pools(buffer, parts.pools, model, ui, now);
        tables::draw_workers(buffer, parts.workers, model, ui);
        reports::draw(buffer, parts.reports, model, ui, now);
    }
    if let Some(footer) = parts.footer {
        draw_footer(buffer, footer, ui);
    }
}

fn summary(model: &Model) -> String {
    let counted = |count: usize, one: &str, many: &str| {
        format!("{count} {}", if count == 1 { one } else { many })
    };
    let there = || model.applications.values().filter(|application| application.gone.is_none());
    let pools = || there().flat_map(|application| application.pools.values());
    let crashes = pools().map(|pool| pool.health.crashes).fold(0, u64::saturating_add);
    format!(
        "pm-top: {}, {}, {}, {}",
        counted(there().count(), "application", "applications"),
        counted(pools().count(), "pool", "pools"),
        counted(pools().map(|pool| pool.workers.len()).sum(), "worker", "workers"),
        counted(usize::try_from(crashes).unwrap_or(usize::MAX), "crash", "crashes"),
    )
}

/// What is asked, or what has become of the last order, or which keys there are.
fn draw_footer(buffer: &mut Buffer, area: Rect, ui: &Ui) {
    const KEYS: &str = "tab next  r respawn  R worker  u unspawn  f forgive  ? help  q quit";
    match (&ui.question, &*ui.status) {
        (Some(order), _) => {
            // How to answer is seen first, the rest where there is room.
            const ANSWER: &str = "? (y/n)";
            let what = cut(&order.what, usize::from(area.width).saturating_sub(ANSWER.len() + 1));
            let question = format!("{what}{ANSWER} What outlasts the grace is killed.");
            line(buffer, area, &question, Style::new().fg(Color::Yellow).bold());
        }
        (None, "") => line(buffer, area, KEYS, Style::new().dim()),
        (None, status) => line(buffer, area, status, Style::new()),
    }
}

/// The heading of a part of the screen.
fn heading(buffer: &mut Buffer, area: Rect, text: &str, is_chosen: bool) {
    let style = if is_chosen { Style::new().bold() } else { Style::new().dim() };
    let rule = "─".repeat(usize::from(area.width));
    line(buffer, area, &format!("── {text} {rule}"), style);
}

/// The first line of an area.
fn line(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    if area.is_empty() {
        return;
    }
    let width = usize::from(area.width);
    let text = if text.ends_with('─') { text.to_owned() } else { cut(text, width) };
    buffer.set_stringn(area.x, area.y, text, width, style);
}

fn lines<'a>(buffer: &mut Buffer, area: Rect, texts: impl Iterator<Item = &'a str>, style: Style) {
    for (row, text) in area.rows().zip(texts) {
        line(buffer, row, text, style);
    }
}

fn is_in(ui: &Ui, focus: Focus) -> bool {
    ui.focus == focus
}

#[cfg(test)]
mod tests;
