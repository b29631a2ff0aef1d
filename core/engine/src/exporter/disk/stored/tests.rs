//! What is stored comes back as it was.

use proptest::prelude::*;

use super::*;
use crate::testkit;

fn origins() -> impl Strategy<Value = Origin> {
    let text = || "\\PC{0,20}".prop_map(String::into_boxed_str);
    (
        prop::collection::vec((text(), text()), 0..4),
        any::<Option<([u8; 4], u16)>>(),
        prop::option::of("[a-z]{1,9}".prop_map(String::into_boxed_str)),
        any::<u64>(),
    )
        .prop_map(|(headers, peer, credential, arrived_unix_nano)| Origin {
            headers,
            peer: peer.map(Into::into),
            credential,
            arrived_unix_nano,
        })
}

/// As it comes from the log: in the same pieces, or in one.
fn ready(record: NewRecord, in_one_piece: bool) -> Ready {
    let payload_len = record.payload_len() as u32;
    Ready {
        sequence: 1,
        enqueued_unix_ms: 1,
        items: record.items,
        codec: record.codec,
        meta: record.meta,
        payload: match in_one_piece {
            true => vec![record.payload.concat().into()],
            false => record.payload,
        },
        payload_len,
        companion: None,
    }
}

fn framed(batch: &Batch) -> Vec<(usize, Bytes, Vec<u8>)> {
    let chunks = batch.chunks().iter().map(|chunk| match chunk {
        Chunk::Otlp(chunk) => (chunk.items(), chunk.framed().clone(), chunk.body().to_vec()),
        _ => unreachable!("only OTLP is stored here"),
    });
    chunks.collect()
}

proptest! {
    #[test]
    fn a_batch_comes_back_with_its_chunks_and_its_origin(
        origin in origins(),
        sizes in prop::collection::vec(1..5_usize, 1..4),
        signal in prop::sample::select(&Signal::OTLP),
        in_one_piece: bool,
        message in "\\PC{0,30}",
        is_letter: bool,
    ) {
        let chunks = sizes.iter().flat_map(|items| testkit::batch(signal, *items).into_chunks());
        let batch = Batch::new(signal, chunks.collect(), Arc::new(origin));
        let reason = is_letter.then(|| DeathReason {
            reason: "rejected".to_owned(),
            message,
            attempts: 3,
        });
        let record = encode(&batch, reason.as_ref());
        prop_assert_eq!(record.items as usize, batch.items());
        prop_assert_eq!(record.payload.concat().len(), batch.wire_len());
        let read = decode_letter(&ready(record, in_one_piece), signal);
        let (read, why) = read.expect("it was just made");
        prop_assert_eq!(framed(&read), framed(&batch));
        prop_assert_eq!(read.origin(), batch.origin());
        prop_assert_eq!(why, reason);
    }

    #[test]
    fn whatever_bytes_a_record_has_reading_it_ends(
        meta in prop::collection::vec(any::<u8>(), 0..60),
        payload in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut meta = meta;
        if let Some(version) = meta.first_mut() {
            *version = VERSION;
        }
        let payload_len = payload.len() as u32;
        let read = decode(Ready {
            sequence: 1,
            enqueued_unix_ms: 1,
            items: 1,
            codec: CODEC_OTLP,
            meta: meta.into(),
            payload: vec![payload.into()],
            payload_len,
            companion: None,
        }, Signal::Logs);
        if let Ok(batch) = read {
            prop_assert!(batch.wire_len() <= payload_len as usize);
        }
    }
}

#[test]
fn a_batch_of_very_many_chunks_is_read_like_a_request() {
    let chunk = testkit::batch(Signal::Logs, 1).into_chunks();
    let chunks: Vec<Chunk> = std::iter::repeat_n(chunk, 5000).flatten().collect();
    let batch = Batch::new(Signal::Logs, chunks, Arc::default());
    let record = encode(&batch, None);
    assert!(record.meta.len() < 100);
    let read = decode(ready(record, true), Signal::Logs).expect("it was just made");
    assert_eq!(framed(&read), framed(&batch));
}
