//! What is read from JSON is a sound request, and written as JSON it reads as the same again.
#![no_main]

use fuzz::{prost_accepts, receive, signal_and_rest};
use libfuzzer_sys::fuzz_target;
use pdata::json;

fuzz_target!(|input: &[u8]| {
    let Some((signal, body)) = signal_and_rest(input) else {
        return;
    };
    let Ok(read) = json::read(signal, body) else {
        return;
    };
    assert!(prost_accepts(signal, &read.wire), "prost refuses it");
    let received = receive(signal, &read.wire).expect("the reader writes requests");
    assert_eq!(received.repaired, 0);
    let mut text = Vec::new();
    json::write(signal, &read.wire, &mut text).expect("a request can be written");
    let again = json::read(signal, &text).expect("what we write we read");
    assert_eq!(again.repaired, 0);
    let mut text_again = Vec::new();
    json::write(signal, &again.wire, &mut text_again).expect("a request can be written");
    assert_eq!(text, text_again);
    let _is_json: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
});
