//! Who gets how much of the screen.

use ratatui::layout::Rect;

use crate::model::Model;
use crate::ui::{Focus, Ui, rows};

/// Where the parts of the screen are; those without room are empty.
pub(super) struct Parts {
    pub(super) title: Option<Rect>,
    pub(super) pools: Rect,
    pub(super) workers: Rect,
    pub(super) reports: Rect,
    pub(super) footer: Option<Rect>,
}

/// Lines below which a part does not say much.
const LEAST: u16 = 3;

impl Parts {
    pub(super) fn of(area: Rect, model: &Model, ui: &Ui) -> Self {
        let mut rest = area;
        let title = (rest.height >= 8).then(|| take(&mut rest, 1));
        // A question has to be seen wherever it is asked.
        let footer = (rest.height >= 4 || ui.question.is_some()).then(|| {
            let height = rest.height.saturating_sub(1);
            let body = take(&mut rest, height);
            std::mem::replace(&mut rest, body)
        });
        let pool = ui.pool(model);
        // With the titles of the columns; with headings, too.
        let pools = lines(rows(model).len() + 1);
        let workers = lines(pool.map_or(0, |pool| pool.workers.len() + 2));
        let has_reports = pool.is_some_and(|pool| !pool.reports.is_empty());
        let [pools, workers] = match (rest.height, ui.focus) {
            (..6, Focus::Pools) => [rest.height, 0],
            (..6, Focus::Workers) => [0, rest.height],
            (..6, Focus::Reports) => [0, 0],
            (height @ ..12, Focus::Reports) => [pools.min(height - LEAST), 0],
            (height @ ..12, _) => share(height, [pools, workers]),
            (height, _) => {
                let reports = if has_reports { height / 3 } else { 0 };
                share(height - reports, [pools, workers])
            }
        };
        let (pools, workers) = (take(&mut rest, pools), take(&mut rest, workers));
        Self { title, pools, workers, reports: rest, footer }
    }
}

impl Parts {
    /// All between title and footer.
    pub(super) fn body(&self) -> Rect {
        self.pools.union(self.workers).union(self.reports)
    }
}

/// The upper lines of what is left.
fn take(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    let taken = Rect { height, ..*rest };
    *rest = Rect { y: rest.y + height, height: rest.height - height, ..*rest };
    taken
}

fn lines(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// What two want of so many lines: each half of it, or less, and what the other does not want.
fn share(height: u16, [first, second]: [u16; 2]) -> [u16; 2] {
    let half = height / 2;
    let first = first.min(half.max(height.saturating_sub(second)));
    [first, second.min(height - first)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_little_leaves_the_rest_to_the_other() {
        assert_eq!(share(20, [5, 5]), [5, 5]);
        assert_eq!(share(20, [5, 50]), [5, 15]);
        assert_eq!(share(20, [50, 5]), [15, 5]);
        assert_eq!(share(20, [50, 50]), [10, 10]);
        assert_eq!(share(0, [50, 50]), [0, 0]);
    }
}
