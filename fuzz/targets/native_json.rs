//! What is read from JSON is a sound message of an agent, and written as JSON it reads as the same
//! again; so are the elements of a list.
#![no_main]

use fuzz::{kind_and_rest, prost_accepts_message, receive_message};
use libfuzzer_sys::fuzz_target;
use pdata::json::{read_list, read_message, write_message};
use pdata::skywalking::Kind;

fuzz_target!(|input: &[u8]| {
    let Some((kind, body)) = kind_and_rest(input) else {
        return;
    };
    if let Ok(read) = read_message(kind.schema(), body) {
        comes_back(kind, &read.wire);
    }
    if let Ok(list) = read_list(kind.schema(), body) {
        let mut end = 0;
        for element in list.elements {
            assert_eq!(element.start, end, "the elements leave something out");
            end = element.end;
            comes_back(kind, &list.wire[element]);
        }
        assert_eq!(end, list.wire.len());
    }
});

#[track_caller]
fn comes_back(kind: Kind, message: &[u8]) {
    assert!(prost_accepts_message(kind, message), "prost refuses it");
    let received = receive_message(kind, message).expect("the reader writes messages");
    assert_eq!(received.repaired, 0);
    let text = written(kind, message);
    let again = read_message(kind.schema(), &text).expect("what we write we read");
    assert_eq!(again.repaired, 0);
    let text_again = written(kind, &again.wire);
    assert_eq!(text, text_again);
    let _is_json: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
}

fn written(kind: Kind, message: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    write_message(kind.schema(), message, &mut text).expect("a message can be written");
    text
}
