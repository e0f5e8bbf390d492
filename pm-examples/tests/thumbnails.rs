//! The program `thumbnails`, from its folders to its exit code.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::available_parallelism;

use image::RgbImage;

fn thumbnails(arguments: &[&str], folders: &[&Path], out: &Path) -> (Output, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thumbnails"));
    let output = command.args(arguments).args(folders).arg("--out").arg(out).output();
    let output = output.expect("it starts");
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output, String::from_utf8(text).expect("it is text"))
}

/// The reason that stands behind the name of a file that was refused.
#[track_caller]
fn refusals<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let found = text.lines().filter_map(|line| line.split_once(name));
    found.map(|(_, reason)| reason.trim_start()).collect()
}

/// What it says at the end: thumbnails and refused files.
#[track_caller]
fn ends_with(text: &str, thumbnails: usize, refused: usize) {
    let total = text.lines().find(|line| line.contains(" thumbnails in ")).expect("a total");
    assert!(total.starts_with(&format!("{thumbnails} thumbnails in ")), "{text}");
    assert!(total.ends_with(&format!(", {refused} files refused")), "{text}");
}

#[test]
fn hostile_files_are_refused_each_for_its_reason_and_all_others_are_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    // The endless file takes far longer than this, and any other far less.
    let (output, text) = thumbnails(&["--timeout", "10s"], &[], folder.path());
    assert_eq!(output.status.code(), Some(0), "{text}");
    let page = fs::read_to_string(folder.path().join("index.html")).expect("a page");
    for (name, reason) in [
        ("bomb.png", "it takes more than 512 MiB"),
        ("bottomless.stripes", "has overflowed its stack"),
        ("endless.stripes", "its decoder had not ended after 10s"),
        ("half.png", "it is broken: "),
        ("text.jpg", "it is broken: "),
    ] {
        let refusals = refusals(&text, name);
        assert!(matches!(refusals[..], [text] if text.contains(reason)), "{name}: {text}");
        assert!(page.lines().any(|row| row.contains(name) && row.contains(reason)), "{page}");
    }
    ends_with(&text, 37, 5);

    let thumbnails = page.lines().filter(|line| line.starts_with("<div><img src=")).count();
    assert_eq!(thumbnails, 37);
    assert_eq!(page.matches("<circle").count(), 37 + 3);
    let last = page.lines().find(|line| line.contains("37.stripes")).expect("it is there");
    assert!(last.contains("400 × 270"), "{last}");
    let file = last.split(['=', '>']).nth(2).expect("a file");
    let thumbnail = image::open(folder.path().join(file)).expect("a picture");
    assert_eq!((thumbnail.width(), thumbnail.height()), (160, 108));
}

#[test]
fn a_file_that_has_killed_its_decoder_is_not_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pictures, out) = (folder.path().join("pictures"), folder.path().join("out"));
    fs::create_dir(&pictures).expect("a folder");
    let stripe = |between| [226, 196, 140, 9, 0, 0, 0, 0, between, 0, 0, 0];
    let hostile = [b"STRIPES1", &stripe(8)[..]].concat();
    fs::write(pictures.join("000.stripes"), hostile).expect("a file");
    // More than are on their way at a time.
    let pictures_between = 32 * available_parallelism().map_or(1, usize::from);
    for number in 1..=pictures_between {
        let well = [b"STRIPES1", &stripe(0)[..]].concat();
        fs::write(pictures.join(format!("{number:03}.stripes")), well).expect("a file");
    }
    let both = [pictures.as_path(), pictures.as_path()];
    let (output, text) = thumbnails(&["--timeout", "1m", "--retries", "1"], &both, &out);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let refusals = refusals(&text, "000.stripes");
    let [first, second] = refusals[..] else { panic!("{text}") };
    assert!(first.contains("has overflowed its stack"), "{text}");
    assert_eq!(second, "its decoder has died of it before");
    ends_with(&text, 2 * pictures_between, 2);
}

#[test]
fn a_folder_is_taken_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("a & b");
    fs::create_dir(&inner).expect("a folder");
    RgbImage::new(300, 100).save(inner.join("a.png")).expect("a picture");
    fs::rename(inner.join("a.png"), inner.join("<A>.PNG")).expect("another name");
    fs::write(inner.join("notes.txt"), "no picture").expect("a file");
    symlink("nowhere", inner.join("gone.jpg")).expect("a link");
    // What it writes is no picture for it, not even when it comes again.
    let out = folder.path().join("out");
    for _ in 0..2 {
        let (output, text) = thumbnails(&["--timeout", "1m"], &[folder.path()], &out);
        assert_eq!(output.status.code(), Some(1), "{text}");
        ends_with(&text, 1, 1);
        let refusals = refusals(&text, "gone.jpg");
        assert!(refusals.iter().all(|text| text.starts_with("it cannot be read: ")), "{text}");
        assert!(!text.contains("txt"), "{text}");
        let page = fs::read_to_string(out.join("index.html")).expect("a page");
        assert!(page.contains("a &amp; b/&lt;A&gt;.PNG<br>300 × 100"), "{page}");
    }
}

#[test]
fn what_makes_no_sense_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let (missing, out) = (folder.path().join("missing"), folder.path().join("out"));
    let empty = folder.path();
    for (arguments, folder, out, word) in [
        (&[][..], missing.as_path(), out.as_path(), "missing: No such file"),
        (&[], empty, &out, "there is no picture"),
        (&[], empty, &file, "cannot make "),
        (&["--timeout", "soon"], empty, &out, "soon"),
        (&["--loud"], empty, &out, "--loud"),
    ] {
        let (output, text) = thumbnails(arguments, &[folder], out);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(word), "{word}: {text}");
        assert!(output.stdout.is_empty(), "{text}");
    }
}
