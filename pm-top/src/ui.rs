//! What the user has chosen, and is asked. Pure.

use std::cell::Cell;

use pm_runtime::operator::protocol::Command;

use crate::keys::Key;
use crate::model::{Model, Pool};

/// The part of the screen that keys are about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Focus {
    #[default]
    Pools,
    Workers,
    Reports,
}

/// A row: an application, and a pool of it unless it has none or says nothing.
pub(crate) type Row = (u32, Option<u64>);

#[derive(Default)]
pub(crate) struct Ui {
    pub(crate) focus: Focus,
    pool: Choice<Row>,
    worker: Choice<u64>,
    /// Lines of the reports above the first that is shown. It is cut to what there is where they are drawn:
    /// how many there are depends on the width.
    pub(crate) scroll: Cell<usize>,
    pub(crate) question: Option<Order>,
    /// What has become of the last order.
    pub(crate) status: String,
    pub(crate) shows_help: bool,
}

/// What an application is to be told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) pid: u32,
    pub(crate) command: Command,
    /// In words.
    pub(crate) what: String,
}

/// What follows from a key.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The screen may look different.
    Look,
    Order(Order),
    Quit,
}

/// One of several things, which come and go.
#[derive(Default)]
struct Choice<T> {
    chosen: Option<T>,
    /// Where it was.
    at: usize,
}

impl<T: Copy + PartialEq> Choice<T> {
    /// It is still there, or whatever is there now.
    fn settle(&mut self, all: &[T]) {
        let known = self.chosen.and_then(|chosen| all.iter().position(|other| *other == chosen));
        self.to(known.unwrap_or(self.at), all);
    }

    fn to(&mut self, at: usize, all: &[T]) {
        self.at = at.min(all.len().saturating_sub(1));
        self.chosen = all.get(self.at).copied();
    }
}

/// Every row, in the order in which they are shown.
pub(crate) fn rows(model: &Model) -> Vec<Row> {
    let of_application = |(&pid, application): (&u32, &crate::model::Application)| {
        let is_bare = application.is_bare();
        let pools: Vec<Row> = application.pools.keys().map(|&pool| (pid, Some(pool))).collect();
        is_bare.then_some((pid, None)).into_iter().chain(pools)
    };
    model.applications.iter().flat_map(of_application).collect()
}

impl Ui {
    /// What there is has changed.
    pub(crate) fn settle(&mut self, model: &Model) {
        self.pool.settle(&rows(model));
        self.worker.settle(&self.workers(model));
    }

    /// The row that is chosen.
    pub(crate) fn row(&self) -> Option<Row> {
        self.pool.chosen
    }

    pub(crate) fn row_at(&self) -> usize {
        self.pool.at
    }

