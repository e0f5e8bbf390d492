//! The last deaths of workers of the pool that is chosen, in full.

use std::time::SystemTime;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::{heading, is_in, line};
use crate::model::{Model, Pool};
use crate::text;
use crate::ui::{Focus, Ui};

pub(super) fn draw(buffer: &mut Buffer, area: Rect, model: &Model, ui: &Ui, now: SystemTime) {
    let Some(pool) = ui.pool(model).filter(|_| !area.is_empty()) else { return };
    let is_here = is_in(ui, Focus::Reports);
    if pool.reports.is_empty() {
        if is_here {
            heading(
                buffer,
                area,
                &format!("no worker of {} has crashed or was killed", pool.name),
                true,
            );
        }
        return;
    }
    heading(buffer, area, &format!("{} of {}", those(pool), pool.name), is_here);
    let area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let all = lines(pool, usize::from(area.width), now);
    // The last line stays on the screen.
    let first = ui.scroll.get().min(all.len().saturating_sub(usize::from(area.height)));
    ui.scroll.set(first);
    for (row, (text, style)) in area.rows().zip(all.iter().skip(first)) {
        line(buffer, row, text, *style);
    }
}

/// How many there are of each kind.
fn those(pool: &Pool) -> String {
    let kinds = [(false, "crash", "crashes"), (true, "kill", "kills")];
    let counted = kinds.map(|(is_kill, one, many)| {
        match pool.reports.iter().filter(|report| report.is_kill == is_kill).count() {
            0 => None,
            1 => Some(format!("last {one}")),
            count => Some(format!("last {count} {many}")),
        }
    });
    counted.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

/// Every report, wrapped.
fn lines(pool: &Pool, width: usize, now: SystemTime) -> Vec<(String, Style)> {
    let mut all = Vec::new();
    for report in &pool.reports {
        let age = text::time(now.duration_since(report.at).unwrap_or_default());
        all.push(match report.is_kill {
            true => (format!("{age} ago, killed by its pool"), Style::new().fg(Color::Yellow)),
            false => (format!("{age} ago"), Style::new().fg(Color::Cyan)),
        });
        for line in report.text.lines() {
            all.extend(text::wrap(line, width).into_iter().map(|line| (line, Style::new())));
        }
    }
    all
}
