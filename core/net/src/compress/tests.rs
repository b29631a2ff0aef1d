use std::io::Write;

use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

const CODED: [Encoding; 3] = [Encoding::Gzip, Encoding::Zstd, Encoding::Deflate];

fn coded(encoding: Encoding, bytes: &[u8]) -> Bytes {
    compress(encoding, &[Bytes::copy_from_slice(bytes)])
}

#[test]
fn every_member_and_frame_is_read() {
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let two = [coded(encoding, b"first "), coded(encoding, b"second")].concat();
        let budget = Budget::new(1 << 20);
        let bytes = decompress(encoding, two.into(), 1 << 20, &budget).unwrap();
        assert_eq!(&bytes[..], b"first second", "{encoding}");
        assert_eq!(budget.used(), bytes.len());
        drop(bytes);
        assert_eq!(budget.used(), 0);
    }
}

#[test]
fn a_body_of_exactly_the_limit_is_accepted_and_one_byte_more_is_not() {
    let bytes = vec![b'x'; 200_000];
    for encoding in CODED {
        let body = coded(encoding, &bytes);
        let budget = Budget::new(1 << 20);
        let whole = decompress(encoding, body.clone(), bytes.len(), &budget);
        assert_eq!(
            whole.map(|whole| whole.len()),
            Ok(bytes.len()),
            "{encoding}"
        );
        let limit = bytes.len() - 1;
        let refused = decompress(encoding, body, limit, &budget);
        assert_eq!(refused, Err(InflateError::TooLarge { limit }), "{encoding}");
        assert_eq!(budget.used(), 0);
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    // The budget has no more than the limit, so reaching beyond it would be `Overloaded`.
    let limit = 1 << 20;
    let zeros = vec![0; 64 << 20];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&zeros).unwrap();
    let bombs = [
        (Encoding::Gzip, Bytes::from(gzip.finish().unwrap())),
        (Encoding::Zstd, coded(Encoding::Zstd, &zeros)),
        (Encoding::Deflate, coded(Encoding::Deflate, &zeros)),
    ];
    assert!(zeros.len() / bombs[0].1.len() >= 1000);
    for (encoding, bomb) in bombs {
        let budget = Budget::new(limit + 1);
        let refused = decompress(encoding, bomb, limit, &budget);
        assert_eq!(refused, Err(InflateError::TooLarge { limit }), "{encoding}");
        assert_eq!(budget.used(), 0);
    }
}

#[test]
fn a_bomb_of_many_members_stops_at_the_limit() {
    let limit = 1 << 20;
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let bomb = coded(encoding, &vec![0; 1 << 18]).repeat(64);
        let budget = Budget::new(limit + 1);
        let refused = decompress(encoding, bomb.into(), limit, &budget);
        assert_eq!(refused, Err(InflateError::TooLarge { limit }), "{encoding}");
    }
}

#[test]
fn members_without_content_are_bounded() {
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let body = coded(encoding, b"").repeat(MEMBERS_MAX + 1);
        let refused = decompress(encoding, body.into(), 100, &Budget::new(1 << 20));
        let text = refused.expect_err("too many").to_string();
        assert!(text.contains("more than 4096"), "{text}");
    }
}

#[test]
fn a_budget_without_room_refuses_and_keeps_nothing() {
    for encoding in CODED {
        let budget = Budget::new(100_000);
        let body = coded(encoding, &vec![7; 150_000]);
        let refused = decompress(encoding, body, 1 << 20, &budget);
        assert_eq!(refused, Err(InflateError::Overloaded), "{encoding}");
        assert_eq!(budget.used(), 0);
    }
}

#[test]
fn refuses_a_zstd_window_over_eight_mebibytes() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(ZSTD_WINDOW_LOG_MAX + 1).unwrap();
    encoder.write_all(b"wide").unwrap();
    let body = encoder.finish().unwrap();
    let refused = decompress(Encoding::Zstd, body.into(), 1 << 20, &Budget::new(1 << 20));
    let text = refused.expect_err("the window is too wide").to_string();
    assert!(text.contains("window over 8 MiB"), "{text}");
}

#[test]
fn a_body_cut_anywhere_is_refused() {
    for encoding in CODED {
        let body = coded(encoding, b"some text to be cut off");
        for end in 1..body.len() {
            let budget = Budget::new(1 << 20);
            let refused = decompress(encoding, body.slice(..end), 1000, &budget);
            assert!(
                matches!(refused, Err(InflateError::Malformed { .. })),
                "{encoding} cut at {end}: {refused:?}"
            );
            assert_eq!(budget.used(), 0);
        }
    }
}

#[test]
fn a_wrong_checksum_and_trailing_bytes_are_refused() {
    let mut encoder = GzEncoder::new(Vec::new(), GZIP_LEVEL);
    encoder.write_all(b"text").unwrap();
    let body = encoder.finish().unwrap();
    let mut wrong = body.clone();
    let checksum = wrong.len() - 8;
    wrong[checksum] ^= 1;
    for broken in [wrong, [&body[..], b"garbage"].concat()] {
        let refused = decompress(Encoding::Gzip, broken.into(), 100, &Budget::new(1000));
        assert!(
            matches!(refused, Err(InflateError::Malformed { .. })),
            "{refused:?}"
        );
    }
    let trailing = [&coded(Encoding::Deflate, b"text")[..], b"x"].concat();
    let refused = decompress(Encoding::Deflate, trailing.into(), 100, &Budget::new(1000));
    assert!(
        matches!(refused, Err(InflateError::Malformed { .. })),
        "{refused:?}"
    );
}

#[test]
fn an_unknown_encoding_is_told_what_is_accepted() {
    assert_eq!(Encoding::parse(" GZip"), Ok(Encoding::Gzip));
    let text = Encoding::parse("br")
        .expect_err("not supported")
        .to_string();
    assert_eq!(
        text,
        "the encoding `br` is not supported; accepted are gzip, zstd, deflate, identity"
    );
}

proptest! {
    #[test]
    fn what_is_compressed_in_pieces_is_inflated_whole(
        pieces in prop::collection::vec(prop::collection::vec(0u8..4, 0..3000), 0..5),
        which in 0usize..3,
    ) {
        let pieces: Vec<Bytes> = pieces.into_iter().map(Bytes::from).collect();
        let budget = Budget::new(1 << 20);
        let body = compress(CODED[which], &pieces);
        let bytes = decompress(CODED[which], body, 1 << 20, &budget).unwrap();
        prop_assert_eq!(&bytes[..], &pieces.concat()[..]);
    }

    #[test]
    fn any_input_ends_without_panic_and_within_the_limit(
        mut body in prop::collection::vec(any::<u8>(), 0..300),
        which in 0usize..3,
        genuine: bool,
    ) {
        if genuine {
            // Past the magic number.
            let start = coded(CODED[which], b"some genuine beginning of a body");
            body.splice(0..0, start[..start.len() / 2].iter().copied());
        }
        let budget = Budget::new(2000);
        if let Ok(bytes) = decompress(CODED[which], body.into(), 1000, &budget) {
            prop_assert!(bytes.len() <= 1000);
        }
        prop_assert_eq!(budget.used(), 0);
    }
}
