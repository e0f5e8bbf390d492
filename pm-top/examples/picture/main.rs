//! Takes a picture of `pm-top` in a terminal, as an SVG that looks the same in any font:
//! `picture SECONDS COLUMNSxROWS [KEYS] > screen.svg`. It watches for so long, presses the keys, and takes the
//! picture a second later.

#[allow(dead_code, reason = "tests do more with it")]
#[path = "../../tests/terminal/pty.rs"]
mod pty;
mod svg;

use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};

use pty::Terminal;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seconds, size, keys @ ..] = &arguments[..] else {
        return Err("usage: picture SECONDS COLUMNSxROWS [KEYS]".into());
    };
    let (columns, rows) = size.split_once('x').ok_or("a size is such as 80x24")?;
    // As cargo builds it, beside the folder of the examples.
    let program = std::env::current_exe()?.with_file_name("../pm-top");
    let mut command = Command::new("setsid");
    command.arg("--ctty").arg(program);
    let mut terminal = Terminal::run(command, rows.parse()?, columns.parse()?);
    watch(&mut terminal, Duration::from_secs(seconds.parse()?));
    terminal.press(&keys.concat());
    watch(&mut terminal, Duration::from_secs(1));
    print!("{}", svg::of(terminal.screen()));
    terminal.press("q");
    terminal.end();
    Ok(())
}

fn watch(terminal: &mut Terminal, length: Duration) {
    let end = Instant::now() + length;
    while Instant::now() < end && terminal.read(end) {}
}
