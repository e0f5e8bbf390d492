//! For workers that write over the memory that they share with their pool.

use std::sync::atomic::AtomicU64;

/// Where this process, a worker, has mapped what it shares with its pool.
pub fn shared_words() -> &'static [AtomicU64] {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("proc is there");
    let line =
        maps.lines().find(|line| line.contains("memfd:pm-runtime")).expect("it shares memory");
    let (range, _) = line.split_once(' ').expect("a range comes first");
    let (start, end) = range.split_once('-').expect("it has two ends");
    let parse = |end| usize::from_str_radix(end, 16).expect("they are numbers");
    let (start, end) = (parse(start), parse(end));
    // SAFETY: the mapping lives as long as this process, and is aligned to its pages.
    #[allow(unsafe_code, reason = "it writes where it should not")]
    unsafe {
        std::slice::from_raw_parts(start as *const AtomicU64, (end - start) / 8)
    }
}

/// Numbers without an order, the same ones for a seed.
pub fn rolls(seed: u64) -> impl FnMut() -> u64 {
    let mut dice = seed | 1;
    move || {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice
    }
}

/// The most memory that this process ever had, in KiB.
pub fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc is there");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("it is told");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("it is a number")
}
