//! Which files there are, and of which crates.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A crate: a folder, and what it is called.
#[derive(Debug)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) root: PathBuf,
}

/// A file of Rust.
#[derive(Debug, PartialEq)]
pub(crate) struct Source {
    /// Its crate, as an index.
    pub(crate) krate: usize,
    pub(crate) path: PathBuf,
    /// Only of a hostile one: what is wrong with it.
    pub(crate) about: Option<&'static str>,
}

/// A folder that could not be walked, or something in it.
#[derive(Debug)]
pub(crate) struct Unwalked {
    pub(crate) krate: usize,
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

/// Everything that is to be surveyed.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) crates: Vec<Crate>,
    pub(crate) files: Vec<Source>,
    pub(crate) unwalked: Vec<Unwalked>,
    seen: HashSet<PathBuf>,
}

impl Sources {
    /// Adds all files under a folder, or the one file that is named. A folder that holds a
    /// `Cargo.toml` is a crate; what is in none belongs to the folder that was named.
    ///
    /// Symbolic links, hidden folders and a crate's `target` are left out.
    pub(crate) fn add(&mut self, path: &Path) -> io::Result<()> {
        let path = fs::canonicalize(path)?;
        if path.is_dir() {
            // A folder that cannot be opened is a mistake if it was named.
            fs::read_dir(&path)?;
            let krate = self.add_crate(&path);
            self.walk(&path, krate);
        } else {
            let krate = self.add_crate(path.parent().unwrap_or(&path));
            self.add_file(krate, path);
        }
        Ok(())
    }

    /// Adds files of a folder in front of all others.
    pub(crate) fn put_first<const N: usize>(
        &mut self,
        name: &str,
        root: &Path,
        files: [(&str, &'static str); N],
    ) {
        let krate = self.crates.len();
        self.crates.push(Crate { name: name.to_owned(), root: root.to_owned() });
        let files =
            files.map(|(name, about)| Source { krate, path: root.join(name), about: Some(about) });
        self.files.splice(0..0, files);
    }

    /// A path as people read it: from its crate's folder on.
    pub(crate) fn within_crate(&self, krate: usize, path: &Path) -> String {
        let inner = path.strip_prefix(&self.crates[krate].root).unwrap_or(path);
        inner.display().to_string()
    }

    /// A file as people find it; one that is made up has no path worth telling.
    pub(crate) fn shown(&self, source: &Source) -> String {
        match source.about {
            Some(_) => {
                let name = &self.crates[source.krate].name;
                format!("{name}/{}", self.within_crate(source.krate, &source.path))
            }
            None => source.path.display().to_string(),
        }
    }

    fn add_crate(&mut self, root: &Path) -> usize {
        if let Some(known) = self.crates.iter().position(|krate| krate.root == root) {
            return known;
        }
        let name = root.file_name().unwrap_or(root.as_os_str());
        self.crates
            .push(Crate { name: name.to_string_lossy().into_owned(), root: root.to_owned() });
        self.crates.len() - 1
    }

    fn add_file(&mut self, krate: usize, path: PathBuf) {
        if self.seen.insert(path.clone()) {
            self.files.push(Source { krate, path, about: None });
        }
    }

    fn walk(&mut self, folder: &Path, krate: usize) {
        let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => {
                let path = folder.to_owned();
                return self.unwalked.push(Unwalked { krate, path, error });
            }
        };
        let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
        paths.sort();
        let is_crate = paths.iter().any(|path| path.ends_with("Cargo.toml"));
        let krate = match is_crate {
            true => self.add_crate(folder),
            false => krate,
        };
        for path in paths {
            match fs::symlink_metadata(&path) {
                Ok(kind) if kind.is_dir() => {
                    let built = is_crate && path.ends_with("target");
                    if !built && !is_hidden(&path) {
                        self.walk(&path, krate);
                    }
                }
                Ok(kind) if kind.is_file() => {
                    if path.extension().is_some_and(|extension| extension == "rs") {
                        self.add_file(krate, path);
                    }
                }
                Ok(_) => {}
                Err(error) => self.unwalked.push(Unwalked { krate, path, error }),
            }
        }
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn found(sources: &Sources) -> Vec<(&str, String)> {
        sources
            .files
            .iter()
            .map(|file| {
                let name = sources.crates[file.krate].name.as_str();
                (name, sources.within_crate(file.krate, &file.path))
            })
            .collect()
    }

    #[test]
    fn a_folder_with_a_manifest_is_a_crate() {
        let folder = folder_with(&[
            "all/loose.rs",
            "all/one/Cargo.toml",
            "all/one/src/lib.rs",
            "all/one/target/debug/build.rs",
            "all/one/.git/hook.rs",
            "all/one/notes.txt",
            "all/two/Cargo.toml",
            "all/two/target.rs",
        ]);
        let mut sources = Sources::default();
        sources.add(&folder.path().join("all")).unwrap();
        assert_eq!(
            found(&sources),
            [
                ("all", "loose.rs".to_owned()),
                ("one", "src/lib.rs".to_owned()),
                ("two", "target.rs".to_owned()),
            ]
        );
    }

    #[test]
    fn a_file_is_surveyed_once_however_often_it_is_named() {
        let folder = folder_with(&["all/one.rs"]);
        let mut sources = Sources::default();
        for path in ["all", "all/one.rs", "all/../all"] {
            sources.add(&folder.path().join(path)).unwrap();
        }
        assert_eq!(found(&sources), [("all", "one.rs".to_owned())]);
        assert!(sources.add(&folder.path().join("none")).is_err());
    }

    #[test]
    fn a_link_that_leads_back_is_not_followed() {
        let folder = folder_with(&["all/one.rs"]);
        let link = folder.path().join("all/again");
        std::os::unix::fs::symlink(folder.path(), link).unwrap();
        let mut sources = Sources::default();
        sources.add(folder.path()).unwrap();
        assert_eq!(sources.files.len(), 1);
    }
}
