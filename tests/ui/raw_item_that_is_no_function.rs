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

#[worker_query]
#[worker_raw]
//<^^^^^^^^^^^^^ `#[worker_raw]` cannot stand beside `#[worker_query]`: keep one of them
fn both_too(link: RawLink) {
//                ^^^^^^^ a link is the argument of a `#[worker_raw]`: write that instead of `#[worker_query]`
    drop(link);
}

#[worker_query]
async fn serve(mut link: RawLink<u8, u16>) {
//                       ^^^^^^^^^^^^^^^^ a link is the argument of a `#[worker_raw]`: write that instead of `#[worker_query]`
    let _ = link.recv().await;
}

fn main() {
    let _ = ServePool::new().spawn(1);
    Serve.serve(todo!());
    let _ = (BothPool::new().spawn(1), BothTooPool::new().spawn(1));
}
