//! What holds for the sources as a whole: imports point down only, as ARCHITECTURE.md has it, and
//! unsafe code has its places and its reasons.

use std::path::Path;

/// Lower layers first; modules of one layer do not import each other, but for those within
/// brackets of their own folder.
const LAYERS: [&[&str]; 10] = [
    &["block_on", "error", "sync", "spin", "fault"],
    &["conduct", "event", "health", "listener", "options", "output", "surroundings"],
    &["wire", "transport", "process", "stream"],
    &["link", "reactor", "trace"],
    &["supervisor"],
    &["child"],
    &["worker"],
    &["exec", "pool", "round_trip"],
    &["metrics", "operator"],
    &["shutdown"],
];

/// Pairs of one layer, where the first may import the second.
const BESIDE: [(&str, &str); 13] = [
    ("stream", "process"),
    ("stream", "transport"),
    ("stream", "wire"),
    ("transport", "wire"),
    ("transport", "process"),
    ("process", "error"),
    ("wire", "fault"),
    ("wire", "process"),
    ("fault", "error"),
    ("fault", "sync"),
    ("options", "surroundings"),
    ("options", "listener"),
    ("event", "output"),
];

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn imports_point_down_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pm-runtime/src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let first = inside.iter().next().unwrap().to_str().unwrap();
        let module = first.trim_end_matches(".rs");
        let Some(layer) = layer_of(module) else {
            assert!(
                ["lib", "private", "bench", "guide"].contains(&module),
                "`{module}` is in no layer"
            );
            continue;
        };
        let text = std::fs::read_to_string(&file).unwrap();
        // Docs may point anywhere.
        let code = |line: &&str| !line.trim_start().starts_with("//");
        let text: String = text.split_inclusive('\n').filter(code).collect();
        for (_, path) in
            text.match_indices("crate::").map(|(at, name)| text[at..].split_at(name.len()))
        {
            let import: String =
                path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(imported) = layer_of(&import) else { continue };
            let beside = BESIDE.contains(&(module, import.as_str()));
            if import != module && imported >= layer && !beside {
                wrong.push(format!("{} imports {import}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Each reason stands above its block, or above the statement or the attribute in between.
#[test]
fn unsafe_code_is_of_the_transport_or_of_processes_and_each_block_has_its_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pm-runtime/src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    let mut blocks = 0;
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let is_comment = |line: &&str| line.starts_with("//");
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| !is_comment(line)) {
            let is_function = line.contains("unsafe fn");
            if !is_function && !["unsafe {", "unsafe impl"].iter().any(|word| line.contains(word)) {
                continue;
            }
            blocks += 1;
            if !inside.starts_with("transport") && !inside.starts_with("process") {
                wrong.push(format!("{}:{} is unsafe", inside.display(), index + 1));
            }
            let reason = if is_function { "# Safety" } else { "SAFETY:" };
            if !lines[..index]
                .iter()
                .rev()
                .take(8)
                .any(|line| is_comment(line) && line.contains(reason))
            {
                wrong.push(format!("{}:{} gives no reason", inside.display(), index + 1));
            }
        }
    }
    assert!(wrong.is_empty() && blocks > 0, "{wrong:#?}");
}
