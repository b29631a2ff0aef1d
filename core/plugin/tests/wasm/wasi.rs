//! Modules of languages whose runtime wants a system, and AssemblyScript's last words.

use plugin::{Failure, Kind};

use crate::module::{Module, load_error};

const WRITE: &str = r#"(import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))"#;

/// Two slices at 64: "one\ntw" and "o\n"; what was written goes to 96.
const TEXT: &str = r#"(data (i32.const 16) "one\ntwo\nthr")
    (data (i32.const 64) "\10\00\00\00\06\00\00\00\16\00\00\00\02\00\00\00")"#;

#[test]
fn what_it_prints_is_in_the_log_line_by_line() {
    let module = Module {
        imports: WRITE,
        fields: TEXT,
        process: "(i32.or
            (call $fd_write (i32.const 1) (i32.const 64) (i32.const 2) (i32.const 96))
            (i32.sub (i32.load (i32.const 96)) (i32.const 8)))",
        ..Module::default()
    };
    let plugin = module.start();
    let processed = plugin.process(Kind::Traces, b"message");
    processed.expect("all eight bytes were written");
    assert_eq!(plugin.recorder.lines(), ["Info: one", "Info: two"]);
}

#[test]
fn a_line_is_cut_short_by_a_crash_only() {
    let module = Module {
        imports: WRITE,
        fields: TEXT,
        process: "(drop (call $fd_write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 96)))
            (if (i32.eq (local.get $kind) (i32.const 1)) (then unreachable))
            (i32.const 0)",
        ..Module::default()
    };
    let plugin = module.start();
    let next = plugin.process(Kind::Logs, b"message");
    next.expect("it prints");
    assert_eq!(plugin.recorder.lines(), ["Warn: one"]);
    let crashed = plugin.process(Kind::Traces, b"message");
    crashed.expect_err("it crashes");
    let lines = plugin.recorder.lines();
    assert_eq!(lines, ["Warn: one", "Warn: twone", "Warn: tw"]);
}

#[test]
fn a_slice_outside_of_its_memory_breaks_the_contract() {
    let module = Module {
        imports: WRITE,
        fields: r#"(data (i32.const 64) "\f0\ff\00\00\40\00\00\00")"#,
        process: "(call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 96))",
        ..Module::default()
    };
    let failure = module.start().process(Kind::Traces, b"message");
    assert!(matches!(failure, Err(Failure::Broken(_))), "{failure:?}");
}

#[test]
fn sees_no_files_no_directories_and_no_environment() {
    let module = Module {
        imports: r#"
            (import "wasi_snapshot_preview1" "fd_prestat_get"
                (func $prestat (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_open"
                (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "sock_accept"
                (func $accept (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "environ_sizes_get"
                (func $environ (param i32 i32) (result i32)))"#,
        process: "(if (i32.ne (call $prestat (i32.const 3) (i32.const 96)) (i32.const 8))
                (then unreachable))
            (if (i32.ne (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 1)
                    (i32.const 0) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 96))
                    (i32.const 76))
                (then unreachable))
            (if (i32.ne (call $accept (i32.const 3) (i32.const 0) (i32.const 96)) (i32.const 76))
                (then unreachable))
            (i32.store (i32.const 96) (i32.const 7))
            (i32.add (call $environ (i32.const 96) (i32.const 100)) (i32.load (i32.const 96)))",
        ..Module::default()
    };
    let processed = module.start().process(Kind::Traces, b"message");
    processed.expect("it was answered as it expects");
}

#[test]
fn an_exit_is_a_crash() {
    let module = Module {
        imports: r#"(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))"#,
        process: "(call $exit (i32.const 2)) (i32.const 0)",
        ..Module::default()
    };
    let failure = module.start().process(Kind::Traces, b"message");
    let text = "it ends itself with the status 2".to_owned();
    assert_eq!(failure, Err(Failure::Crashed(text)));
}

/// An hour, as a subscription at 128.
const HOUR: &str = r#"(data (i32.const 128) "\07\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
    (data (i32.const 152) "\00\a0\b8\30\46\03\00\00")"#;

#[test]
fn a_sleep_ends_with_the_call() {
    let module = Module {
        imports: r#"(import "wasi_snapshot_preview1" "poll_oneoff"
            (func $sleep (param i32 i32 i32 i32) (result i32)))"#,
        fields: HOUR,
        process: "(drop (call $sleep (i32.const 128) (i32.const 192) (i32.const 1) (i32.const 96)))
            (loop $again (br $again)) (i32.const 0)",
        ..Module::default()
    };
    let mut limits = crate::module::limits();
    limits.fuel = u64::MAX;
    let plugin = module.start_with(&limits);
    let deadline = std::time::Instant::now() + std::time::Duration::from_millis(50);
    let ended = plugin.process_until(Kind::Traces, b"message", deadline);
    assert_eq!(ended, Err(Failure::TimedOut));
}

#[test]
fn knows_time_and_chance() {
    let module = Module {
        imports: r#"
            (import "wasi_snapshot_preview1" "clock_time_get"
                (func $clock (param i32 i64 i32) (result i32)))
            (import "wasi_snapshot_preview1" "random_get"
                (func $random (param i32 i32) (result i32)))"#,
        process: "(drop (call $clock (i32.const 0) (i64.const 1) (i32.const 96)))
            (if (i64.ne (i64.load (i32.const 96)) (i64.const 1234567890)) (then unreachable))
            (drop (call $random (i32.const 96) (i32.const 32)))
            (if (i64.eq (i64.load (i32.const 104)) (i64.load (i32.const 112))) (then unreachable))
            (i32.const 0)",
        ..Module::default()
    };
    let processed = module.start().process(Kind::Traces, b"message");
    processed.expect("it was answered as it expects");
}

#[test]
fn says_what_of_wasi_is_not_there() {
    let module = Module {
        imports: r#"(import "wasi_snapshot_preview1" "sock_open" (func (param i32)))"#,
        ..Module::default()
    };
    let error = load_error(&module.text());
    assert!(
        error.contains("`wasi_snapshot_preview1.sock_open`"),
        "{error}"
    );
}

#[test]
fn assemblyscript_says_why_it_aborts() {
    let module = Module {
        imports: r#"(import "env" "abort" (func $abort (param i32 i32 i32 i32)))"#,
        fields: r#"(data (i32.const 16) "\04\00\00\00n\00o\00")
            (data (i32.const 32) "\08\00\00\00a\00.\00t\00s\00")"#,
        process: "(call $abort (i32.const 20) (i32.const 36) (i32.const 3) (i32.const 7))
            (i32.const 0)",
        ..Module::default()
    };
    let failure = module.start().process(Kind::Traces, b"message");
    assert_eq!(failure, Err(Failure::Crashed("no, at a.ts:3:7".to_owned())));
}

#[test]
fn an_abort_with_no_text_is_survived() {
    let module = Module {
        imports: r#"(import "env" "abort" (func $abort (param i32 i32 i32 i32)))"#,
        process: "(call $abort (i32.const 0) (i32.const -1) (i32.const 3) (i32.const 7))
            (i32.const 0)",
        ..Module::default()
    };
    let failure = module.start().process(Kind::Traces, b"message");
    assert_eq!(
        failure,
        Err(Failure::Crashed("it aborted, at :3:7".to_owned()))
    );
}