    /// The pool that is chosen.
    pub(crate) fn pool<'a>(&self, model: &'a Model) -> Option<&'a Pool> {
        let (pid, pool) = self.pool.chosen?;
        model.pool(pid, pool?)
    }

    pub(crate) fn worker_at(&self) -> usize {
        self.worker.at
    }

    fn workers(&self, model: &Model) -> Vec<u64> {
        self.pool(model).map(|pool| pool.workers.keys().copied().collect()).unwrap_or_default()
    }

    pub(crate) fn press(&mut self, key: Key, model: &Model) -> Outcome {
        self.status.clear();
        if let Some(order) = self.question.take() {
            match key {
                Key::Yes => return Outcome::Order(order),
                _ => self.status = "not done".into(),
            }
            return Outcome::Look;
        }
        if self.shows_help && key != Key::Quit {
            self.shows_help = false;
            return Outcome::Look;
        }
        match key {
            Key::Up => self.go(-1, model),
            Key::Down => self.go(1, model),
            Key::PageUp => self.go(-10, model),
            Key::PageDown => self.go(10, model),
            Key::First => self.go(isize::MIN, model),
            Key::Last => self.go(isize::MAX, model),
            Key::Next => self.turn([Focus::Workers, Focus::Reports, Focus::Pools]),
            Key::Back => self.turn([Focus::Reports, Focus::Pools, Focus::Workers]),
            Key::RespawnPool => self.ask(model, |pool, _| Command::Respawn { pool, worker: None }),
            Key::RespawnWorker if self.worker.chosen.is_none() => self.status = "no worker".into(),
            Key::RespawnWorker => {
                self.ask(model, |pool, worker| Command::Respawn { pool, worker });
            }
            Key::Unspawn => {
                let one = self.focus == Focus::Workers;
                self.ask(model, |pool, worker| Command::Unspawn {
                    pool,
                    worker: worker.filter(|_| one),
                });
            }
            Key::Forgive => match self.order(model, |pool, _| Command::Forgive { pool }) {
                Ok(order) => return Outcome::Order(order),
                Err(why) => self.status = why,
            },
            Key::Help => self.shows_help = true,
            Key::Quit => return Outcome::Quit,
            Key::Escape | Key::Yes | Key::Other => {}
        }
        Outcome::Look
    }

    fn go(&mut self, by: isize, model: &Model) {
        match self.focus {
            Focus::Pools => {
                self.pool.to(self.pool.at.saturating_add_signed(by), &rows(model));
                self.worker = Choice::default();
                self.worker.settle(&self.workers(model));
                self.scroll.set(0);
            }
            Focus::Workers => {
                self.worker.to(self.worker.at.saturating_add_signed(by), &self.workers(model));
            }
            Focus::Reports => self.scroll.set(self.scroll.get().saturating_add_signed(by)),
        }
    }

    /// From pools, workers, reports to these.
    fn turn(&mut self, next: [Focus; 3]) {
        self.focus = next[self.focus as usize];
    }

    fn ask(&mut self, model: &Model, command: impl FnOnce(u64, Option<u64>) -> Command) {
        match self.order(model, command) {
            Ok(order) => self.question = Some(order),
            Err(why) => self.status = why,
        }
    }

    fn order(
        &self,
        model: &Model,
        command: impl FnOnce(u64, Option<u64>) -> Command,
    ) -> Result<Order, String> {
        let none = || "no pool".to_owned();
        let (pid, id) = self.row().ok_or_else(none)?;
        let application = model.applications.get(&pid).ok_or_else(none)?;
        let whose = format!("{} ({pid})", application.name);
        if application.gone.is_some() {
            return Err(format!("{whose} is gone"));
        }
        let pool = id.and_then(|id| Some((id, application.pools.get(&id)?)));
        let (id, pool) = pool.ok_or_else(none)?;
        let command = command(id, self.worker.chosen);
        let which = |worker: Option<u64>| match worker {
            Some(worker) => format!("worker {worker}"),
            None => "all workers".to_owned(),
        };
        let what = match command {
            Command::Respawn { worker, .. } => format!("respawn {} of", which(worker)),
            Command::Unspawn { worker, .. } => format!("unspawn {} of", which(worker)),
            _ => "forgive".to_owned(),
        };
        Ok(Order { pid, command, what: format!("{what} {} in {whose}", pool.name) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use super::*;
    use crate::model::tests::state;

    fn model() -> Model {
        let (mut model, now) = (Model::default(), Instant::now());
        for pid in [3, 5, 7] {
            model.tell(pid, state("a", 1, 1), now);
        }
        model.trouble(5, "it does not answer");
        model
    }

    fn ui(model: &Model) -> Ui {
        let mut ui = Ui::default();
        ui.settle(model);
        ui
    }

    #[test]
    fn what_is_chosen_stays_so_when_others_come_and_go() {
        let mut model = model();
        let mut ui = ui(&model);
        assert_eq!(rows(&model), [(3, Some(1)), (5, None), (5, Some(1)), (7, Some(1))]);
        for _ in 0..9 {
            ui.press(Key::Down, &model);
        }
        assert_eq!(ui.row(), Some((7, Some(1))));
        model.applications.remove(&3);
        ui.settle(&model);
        assert_eq!((ui.row(), ui.row_at()), (Some((7, Some(1))), 2));
        model.end(7, SystemTime::UNIX_EPOCH);
        ui.settle(&model);
        assert_eq!((ui.row(), ui.row_at()), (Some((7, Some(1))), 3), "what it was is still there");
        for key in [Key::RespawnPool, Key::Unspawn, Key::Forgive] {
            assert_eq!(ui.press(key, &model), Outcome::Look);
            assert_eq!((&*ui.status, &ui.question), ("a (7) is gone", &None));
        }
        model.applications.remove(&7);
        ui.settle(&model);
        assert_eq!(ui.row(), Some((5, Some(1))), "what has its place");
        model.applications.remove(&5);
        ui.settle(&model);
        assert_eq!((ui.row(), ui.press(Key::RespawnPool, &model)), (None, Outcome::Look));
        assert!(ui.question.is_none());
    }

    #[test]
    fn what_ends_workers_is_asked_first() {
        let model = model();
        let mut ui = ui(&model);
        assert_eq!(ui.press(Key::RespawnPool, &model), Outcome::Look);
        assert_eq!(ui.question.as_ref().unwrap().what, "respawn all workers of pool of a in a (3)");
        assert_eq!(ui.press(Key::Down, &model), Outcome::Look, "that is no yes");
        assert_eq!((&*ui.status, ui.row_at()), ("not done", 0));
        ui.press(Key::RespawnPool, &model);
        let Outcome::Order(order) = ui.press(Key::Yes, &model) else { panic!("it was confirmed") };
        assert_eq!((order.pid, order.command), (3, Command::Respawn { pool: 1, worker: None }));
        assert_eq!(ui.press(Key::Yes, &model), Outcome::Look, "once");
    }

    #[test]
    fn a_worker_is_chosen_among_those_of_the_pool() {
        let model = model();
        let mut ui = ui(&model);
        ui.press(Key::Next, &model);
        ui.press(Key::Down, &model);
        ui.press(Key::RespawnWorker, &model);
        let one = Command::Respawn { pool: 1, worker: Some(2) };
        assert_eq!(ui.question.take().unwrap().command, one);
        ui.press(Key::Unspawn, &model);
        let one = Command::Unspawn { pool: 1, worker: Some(2) };
        assert_eq!(ui.question.take().unwrap().command, one);
        ui.press(Key::Back, &model);
        ui.press(Key::Unspawn, &model);
        let all = Command::Unspawn { pool: 1, worker: None };
        assert_eq!(ui.question.take().unwrap().command, all);
        let Outcome::Order(order) = ui.press(Key::Forgive, &model) else {
            panic!("nobody is hurt")
        };
        assert_eq!(order.command, Command::Forgive { pool: 1 });
    }
}
