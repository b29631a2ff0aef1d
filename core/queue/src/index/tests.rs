//! What is stored at the end of a segment reads back, or not at all.

use proptest::prelude::*;

use super::*;
use crate::format::RECORD_HEADER_BYTES;

const HEADER: SegmentHeader = SegmentHeader {
    identity: [1; 16],
    epoch: 7,
    first: 100,
    is_written_over: false,
};

fn index(records: &[(u32, u32, u8, u64)]) -> Index {
    let mut index = Index::default();
    for (number, (items, payload_len, lane, producer)) in (0..).zip(records) {
        let header = RecordHeader {
            sequence: HEADER.first + number,
            enqueued_unix_ms: 1000 + number,
            producer: (*producer > 0).then_some(Producer {
                id: *producer,
                sequence: number,
            }),
            items: *items,
            lane: *lane,
            codec: 0,
            meta_len: 3,
            payload_len: *payload_len,
            payload_checksum: 0,
        };
        index.add(index.summary.records_end, &header);
    }
    index
}

fn read(bytes: &[u8], records_end: u64, header: &SegmentHeader) -> Option<Index> {
    let at = bytes.len().checked_sub(FOOTER_BYTES)?;
    let footer = Footer::decode(&bytes[at..], header, records_end + bytes.len() as u64)?;
    let (index_at, length) = footer.index_at();
    assert_eq!((index_at, length), (records_end, at));
    footer.index(&bytes[..at])
}

proptest! {
    #[test]
    fn an_index_reads_back(
        records in prop::collection::vec((any::<u32>(), 0..1_u32 << 20, 0..LANES as u8, 0..4_u64), 0..40),
    ) {
        let index = index(&records);
        let bytes = index.encode(&HEADER);
        let end = index.summary.records_end;
        prop_assert_eq!(read(&bytes, end, &HEADER), Some(index));
        let other = SegmentHeader { epoch: 8, ..HEADER };
        prop_assert_eq!(read(&bytes, end, &other), None);
    }

    #[test]
    fn forgetting_records_is_never_having_had_them(
        records in prop::collection::vec((any::<u32>(), 0..1_u32 << 20, 0..LANES as u8, Just(0)), 1..40),
        kept in 0..40_usize,
    ) {
        let kept = kept.min(records.len());
        let mut shortened = index(&records);
        shortened.truncate(HEADER.first + kept as u64);
        let wanted = index(&records[..kept]);
        prop_assert_eq!(&shortened.entries, &wanted.entries);
        prop_assert_eq!(&shortened.summary.lanes, &wanted.summary.lanes);
        prop_assert_eq!(shortened.summary.records_end, wanted.summary.records_end);
    }
}

#[test]
fn every_flipped_bit_makes_it_unreadable() {
    let index = index(&[(1, 10, 0, 1), (2, 20, 1, 0), (3, 30, 2, 2)]);
    let end = index.summary.records_end;
    assert!(end > RECORD_HEADER_BYTES as u64);
    let whole = index.encode(&HEADER);
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(read(&bytes, end, &HEADER), None, "bit {bit}");
    }
}
