//! A plugin in Rust that panics, built as its author would.

use std::path::PathBuf;
use std::process::Command;

use plugin::{Failure, Kind, Library};
use serde_json::json;

use crate::rig::{config_refusal, open, soon, start};
use crate::toolchain::{source_of, succeed};

fn failed<T>(text: &str) -> Result<T, Failure> {
    Err(Failure::Failed(text.to_owned()))
}

fn build(folder: &tempfile::TempDir) -> PathBuf {
    succeed(
        Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--offline",
                "--locked",
                "--manifest-path",
            ])
            .arg(source_of("tests/panicking/Cargo.toml"))
            .env("CARGO_TARGET_DIR", folder.path()),
    );
    let prefix = std::env::consts::DLL_PREFIX;
    let suffix = std::env::consts::DLL_SUFFIX;
    folder
        .path()
        .join(format!("debug/{prefix}panicking{suffix}"))
}

#[test]
fn a_panic_does_not_leave_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let library: Library = open(&build(&folder));
    assert_eq!(library.description().summary, "panics where it is told to");
    assert_eq!(
        library.description().schema,
        Some(json!({"type": "string"}))
    );

    let refusal = config_refusal(&library, &json!("create"));
    assert_eq!(refusal, "it failed: it panicked: in create");

    let running = start(&library, &json!("drop"));
    let text = "it panicked: index out of bounds: the len is 5 but the index is 5";
    assert_eq!(running.process(Kind::Traces, b"panic"), failed(text));
    assert_eq!(
        running.instance.flush(soon()),
        failed("it panicked: in flush")
    );
    let replaced = running.replaced(Kind::Traces, b"as before");
    assert_eq!(replaced, [&b"as before"[..]]);

    let told = running.told.clone();
    drop(running);
    let last = "Error the plugin panicked when it was ended: in drop";
    assert_eq!(told.lines(), [last]);
    drop(library);
    assert_eq!(replaced, [&b"as before"[..]]);
}
