//! Pools, and the workers of the one that is chosen.

use std::time::SystemTime;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::{heading, is_in, line};
use crate::columns::{self, POOLS, WORKERS};
use crate::model::{Model, Pool};
use crate::table::{Column, Row, fit};
use crate::ui::{Focus, Ui, rows};

pub(super) fn draw_pools(buffer: &mut Buffer, area: Rect, model: &Model, ui: &Ui, now: SystemTime) {
    let mut styles = Vec::new();
    let mut cells = Vec::new();
    for (pid, pool) in rows(model) {
        let Some(application) = model.applications.get(&pid) else { continue };
        match pool.and_then(|pool| application.pools.get(&pool)) {
            Some(pool) => {
                styles.push(if application.gone.is_some() { GONE } else { style_of(pool) });
                cells.push(columns::of_pool(pid, application, pool));
            }
            None => {
                styles.push(match (application.gone, &application.trouble) {
                    (Some(_), _) => GONE,
                    (None, Some(_)) => Style::new().fg(Color::Red),
                    (None, None) => Style::new(),
                });
                cells.push(columns::of_application(pid, application, now));
            }
        }
    }
    let chosen = Chosen { at: ui.row_at(), is_here: is_in(ui, Focus::Pools) };
    table(buffer, area, &POOLS, &cells, &styles, &chosen);
}

/// What is no more.
const GONE: Style = Style::new().fg(Color::DarkGray);

/// Red is what fails; yellow what could use a look.
fn style_of(pool: &Pool) -> Style {
    let health = &pool.health;
    if health.exhausted {
        Style::new().fg(Color::Red)
    } else if health.account.waiting > 0 && health.busy == pool.workers.len() {
        Style::new().fg(Color::Yellow)
    } else {
        Style::new()
    }
}

pub(super) fn draw_workers(buffer: &mut Buffer, area: Rect, model: &Model, ui: &Ui) {
    let Some(pool) = ui.pool(model).filter(|_| !area.is_empty()) else { return };
    let is_here = is_in(ui, Focus::Workers);
    heading(buffer, area, &format!("workers of {}", pool.name), is_here);
    let workers = || pool.workers.values();
    let cells: Vec<_> = workers().map(|worker| columns::of_worker(pool, worker)).collect();
    let style = |worker| match pool.runs_long(worker) {
        true => Style::new().fg(Color::Yellow),
        false => Style::new(),
    };
    let styles: Vec<_> = workers().map(style).collect();
    let area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    table(buffer, area, &WORKERS, &cells, &styles, &Chosen { at: ui.worker_at(), is_here });
}

/// The row that is chosen, and whether keys are about it.
struct Chosen {
    at: usize,
    is_here: bool,
}

fn table(
    buffer: &mut Buffer,
    area: Rect,
    columns: &[Column],
    cells: &[Row],
    styles: &[Style],
    chosen: &Chosen,
) {
    let fit = fit(columns, cells, usize::from(area.width));
    let mut room = area.rows();
    // Where there is one line only, it is the chosen one.
    if area.height > 1
        && let Some(row) = room.next()
    {
        line(buffer, row, &fit.titles(columns), Style::new().fg(Color::Cyan));
    }
    let height = usize::from(area.height).saturating_sub(usize::from(area.height > 1));
    let first = (chosen.at + 1).saturating_sub(height);
    let shown = cells.iter().zip(styles).enumerate().skip(first);
    for (row, (at, (cells, style))) in room.zip(shown) {
        let style = match (at == chosen.at, chosen.is_here) {
            (true, true) => style.reversed(),
            (true, false) => style.bold(),
            (false, _) => *style,
        };
        let text = fit.line(columns, cells);
        line(buffer, row, &text, style);
        // The whole line, so that the eye finds it.
        buffer.set_style(row, style);
    }
}
