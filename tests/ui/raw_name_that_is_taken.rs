use pm_runtime::{RawLink, worker_raw};

#[derive(serde::Serialize, serde::Deserialize)]
pub struct ServePool;

#[worker_raw]
fn serve(link: RawLink<ServePool, u8>) {
//                     ^^^^^^^^^ `ServePool` is a type that `#[worker_raw]` makes: rename yours, or choose another stem with `name = ".."`
    drop(link);
}

struct Dex;

impl Dex {
    #[worker_raw]
    fn found(link: RawLink<Self, u8>) -> Result<(), String> {
//                         ^^^^ a worker's function has no `Self`: write the type's name, and put the function outside of the `impl` block
        drop(link);
        Ok(())
    }
}

fn main() {
    let _ = (ServePool, Dex::found);
}
