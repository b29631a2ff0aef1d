//! Modules that compilers have made, of sources in this repository.
//!
//! The compilers come from registries, so a test runs only where `SKYFERRY_CLIENTS` names a folder in which
//! `.ci/run` has installed them, and says aloud where it does not.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use plugin::{CreateError, Emitted, Failure, Instance, Kind, Library, Limits, Main};
use serde_json::{Value, json};

use crate::module::{self, Recorder};

/// A module of Rust has a stack of 1 MiB in its memory.
fn limits() -> Limits {
    Limits {
        memory: 4 << 20,
        ..module::limits()
    }
}

const CLIENTS: &str = "SKYFERRY_CLIENTS";

/// A compiler that was installed, or a word that it was not.
#[expect(
    clippy::print_stderr,
    reason = "a compiler that did not run is no success"
)]
fn installed(part: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(CLIENTS).map(PathBuf::from);
    let path = folder.map(|folder| folder.join(part));
    let path = path.filter(|path| path.exists());
    if path.is_none() {
        eprintln!("NOT RUN: there is no `{part}` in the folder that {CLIENTS} names");
    }
    path
}

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().expect("the compiler can be started");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The plugin of `tests/guest`, built once for all tests.
fn rust_guest() -> Option<&'static Library> {
    static GUEST: OnceLock<Option<Library>> = OnceLock::new();
    let guest = GUEST.get_or_init(|| {
        let cargo = installed("wasm_rust/cargo")?;
        // Where the standard library was built for it already, which takes a minute.
        let target = cargo.with_file_name("target");
        run(Command::new(cargo)
            .args(["build", "--release", "--quiet", "--manifest-path"])
            .arg(crate_folder().join("tests/guest/Cargo.toml"))
            .arg("--target-dir")
            .arg(&target));
        let file = "wasm32-unknown-unknown/release/guest.wasm";
        let library = Library::open(&target.join(file), None);
        Some(library.expect("it is a plugin"))
    });
    guest.as_ref()
}

/// The plugin of `examples/assemblyscript`.
fn assemblyscript_example() -> Option<Library> {
    let compiler = installed("assemblyscript/node_modules/.bin/asc")?;
    let folder = tempfile::tempdir().expect("the system has a folder for it");
    let file = folder.path().join("plugin.wasm");
    run(Command::new(compiler)
        .arg(crate_folder().join("examples/assemblyscript/plugin.ts"))
        .args(["--optimize", "--runtime", "minimal", "--outFile"])
        .arg(&file));
    Some(Library::open(&file, None).expect("it is a plugin"))
}

fn create(library: &Library, config: &Value) -> (Arc<dyn Instance>, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let instance = library.create(config, recorder.clone(), &limits());
    (instance.expect("the configuration is right"), recorder)
}

fn process(instance: &dyn Instance, message: &[u8]) -> Result<plugin::Processed, Failure> {
    let deadline = Instant::now() + Duration::from_secs(60);
    instance.process(Kind::Traces, &Bytes::copy_from_slice(message), deadline)
}

fn main_of(instance: &dyn Instance, message: &[u8]) -> Main {
    let processed = process(instance, message);
    processed.expect("the call succeeds").main
}

fn traces(message: &[u8]) -> Emitted {
    let message = Bytes::copy_from_slice(message);
    let kind = Kind::Traces;
    Emitted { kind, message }
}

#[test]
fn a_plugin_in_rust_says_what_it_is() {
    let Some(library) = rust_guest() else { return };
    let description = library.description();
    assert_eq!(description.name, "guest");
    assert_eq!(description.version, "1.2.3");
    assert_eq!(description.schema, Some(json!({"type": "string"})));
    assert_eq!(library.abi_version(), (1, 0));
}

#[test]
fn a_plugin_in_rust_has_every_way_to_answer() {
    let Some(library) = rust_guest() else { return };
    let (instance, _) = create(library, &json!("kept"));
    assert_eq!(main_of(&*instance, b"look"), Main::Unchanged);
    assert_eq!(main_of(&*instance, b""), Main::Unchanged);
    assert_eq!(main_of(&*instance, b"drop"), Main::Replaced(vec![]));
    let replaced = main_of(&*instance, b"replace");
    assert_eq!(replaced, Main::Replaced(vec![traces(b"\"kept\"")]));
    let Main::Refused(refused) = main_of(&*instance, b"refuse") else {
        panic!("it refuses");
    };
    assert_eq!((&*refused.reason, refused.item), ("not this one", Some(7)));
    let failed = process(&*instance, b"fail");
    assert_eq!(failed, Err(Failure::Failed("cannot".to_owned())));
    let derived = process(&*instance, b"derive").expect("it derives").derived;
    assert_eq!(
        (derived[0].kind, &*derived[0].message),
        (Kind::Metrics, &b"7"[..])
    );
    let flushed = instance.flush(Instant::now() + Duration::from_secs(60));
    assert_eq!(&*flushed.expect("it has counted")[0].message, b"7");
}

