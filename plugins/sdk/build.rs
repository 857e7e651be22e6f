//! A policy without the standard library still compares and copies bytes, which on this target is the C library's part.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32") {
        println!("cargo::rustc-link-lib=c");
    }
}
