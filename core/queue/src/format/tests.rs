//! Headers survive the way to the disk and back, and nothing else passes as one.

use proptest::prelude::*;

use super::*;

fn record_headers() -> impl Strategy<Value = RecordHeader> {
    let producer = prop::option::of((1..u64::MAX, any::<u64>()));
    let fixed = (any::<u64>(), any::<u64>(), producer, any::<u32>());
    let rest = (any::<(u8, u8)>(), any::<(u16, u32, u32)>());
    (fixed, rest).prop_map(|((sequence, enqueued_unix_ms, producer, items), rest)| {
        let ((lane, codec), (meta_len, payload_len, payload_checksum)) = rest;
        RecordHeader {
            sequence,
            enqueued_unix_ms,
            producer: producer.map(|(id, sequence)| Producer { id, sequence }),
            items,
            lane,
            codec,
            meta_len,
            payload_len,
            payload_checksum,
        }
    })
}

proptest! {
    #[test]
    fn a_record_header_reads_back(header in record_headers(), epoch: u64, meta: Vec<u8>) {
        let bytes = header.encode(epoch, &meta);
        prop_assert_eq!(RecordHeader::decode(&bytes), Some(header));
        for is_written_over in [false, true] {
            let segment = |epoch| SegmentHeader {
                identity: [7; 16],
                epoch,
                first: 9,
                is_written_over,
            };
            prop_assert!(segment(epoch).owns(&bytes, &meta));
            prop_assert!(!segment(epoch ^ 1).owns(&bytes, &meta));
        }
    }

    #[test]
    fn over_remains_a_checksum_is_not_enough(
        header in record_headers(),
        epoch: u64,
        label: u64,
        meta: Vec<u8>,
    ) {
        prop_assume!(label != epoch);
        let mut bytes = header.encode(epoch, &meta);
        put(&mut bytes, EPOCH_AT, label.to_le_bytes());
        let forged = checksum(&bytes, epoch, &meta);
        put(&mut bytes, 4, forged.to_le_bytes());
        let fresh = SegmentHeader { identity: [7; 16], epoch, first: 9, is_written_over: false };
        let over = SegmentHeader { is_written_over: true, ..fresh };
        // As in what was written before there were remains.
        prop_assert!(fresh.owns(&bytes, &meta));
        prop_assert!(!over.owns(&bytes, &meta));
    }

    // A checksum tells numbers apart for sure that differ within 32 bits.
    #[test]
    fn an_end_mark_is_of_one_place_in_one_segment(epoch: u64, at: u64, change in 1..u32::MAX) {
        let of = |epoch| SegmentHeader { identity: [7; 16], epoch, first: 9, is_written_over: true };
        let change = u64::from(change);
        prop_assert_ne!(of(epoch).end_mark(at), of(epoch ^ change).end_mark(at));
        prop_assert_ne!(of(epoch).end_mark(at), of(epoch).end_mark(at ^ change));
    }

    #[test]
    fn a_segment_header_reads_back(identity: Identity, epoch: u64, first: u64, over: bool) {
        let header = SegmentHeader { identity, epoch, first, is_written_over: over };
        prop_assert_eq!(SegmentHeader::decode(&header.encode()), Ok(header));
    }
}

#[test]
fn every_flipped_bit_of_a_header_is_noticed() {
    let segment = SegmentHeader {
        identity: [7; 16],
        epoch: 1,
        first: 9,
        is_written_over: false,
    };
    let record = RecordHeader {
        sequence: 9,
        enqueued_unix_ms: 1_795_219_200_000,
        producer: None,
        items: 3,
        lane: 1,
        codec: 0,
        meta_len: 2,
        payload_len: 100,
        payload_checksum: 5,
    };
    for bit in 0..64 * 8 {
        let flip = |mut bytes: [u8; 64]| {
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        assert!(
            SegmentHeader::decode(&flip(segment.encode())).is_err(),
            "{bit}"
        );
        let bytes = flip(record.encode(1, b"me"));
        let passes = RecordHeader::decode(&bytes).is_some() && segment.owns(&bytes, b"me");
        assert!(!passes, "{bit}");
    }
}

#[test]
fn a_newer_version_is_told_from_damage() {
    let header = SegmentHeader {
        identity: [7; 16],
        epoch: 1,
        first: 9,
        is_written_over: false,
    };
    let mut bytes = header.encode();
    put(&mut bytes, 8, 2_u16.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[..60]);
    put(&mut bytes, 60, checksum.to_le_bytes());
    assert_eq!(SegmentHeader::decode(&bytes), Err(HeaderFault::Version(2)));
}
