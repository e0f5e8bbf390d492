use pm_runtime::{RawLink, worker_query, worker_raw};
use std::error::Error;

#[worker_query]
fn parse(text: &str) -> Result<u32, Box<dyn Error>> {
//                                      ^^^^^^^^^ `Box<dyn Error>` cannot travel between processes: return an enum that derives serde's traits, or a `String`
    Ok(text.parse()?)
}

#[worker_query]
async fn fetch(cause: Box<dyn Error + Send + Sync>) -> u32 {
//                        ^^^^^^^^^^^^^^^^^^^^^^^ `Box<dyn Error>` cannot travel between processes: take an enum that derives serde's traits, or a `String`
    cause.to_string().len() as u32
}

#[worker_query(message = Box<dyn Error>)]
//                           ^^^^^^^^^ `Box<dyn Error>` cannot travel between processes: send an enum that derives serde's traits, or a `String`
fn tell() {}

#[worker_raw]
async fn converse(link: RawLink<u8, Box<dyn Error>>) {
//                                      ^^^^^^^^^ `Box<dyn Error>` cannot travel between processes: send an enum that derives serde's traits, or a `String`
    drop(link);
}

// What a raw worker returns stays where it is.
#[worker_raw]
async fn fine(link: RawLink) -> Result<(), Box<dyn Error>> {
    link.recv().await?;
    Ok(())
}

fn main() {
    let _ = ParsePool::new().query("7");
}
