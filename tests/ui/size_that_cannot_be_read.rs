use pm_runtime::worker_query;

#[worker_query(max_frame = "64")]
//                         ^^^^ `64` has no unit: write "64B", "64KiB" or "64MiB"
fn without_unit() {}

#[worker_query(max_frame = "64M")]
//                         ^^^^^ `M` is not a unit of size: use B, KiB, MiB or GiB (1024s), or KB, MB or GB (1000s)
fn unknown_unit() {}

#[worker_query(max_frame = "1.2.3MiB")]
//                         ^^^^^^^^^^ `1.2.3` is not a number: write one such as 30 or 1.5
fn two_points() {}

#[worker_query(max_frame = "0.5B")]
//                         ^^^^^^ `0.5B` is finer than a byte
fn too_fine() {}

#[worker_query(max_frame = "99999999999TiB")]
//                         ^^^^^^^^^^^^^^^^ `99999999999TiB` is more than 16 million TiB
fn too_large() {}

#[worker_query(max_frame = "big")]
//                         ^^^^^ `big` is not a size: write a number and a unit, such as "64MiB"
fn word() {}

#[worker_query(max_frame = 'x')]
//                         ^^^ `max_frame` is a size in bytes: write `max_frame = "64MiB"`
fn character() {}

#[worker_query(max_frame = 64u8)]
//                         ^^^^ `max_frame` is a `usize`: write `64`
fn narrow() {}

#[worker_query(max_frame = 64MiB)]
//                         ^^^^^ a value with a unit stands in quotes: write `max_frame = "64MiB"`
fn without_quotes() {}

fn main() {}
