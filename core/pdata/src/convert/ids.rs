//! OTLP's ids of fixed size from SkyWalking's ids, which are free text.
//!
//! The same text always gives the same id, in every process, so that spans of services which never
//! met join without any state. No id is ever zero, which in OTLP means that there is none.

/// Trace ids as OTLP has them.
pub type TraceId = [u8; 16];
/// Span ids as OTLP has them.
pub type SpanId = [u8; 8];

/// How texts that are no UUIDs become ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Scheme {
    /// By a hash.
    #[default]
    Hash,
    /// The Java agent's by the collector's SkyWalking receiver's rule, so that a fleet in which some
    /// still pass through it correlates; others by a hash.
    Contrib,
}

/// The trace id for SkyWalking's `trace_id`. A UUID, with or without dashes, is itself.
pub fn trace_id(trace_id: &str, scheme: Scheme) -> TraceId {
    uuid(trace_id)
        .or_else(|| contrib(trace_id, scheme))
        .filter(|id| *id != [0; 16])
        .unwrap_or_else(|| hash(trace_id.as_bytes()))
}

/// The span id for the span with this number in a segment.
pub fn span_id(segment_id: &str, span_id: i32, scheme: Scheme) -> SpanId {
    SpanIds::of(segment_id, scheme).id(span_id)
}

/// The ids of one segment's spans.
#[derive(Clone, Copy, Debug)]
pub struct SpanIds {
    /// The segment's id as sixteen bytes, where the scheme makes span ids from them.
    folded: Option<[u8; 16]>,
    /// Of the segment's id, for the span's number to go on from.
    hashed: u128,
}

impl SpanIds {
    pub fn of(segment_id: &str, scheme: Scheme) -> Self {
        SpanIds {
            folded: match scheme {
                Scheme::Hash => None,
                Scheme::Contrib => uuid(segment_id).or_else(|| contrib(segment_id, scheme)),
            },
            hashed: fnv(BASIS, segment_id.as_bytes()),
        }
    }

    pub fn id(&self, span_id: i32) -> SpanId {
        let folded = self.folded.map(|mut id| {
            for (byte, extra) in id.iter_mut().zip(span_id.to_le_bytes()) {
                *byte ^= extra;
            }
            let (high, low) = halves(id);
            (high ^ low).to_be_bytes()
        });
        folded.filter(|id| *id != [0; 8]).unwrap_or_else(|| {
            let (high, _) = halves(finish(fnv(self.hashed, &span_id.to_le_bytes())));
            high.max(1).to_be_bytes()
        })
    }
}

/// An id as SkyWalking has those that come from OTLP: hexadecimal, in lower case.
pub(super) fn hex_text(id: &[u8]) -> String {
    let mut text = Vec::with_capacity(2 * id.len());
    crate::json::encode_hex(id, &mut text);
    String::from_utf8(text).expect("digits are ASCII")
}

fn halves(id: [u8; 16]) -> (u64, u64) {
    let id = u128::from_be_bytes(id);
    ((id >> 64) as u64, id as u64)
}

/// 32 hexadecimal digits, or 36 characters with the dashes of a UUID.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    match bytes.len() {
        32 => hex(bytes),
        36 if [8, 13, 18, 23].iter().all(|dash| bytes[*dash] == b'-') => {
            let mut digits = [0; 32];
            let plain = [
                &bytes[..8],
                &bytes[9..13],
                &bytes[14..18],
                &bytes[19..23],
                &bytes[24..],
            ];
            let mut at = 0;
            for part in plain {
                digits[at..at + part.len()].copy_from_slice(part);
                at += part.len();
            }
            hex(&digits)
        }
        _ => None,
    }
}

fn hex(digits: &[u8]) -> Option<[u8; 16]> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let mut id = [0; 16];
    for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (value(pair[0])? << 4 | value(pair[1])?) as u8;
    }
    Some(id)
}

/// `<32 hexadecimal digits>.<thread>.<time and sequence>`, the two numbers as little-endian bytes
/// over the last twelve of the sixteen.
fn contrib(text: &str, scheme: Scheme) -> Option<[u8; 16]> {
    if scheme == Scheme::Hash {
        return None;
    }
    let (process, numbers) = text.split_at_checked(32)?;
    let (thread, sequence) = numbers.strip_prefix('.')?.split_once('.')?;
    let thread: i64 = thread.parse().ok()?;
    let sequence: i64 = sequence.parse().ok()?;
    let mut id = hex(process.as_bytes())?;
    let numbers = (thread as u32)
        .to_le_bytes()
        .into_iter()
        .chain(sequence.to_le_bytes());
    for (byte, number) in id[4..].iter_mut().zip(numbers) {
        *byte ^= number;
    }
    Some(id)
}

