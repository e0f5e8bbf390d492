#[pm_runtime::main]
fn main(arguments: Vec<String>) {}
//      ^^^^^^^^^^^^^^^^^^^^^^ `main` takes no arguments: remove them
