use pm_runtime::{RawLink, worker_raw};

#[worker_raw]
fn nothing() {}
// ^^^^^^^ a worker's function takes its link: write `link: RawLink`

#[worker_raw]
async fn more(link: RawLink, port: u16, name: String) {
//                           ^^^^^^^^^ a worker's function takes nothing but its link: send the rest as its first message
//                                      ^^^^^^^^^^^^ a worker's function takes nothing but its link: send the rest as its first message
    while let Ok(Some(_)) = link.recv().await {
        println!("{port} {name}");
    }
}

#[worker_raw]
fn lent(link: &RawLink) {
//            ^^^^^^^^ a worker's function owns its link: write `RawLink`
    let _ = link.recv_blocking();
}

#[worker_raw]
fn lent_with_types(link: &mut RawLink<u8, u16>) {
//                       ^^^^^^^^^^^^^^^^^^^^^ a worker's function owns its link: write `RawLink<u8, u16>`
    let _ = link.recv_blocking();
}

#[worker_raw]
fn no_link(port: u16) -> Result<(), String> {
//               ^^^ a worker's function takes its link, by this name: write `RawLink`, or `RawLink<In, Out>` with the types of its messages
    Err(port.to_string())
}

#[worker_raw]
fn outside(self, link: RawLink) {}
//         ^^^^ `self` parameter is only allowed in associated functions
//         ^^^^ a worker's function has no `self`, only its link: write `link: RawLink`
//               ^^^^^^^^^^^^^ a worker's function takes nothing but its link: send the rest as its first message

struct Dex;

impl Dex {
    #[worker_raw]
    fn serve(&self, link: RawLink) {
//           ^^^^^ a worker's function has no `self`, only its link: write `link: RawLink`
//                  ^^^^^^^^^^^^^ a worker's function takes nothing but its link: send the rest as its first message
        let _ = link.recv_blocking();
    }
}

fn main() {
    let _ = NothingPool::new().spawn(1);
    let _ = MorePool::builder().workers(2).build().acquire().map(|worker| worker.load());
    let _ = LentPool::new().workers();
    let _ = LentWithTypesPool::new().destroy();
    more(todo!(), 3, String::new());
    Dex.serve(todo!());
}
