//! The far sides of floors and of peers that start no processes themselves.

use std::error::Error;
use std::io::Write;
use std::process::Command;

use super::{ipc_channel, socket, tarpc, this_program};

/// The first argument of such a process; the second says which, the third where it is awaited.
pub(crate) const FAR_SIDE: &str = "--far-side";

pub(super) fn far_side(which: &str, place: &str) -> std::io::Result<Command> {
    let mut command = this_program()?;
    command.args([FAR_SIDE, which, place]);
    Ok(command)
}

/// Does what a far side does, until the near one is gone.
pub(crate) fn serve_far_side(which: &str, place: &str) -> Result<(), Box<dyn Error>> {
    match which {
        "byte" => Ok(std::io::stdout().write_all(b".")?),
        "load" => loop {
            std::hint::spin_loop();
        },
        "socket" => socket::serve(place),
        "tarpc" => tarpc::serve(place),
        "ipc-channel" => ipc_channel::serve(place),
        _ => Err(format!("there is no far side called {which}").into()),
    }
}
