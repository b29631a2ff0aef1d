//! Both parts of a split chunk are sound and hold its items between them.
#![no_main]

use fuzz::{assert_sound, receive, request_of, signal_and_rest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| {
    let (at, input) = input;
    let Some((signal, request)) = signal_and_rest(input) else {
        return;
    };
    let Ok(received) = receive(signal, request) else {
        return;
    };
    for chunk in &received.chunks {
        let at = usize::from(at) % (chunk.items() + 1);
        let Some(parts) = chunk.split_at(at) else {
            continue;
        };
        assert_eq!([parts[0].items(), parts[1].items()], [at, chunk.items() - at]);
        for part in parts {
            let items = part.items();
            assert_sound(signal, &request_of(&[part]), items);
        }
    }
});
