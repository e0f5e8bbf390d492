#[pm_runtime::main]
struct Program;
//<^^^^^^ `#[pm_runtime::main]` stands above a `fn` with a body: move it there

#[pm_runtime::main]
fn start() {}
// ^^^^^ `#[pm_runtime::main]` stands above `fn main`: move it there

fn main() {}
