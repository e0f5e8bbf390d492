use pm_runtime::worker_query;

#[worker_query(message = 3)]
//                       ^ `message` is a type: write `message = Progress`
fn number() {}

#[worker_query(message = "Progress")]
//                       ^^^^^^^^^^ `message` is a type: write `message = Progress`
fn in_quotes() {}

#[worker_query(message = impl Clone)]
//                       ^^^^^^^^^^ `message` is a type: write `message = Progress`
fn not_concrete() {}

#[worker_query(message = &'static str)]
//                       ^^^^^^^^^^^^ a message owns what it carries: write `message = String`
fn borrowed() {}

#[worker_query(message = &[u32])]
//                       ^^^^^^ a message owns what it carries: write `message = Vec<u32>`
fn slice() {}

#[worker_query(message = str)]
//                       ^^^ a message owns what it carries: write `message = String`
fn text() {}

#[worker_query(message = [u8])]
//                       ^^^^ a message owns what it carries: write `message = Vec<u8>`
fn bytes() {}

#[worker_query(message = Option<Self>)]
//                              ^^^^ a query on a free function has no `Self`: write the type's name, or put `#[worker_query]` on the `impl` block
fn of_nobody() {}

fn main() {}
