//! Modules that do what they must not: the host stays up, says what it was, and the next call works.

use std::time::{Duration, Instant};

use plugin::{CreateError, Failure, Kind, Main};
use serde_json::json;

use crate::module::{Module, limits, load_error};

/// Does `what` on every message of traces, and leaves the others as they are.
fn on_traces(what: &str) -> Module {
    let process = format!(
        "(if (i32.eq (local.get $kind) (i32.const 1)) (then {what} (return (i32.const 1))))
         (i32.const 0)"
    );
    Module {
        process: process.leak(),
        ..Module::default()
    }
}

#[track_caller]
fn assert_broken(what: &str, how: &str) {
    let failure = on_traces(what).start().failure();
    let Failure::Broken(text) = &failure else {
        panic!("{failure:?}");
    };
    assert!(text.contains(how), "{text}");
}

#[test]
fn ends_a_call_that_traps_and_names_the_function() {
    let mut module = on_traces("(call $falls)");
    module.fields = "(func $falls unreachable)";
    let failure = module.start().failure();
    let text = "wasm trap: wasm `unreachable` instruction executed in `falls`";
    assert_eq!(failure, Failure::Crashed(text.to_owned()));
}

#[test]
fn a_crash_is_told_with_the_reason_that_was_given_before() {
    let what = "(call $reason (i32.const 16) (i32.const 8) (i64.const -1)) unreachable";
    let mut module = on_traces(what);
    module.fields = r#"(data (i32.const 16) "too cold")"#;
    let Failure::Crashed(text) = module.start().failure() else {
        panic!("it crashes");
    };
    assert!(
        text.starts_with("too cold (wasm trap: wasm `unreachable`"),
        "{text}"
    );
}

#[test]
fn what_an_instance_knew_is_lost_with_its_crash() {
    let mut module = on_traces("unreachable");
    module.create = "(call $log (i32.const 3) (i32.const 16) (i32.const 4)) (i32.const 0)";
    module.fields = r#"(data (i32.const 16) "made")"#;
    let plugin = module.start();
    plugin.failure();
    plugin.failure();
    let made = plugin.recorder.lines().len();
    assert_eq!(made, 3, "the first, and one after each crash");
}

#[test]
fn ends_a_call_at_its_deadline() {
    let mut limits = limits();
    limits.fuel = u64::MAX;
    let plugin = on_traces("(loop $again (br $again))").start_with(&limits);
    for _ in 0..3 {
        let deadline = Instant::now() + Duration::from_millis(20);
        let ended = plugin.process_until(Kind::Traces, b"message", deadline);
        assert_eq!(ended, Err(Failure::TimedOut));
        let late = deadline.elapsed();
        assert!(late < Duration::from_secs(2), "{late:?} after its deadline");
    }
    let next = plugin.process(Kind::Logs, b"message");
    next.expect("the next call has an instance that works");
}

#[test]
fn a_deadline_ends_only_its_own_call() {
    let mut description = Module::default().description;
    description["parallel"] = json!(true);
    let module = Module {
        description,
        ..on_traces("(loop $again (br $again))")
    };
    let mut limits = limits();
    limits.fuel = u64::MAX;
    let plugin = module.start_with(&limits);
    let soon = Instant::now() + Duration::from_millis(50);
    let later = soon + Duration::from_millis(300);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let ended = plugin.process_until(Kind::Traces, b"message", later);
            assert_eq!(ended, Err(Failure::TimedOut));
            assert!(Instant::now() >= later, "it was ended with the other one");
        });
        let ended = plugin.process_until(Kind::Traces, b"message", soon);
        assert_eq!(ended, Err(Failure::TimedOut));
    });
}

#[test]
fn ends_a_call_that_has_used_up_its_fuel() {
    let failure = on_traces("(loop $again (br $again))").start().failure();
    let text = "fuel of 10000000".to_owned();
    assert_eq!(failure, Failure::Exhausted(text));
}

#[test]
fn every_call_has_the_whole_fuel() {
    let mut module = on_traces(
        "(local.set $len (i32.const 1000000))
        (loop $again
          (local.set $len (i32.sub (local.get $len) (i32.const 1)))
          (br_if $again (local.get $len)))",
    );
    module.flush = "(i32.const 0)";
    let plugin = module.start();
    for _ in 0..20 {
        let processed = plugin.process(Kind::Traces, b"message");
        assert_eq!(
            processed.expect("it has enough").main,
            Main::Replaced(vec![])
        );
    }
}

