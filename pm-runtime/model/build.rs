//! Has the shared memory compiled with the model checker's atomics.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(pm_loom)");
    println!("cargo::rustc-cfg=pm_loom");
}
