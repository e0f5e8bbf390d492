use pm_runtime::{RawLink, worker_query, worker_raw};

#[worker_raw]
struct Serve;
//<^^^^^^ `#[worker_raw]` stands above a `fn` with a body; a struct is a `#[worker_stream]`

#[worker_raw]
impl Serve {
//<^^^^ `#[worker_raw]` stands above a `fn` with a body; an `impl` block is a `#[worker_query]`
    fn serve(&self, _: RawLink) {}
}

#[worker_raw]
enum Kind {}
//<^^^^ `#[worker_raw]` stands above a `fn` with a body: move it there

trait Serves {
    #[worker_raw]
    fn serve(link: RawLink);
//  ^^ `#[worker_raw]` stands above a `fn` with a body: move it there
}

#[worker_raw]
#[worker_query]
//<^^^^^^^^^^^^^^^ `#[worker_query]` cannot stand beside `#[worker_raw]`: keep one of them
fn both(link: RawLink) {
    drop(link);
}

fn main() {
    Serve.serve(todo!());
    let _ = BothPool::new().spawn(1);
}