/// FNV-1a over 128 bits with each half mixed, since samplers look at single bytes. Part of the
/// ids' contract: another hash would tear traces apart between two versions of this program.
fn hash(text: &[u8]) -> [u8; 16] {
    finish(fnv(BASIS, text))
}

const BASIS: u128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D;

fn fnv(hash: u128, bytes: &[u8]) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013B;
    let add = |hash: u128, byte: &u8| (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
    bytes.iter().fold(hash, add)
}

fn finish(hash: u128) -> [u8; 16] {
    let (high, low) = (mix((hash >> 64) as u64), mix(hash as u64));
    let id = u128::from(high) << 64 | u128::from(low);
    id.max(1).to_be_bytes()
}

/// The finalizer of MurmurHash3: every bit of the input moves about half of the output's.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    bits = (bits ^ bits >> 33).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    bits ^ bits >> 33
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const JAVA: &str = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001";

    #[test]
    fn a_uuid_is_itself_with_or_without_dashes() {
        let id = *b"\xDE\x59\x80\xB8\xFC\xE3\x4A\x37\xAA\xB9\xB4\xAC\x3A\xF7\xEE\xDD";
        for scheme in [Scheme::Hash, Scheme::Contrib] {
            assert_eq!(trace_id("de5980b8fce34a37aab9b4ac3af7eedd", scheme), id);
            assert_eq!(trace_id("DE5980B8-FCE3-4A37-AAB9-B4AC3AF7EEDD", scheme), id);
        }
    }

    #[test]
    fn the_java_agents_ids_follow_the_collectors_rule_when_asked() {
        // Worked out by hand from the rule: bytes 4 to 8 with 12, bytes 8 to 16 with the sequence.
        let sequence = 16_563_474_296_430_001_u64.to_le_bytes();
        let mut expected = *b"\x56\xA5\xE1\xC5\x19\xAE\x4C\x76\xA2\xB8\xB1\x1D\x92\xCE\xAD\x7F";
        expected[4] ^= 12;
        (0..8).for_each(|i| expected[8 + i] ^= sequence[i]);
        assert_eq!(trace_id(JAVA, Scheme::Contrib), expected);
        expected[0] ^= 3;
        let mut span = [0; 8];
        (0..8).for_each(|i| span[i] = expected[i] ^ expected[8 + i]);
        assert_eq!(span_id(JAVA, 3, Scheme::Contrib), span);
        assert_ne!(
            trace_id(JAVA, Scheme::Hash),
            trace_id(JAVA, Scheme::Contrib)
        );
    }

    #[test]
    fn the_hash_never_changes() {
        // Computed by another program.
        let id = u128::from_be_bytes(trace_id("any text", Scheme::Hash));
        assert_eq!(id, 0x0D89_52A0_FC52_4DAC_9131_5602_4C62_3F86);
        let span = u64::from_be_bytes(span_id("any text", 7, Scheme::Hash));
        assert_eq!(span, 0xF146_4BEB_B12A_BF7B);
    }

    #[test]
    fn spans_of_browsers_segments_do_not_collide() {
        let segments = (0..50).map(|n| format!("de5980b8-fce3-4a37-aab9-b4ac3af7ee{n:02}"));
        for scheme in [Scheme::Hash, Scheme::Contrib] {
            let ids = segments
                .clone()
                .flat_map(|it| (0..20).map(move |n| span_id(&it, n, scheme)));
            assert_eq!(ids.collect::<HashSet<_>>().len(), 1000);
        }
    }

    proptest! {
        #[test]
        fn no_id_is_zero(text in "[0-9a-f.-]{0,60}|.{0,40}|0{32}", span: i32) {
            for scheme in [Scheme::Hash, Scheme::Contrib] {
                prop_assert_ne!(trace_id(&text, scheme), [0; 16]);
                prop_assert_ne!(span_id(&text, span, scheme), [0; 8]);
            }
        }
    }
}
