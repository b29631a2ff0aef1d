//! An edited chunk is sound, holds as many items, and shows the edit wherever one looks.
#![no_main]

use fuzz::{assert_sound, receive, request_of, signal_and_rest};
use libfuzzer_sys::fuzz_target;
use pdata::Chunk;
use pdata::edit::{Edit, Pair};

fuzz_target!(|input: (&str, &str, &[u8])| {
    let (key, value, input) = input;
    let Some((signal, request)) = signal_and_rest(input) else {
        return;
    };
    let Ok(received) = receive(signal, request) else {
        return;
    };
    let edits = [
        Edit::Insert(Pair::int(value, 7)),
        Edit::Update(Pair::bool(value, true)),
        Edit::Rename {
            from: value.to_owned(),
            to: key.to_owned(),
        },
        Edit::Upsert(Pair::string(key, value)),
        Edit::Delete {
            key: "service.name".to_owned(),
        },
    ];
    for chunk in &received.chunks {
        let Chunk::Otlp(chunk) = chunk else {
            unreachable!("OTLP makes OTLP chunks")
        };
        let edited = chunk.edit_resource(&edits);
        if key != "service.name" {
            let attribute = edited.resource_attribute(key);
            assert_eq!(attribute.and_then(|value| value.as_str()), Some(value));
        }
        assert!(edited.resource_attribute("service.name").is_none());
        let edited = edited.edit_items(&edits);
        let items = chunk.items();
        assert_sound(signal, &request_of(&[Chunk::Otlp(edited)]), items);
    }
});
