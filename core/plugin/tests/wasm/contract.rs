//! What a module that keeps to the contract can do.

use std::time::{Duration, Instant};

use plugin::{CreateError, Emitted, Failure, Kind, Main};
use serde_json::json;

use crate::module::{Module, limits};

/// Emits the bytes that were lent, as a message of the same kind.
const EMIT_MESSAGE: &str = "(call $emit (local.get $kind) (local.get $message) (local.get $len))";

fn emitted(kind: Kind, message: &'static [u8]) -> Emitted {
    let message = bytes::Bytes::from_static(message);
    Emitted { kind, message }
}

#[test]
fn says_what_it_is() {
    let library = Module::default().load();
    assert_eq!(library.description().name, "tried");
    assert_eq!(library.abi_version(), (1, 0));
}

#[test]
fn leaves_a_message_as_it_is() {
    let processed = Module::default().start().process(Kind::Traces, b"message");
    let processed = processed.expect("it does nothing");
    assert_eq!(processed.main, Main::Unchanged);
    assert_eq!(processed.derived, []);
}

#[test]
fn replaces_a_message_by_several() {
    let process = format!("{EMIT_MESSAGE} {EMIT_MESSAGE} (i32.const 1)").leak();
    let module = Module {
        process,
        ..Module::default()
    };
    let processed = module.start().process(Kind::Traces, b"message");
    let message = emitted(Kind::Traces, b"message");
    let main = processed.expect("it replaces").main;
    assert_eq!(main, Main::Replaced(vec![message.clone(), message]));
}

#[test]
fn drops_a_message() {
    let module = Module {
        process: "(i32.const 1)",
        ..Module::default()
    };
    let processed = module.start().process(Kind::Traces, b"message");
    assert_eq!(processed.expect("it drops").main, Main::Replaced(vec![]));
}

#[test]
fn takes_an_empty_message() {
    let process = format!("{EMIT_MESSAGE} (i32.const 1)").leak();
    let module = Module {
        process,
        ..Module::default()
    };
    let processed = module.start().process(Kind::Logs, b"");
    let main = processed.expect("it replaces").main;
    assert_eq!(main, Main::Replaced(vec![emitted(Kind::Logs, b"")]));
}

#[test]
fn emits_another_signal_beside_the_message_and_when_it_is_flushed() {
    let module = Module {
        process: "(call $emit (i32.const 2) (i32.const 16) (i32.const 4)) (i32.const 0)",
        flush: "(call $emit (i32.const 2) (i32.const 20) (i32.const 4)) (i32.const 0)",
        fields: r#"(data (i32.const 16) "onetwo..")"#,
        ..Module::default()
    };
    let plugin = module.start();
    let processed = plugin.process(Kind::Traces, b"message");
    let processed = processed.expect("it derives");
    assert_eq!(processed.main, Main::Unchanged);
    assert_eq!(processed.derived, [emitted(Kind::Metrics, b"onet")]);
    let flushed = plugin.flush().expect("it has something");
    assert_eq!(flushed, [emitted(Kind::Metrics, b"wo..")]);
}

#[test]
fn refuses_a_message_with_its_reason_and_the_item() {
    let module = Module {
        process: "(call $reason (i32.const 16) (i32.const 8) (i64.const 3)) (i32.const 2)",
        fields: r#"(data (i32.const 16) "too cold")"#,
        ..Module::default()
    };
    let processed = module.start().process(Kind::Traces, b"message");
    let Main::Refused(refused) = processed.expect("it refuses").main else {
        panic!("it refuses");
    };
    assert_eq!(refused.reason, "too cold");
    assert_eq!(refused.item, Some(3));
}

#[test]
fn a_failed_call_leaves_its_instance_as_it_is() {
    let module = Module {
        process: "(global.set $calls (i64.add (global.get $calls) (i64.const 1)))
            (call $counter (i32.const 16) (i32.const 5) (global.get $calls))
            (call $reason (i32.const 16) (i32.const 5) (i64.const -1))
            (i32.const 3)",
        fields: r#"(data (i32.const 16) "calls") (global $calls (mut i64) (i64.const 0))"#,
        ..Module::default()
    };
    let plugin = module.start();
    for _ in 0..2 {
        let failed = plugin.process(Kind::Traces, b"message");
        assert_eq!(failed, Err(Failure::Failed("calls".to_owned())));
    }
    assert_eq!(plugin.recorder.lines(), ["calls + 1", "calls + 2"]);
}

