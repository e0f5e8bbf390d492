use pm_runtime::{RawLink, worker_raw};

struct Opaque;

#[worker_raw]
fn counts(link: RawLink) -> u32 {
//                          ^^^ a `#[worker_raw]` function returns `()` or `Result<(), E>` whose `E` is `Display`
    link.worker_id() as u32
}

#[worker_raw]
async fn answers(link: RawLink) -> Result<Vec<u8>, std::io::Error> {
//                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ a `#[worker_raw]` function returns `()` or `Result<(), E>` whose `E` is `Display`
    Ok(link.recv().await?.unwrap_or_default())
}

#[worker_raw]
async fn hides(link: RawLink) -> Result<(), Opaque> {
//                               ^^^^^^^^^^^^^^^^^^ `Opaque` doesn't implement
    link.recv().await.map(drop).map_err(|_| Opaque)
}

fn main() {
    let _ = (CountsPool::new(), AnswersPool::new(), HidesPool::new());
}
