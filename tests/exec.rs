//! Commands of the system: what they get, what they give, how they end, and what is left of them.

use pm_runtime::exec;

/// Writes a program. Another process does it, because the system executes no file that anybody has
/// open for writing, and whatever another test is just starting might have it from this process.
fn write_program(path: &str, text: &str, mode: &str) {
    let script = r#"cat > "$0" && chmod "$1" "$0""#;
    exec(["sh", "-c", script, path, mode]).stdin(text).wait().expect("the folder is writable");
}

#[path = "exec/ending.rs"]
mod ending;
#[path = "exec/errors.rs"]
mod errors;
#[path = "exec/executors.rs"]
mod executors;
#[path = "exec/left.rs"]
mod left;
#[path = "exec/limits.rs"]
mod limits;
#[path = "exec/surroundings.rs"]
mod surroundings;