#[test]
fn ends_a_recursion_without_end() {
    let mut module = on_traces("(drop (call $deeper (i32.const 1)))");
    module.fields = "(func $deeper (param i32) (result i32)
        (i32.add (local.get 0) (call $deeper (i32.add (local.get 0) (i32.const 1)))))";
    let failure = module.start().failure();
    let text = "stack of 524288 bytes".to_owned();
    assert_eq!(failure, Failure::Exhausted(text));
}

#[test]
fn memory_ends_at_its_limit() {
    let what = "(loop $again
        (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        unreachable";
    let failure = on_traces(what).start().failure();
    let text = "memory of 1048576 bytes".to_owned();
    assert_eq!(failure, Failure::Exhausted(text));
}

#[test]
fn a_plugin_that_can_do_with_less_memory_goes_on() {
    let plugin = on_traces("(drop (memory.grow (i32.const 10000)))").start();
    let processed = plugin.process(Kind::Traces, b"message");
    processed.expect("it does not mind");
}

#[test]
fn a_module_that_begins_with_too_much_memory_is_no_plugin() {
    let text = Module::default()
        .text()
        .replace(r#""memory") 1)"#, r#""memory") 20000)"#);
    let error = load_error(&text);
    assert!(
        error.contains("it ran into its limit: memory of 67108864 bytes"),
        "{error}"
    );
}

#[test]
fn a_table_ends_at_its_limit() {
    let mut module = on_traces(
        "(if (i32.ne (table.grow $table (ref.null func) (i32.const 1000000)) (i32.const -1))
            (then unreachable))",
    );
    module.fields = "(table $table 1 funcref)";
    let processed = module.start().process(Kind::Traces, b"message");
    processed.expect("it sees that the table does not grow");
}

#[test]
fn memory_that_grows_when_it_is_created_is_kept() {
    let module = Module {
        create: "(drop (memory.grow (i32.const 8))) (i32.const 0)",
        process: "(i32.sub (memory.size) (i32.const 9))",
        ..Module::default()
    };
    let processed = module.start().process(Kind::Traces, b"message");
    processed.expect("it has nine pages");
}

#[test]
fn refuses_what_is_outside_of_its_memory() {
    let places = [
        (
            "(i32.const 65530) (i32.const 7)",
            "`7` bytes at `65530`, and its memory has `65536`",
        ),
        (
            "(i32.const 16) (i32.const -1)",
            "`4294967295` bytes at `16`",
        ),
        ("(i32.const -1) (i32.const 1)", "`1` bytes at `4294967295`"),
        // They wrap around to 8 as numbers of 32 bits.
        (
            "(i32.const -8) (i32.const 16)",
            "`16` bytes at `4294967288`",
        ),
        ("(i32.const 65537) (i32.const 0)", "`0` bytes at `65537`"),
    ];
    for (place, how) in places {
        assert_broken(&format!("(call $emit (i32.const 1) {place})"), how);
        assert_broken(&format!("(call $reason {place} (i64.const 0))"), how);
        assert_broken(&format!("(call $log (i32.const 1) {place})"), how);
        assert_broken(&format!("(call $counter {place} (i64.const 1))"), how);
        assert_broken(&format!("(call $gauge {place} (f64.const 1))"), how);
        assert_broken(&format!("(call $histogram {place} (f64.const 1))"), how);
    }
}

#[test]
fn refuses_room_outside_of_its_memory() {
    for (alloc, how) in [
        (
            "(i32.const 65535)",
            "the room it gives to write to is `7` bytes at `65535`",
        ),
        ("(i32.const -1)", "`7` bytes at `4294967295`"),
    ] {
        let module = Module {
            alloc: format!(
                "(if (result i32) (i32.eq (local.get $len) (i32.const 7))
                (then {alloc}) (else (i32.const 32768)))"
            )
            .leak(),
            ..Module::default()
        };
        let plugin = module.start();
        let failure = plugin.process(Kind::Traces, b"message");
        let text = failure.expect_err("there is no room").to_string();
        assert!(text.contains(how), "{text}");
        let next = plugin.process(Kind::Traces, b"other");
        next.expect("the next call has an instance that works");
    }
}

