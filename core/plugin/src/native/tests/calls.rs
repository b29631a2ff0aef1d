//! What a plugin may do in a call, and when it is called.

use std::sync::{Arc, Barrier, mpsc};
use std::time::Instant;

use bytes::Bytes;
use skyferry_plugin_sdk::abi;

use super::probe::{
    DESCRIPTION, Inside, MESSAGE, Probe, Rig, count, lend, lent, processing, show, soon,
};
use crate::contract::{Emitted, Failure, Kind, Main};
use crate::library::{CreateError, Instance};

const PARALLEL: &str =
    r#"{"name": "probe", "version": "1", "signals": ["traces"], "parallel": true}"#;

#[test]
fn a_plugin_sees_its_configuration_and_the_message_as_they_are() {
    let rig = Rig::new(DESCRIPTION);
    let instance = rig.start(Probe {
        create: Box::new(|inside, config| {
            assert_eq!(config, r#"{"key":"value"}"#);
            assert_eq!(inside.host.version, abi::VERSION);
            assert_eq!(inside.host.size as usize, size_of::<abi::Host>());
            abi::STATUS_UNCHANGED
        }),
        ..processing(|_, kind, message| {
            assert_eq!((kind, message), (abi::KIND_SEGMENT, &b"message"[..]));
            abi::STATUS_UNCHANGED
        })
    });
    let processed = instance.process(Kind::Segment, &MESSAGE, soon()).unwrap();
    assert_eq!(processed.main, Main::Unchanged);
}

#[test]
fn a_plugin_that_uses_its_call_on_other_threads_harms_nothing() {
    let rig = Rig::new(DESCRIPTION);
    let instance = rig.start(processing(|inside, _, _| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        inside.emit(abi::KIND_METRICS, lent(b"m"));
                        inside.reason(b"r", 3);
                        count_one(inside);
                    }
                });
            }
        });
        abi::STATUS_UNCHANGED
    }));
    assert_eq!(show(&instance).unwrap().derived.len(), 40);
    assert_eq!(*rig.told.0.lock(), ["threads +1"; 40]);
}

fn count_one(inside: &Inside<'_>) {
    // SAFETY: the context is valid.
    unsafe { (inside.host.counter)(inside.host.context, lend(b"threads"), 1) };
}

#[test]
fn every_service_reaches_the_host() {
    let rig = Rig::new(DESCRIPTION);
    let instance = rig.start(processing(|inside, _, _| {
        let host = inside.host;
        let null = abi::Bytes {
            data: std::ptr::null(),
            len: 9,
        };
        // SAFETY: the context is valid, or null.
        unsafe {
            (host.log)(host.context, abi::LEVEL_WARN, lend(b"careful"));
            (host.log)(host.context, 77, lend(b"of a level that is none"));
            (host.log)(host.context, abi::LEVEL_ERROR, null);
            (host.log)(std::ptr::null_mut(), abi::LEVEL_ERROR, lend(b"nowhere"));
            (host.gauge)(host.context, lend(b"g"), 0.5);
            (host.histogram)(host.context, lend(b"h"), 1.5);
            (host.emit)(std::ptr::null_mut(), abi::KIND_TRACES, lent(b"nowhere"));
            (host.reason)(std::ptr::null_mut(), lend(b"nowhere"), 0);
            assert_eq!((host.now)(host.context), 1_700_000_000_000_000_000);
        }
        abi::STATUS_UNCHANGED
    }));
    show(&instance).unwrap();
    drop(instance);
    assert_eq!(
        *rig.told.0.lock(),
        [
            "Warn careful",
            "Info of a level that is none",
            "Error ",
            "g =0.5",
            "h <1.5",
            "Info the end",
        ]
    );
}

#[test]
fn a_refusal_names_its_item() {
    let rig = Rig::new(DESCRIPTION);
    let instance = rig.start(processing(|inside, _, _| {
        inside.reason(b"no name", 4);
        abi::STATUS_REFUSED
    }));
    let Main::Refused(refused) = show(&instance).unwrap().main else {
        panic!("it was refused");
    };
    assert_eq!(
        (refused.reason.as_str(), refused.item),
        ("no name", Some(4))
    );
}

#[test]
fn a_flush_hands_over_what_was_gathered() {
    let rig = Rig::new(DESCRIPTION);
    let instance = rig.start(Probe {
        flush: Box::new(|inside| {
            inside.emit(abi::KIND_METRICS, lent(b"sum"));
            abi::STATUS_UNCHANGED
        }),
        ..Probe::default()
    });
    let flushed = instance.flush(soon()).unwrap();
    assert_eq!(&flushed[0].message[..], b"sum");
}

