//! Memory that a plugin lends and gives.

use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use skyferry_plugin_sdk::abi;

use super::probe::{DESCRIPTION, Rig, count, given, lent, processing, show};
use crate::contract::{Emitted, Failure, Kind, Main, Processed};

fn broken(result: Result<Processed, Failure>) -> String {
    match result {
        Err(Failure::Broken(how)) => how,
        other => panic!("{other:?}"),
    }
}

/// A counter that the plugin's side can point to for good.
fn counter() -> &'static AtomicUsize {
    Box::leak(Box::default())
}

#[test]
fn what_is_given_is_not_copied_and_taken_back_once_after_the_instance_has_ended() {
    static MADE: &[u8] = b"made";
    let rig = Rig::new(DESCRIPTION);
    let releases = counter();
    let probe = processing(move |inside, _, _| {
        inside.emit(abi::KIND_TRACES, given(MADE, releases));
        abi::STATUS_REPLACED
    });
    let destroyed = probe.destroyed.clone();
    let instance = rig.start(probe);
    let Main::Replaced(emitted) = show(&instance).unwrap().main else {
        panic!("it was replaced");
    };
    assert_eq!(emitted[0].message.as_ptr(), MADE.as_ptr());

    drop(instance);
    let mapped = rig.mapped.clone();
    drop(rig);
    assert_eq!(count(&destroyed), 1);
    let slice = emitted[0].message.slice(1..3);
    drop(emitted);
    assert_eq!((&slice[..], count(releases)), (&b"ad"[..], 0));
    assert!(
        mapped.upgrade().is_some(),
        "`release` is code of the library"
    );

    drop(slice);
    assert_eq!(count(releases), 1);
    assert!(mapped.upgrade().is_none());
}

#[test]
fn what_is_lent_is_copied() {
    let rig = Rig::new(DESCRIPTION);
    let instance = rig.start(processing(|inside, _, _| {
        let mut local = *b"local";
        inside.emit(abi::KIND_METRICS, lent(&local));
        local.fill(b'x');
        abi::STATUS_UNCHANGED
    }));
    let expected = Emitted {
        kind: Kind::Metrics,
        message: Bytes::from_static(b"local"),
    };
    assert_eq!(show(&instance).unwrap().derived, [expected]);
}

/// Each way in which a buffer does not become a message.
#[test]
fn what_is_not_wanted_is_taken_back_once() {
    let releases = counter();
    let of_length = |data: *const u8, len| abi::Buffer {
        data,
        len,
        ..given(b"", releases)
    };
    let cases: [(abi::Kind, abi::Buffer, &str); 5] = [
        (
            abi::KIND_TRACES,
            of_length(std::ptr::null(), 5),
            "`5` bytes at null",
        ),
        (abi::KIND_LOGS, given(b"x", releases), "it emitted `logs`"),
        (99, given(b"x", releases), "unknown kind `99`"),
        (
            abi::KIND_TRACES,
            abi::Buffer {
                release: None,
                ..of_length(std::ptr::dangling(), usize::MAX)
            },
            "more than `1073741824` bytes",
        ),
        (
            abi::KIND_TRACES,
            abi::Buffer {
                release: None,
                ..of_length(std::ptr::dangling(), isize::MAX as usize + 1)
            },
            "more than `1073741824` bytes",
        ),
    ];
    for (kind, buffer, expected) in cases {
        let before = count(releases);
        let is_given = usize::from(buffer.release.is_some());
        let buffer = Movable(buffer);
        let rig = Rig::new(DESCRIPTION);
        let instance = rig.start(processing(move |inside, _, _| {
            inside.emit(kind, buffer.get());
            abi::STATUS_REPLACED
        }));
        let how = broken(show(&instance));
        assert!(how.contains(expected), "{how}");
        assert_eq!(count(releases) - before, is_given);
    }
}

/// A buffer that a test's plugin may emit on any thread.
#[derive(Clone, Copy)]
struct Movable(abi::Buffer);

// SAFETY: it points to static memory, or nowhere.
unsafe impl Send for Movable {}
// SAFETY: as above.
unsafe impl Sync for Movable {}

impl Movable {
    fn get(self) -> abi::Buffer {
        self.0
    }
}

#[test]
fn an_empty_message_may_be_at_null_and_is_taken_back_at_once() {
    let rig = Rig::new(DESCRIPTION);
    let releases = counter();
    let buffer = Movable(abi::Buffer {
        data: std::ptr::null(),
        len: 0,
        ..given(b"", releases)
    });
    let instance = rig.start(processing(move |inside, _, _| {
        inside.emit(abi::KIND_TRACES, buffer.get());
        abi::STATUS_REPLACED
    }));
    let Main::Replaced(emitted) = show(&instance).unwrap().main else {
        panic!("it was replaced");
    };
    assert!(emitted[0].message.is_empty());
    assert_eq!(count(releases), 1);
}

/// The host calls `release` with no lock held, or this would not end.
#[test]
fn taking_a_buffer_back_may_call_the_host() {
    struct Owner {
        host: abi::Host,
        call: *mut abi::Call,
    }
    unsafe extern "C" fn release(owner: *mut std::ffi::c_void, _: *const u8, _: usize) {
        // SAFETY: it is the box that was given, and the call is open.
        unsafe {
            let owner = Box::from_raw(owner.cast::<Owner>());
            (owner.host.emit)(owner.call, abi::KIND_METRICS, lent(b"again"));
        }
    }
    let rig = Rig::new(DESCRIPTION);
    let instance = rig.start(processing(|inside, _, _| {
        let owner = Box::new(Owner {
            host: *inside.host,
            call: inside.call,
        });
        let buffer = abi::Buffer {
            owner: Box::into_raw(owner).cast(),
            release: Some(release),
            ..lent(b"")
        };
        inside.emit(abi::KIND_METRICS, buffer);
        abi::STATUS_UNCHANGED
    }));
    let derived = show(&instance).unwrap().derived;
    let lengths: Vec<_> = derived.iter().map(|it| it.message.len()).collect();
    assert_eq!(lengths, [5, 0]);
}
