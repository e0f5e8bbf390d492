//! The other binaries of this package: `cargo run` builds only the one that it runs.

use std::error::Error;
use std::process::Command;

/// Builds them beside this one. To be done before anything is measured.
pub(crate) fn build() -> Result<(), Box<dyn Error>> {
    let this = std::env::current_exe()?;
    let target = this.ancestors().nth(2).ok_or("this program is in no target folder")?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--quiet", "--package", env!("CARGO_PKG_NAME"), "--bins"]);
    cargo.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    match cargo.status()?.success() {
        true => Ok(()),
        false => Err("cargo cannot build this package's other programs".into()),
    }
}

/// How one of them is started.
pub(crate) fn program(name: &str) -> std::io::Result<Command> {
    Ok(Command::new(std::env::current_exe()?.with_file_name(name)))
}