#[test]
fn an_instance_that_was_not_made_is_not_destroyed() {
    let rig = Rig::new(DESCRIPTION);
    let refusing = Probe {
        create: Box::new(|inside, _| {
            inside.reason(b"`key` is wrong", abi::NO_ITEM);
            abi::STATUS_REFUSED
        }),
        ..Probe::default()
    };
    let without = Probe {
        sets_instance: false,
        ..Probe::default()
    };
    for (probe, expected) in [
        (refusing, "`key` is wrong"),
        (
            without,
            "it broke the contract: `create` succeeded and set no instance",
        ),
    ] {
        let destroyed = probe.destroyed.clone();
        let error = rig.try_start(probe).err().unwrap();
        assert_eq!(error.to_string(), expected);
        assert_eq!(count(&destroyed), 0);
    }
}

#[test]
fn an_instance_that_was_made_against_the_contract_is_destroyed() {
    let rig = Rig::new(DESCRIPTION);
    let probe = Probe {
        create: Box::new(|inside, _| {
            inside.emit(abi::KIND_METRICS, lent(b"too early"));
            abi::STATUS_UNCHANGED
        }),
        ..Probe::default()
    };
    let destroyed = probe.destroyed.clone();
    let error = rig.try_start(probe).err();
    assert!(matches!(
        error,
        Some(CreateError::Failed(Failure::Broken(_)))
    ));
    assert_eq!(count(&destroyed), 1);
}

#[test]
fn a_configuration_that_is_refused_is_told_from_a_failure() {
    let rig = Rig::new(DESCRIPTION);
    let returning = |status| Probe {
        create: Box::new(move |_, _| status),
        ..Probe::default()
    };
    let refused = rig.try_start(returning(abi::STATUS_REFUSED)).err();
    assert!(matches!(refused, Some(CreateError::Refused(_))));
    let failed = rig.try_start(returning(abi::STATUS_FAILED)).err();
    assert!(matches!(
        failed,
        Some(CreateError::Failed(Failure::Failed(_)))
    ));
    let broken = rig.try_start(returning(abi::STATUS_REPLACED)).err();
    assert!(matches!(
        broken,
        Some(CreateError::Failed(Failure::Broken(_)))
    ));
}

/// Both calls are in the plugin at once, or neither gets any further.
#[test]
fn calls_of_a_parallel_plugin_overlap() {
    let rig = Rig::new(PARALLEL);
    let both = Barrier::new(2);
    let instance = rig.start(processing(move |inside, _, message| {
        both.wait();
        inside.emit(abi::KIND_TRACES, lent(message));
        abi::STATUS_REPLACED
    }));
    let processed = std::thread::scope(|scope| {
        let calls = [b"a", b"b"].map(|message| {
            let message = Bytes::from_static(message);
            let instance = &instance;
            scope.spawn(move || instance.process(Kind::Traces, &message, soon()))
        });
        calls.map(|call| call.join().unwrap().unwrap().main)
    });
    let alone = |message| {
        Main::Replaced(vec![Emitted {
            kind: Kind::Traces,
            message: Bytes::from_static(message),
        }])
    };
    assert_eq!(processed, [alone(b"a"), alone(b"b")]);
}

/// A call is under way when `meanwhile` runs, and ends after it.
fn while_processing(json: &'static str, meanwhile: impl FnOnce(&Arc<dyn Instance>)) {
    let rig = Rig::new(json);
    let (entered, has_entered) = mpsc::sync_channel(1);
    let (leave, may_leave) = mpsc::sync_channel::<()>(1);
    let may_leave = parking_lot::Mutex::new(may_leave);
    let instance = rig.start(processing(move |_, _, _| {
        entered.send(()).unwrap();
        may_leave.lock().recv().unwrap();
        abi::STATUS_UNCHANGED
    }));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| show(&instance));
        has_entered.recv().unwrap();
        meanwhile(&instance);
        leave.send(()).unwrap();
        call.join().unwrap().unwrap();
    });
}

#[test]
fn calls_of_other_plugins_wait_for_their_turn_until_their_deadline() {
    while_processing(DESCRIPTION, |instance| {
        let late = instance.process(Kind::Traces, &MESSAGE, Instant::now());
        assert_eq!(late, Err(Failure::TimedOut));
    });
}

#[test]
fn a_flush_is_alone_in_every_plugin() {
    for json in [DESCRIPTION, PARALLEL] {
        while_processing(json, |instance| {
            assert_eq!(instance.flush(Instant::now()), Err(Failure::TimedOut));
        });
    }
}
