use pm_runtime::worker_query;

#[derive(Default)]
struct Dex;

#[worker_query]
#[allow(non_snake_case)]
impl Dex {
    fn look_up(&self) {}

    fn lookUp(&self) {}
//     ^^^^^^ `look_up` is the variant `LookUp` of the messages, too: rename one

    fn __(&self) {}
//     ^^ no variant of a message can be named after this: rename the method
}

fn main() {}
