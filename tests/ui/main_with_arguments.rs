#[pm_runtime::main]
extern "C" fn main(arguments: Vec<String>) {}
//<^^^^^^^^^^ `main` is a Rust function: remove the `extern`
//                 ^^^^^^^^^^^^^^^^^^^^^^ `main` takes no arguments: remove them
