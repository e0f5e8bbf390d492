//! The table in the README is about the programs that are there.

use std::fs;
use std::path::Path;

/// Its cells, row by row.
fn rows(readme: &str) -> Vec<Vec<&str>> {
    let rows = readme.lines().skip_while(|line| !line.starts_with("| the reference's heading"));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// Lines that are neither blank nor comments.
fn lines(program: &Path) -> usize {
    let text = fs::read_to_string(program).expect("it is there");
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    text.lines().map(str::trim).filter(is_code).count()
}

#[test]
fn each_program_has_the_lines_and_the_command_that_the_table_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(folder.join("README.md")).expect("it is there");
    let rows = rows(&readme);
    assert!(!rows.is_empty());
    for row in rows {
        let [heading, file, command, _, here] = row[..] else { panic!("{row:?}") };
        let (name, path) = file.split_once("](").expect("it is a link");
        let name = name.trim_matches(['[', '`']).trim_end_matches(".rs");
        assert_eq!(path, format!("src/bin/{name}.rs)"));
        assert_eq!(command, format!("`cargo run -p pm-examples --bin {name}`"));
        let expected = match heading.ends_with("Constructor") {
            true => 1,
            false => lines(&folder.join(path.trim_end_matches(')'))),
        };
        assert_eq!(here.parse(), Ok(expected), "{heading}");
    }
}
