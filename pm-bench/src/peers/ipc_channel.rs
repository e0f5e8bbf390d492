//! ipc-channel: a channel for questions, one for answers, and two for bytes.

use std::error::Error;
use std::sync::mpsc::sync_channel;
use std::thread::{scope, sleep, spawn};
use std::time::{Duration, Instant};

use ipc_channel::ipc::{
    IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcReceiver, IpcSender, bytes_channel,
    channel,
};
use serde::{Deserialize, Serialize};

use super::far::far_side;
use super::{Outcome, Peer};
use crate::slice::{Slice, compute, median_of};
use crate::workload::{Workload, micros};

#[derive(Serialize, Deserialize)]
enum Question {
    Add(u64, u64),
    Work(u64),
}

/// Of which bytes are that are to come back, or not.
const ECHOED: u8 = 1;
const LENT: u8 = 2;

/// The near side's ends.
#[derive(Serialize, Deserialize)]
pub(super) struct IpcChannel {
    questions: IpcSender<Question>,
    answers: IpcReceiver<u64>,
    echoed: IpcBytesSender,
    echoes: IpcBytesReceiver,
}

impl IpcChannel {
    pub(super) fn connect() -> Result<Self, Box<dyn Error>> {
        let (server, name) = IpcOneShotServer::<Self>::new()?;
        far_side("ipc-channel", &name)?.spawn()?;
        Ok(server.accept()?.1)
    }

    fn ask(&self, question: Question) -> Result<u64, Box<dyn Error>> {
        self.questions.send(question)?;
        Ok(self.answers.recv()?)
    }

    /// Questions from this thread, answers to another: each side would wait for the other
    /// otherwise, once there are more in flight than a socket holds.
    fn flight(&self, calls: usize, time: Duration) -> Outcome {
        let mut slice = Slice::new(time);
        let (sent, asked) = sync_channel(calls);
        let (questions, answers) = (&self.questions, &self.answers);
        scope(|scope| {
            // The channel's ends may move to another thread, but not be shared.
            let questions = questions.clone();
            let slice = &mut slice;
            let asking = scope.spawn(move || {
                while slice.goes_on() {
                    sent.send(()).map_err(|error| error.to_string())?;
                    questions.send(Question::Add(1, 2)).map_err(|error| error.to_string())?;
                }
                Ok::<_, String>(())
            });
            for () in asked {
                answers.recv().map_err(|error| error.to_string())?;
            }
            asking.join().map_err(|_| "the asking thread has panicked".to_owned())?
        })?;
        Ok(slice.rate())
    }

    fn bytes(&self, kind: u8, bytes: usize, time: Duration) -> Result<Slice, Box<dyn Error>> {
        let sent = vec![kind; bytes];
        let mut slice = Slice::new(time);
        while slice.goes_on() {
            self.echoed.send(&sent)?;
            self.echoes.recv()?;
        }
        Ok(slice)
    }
}

impl Peer for IpcChannel {
    fn measure(&mut self, workload: Workload, time: Duration) -> Outcome {
        match workload {
            Workload::Alone => {
                let mut slice = Slice::new(time);
                while slice.goes_on() {
                    self.ask(Question::Add(1, 2))?;
                }
                Ok(slice.each())
            }
            Workload::Paused { micros: pause } => median_of(time, || {
                sleep(micros(pause));
                let start = Instant::now();
                self.ask(Question::Add(1, 2))?;
                Ok(start.elapsed())
            }),
            Workload::Work { micros } => median_of(time, || {
                let start = Instant::now();
                let computed = self.ask(Question::Work(micros))?;
                Ok(start.elapsed().saturating_sub(Duration::from_nanos(computed)))
            }),
            Workload::Flight { calls } => self.flight(calls, time),
            Workload::Echo { bytes } => {
                Ok(self.bytes(ECHOED, bytes, time)?.rate() * (2 * bytes) as f64)
            }
            Workload::Lend { bytes } => Ok(self.bytes(LENT, bytes, time)?.rate() * bytes as f64),
            _ => Err("it starts no processes, and keeps no queue".into()),
        }
    }
}

/// The far side, until the near one is gone.
pub(super) fn serve(server: &str) -> Result<(), Box<dyn Error>> {
    let (questions, to_answer) = channel()?;
    let (answering, answers) = channel()?;
    let (echoed, to_echo) = bytes_channel()?;
    let (echoing, echoes) = bytes_channel()?;
    IpcSender::connect(server.to_owned())?.send(IpcChannel {
        questions,
        answers,
        echoed,
        echoes,
    })?;
    spawn(move || {
        while let Ok(bytes) = to_echo.recv() {
            let answer = if bytes.first() == Some(&LENT) { &[] } else { bytes.as_slice() };
            if echoing.send(answer).is_err() {
                break;
            }
        }
    });
    while let Ok(question) = to_answer.recv() {
        answering.send(match question {
            Question::Add(a, b) => a + b,
            Question::Work(load) => compute(micros(load)).as_nanos() as u64,
        })?;
    }
    Ok(())
}