#[test]
fn refuses_a_description_outside_of_its_memory() {
    let text = Module::default().text();
    for place in ["(i64.const 0xffff)", "(i64.const 0xffffffff)"] {
        let text = text.replace(
            "(i64.const 32)) (i64.const ",
            &format!("(i64.const 32)) (i64.or {place} (i64.const "),
        );
        let text = text.replace(
            "))\n  (func (export \"skyferry_create",
            ")))\n  (func (export \"skyferry_create",
        );
        let error = load_error(&text);
        assert!(error.contains("its description is `"), "{error}");
    }
}

#[test]
fn refuses_messages_that_may_not_be_emitted() {
    let emit = |kind: &str| format!("(call $emit (i32.const {kind}) (i32.const 16) (i32.const 1))");
    assert_broken(&emit("0"), "unknown kind `0`");
    assert_broken(&emit("-1"), "unknown kind `4294967295`");
    assert_broken(&emit("3"), "it emitted `logs`");
    assert_broken(
        &format!("{} (return (i32.const 0))", emit("1")),
        "unchanged",
    );
}

#[test]
fn refuses_a_status_that_does_not_exist() {
    assert_broken("(return (i32.const 4))", "`process` returned `4`");
    assert_broken("(return (i32.const -1))", "`process` returned `4294967295`");
}

/// Emits what was lent, `times` times.
fn emits(times: u32) -> Module {
    let what = "(loop $again
           (call $emit (local.get $kind) (local.get $message) (local.get $len))
           (global.set $left (i32.sub (global.get $left) (i32.const 1)))
           (br_if $again (global.get $left)))"
        .to_string();
    let fields = format!("(global $left (mut i32) (i32.const {times}))");
    Module {
        fields: fields.leak(),
        ..on_traces(&what)
    }
}

#[test]
fn takes_thousands_of_messages_as_they_are() {
    let processed = emits(5000)
        .start()
        .process(Kind::Traces, b"\xff no message \0");
    let Main::Replaced(messages) = processed.expect("it may").main else {
        panic!("it replaces");
    };
    assert_eq!(messages.len(), 5000);
    assert!(
        messages
            .iter()
            .all(|emitted| emitted.message == b"\xff no message \0"[..])
    );
}

#[test]
fn refuses_messages_without_end() {
    let plugin = emits(100_000).start();
    let failure = plugin
        .process(Kind::Traces, b"x")
        .expect_err("these are too many");
    assert_eq!(failure.reason(), "broken_contract");
}

#[test]
fn what_is_emitted_in_a_call_is_bounded_as_its_memory_is() {
    let what = "(loop $again
        (call $emit (i32.const 1) (i32.const 0) (i32.const 65536))
        (br $again))";
    let failure = on_traces(what).start().failure();
    let text = "memory of 1048576 bytes".to_owned();
    assert_eq!(failure, Failure::Exhausted(text));
}

#[test]
fn a_crash_while_it_is_created_makes_no_plugin() {
    let module = Module {
        create: "unreachable",
        ..Module::default()
    };
    let error = module.create_error();
    assert!(
        matches!(error, CreateError::Failed(Failure::Crashed(_))),
        "{error:?}"
    );
}

#[test]
fn nothing_can_be_emitted_while_it_is_created() {
    let module = Module {
        create: "(call $emit (i32.const 1) (i32.const 16) (i32.const 1)) (i32.const 0)",
        ..Module::default()
    };
    let error = module.create_error();
    assert!(
        matches!(error, CreateError::Failed(Failure::Broken(_))),
        "{error:?}"
    );
}

#[test]
fn a_crash_while_it_is_flushed_ends_its_instance_only() {
    let module = Module {
        flush: "unreachable",
        ..Module::default()
    };
    let plugin = module.start();
    let failure = plugin.flush().expect_err("it crashes");
    assert_eq!(failure.reason(), "crashed");
    assert_eq!(plugin.flush(), Ok(vec![]), "there is no instance to ask");
    let next = plugin.process(Kind::Traces, b"message");
    next.expect("the next call has an instance that works");
}

#[test]
fn a_loop_in_the_start_function_is_ended() {
    let module = Module {
        fields: "(func $begin (loop $again (br $again))) (start $begin)",
        ..Module::default()
    };
    let error = load_error(&module.text());
    assert!(error.contains("fuel of"), "{error}");
}
