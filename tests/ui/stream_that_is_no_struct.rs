use pm_runtime::worker_stream;

#[worker_stream]
enum Battle {}
//<^^^^ `#[worker_stream]` stands above a `struct`, which is the message that opens a stream and its state: put the enum into a field of one

#[worker_stream]
fn battle() {}
//<^^ `#[worker_stream]` stands above a `struct`; a function is a `#[worker_query]`

struct Log;

#[worker_stream]
impl Log {}
//<^^^^ `#[worker_stream]` stands above the `struct`, not above its `impl`: move it there

#[worker_stream]
trait Events {}
//<^^^^^ `#[worker_stream]` stands above a `struct`, which is the message that opens a stream and its state: move it there

fn main() {}
