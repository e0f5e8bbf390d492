use pm_runtime::worker_stream;

#[worker_stream]
struct Typed<T> {
//           ^ a stream cannot be generic, because the worker must know the type: write a concrete one
    value: T,
}

#[worker_stream]
struct Borrowed<'a> {
//              ^^ a stream lives in another process, and borrows nothing: own what it needs
    text: &'a str,
}

#[worker_stream]
struct Sized<const N: usize>;
//           ^^^^^^^^^^^^^^ a stream cannot be generic: make the constant a field

fn main() {}
