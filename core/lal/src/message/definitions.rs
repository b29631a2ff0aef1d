//! The definitions in `proto`, compiled. Building the crate needs no compiler for protobuf.

use std::fs;
use std::path::{Path, PathBuf};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Run with `SKYFERRY_BLESS=1` to write them anew.
#[test]
fn the_descriptors_are_fresh() {
    let mut compiler = protox::Compiler::new([here("proto")]).unwrap();
    compiler.include_imports(true).include_source_info(false);
    compiler
        .open_file("envoy/data/accesslog/v3/accesslog.proto")
        .unwrap();
    let compiled = compiler.encode_file_descriptor_set();
    let path = here("src/message/envoy.binpb");
    if fs::read(&path).ok() == Some(compiled.clone()) {
        return;
    }
    assert!(
        std::env::var_os("SKYFERRY_BLESS").is_some(),
        "not what the definitions make; `SKYFERRY_BLESS=1` writes them anew"
    );
    fs::write(&path, compiled).unwrap();
}
