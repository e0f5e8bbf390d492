//! One input on its way through a stream of its own, and through another one after each crash.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::pending;
use std::io;

use pm_runtime::{StreamError, StreamReceiver, StreamSender};
use smol::future;

use crate::board::Board;
use crate::input::{Input, LONGEST, Line};
use crate::parser::{Class, LineParser, LineParserPool, ParserError};

type Answer = Result<Class, StreamError<ParserError>>;

/// Why an input was not followed to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("cannot be read: {0}")]
    Input(#[from] io::Error),
    #[error("cannot be parsed: {0}")]
    Stream(#[from] StreamError<ParserError>),
}

pub(crate) struct Follower<'a> {
    pool: &'a LineParserPool,
    board: &'a RefCell<Board>,
    /// Which input it is of the board's.
    index: usize,
    tells_rejected: bool,
    /// Lines that have no answer yet. The windows of a stream bound how many there are.
    waiting: RefCell<VecDeque<Line>>,
}

impl<'a> Follower<'a> {
    pub(crate) fn new(
        pool: &'a LineParserPool,
        board: &'a RefCell<Board>,
        index: usize,
        tells_rejected: bool,
    ) -> Self {
        Self { pool, board, index, tells_rejected, waiting: RefCell::default() }
    }

    pub(crate) async fn follow(&self, mut input: Input) -> Result<(), Trouble> {
        loop {
            let (sender, receiver) = self.pool.create_stream().await?.split();
            let sending = self.send(&mut input, sender);
            match future::or(self.receive(receiver), sending).await {
                Err(Trouble::Stream(error)) if is_death(&error) => self.try_alone().await?,
                result => return result,
            }
        }
    }

    /// Sends what the last stream has not answered, and the input's lines until it is over. Whether
    /// they arrive, the answers tell.
    async fn send(
        &self,
        input: &mut Input,
        mut sender: StreamSender<LineParser>,
    ) -> Result<(), Trouble> {
        let again: Vec<Line> = self.waiting.borrow().iter().cloned().collect();
        for line in again {
            let _ = sender.send(line.text).await;
        }
        while let Some(line) = input.next().await? {
            self.board.borrow_mut().counts(self.index).lines += 1;
            if line.text.len() > LONGEST {
                self.rejected(&line, "it is longer than 1 MiB");
                continue;
            }
            // First, so that it is not lost if the stream breaks off here.
            self.waiting.borrow_mut().push_back(line.clone());
            let _ = sender.send(line.text).await;
        }
        let _ = sender.finish().await;
        pending().await
    }

    async fn receive(&self, mut receiver: StreamReceiver<LineParser>) -> Result<(), Trouble> {
        while let Some(answer) = receiver.next().await {
            self.answered(answer)?;
        }
        Ok(())
    }

    /// Finds out whether it was a line of this input that its worker died of.
    ///
    /// Answers come in the order of the lines, and none is lost that was given before a death. So it
    /// can only have been the first line without one; or else a line of another input, of a stream in
    /// the same worker. In a worker that it has for itself there is no other.
    async fn try_alone(&self) -> Result<(), Trouble> {
        let Some(line) = self.waiting.borrow().front().cloned() else { return Ok(()) };
        let answer = async {
            let mut stream = self.pool.create_stream().temporary().await?;
            stream.send(line.text.clone()).await?;
            stream.next().await.unwrap_or(Err(StreamError::Closed))
        };
        match answer.await {
            Err(error) if is_death(&error) => {
                self.waiting.borrow_mut().pop_front();
                let mut board = self.board.borrow_mut();
                board.counts(self.index).crashed += 1;
                let place = format!("{}:{}", board.name(self.index), line.number);
                board.note(&format!("{place}: the parser crashed on it: {error}"));
                Ok(())
            }
            answer => self.answered(answer),
        }
    }

    /// The first line that waits for an answer has it.
    fn answered(&self, answer: Answer) -> Result<(), Trouble> {
        let line = || self.waiting.borrow_mut().pop_front();
        match answer {
            Ok(class) => {
                line();
                self.board.borrow_mut().parsed(self.index, class);
            }
            Err(StreamError::Failed(error)) => {
                if let Some(line) = line() {
                    self.rejected(&line, &error.to_string());
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn rejected(&self, line: &Line, why: &str) {
        let mut board = self.board.borrow_mut();
        board.counts(self.index).rejected += 1;
        if self.tells_rejected {
            let place = format!("{}:{}", board.name(self.index), line.number);
            board.note(&format!("{place}: rejected: {why}"));
        }
    }
}

/// Whether a stream, or its whole worker, died of what it did.
fn is_death(error: &StreamError<ParserError>) -> bool {
    matches!(error, StreamError::Crashed(_) | StreamError::Panicked(_) | StreamError::Protocol(_))
}
