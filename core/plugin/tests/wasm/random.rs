//! Whatever a file holds, the host says what is wrong with it or runs it, and stays up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plugin::Kind;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use crate::module::{Module, Recorder, limits, open};

/// Opens a file, and makes every call of a plugin, should it be one.
fn use_as_a_plugin(file: &[u8]) {
    let Ok(library) = open(file) else { return };
    let recorder = Arc::new(Recorder::default());
    let Ok(instance) = library.create(&Value::Null, recorder, &limits()) else {
        return;
    };
    let deadline = Instant::now() + Duration::from_secs(5);
    let message = Bytes::from_static(b"message");
    // Either way it has returned.
    drop(instance.process(Kind::Traces, &message, deadline));
    drop(instance.flush(deadline));
}

/// A module in which every function does something.
fn busy_module() -> Vec<u8> {
    let module = Module {
        create: "(call $log (i32.const 3) (local.get $config) (local.get $len)) (i32.const 0)",
        process: "(local $at i32)
            (loop $again
              (i32.store8 (local.get $at) (i32.load8_u (i32.add (local.get $at) (i32.const 3))))
              (local.set $at (i32.add (local.get $at) (i32.const 1)))
              (br_if $again (i32.lt_u (local.get $at) (local.get $len))))
            (call $emit (local.get $kind) (local.get $message) (local.get $len))
            (call $emit (i32.const 2) (local.get $message) (local.get $at))
            (i32.const 1)",
        flush: "(call $emit (i32.const 2) (i32.const 0) (i32.const 9)) (i32.const 0)",
        ..Module::default()
    };
    wat::parse_str(module.text()).expect("the text is right")
}

proptest! {
    #[test]
    fn any_bytes_behind_the_magic_are_survived(bytes in vec(any::<u8>(), 0..512)) {
        let mut file = b"\0asm\x01\0\0\0".to_vec();
        file.extend(bytes);
        use_as_a_plugin(&file);
    }

    #[test]
    fn a_module_with_changed_bytes_is_survived(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut file = busy_module();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        use_as_a_plugin(&file);
    }
}
