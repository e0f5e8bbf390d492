use pm_runtime::worker_stream;

#[worker_stream]
enum Battle {}

#[worker_stream]
fn battle() {}

struct Log;

#[worker_stream]
impl Log {}

#[worker_stream]
trait Events {}

fn main() {}
