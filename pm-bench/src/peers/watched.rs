//! This project, while somebody watches its pools.

use std::error::Error;

use super::Peer;

type Watched = Result<Box<dyn Peer>, Box<dyn Error>>;

#[cfg(feature = "watched")]
mod there {
    use std::io::{self, Write};
    use std::os::unix::net::UnixStream;
    use std::thread;
    use std::time::Duration;

    use metrics_exporter_prometheus::PrometheusBuilder;
    use pm_runtime::operator::protocol::{Command, Request};
    use pm_runtime::{metrics, operator};
    use tracing_subscriber::fmt;

    use super::super::ours::Ours;
    use super::Watched;

    pub(crate) fn unwatched() -> Watched {
        Ok(Box::new(Ours::on_smol()))
    }

    pub(crate) fn measured() -> Watched {
        PrometheusBuilder::new().install_recorder()?;
        let publishing = metrics::publish_every(Duration::from_secs(1))?;
        // As long as this process.
        std::mem::forget(publishing);
        unwatched()
    }

    pub(crate) fn operated() -> Watched {
        let operator = operator::serve()?;
        let mut asks = UnixStream::connect(operator.socket())?;
        let mut hears = asks.try_clone()?;
        // All as long as this process.
        std::mem::forget(operator);
        thread::spawn(move || io::copy(&mut hears, &mut io::sink()));
        let mut ask = move |command| writeln!(asks, "{}", Request { id: None, command });
        ask(Command::Events)?;
        thread::spawn(move || {
            while ask(Command::Health).is_ok() {
                thread::sleep(Duration::from_secs(1));
            }
        });
        unwatched()
    }

    pub(crate) fn traced() -> Watched {
        fmt().with_writer(std::io::sink).try_init().map_err(|error| error.to_string())?;
        unwatched()
    }
}

#[cfg(not(feature = "watched"))]
mod there {
    use super::Watched;

    pub(crate) fn unwatched() -> Watched {
        Err("this program was built without its feature `watched`".into())
    }

    pub(crate) fn measured() -> Watched {
        unwatched()
    }

    pub(crate) fn operated() -> Watched {
        unwatched()
    }

    pub(crate) fn traced() -> Watched {
        unwatched()
    }
}

pub(super) use there::{measured, operated, traced, unwatched};
