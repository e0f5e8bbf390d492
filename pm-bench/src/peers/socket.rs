//! Messages of 64 bytes over a Unix socket between two processes, without anything around them.

use std::error::Error;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::stdio::stdin;

use super::far::far_side;
use super::{Outcome, Peer};
use crate::slice::{Slice, compute, median_of};
use crate::workload::{Workload, micros};

const MESSAGE: usize = 64;

/// The near side. The far one is started with the workload that it is there for.
#[derive(Default)]
pub(super) struct Socket {
    connected: Option<(Workload, Link)>,
}

struct Link {
    socket: UnixStream,
    far: Child,
}

impl Socket {
    fn link(&mut self, workload: Workload) -> Result<&mut Link, Box<dyn Error>> {
        let link = match self.connected.take() {
            Some((connected, link)) if connected == workload => link,
            _ => Link::start(workload)?,
        };
        Ok(&mut self.connected.insert((workload, link)).1)
    }
}

impl Link {
    fn start(workload: Workload) -> Result<Self, Box<dyn Error>> {
        let (socket, far) = UnixStream::pair()?;
        let workload = serde_json::to_string(&workload)?;
        let far = far_side("socket", &workload)?.stdin(OwnedFd::from(far)).spawn()?;
        Ok(Self { socket, far })
    }

    fn trip(&mut self, question: &[u8], answer: &mut [u8]) -> io::Result<Duration> {
        let start = Instant::now();
        self.socket.write_all(question)?;
        self.socket.read_exact(answer)?;
        Ok(start.elapsed())
    }

    fn trips(&mut self, question: usize, answer: usize, time: Duration) -> io::Result<Slice> {
        let (question, mut answer) = (vec![1; question], vec![0; answer]);
        let mut slice = Slice::new(time);
        while slice.goes_on() {
            self.trip(&question, &mut answer)?;
        }
        Ok(slice)
    }

    /// From the SIGKILL to the end of the socket.
    fn killed(mut self) -> io::Result<Duration> {
        let mut message = [0; MESSAGE];
        self.trip(&[1; MESSAGE], &mut message)?;
        let start = Instant::now();
        self.far.kill()?;
        // The end, or an error.
        let _ = self.socket.read(&mut message);
        let taken = start.elapsed();
        self.far.wait()?;
        Ok(taken)
    }
}

impl Peer for Socket {
    fn measure(&mut self, workload: Workload, time: Duration) -> Outcome {
        let (question, mut answer) = ([1; MESSAGE], [0; MESSAGE]);
        Ok(match workload {
            Workload::Alone => self.link(workload)?.trips(MESSAGE, MESSAGE, time)?.each(),
            Workload::Paused { micros: pause } => {
                let link = self.link(workload)?;
                median_of(time, || {
                    sleep(micros(pause));
                    link.trip(&question, &mut answer)
                })?
            }
            Workload::Work { .. } => {
                let link = self.link(workload)?;
                median_of(time, || -> io::Result<Duration> {
                    let taken = link.trip(&question, &mut answer)?;
                    let computed =
                        answer.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
                    Ok(taken.saturating_sub(Duration::from_nanos(computed)))
                })?
            }
            Workload::Flight { calls } => {
                let all = calls * MESSAGE;
                self.link(workload)?.trips(all, all, time)?.rate() * calls as f64
            }
            Workload::Echo { bytes } => {
                self.link(workload)?.trips(bytes, bytes, time)?.rate() * (2 * bytes) as f64
            }
            Workload::Lend { bytes } => {
                self.link(workload)?.trips(bytes, MESSAGE, time)?.rate() * bytes as f64
            }
            Workload::Killed => median_of(time, || {
                Ok::<_, Box<dyn Error>>(Link::start(Workload::Alone)?.killed()?)
            })?,
            _ => return Err("it is a bare socket to one process".into()),
        })
    }
}

/// The far side, whose socket is its stdin.
pub(super) fn serve(workload: &str) -> Result<(), Box<dyn Error>> {
    let mut socket = UnixStream::from(stdin().try_clone_to_owned()?);
    let workload = serde_json::from_str(workload)?;
    if let Workload::Flight { .. } = workload {
        return Ok(answer_what_comes(&mut socket)?);
    }
    let (question, answer, work) = match workload {
        Workload::Echo { bytes } => (bytes, bytes, 0),
        Workload::Lend { bytes } => (bytes, MESSAGE, 0),
        Workload::Work { micros } => (MESSAGE, MESSAGE, micros),
        _ => (MESSAGE, MESSAGE, 0),
    };
    let mut bytes = vec![0; question];
    while socket.read_exact(&mut bytes).is_ok() {
        if work > 0 {
            let computed = compute(micros(work)).as_nanos() as u64;
            if let Some(first) = bytes.first_chunk_mut() {
                *first = computed.to_le_bytes();
            }
        }
        socket.write_all(bytes.get(..answer).unwrap_or_default())?;
    }
    Ok(())
}

/// In as few writes as it comes in reads: nothing that goes through a socket does better.
fn answer_what_comes(socket: &mut UnixStream) -> io::Result<()> {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let length = socket.read(&mut bytes)?;
        let Some(came) = bytes.get(..length).filter(|came| !came.is_empty()) else {
            return Ok(());
        };
        socket.write_all(came)?;
    }
}
