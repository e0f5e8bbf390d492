use pm_runtime::{RawLink, worker_raw};

#[worker_raw]
async fn bytes(link: RawLink) -> std::io::Result<()> {
    link.send(&3).await?;
//            ^^ `{integer}: AsRef<[u8]>` is not satisfied
    Ok(())
}

#[worker_raw]
fn typed(link: RawLink<String, u64>) {
    let _ = link.send_blocking("three");
//                             ^^^^^^^ expected `&u64`, found `&str`
}

fn main() {
    let pool = TypedPool::new();
    let worker = pool.acquire().unwrap();
    let _ = worker.send(&3);
//                      ^^ expected `&String`, found `&{integer}`
}
