//! One run of cargo over all files, each a program of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::annotation::{self, Annotation, Place};

/// An error of the compiler.
pub(crate) struct Mistake {
    pub(crate) place: Place,
    pub(crate) message: String,
    /// Everything that it says, and where.
    marks: Vec<Annotation>,
    /// Its advice.
    pub(crate) help: Vec<String>,
    /// Whether the compiler found it itself, and no macro.
    pub(crate) is_of_the_compiler: bool,
    /// As it is shown.
    pub(crate) rendered: String,
}

impl Mistake {
    pub(crate) fn says(&self, annotation: &Annotation) -> bool {
        let is_it = |mark: &Annotation| {
            mark.place == annotation.place && mark.text.contains(&annotation.text)
        };
        self.marks.iter().any(is_it)
    }
}

/// What is wrong with each of the files.
pub(crate) fn check(files: &[PathBuf]) -> BTreeMap<PathBuf, Vec<Mistake>> {
    let package = package(files);
    // A build in the same folder, as it shares what is built for the tests already.
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--offline", "--keep-going", "--message-format=json"])
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join(".."))
        .output()
        .unwrap();
    let mut found: BTreeMap<PathBuf, Vec<Mistake>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let message = &event["message"];
        if event["reason"] != "compiler-message" || message["level"] != "error" {
            continue;
        }
        let file = PathBuf::from(event["target"]["src_path"].as_str().unwrap());
        assert!(files.contains(&file), "{}", message["rendered"]);
        // "aborting due to 2 previous errors" has no place.
        if let Some(mistake) = mistake(&file, message) {
            found.entry(file).or_default().push(mistake);
        }
    }
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(!found.is_empty(), "cargo says: {problem}");
    found
}

fn mistake(file: &Path, message: &Value) -> Option<Mistake> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let spans = message["spans"].as_array().unwrap();
    let primary = spans.iter().find(|span| span["is_primary"] == true)?;
    let mark = |span| Some(Annotation { place: place(file, span)?, text: text(&span["label"]) });
    let mut marks: Vec<_> = spans.iter().filter_map(mark).collect();
    let place = place(file, primary).unwrap();
    marks.push(Annotation { place, text: text(&message["message"]) });
    let children = message["children"].as_array().unwrap();
    let help = children.iter().filter(|child| child["level"] == "help");
    Some(Mistake {
        place,
        message: text(&message["message"]),
        marks,
        help: help.map(|child| text(&child["message"])).collect(),
        is_of_the_compiler: !message["code"].is_null(),
        rendered: text(&message["rendered"]),
    })
}

/// Where it is in the file itself, also if it is within a macro of the runtime.
fn place(file: &Path, mut span: &Value) -> Option<Place> {
    while span["file_name"].as_str()? != file.to_str()? {
        span = &span["expansion"]["span"];
    }
    let number = |value: &Value| value.as_u64().unwrap() as usize;
    let text = std::fs::read_to_string(file).unwrap();
    let row = number(&span["line_start"]) - 1;
    let end = match span["line_end"] == span["line_start"] {
        true => number(&span["column_end"]) - 1,
        false => text.lines().nth(row).unwrap().chars().count(),
    };
    let line = annotation::numbers(&text)[row];
    Some(Place { line, start: number(&span["column_start"]) - 1, end })
}

/// Writes a package with a program for each file, and says where.
fn package(files: &[PathBuf]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
    std::fs::create_dir_all(&package).unwrap();
    let mut manifest = format!(
        "[package]\nname = \"ui\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         pm-runtime = {{ path = {:?} }}\n\
         serde = {{ version = \"1\", default-features = false, features = [\"std\", \"derive\"] }}\n",
        root.join("pm-runtime"),
    );
    let mut names = BTreeSet::new();
    for file in files {
        let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap();
        assert!(names.insert(name), "{name} is there twice");
        write!(manifest, "\n[[bin]]\nname = {name:?}\npath = {file:?}\n").unwrap();
    }
    std::fs::write(package.join("Cargo.toml"), manifest).unwrap();
    // The same versions, which are here already.
    std::fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    package
}
