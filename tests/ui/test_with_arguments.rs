#[pm_runtime::test]
fn takes_one(x: u8) {}
//           ^^^^^ a test takes no arguments: remove them

#[pm_runtime::test(flavor = "multi_thread")]
//                 ^^^^^^ unknown option `flavor`: `#[pm_runtime::test]` takes only `crate`
async fn flavoured() {}

#[pm_runtime::test]
const fn constant() {}
//<^^^^^ a test cannot be `const`: remove it

#[pm_runtime::test]
extern "C" fn foreign() {}
//<^^^^^^^^^^ a test is a Rust function: remove the `extern`

fn main() {}
