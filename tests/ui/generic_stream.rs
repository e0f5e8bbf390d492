use pm_runtime::worker_stream;

#[worker_stream]
struct Typed<T> {
    value: T,
}

#[worker_stream]
struct Borrowed<'a> {
    text: &'a str,
}

#[worker_stream]
struct Sized<const N: usize>;

fn main() {}