#[test]
fn is_given_its_configuration() {
    let module = Module {
        create: "(call $log (i32.const 3) (local.get $config) (local.get $len)) (i32.const 0)",
        ..Module::default()
    };
    let recorder = std::sync::Arc::new(crate::module::Recorder::default());
    let config = json!({"keep": ["a", "b"]});
    let created = module.load().create(&config, recorder.clone(), &limits());
    created.expect("it takes the configuration");
    assert_eq!(recorder.lines(), [r#"Info: {"keep":["a","b"]}"#]);
}

#[test]
fn refuses_its_configuration_by_a_reason() {
    let module = Module {
        create: "(call $reason (i32.const 16) (i32.const 8) (i64.const -1)) (i32.const 2)",
        fields: r#"(data (i32.const 16) "too cold")"#,
        ..Module::default()
    };
    let error = module.create_error();
    assert!(matches!(error, CreateError::Refused(reason) if reason == "too cold"));
}

#[test]
fn tells_the_log_and_the_metrics_and_asks_the_clock() {
    let module = Module {
        process: "(call $log (i32.const 2) (i32.const 16) (i32.const 4))
            (call $counter (i32.const 16) (i32.const 4) (i64.const 7))
            (call $gauge (i32.const 16) (i32.const 4) (f64.const 0.5))
            (call $histogram (i32.const 16) (i32.const 4) (f64.const 2.5))
            (call $counter (i32.const 16) (i32.const 4) (call $now))
            (i32.const 0)",
        fields: r#"(data (i32.const 16) "text")"#,
        ..Module::default()
    };
    let plugin = module.start();
    let processed = plugin.process(Kind::Traces, b"message");
    processed.expect("it only talks");
    let lines = plugin.recorder.lines();
    let expected = [
        "Warn: text",
        "text + 7",
        "text = 0.5",
        "text : 2.5",
        "text + 1234567890",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn is_initialized_before_all_else() {
    let module = Module {
        fields: r#"(global $ready (mut i32) (i32.const 0))
            (func (export "_initialize") (global.set $ready (i32.const 1)))"#,
        create: "(i32.sub (i32.const 1) (global.get $ready))",
        ..Module::default()
    };
    module.start();
}

/// Counts its calls, and says how many it has had.
const COUNTS: Module = Module {
    description: serde_json::Value::Null,
    alloc: "(i32.const 32768)",
    create: "(call $log (i32.const 3) (i32.const 16) (i32.const 4)) (i32.const 0)",
    process: "(i32.const 0)",
    flush: "(i32.const 0)",
    fields: r#"(data (i32.const 16) "made")"#,
    imports: "",
};

#[test]
fn calls_one_after_the_other_have_one_instance() {
    let mut description = Module::default().description;
    description["parallel"] = json!(true);
    let plugin = Module {
        description,
        ..COUNTS
    }
    .start();
    for _ in 0..10 {
        let processed = plugin.process(Kind::Traces, b"message");
        processed.expect("it does nothing");
    }
    assert_eq!(plugin.recorder.lines(), ["Info: made"]);
}

/// Runs until its deadline on every message of traces.
fn spins(parallel: bool) -> Module {
    let mut description = Module::default().description;
    description["parallel"] = json!(parallel);
    Module {
        description,
        process: "(if (i32.eq (local.get $kind) (i32.const 1)) (then (loop $again (br $again))))
            (i32.const 0)",
        ..COUNTS
    }
}

/// Makes calls overlap, and returns how many instances that took.
fn instances_of_overlapping_calls(module: &Module) -> usize {
    let mut limits = limits();
    limits.fuel = u64::MAX;
    let plugin = module.start_with(&limits);
    let deadline = Instant::now() + Duration::from_millis(300);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let result = plugin.process_until(Kind::Traces, b"message", deadline);
                assert_eq!(result, Err(Failure::TimedOut));
            });
        }
    });
    plugin.recorder.lines().len()
}

#[test]
fn as_many_instances_are_made_as_calls_overlap_and_no_more_than_the_limit() {
    assert_eq!(instances_of_overlapping_calls(&spins(true)), 2);
}

#[test]
fn calls_of_a_plugin_that_is_not_parallel_wait_for_their_turn() {
    assert_eq!(instances_of_overlapping_calls(&spins(false)), 1);
}
