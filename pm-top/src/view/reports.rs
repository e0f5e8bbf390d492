//! The last crashes of the pool that is chosen, in full.

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
    if pool.crashes.is_empty() {
        if is_here {
            heading(buffer, area, &format!("no worker of {} has crashed", pool.name), true);
        }
        return;
    }
    let count = pool.crashes.len();
    let those = if count == 1 { "last crash".into() } else { format!("last {count} crashes") };
    heading(buffer, area, &format!("{those} of {}", pool.name), is_here);
    let area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let all = lines(pool, usize::from(area.width), now);
    // The last line stays on the screen.
    let first = ui.scroll.get().min(all.len().saturating_sub(usize::from(area.height)));
    ui.scroll.set(first);
    for (row, (text, style)) in area.rows().zip(all.iter().skip(first)) {
        line(buffer, row, text, *style);
    }
}

/// Every report, wrapped.
fn lines(pool: &Pool, width: usize, now: SystemTime) -> Vec<(String, Style)> {
    let mut all = Vec::new();
    for crash in &pool.crashes {
        let age = now.duration_since(crash.at).unwrap_or_default();
        all.push((format!("{} ago", text::time(age)), Style::new().fg(Color::Cyan)));
        for line in crash.text.lines() {
            all.extend(text::wrap(line, width).into_iter().map(|line| (line, Style::new())));
        }
    }
    all
}
