use pm_runtime::worker_query;

#[derive(Default)]
struct Dex;

#[worker_query]
impl Dex {
    fn by_value(self) {}
//              ^^^^ the state stays in its worker, for the next query: write `&self` or `&mut self`

    fn boxed(self: Box<Self>) {}
//           ^^^^^^^^^^^^^^^ the state stays in its worker, for the next query: write `&self` or `&mut self`

    fn for_ever(&'static self) {}
//               ^^^^^^^ a query borrows the state while it runs: leave the lifetime out
}

fn main() {}