#[test]
fn a_plugin_in_rust_talks_to_its_host() {
    let Some(library) = rust_guest() else { return };
    let (instance, recorder) = create(library, &json!("kept"));
    assert_eq!(main_of(&*instance, b"talk"), Main::Unchanged);
    let lines = recorder.lines();
    let expected = [
        "Warn: careful",
        "calls + 1",
        "level = 0.5",
        "size : 2.5",
        "now + 1234567890",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_plugin_in_rust_is_given_messages_of_any_size() {
    let Some(library) = rust_guest() else { return };
    let (instance, recorder) = create(library, &json!("kept"));
    for len in [1, 100_000, 10] {
        assert_eq!(main_of(&*instance, &vec![1; len]), Main::Unchanged);
    }
    assert_eq!(recorder.lines(), ["sum + 1", "sum + 100000", "sum + 10"]);
    let too_large = process(&*instance, &vec![1; 8 << 20]);
    let failure = too_large.expect_err("its memory may not grow to this");
    assert_eq!(failure.reason(), "exhausted", "{failure}");
    assert_eq!(main_of(&*instance, b"look"), Main::Unchanged);
}

#[test]
fn a_panic_in_rust_is_told_and_the_next_call_works() {
    let Some(library) = rust_guest() else { return };
    let (instance, _) = create(library, &json!("kept"));
    let Err(Failure::Crashed(text)) = process(&*instance, b"panic") else {
        panic!("it crashes");
    };
    assert!(
        text.starts_with("it panicked: at the disco, at src/lib.rs:"),
        "{text}"
    );
    assert_eq!(main_of(&*instance, b"look"), Main::Unchanged);
}

#[test]
fn a_plugin_in_rust_refuses_its_configuration() {
    let Some(library) = rust_guest() else { return };
    let created = library.create(&json!("wrong"), Arc::new(Recorder::default()), &limits());
    let error = created.map(drop).expect_err("it is wrong");
    assert!(matches!(error, CreateError::Refused(reason) if reason == "it may not be wrong"));
}

/// A field of protobuf with a length.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let len = u8::try_from(content.len()).expect("these are short");
    assert!(len < 0x80, "these are short");
    [&[number << 3 | 2, len], content].concat()
}

/// A `ResourceSpans` of scopes, each with spans of these names.
fn resource_spans(scopes: &[&[&str]]) -> Vec<u8> {
    const RESOURCE: u8 = 1;
    const SCOPE_SPANS: u8 = 2;
    const SPANS: u8 = 2;
    const NAME: u8 = 5;
    let mut message = field(RESOURCE, b"any");
    for names in scopes {
        let spans = names.iter().flat_map(|name| {
            let kind: &[u8] = &[6 << 3, 2];
            let span = [&field(NAME, name.as_bytes()), kind].concat();
            field(SPANS, &span)
        });
        message.extend(field(SCOPE_SPANS, &spans.collect::<Vec<u8>>()));
    }
    message
}

#[test]
fn the_example_in_assemblyscript_drops_spans_by_name() {
    let Some(library) = assemblyscript_example() else {
        return;
    };
    assert_eq!(library.description().name, "drop-spans");
    let (instance, recorder) = create(&library, &json!("GET /health"));

    let without = resource_spans(&[&["GET /"], &["GET /healthy"]]);
    assert_eq!(main_of(&*instance, &without), Main::Unchanged);

    let with = resource_spans(&[
        &["GET /health", "GET /", "GET /health"],
        &["GET /health"],
        &[],
    ]);
    let rest = resource_spans(&[&["GET /"], &[]]);
    assert_eq!(
        main_of(&*instance, &with),
        Main::Replaced(vec![traces(&rest)])
    );
    assert_eq!(recorder.lines(), ["dropped_spans + 3"]);

    let nothing_else = resource_spans(&[&["GET /health"]]);
    assert_eq!(main_of(&*instance, &nothing_else), Main::Replaced(vec![]));
    for end in 0..with.len() {
        process(&*instance, &with[..end]).expect("it survives what is cut off");
    }
}

#[test]
fn the_example_in_assemblyscript_refuses_a_name_it_cannot_read() {
    let Some(library) = assemblyscript_example() else {
        return;
    };
    let recorder = Arc::new(Recorder::default());
    let created = library.create(&json!("a \"name\""), recorder, &limits());
    let error = created
        .map(drop)
        .expect_err("it reads no escapes")
        .to_string();
    assert!(
        error.starts_with("the name may hold no quotation marks"),
        "{error}"
    );
}
