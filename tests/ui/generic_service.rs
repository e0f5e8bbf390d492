use pm_runtime::worker_query;

#[derive(Default)]
struct Dex<T>(T);

#[worker_query]
impl<T: Default> Dex<T>
//   ^^^^^^^^^^ a service cannot be generic, because the worker must know the type: write a concrete one, such as `impl Dex<u32>`
where
//<^^^^^ a service cannot be generic: remove the `where` clause
    T: Copy,
{
    fn count(&self) -> u32 {
        0
    }
}

struct Numbers<const N: usize>;

#[worker_query]
impl<const N: usize> Numbers<N> {
//   ^^^^^^^^^^^^^^ a service cannot be generic, because the worker must know the type: write a concrete one, such as `impl Dex<u32>`
    fn count(&self) -> usize {
        N
    }
}

struct Borrowed<'a>(&'a str);

#[worker_query]
impl<'a> Borrowed<'a> {
//   ^^ the state of a service lives as long as its worker: leave the lifetime out, and write `'static`
    fn count(&self) -> u32 {
        0
    }
}

struct Anonymous<'a>(&'a str);

#[worker_query]
impl Anonymous<'_> {
//             ^^ the state of a service lives as long as its worker: write `'static`
    fn count(&self) -> u32 {
        0
    }
}

fn main() {}
