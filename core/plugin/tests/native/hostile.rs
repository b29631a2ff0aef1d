//! Plugins in C that break the contract, each in its own way.

use bytes::Bytes;
use plugin::{Failure, Kind, Library, Main, Processed};
use serde_json::json;

use crate::rig::{Running, config_refusal, open, refusal, soon, start};
use crate::toolchain::{Built, build_c};

/// The plugin that does what its configuration says.
fn calls() -> Option<(Built, Library)> {
    let built = build_c("tests/hostile/calls.c", &["-pthread"])?;
    let library = open(&built.path);
    Some((built, library))
}

/// Does `test` with a plugin that does this.
fn with(behaviour: &str, test: impl FnOnce(&Running)) {
    let Some((_built, library)) = calls() else {
        return;
    };
    test(&start(&library, &json!(behaviour)));
}

fn process(running: &Running) -> Result<Processed, Failure> {
    running.process(Kind::Traces, b"message")
}

/// The plugin does this with a message, and the host tells so.
#[track_caller]
fn breaks(behaviour: &str, expected: &str) {
    with(behaviour, |running| match process(running) {
        Err(Failure::Broken(how)) => assert!(how.contains(expected), "{how}"),
        other => panic!("{other:?}"),
    });
}

#[test]
fn garbage_is_passed_on_as_it_is() {
    with("emits garbage", |running| {
        let replaced = running.replaced(Kind::Traces, b"message");
        assert_eq!(
            replaced,
            [&b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x07"[..]]
        );
    });
}

#[test]
fn bytes_at_null_are_not_touched() {
    breaks("emits bytes at null", "it emitted `7` bytes at null");
}

#[test]
fn bytes_without_end_are_not_touched() {
    breaks("emits bytes without end", "more than `1073741824` bytes");
}

#[test]
fn messages_without_end_come_to_one() {
    breaks("emits messages without end", "more than `65536` messages");
}

#[test]
fn unknown_kinds_are_refused() {
    breaks("emits an unknown kind", "unknown kind `77`");
}

#[test]
fn signals_that_it_does_not_emit_are_refused() {
    breaks("emits what it does not say", "it emitted `logs`");
}

#[test]
fn a_message_is_not_unchanged_and_replaced() {
    breaks("emits and says it did not", "says is unchanged");
}

#[test]
fn unknown_statuses_are_refused() {
    breaks("returns an unknown status", "returned `42`");
}

#[test]
fn a_reason_at_null_is_none() {
    with("gives reasons at null", |running| {
        let Ok(Main::Refused(refused)) = process(running).map(|processed| processed.main) else {
            panic!("it was refused");
        };
        assert_eq!((refused.reason.as_str(), refused.item), ("", Some(3)));
    });
}

#[test]
fn a_broken_reason_is_repaired() {
    with("gives broken reasons", |running| {
        let failed = Failure::Failed("not \u{fffd} text".to_owned());
        assert_eq!(process(running), Err(failed));
    });
}

#[test]
fn a_call_on_other_threads_harms_nothing() {
    with("uses its call on threads", |running| {
        assert_eq!(process(running).unwrap().derived.len(), 400);
        assert_eq!(running.told.lines().len(), 800);
    });
}

#[test]
fn names_of_metrics_are_bounded() {
    with("uses many names", |running| {
        process(running).unwrap();
        let lines = running.told.lines();
        assert_eq!(lines.len(), 65);
        assert!(lines[64].starts_with("Warn the metric `name_64` and others are ignored"));
    });
}

#[test]
fn a_flush_is_checked_too() {
    for (behaviour, expected) in [
        ("flushes what it processes", "it emitted `traces`"),
        ("refuses to flush", "`flush` returned `2`"),
    ] {
        with(behaviour, |running| match running.instance.flush(soon()) {
            Err(Failure::Broken(how)) => assert!(how.contains(expected), "{how}"),
            other => panic!("{other:?}"),
        });
    }
}

#[test]
fn a_create_is_checked_too() {
    let Some((_built, library)) = calls() else {
        return;
    };
    for (behaviour, expected) in [
        ("refuses its configuration", "`calls` is never right"),
        ("fails without a reason", "it failed: it gave no reason"),
        (
            "makes an unknown status",
            "it broke the contract: `create` returned `4`, which is no status of it",
        ),
        (
            "emits too early",
            "it broke the contract: it emitted `metrics`, which are not what it processes and not in its `emits`",
        ),
        (
            "sets no instance",
            "it broke the contract: `create` succeeded and set no instance",
        ),
    ] {
        let refusal = config_refusal(&library, &json!(behaviour));
        assert_eq!(refusal, expected, "{behaviour}");
    }
}

/// Emitted bytes are the library's memory, and outlive everything else of it.
#[test]
fn buffers_are_taken_back_once_and_after_the_instance() {
    let Some((_built, library)) = calls() else {
        return;
    };
    let counts = start(&library, &json!("counts releases"));
    let releases = || {
        process(&counts).unwrap();
        counts.told.lines().pop().unwrap()
    };
    let echoes = start(&library, &json!("echoes"));
    let messages = echoes.replaced(Kind::Traces, b"message");
    drop(echoes);
    assert_eq!(releases(), "releases +0");
    let slices: Vec<_> = messages.iter().map(|it| it.slice(1..4)).collect();
    drop(messages);
    assert_eq!(releases(), "releases +0");
    drop(slices);
    assert_eq!(releases(), "releases +3");

    let last = start(&library, &json!("echoes")).replaced(Kind::Traces, b"message");
    drop((counts, library));
    assert_eq!(last[2], &b"message"[..]);
}

/// Every call has what it emitted itself.
#[test]
fn calls_that_overlap_do_not_mix() {
    let threads = 8;
    let calls = if std::env::var_os(UNDER_VALGRIND).is_some() {
        20
    } else {
        2_000
    };
    with("echoes", |running| {
        std::thread::scope(|scope| {
            for thread in 0..threads {
                scope.spawn(move || {
                    for call in 0..calls {
                        let message = format!("{thread} {call}").into_bytes();
                        let replaced = running.replaced(Kind::Traces, &message);
                        assert_eq!(replaced, [&*message, &*message, &*message]);
                    }
                });
            }
        });
    });
}

/// Set for tests that run under a tool which makes them slow.
pub(crate) const UNDER_VALGRIND: &str = "SKYFERRY_UNDER_VALGRIND";

/// What is told of a library whose table was built with these definitions.
fn told_of(definitions: &[&str]) -> Option<String> {
    let built = build_c("tests/hostile/table.c", definitions)?;
    Some(refusal(&built.path))
}

#[test]
fn a_wrong_table_is_told_for_what_it_is() {
    let version = "it is built for version 2.1 of the plugin ABI, and this host has 1.0";
    let export = "it does not export `skyferry_plugin_v1`, which every plugin does";
    let cases: [(&[&str], &str); 7] = [
        (
            &["-DTABLE=0"],
            "its table of functions is wrong: it is null",
        ),
        (
            &["-DTABLE=(const SkyferryPlugin *)((const char *)&table + 4)"],
            "its table of functions is wrong: it is not aligned to `8` bytes",
        ),
        (&["-DTABLE_VERSION=0x20001"], version),
        (
            &["-DTABLE_SIZE=40"],
            "its table of functions is wrong: its `size` is `40`, and that of version 1.0 is `48`",
        ),
        (
            &["-DPROCESS=0"],
            "its table of functions is wrong: its `process` is null",
        ),
        (&["-DSYMBOL=skyferry_plugin_v2"], export),
        (
            &["-DUNRESOLVED"],
            "the system cannot load it: undefined symbol: skyferry_of_another_world",
        ),
    ];
    for (definitions, expected) in cases {
        let Some(told) = told_of(definitions) else {
            return;
        };
        assert_eq!(told, expected, "{definitions:?}");
    }
}

#[test]
fn a_plugin_for_a_newer_host_runs() {
    let newer = [
        "-DTABLE_VERSION=0x10007",
        "-DTABLE_SIZE=sizeof(struct Table)",
    ];
    let Some(built) = build_c("tests/hostile/table.c", &newer) else {
        return;
    };
    let library = open(&built.path);
    assert_eq!(library.abi_version(), (1, 7));
    let running = start(&library, &json!(null));
    let message = Bytes::from_static(b"log");
    let processed = running.instance.process(Kind::Logs, &message, soon());
    assert_eq!(processed.unwrap().main, Main::Replaced(Vec::new()));
}

#[test]
fn a_wrong_description_is_told_by_field() {
    for (description, expected) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{}", "missing field `name` at line 1 column 2"),
        (
            "\\xff",
            "it is not UTF-8: invalid utf-8 sequence of 1 bytes from index 0",
        ),
        (
            r#"{\"name\": \"A b\", \"version\": \"1\", \"signals\": [\"logs\"]}"#,
            "`name` is `A b`, and has to be 1 to 64 of the characters a-z, 0-9, `_` and `-`",
        ),
        (
            r#"{\"name\": \"a\", \"version\": \"1\", \"signals\": [\"log\"]}"#,
            "`signals[0]`: unknown variant `log`, expected one of `traces`, `metrics`, `logs` \
             at line 1 column 47",
        ),
    ] {
        let definition = format!("-DDESCRIPTION=\"{description}\"");
        let Some(told) = told_of(&[&definition]) else {
            return;
        };
        assert_eq!(
            told,
            format!("what it says about itself is wrong: {expected}")
        );
    }
}

#[test]
fn a_library_for_another_machine_is_not_loaded() {
    let Some(built) = build_c("tests/hostile/table.c", &[]) else {
        return;
    };
    let mut library = std::fs::read(&built.path).unwrap();
    // The number of a machine that nobody has.
    library[18..20].copy_from_slice(&0x1234_u16.to_ne_bytes());
    std::fs::write(&built.path, library).unwrap();
    assert_eq!(
        refusal(&built.path),
        format!(
            "it is built for machine `4660` of ELF, and this is {}",
            std::env::consts::ARCH
        )
    );
}

#[test]
fn a_library_that_was_cut_off_is_not_mapped() {
    let Some(built) = build_c("tests/hostile/table.c", &[]) else {
        return;
    };
    let library = std::fs::read(&built.path).unwrap();
    for len in [1, 63, 64, 500, 0x1000, 0x2000] {
        std::fs::write(&built.path, &library[..len]).unwrap();
        let told = refusal(&built.path);
        let expected = match len {
            1 => "it is of a format that is not known here",
            _ => "it is a truncated ELF file",
        };
        assert!(told.starts_with(expected), "{len} bytes: {told}");
    }
}
