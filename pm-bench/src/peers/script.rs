//! Peers in other languages: scripts, which install what they need into the target folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A script of the folder `peers`.
pub(super) struct Script {
    interpreter: &'static str,
    file: &'static str,
    /// What is installed for it, of exactly this version.
    package: Option<Package>,
}

enum Package {
    Npm(&'static str),
    Pip(&'static str),
}

pub(super) const NODE_FORK: Script = Script { interpreter: "node", file: "fork.js", package: None };
pub(super) const WORKERPOOL: Script = Script {
    interpreter: "node",
    file: "workerpool.js",
    package: Some(Package::Npm("workerpool@10.0.3")),
};
pub(super) const PROCESS_POOL_EXECUTOR: Script =
    Script { interpreter: "python3", file: "executor.py", package: None };
pub(super) const PEBBLE: Script = Script {
    interpreter: "python3",
    file: "pebble_pool.py",
    package: Some(Package::Pip("pebble==5.2.3")),
};

impl Script {
    pub(super) fn command(&self) -> Result<Command, String> {
        runs(Command::new(self.interpreter).arg("--version"))?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(self.file);
        let mut command = Command::new(self.interpreter);
        command.arg(script);
        if let Some(package) = &self.package {
            let folder = package.installed()?;
            command.env(package.search_path(), folder);
        }
        // Leaves no compiled files beside the sources.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(command)
    }
}

impl Package {
    fn name(&self) -> &'static str {
        match self {
            Self::Npm(name) | Self::Pip(name) => name,
        }
    }

    /// The variable that says where packages are.
    fn search_path(&self) -> &'static str {
        match self {
            Self::Npm(_) => "NODE_PATH",
            Self::Pip(_) => "PYTHONPATH",
        }
    }

    /// The folder where it is; installs it first, if that has not been done.
    fn installed(&self) -> Result<PathBuf, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let folder = program.with_file_name("pm-bench-peers").join(self.name());
        let done = folder.join("installed");
        if !done.exists() {
            fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
            runs(&mut self.installer(&folder))?;
            fs::write(done, "").map_err(|error| error.to_string())?;
        }
        Ok(match self {
            Self::Npm(_) => folder.join("node_modules"),
            Self::Pip(_) => folder,
        })
    }

    fn installer(&self, folder: &Path) -> Command {
        let (program, arguments, place) = match self {
            Self::Npm(_) => ("npm", &["install", "--no-audit", "--no-fund"][..], "--prefix"),
            Self::Pip(_) => ("python3", &["-m", "pip", "install", "--no-input"][..], "--target"),
        };
        let mut command = Command::new(program);
        command.args(arguments).args([OsStr::new(place), folder.as_os_str()]).arg(self.name());
        command
    }
}

/// Runs a command to its end, and says why it failed.
fn runs(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("`{name}` cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("`{name}` failed: {last}"))
}
