//! The walk takes exactly what prost takes, apart from text that it repairs, and keeps every byte.
#![no_main]

use fuzz::{prost_accepts, receive, request_of, signal_and_rest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((signal, request)) = signal_and_rest(input) else {
        return;
    };
    let Ok(received) = receive(signal, request) else {
        assert!(!prost_accepts(signal, request), "refused what prost takes");
        return;
    };
    let sound = received.repaired == 0;
    assert_eq!(prost_accepts(signal, request), sound, "prost disagrees");
    if received.items > 0 {
        let request_of_chunks = request_of(&received.chunks);
        assert!(prost_accepts(signal, &request_of_chunks), "broken by repair");
        assert_eq!(request_of_chunks == request, sound, "bytes were changed");
    }
});
