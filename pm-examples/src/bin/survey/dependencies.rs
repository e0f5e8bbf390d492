//! Where the sources of this project's own dependencies are.

use std::env;
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// The folders of all packages that the workspace depends on, as far as they are on the disk.
///
/// Cargo knows them. It refuses to say so without the network if one is not on the disk, such as
/// after a build of this package alone; then those that are in its registry are taken.
pub(crate) fn folders() -> io::Result<Vec<PathBuf>> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    match from_metadata(project) {
        Ok(folders) => Ok(folders),
        Err(_) => from_lock(project),
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    /// `None`: it is of the workspace.
    source: Option<String>,
    manifest_path: PathBuf,
}

fn from_metadata(project: &Path) -> io::Result<Vec<PathBuf>> {
    let version = cargo(project, &["--version", "--verbose"])?;
    let version = String::from_utf8_lossy(&version);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let mut arguments = vec!["metadata", "--offline", "--format-version=1"];
    // Packages for other systems are needed, and downloaded, only there.
    arguments.extend(host.into_iter().flat_map(|host| ["--filter-platform", host]));
    let metadata: Metadata = serde_json::from_slice(&cargo(project, &arguments)?)?;
    Ok(metadata
        .packages
        .iter()
        .filter(|package| package.source.is_some())
        .filter_map(|package| package.manifest_path.parent())
        .map(Path::to_owned)
        .collect())
}

fn cargo(project: &Path, arguments: &[&str]) -> io::Result<Vec<u8>> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .current_dir(project)
        .stdin(Stdio::null())
        .output()?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// The packages of `Cargo.lock` that are in a registry's folder.
fn from_lock(project: &Path) -> io::Result<Vec<PathBuf>> {
    let lock = project
        .ancestors()
        .map(|folder| folder.join("Cargo.lock"))
        .find(|path| path.is_file())
        .ok_or_else(|| io::Error::other("this project has no Cargo.lock"))?;
    let packages = locked(&fs::read_to_string(lock)?);
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .ok_or_else(|| io::Error::other("there is no home folder"))?;
    let registries = home.join("registry").join("src");
    let nowhere = |reason: &dyn Display| {
        let place = registries.display();
        io::Error::other(format!("they are not in {place}: {reason}"))
    };
    let mut folders = Vec::new();
    for registry in fs::read_dir(&registries).map_err(|error| nowhere(&error))? {
        let registry = registry?.path();
        let in_registry = packages.iter().map(|package| registry.join(package));
        folders.extend(in_registry.filter(|folder| folder.is_dir()));
    }
    match folders.is_empty() {
        true => Err(nowhere(&"it holds none of Cargo.lock")),
        false => Ok(folders),
    }
}

/// Name and version, as a registry calls its folders, of every package that is from elsewhere.
///
/// Cargo writes the file itself, always in the same form.
fn locked(lock: &str) -> Vec<String> {
    lock.split("[[package]]")
        .filter_map(|package| {
            let value = |key: &str| {
                package.lines().find_map(|line| {
                    let value = line.strip_prefix(key)?.strip_prefix(" = \"")?;
                    value.strip_suffix('"')
                })
            };
            value("source")?;
            Some(format!("{}-{}", value("name")?, value("version")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_names_what_is_from_elsewhere() {
        let lock = r#"
version = 4

[[package]]
name = "ours"
version = "0.1.0"
dependencies = [
 "theirs",
]

[[package]]
name = "theirs"
version = "1.2.3"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "00"
"#;
        assert_eq!(locked(lock), ["theirs-1.2.3"]);
    }

    #[test]
    fn this_project_has_dependencies_on_the_disk() {
        let folders = folders().unwrap();
        let is_syn = |folder: &&PathBuf| {
            let name = folder.file_name().unwrap_or_default();
            name.to_string_lossy().starts_with("syn")
        };
        assert!(folders.iter().any(|folder| is_syn(&folder)), "{folders:?}");
    }
}
