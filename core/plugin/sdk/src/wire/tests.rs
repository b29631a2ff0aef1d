use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn varints_round_trip(value: u64, padding in 0usize..4) {
        let mut out = vec![0xFF; padding];
        put_varint(&mut out, value);
        prop_assert_eq!(out.len() - padding, varint_len(value));
        prop_assert_eq!(varint(&out, padding), Some((value, out.len())));
    }

    #[test]
    fn varints_agree_with_prost(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
        let mut rest = &bytes[..];
        let theirs = prost::encoding::decode_varint(&mut rest)
            .ok()
            .map(|value| (value, bytes.len() - rest.len()));
        prop_assert_eq!(varint(&bytes, 0), theirs);
    }

    #[test]
    fn lengths_are_right_whatever_room_was_left(content in 0usize..40_000, room in 0usize..4) {
        let mut out = vec![0xEE];
        out.resize(1 + room, 0);
        out.resize(1 + room + content, 0x55);
        set_length(&mut out, 1, room);
        let (length, at) = varint(&out, 1).expect("it is a varint");
        prop_assert_eq!((length as usize, out.len() - at), (content, content));
        prop_assert!(out[at..].iter().all(|byte| *byte == 0x55));
    }

    #[test]
    fn fields_of_any_bytes_lie_one_behind_the_other(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut at = 0;
        for field in Fields::of(&bytes) {
            prop_assert_eq!(field.start, at);
            prop_assert!(field.end > at && field.end <= bytes.len());
            at = field.end;
        }
    }
}

#[test]
fn groups_are_passed_over_and_do_not_nest_without_end() {
    let nested = |depth: usize| {
        let mut bytes = vec![0x0B; depth];
        bytes.resize(2 * depth, 0x0C);
        bytes.extend([0x10, 7]);
        bytes
    };
    let numbers = |bytes: &[u8]| {
        Fields::of(bytes)
            .map(|field| field.number)
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(&nested(100)), [1, 2]);
    assert!(numbers(&nested(101)).is_empty());
}

#[test]
fn nothing_is_read_behind_a_fault() {
    // A length beyond the end, field number 0, and a wire type that does not exist.
    for fault in [&[0x0A, 5, 1][..], &[0x02, 0], &[0x0E], &[0xFF; 11]] {
        let bytes = [&[0x08, 1], fault, &[0x08, 2]].concat();
        let values: Vec<_> = Fields::of(&bytes).map(|field| field.value).collect();
        assert_eq!(values, [Value::Varint(1)]);
    }
}
