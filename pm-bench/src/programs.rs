//! The other binaries of this package: `cargo run` builds only the one that it runs.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::Command;

/// Builds them beside this one. To be done before anything is measured.
pub(crate) fn build() -> Result<(), Box<dyn Error>> {
    let mut cargo = cargo()?;
    cargo.arg("--bins").arg("--target-dir").arg(target()?);
    match cargo.status()?.success() {
        true => Ok(()),
        false => Err("cargo cannot build this package's other programs".into()),
    }
}

/// Builds this program once more, with the feature `watched`, where nobody else's builds are.
pub(crate) fn build_watched() -> Result<(), Box<dyn Error>> {
    let mut cargo = cargo()?;
    cargo.args(["--bin", env!("CARGO_PKG_NAME"), "--features", "watched"]);
    cargo.arg("--target-dir").arg(watched_target()?);
    match cargo.status()?.success() {
        true => Ok(()),
        false => Err("cargo cannot build this program with the feature `watched`".into()),
    }
}

/// How that is started.
pub(crate) fn watched() -> io::Result<Command> {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let target = watched_target()?;
    let mut command = Command::new(target.join(profile).join(env!("CARGO_PKG_NAME")));
    // Where its operator's socket is to be.
    command.env("XDG_RUNTIME_DIR", target);
    Ok(command)
}

fn watched_target() -> io::Result<PathBuf> {
    Ok(target()?.join("watched"))
}

/// The target folder that this program is in.
fn target() -> io::Result<PathBuf> {
    let this = std::env::current_exe()?;
    let target = this.ancestors().nth(2);
    target.map(PathBuf::from).ok_or(io::Error::other("this program is in no target folder"))
}

fn cargo() -> io::Result<Command> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--quiet", "--package", env!("CARGO_PKG_NAME")]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    Ok(cargo)
}

/// How one of them is started.
pub(crate) fn program(name: &str) -> io::Result<Command> {
    Ok(Command::new(std::env::current_exe()?.with_file_name(name)))
}
