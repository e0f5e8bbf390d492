//! The other binaries of this package: `cargo run` builds only the one that it runs.

use std::error::Error;
use std::process::Command;

/// Builds one, and returns how it is started.
pub(crate) fn program(name: &str) -> Result<Command, Box<dyn Error>> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--quiet", "--package", env!("CARGO_PKG_NAME"), "--bin", name]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    if !cargo.status()?.success() {
        return Err(format!("cargo cannot build `{name}`").into());
    }
    Ok(Command::new(std::env::current_exe()?.with_file_name(name)))
}
