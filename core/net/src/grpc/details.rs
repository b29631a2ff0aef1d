//! `grpc-status-details-bin`: the one detail we use, `google.rpc.RetryInfo`, written and read by
//! hand because two messages of two fields do not justify generated code.
//!
//! ```text
//! google.rpc.Status      1: int32 code   2: string message   3: repeated Any details
//! google.protobuf.Any    1: string type_url                  2: bytes value
//! google.rpc.RetryInfo   1: Duration retry_delay
//! google.protobuf.Duration   1: int64 seconds   2: int32 nanos
//! ```

use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Code;

const RETRY_INFO: &[u8] = b"type.googleapis.com/google.rpc.RetryInfo";
/// Any prefix of the type's URL will do; only its name after the last slash counts.
const RETRY_INFO_NAME: &[u8] = b"/google.rpc.RetryInfo";

/// Details looked at in one answer.
const DETAILS_MAX: usize = 16;

/// gRPC sends binary headers without padding, and accepts both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Encodes a status with the delay after which the client may send again.
pub(super) fn encode(code: Code, message: &str, delay: Duration) -> String {
    let mut duration = Vec::new();
    put_number(&mut duration, 1, delay.as_secs());
    put_number(&mut duration, 2, u64::from(delay.subsec_nanos()));
    let mut retry_info = Vec::new();
    put_bytes(&mut retry_info, 1, &duration);
    let mut any = Vec::new();
    put_bytes(&mut any, 1, RETRY_INFO);
    put_bytes(&mut any, 2, &retry_info);
    let mut status = Vec::new();
    put_number(&mut status, 1, u64::from(code.number()));
    put_bytes(&mut status, 2, message.as_bytes());
    put_bytes(&mut status, 3, &any);
    BASE64.encode(status)
}

/// The delay of a `RetryInfo` among the details; `None` where there is none or the value is broken.
pub(super) fn retry_after(header: &[u8]) -> Option<Duration> {
    let status = BASE64.decode(header).ok()?;
    Fields(&status)
        .filter_map(|(number, value)| value.bytes().filter(|_| number == 3))
        .take(DETAILS_MAX)
        .find(|any| field(any, 1).is_some_and(|url| url.ends_with(RETRY_INFO_NAME)))
        .map(|any| field(any, 2).unwrap_or_default())
        .map(|retry_info| field(retry_info, 1).unwrap_or_default())
        .and_then(duration)
}

fn duration(message: &[u8]) -> Option<Duration> {
    let mut delay = Duration::ZERO;
    for (number, value) in Fields(message) {
        let part = match (number, value) {
            (1, Value::Number(seconds)) => {
                Duration::from_secs(u64::try_from(seconds.cast_signed()).ok()?)
            }
            (2, Value::Number(nanos)) => {
                Duration::from_nanos(u64::from(u32::try_from(nanos).ok()?))
            }
            _ => Duration::ZERO,
        };
        delay = delay.checked_add(part)?;
    }
    Some(delay)
}

fn field(message: &[u8], wanted: u64) -> Option<&[u8]> {
    Fields(message).find_map(|(number, value)| value.bytes().filter(|_| number == wanted))
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a fixed width; none of our messages has one.
    Skipped,
}

impl<'a> Value<'a> {
    fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            Value::Number(_) | Value::Skipped => None,
        }
    }
}

/// The fields of a protobuf message; ends early where the message is broken.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            1 => self.take(8).map(|_| Value::Skipped)?,
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Skipped)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

impl<'a> Fields<'a> {
    fn number(&mut self) -> Option<u64> {
        const VARINT_BYTES_MAX: usize = 10;
        let mut number = 0;
        for (n, byte) in self.0.iter().take(VARINT_BYTES_MAX).enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * n);
            if byte & 0x80 == 0 {
                self.take(n + 1)?;
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

fn put_number(message: &mut Vec<u8>, field: u64, number: u64) {
    put_varint(message, field << 3);
    put_varint(message, number);
}

fn put_bytes(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(message, field << 3 | 2);
    put_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

fn put_varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn writes_what_protobuf_prescribes() {
        // Encoded independently, from the layout above: code 14, "later", a delay of 1.5 s.
        let expected = "CA4SBWxhdGVyGjYKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8S\
                        CgoICAEQgMq17gE";
        let delay = Duration::from_millis(1500);
        assert_eq!(encode(Code::Unavailable, "later", delay), expected);
        assert_eq!(retry_after(format!("{expected}=").as_bytes()), Some(delay));
    }

    #[test]
    fn a_negative_delay_is_none() {
        let mut duration = Vec::new();
        put_number(&mut duration, 1, u64::MAX);
        assert_eq!(super::duration(&duration), None);
    }

    proptest! {
        #[test]
        fn reads_back_every_delay(secs in 0u64..=i64::MAX as u64, nanos in 0u32..1_000_000_000) {
            let delay = Duration::new(secs, nanos);
            let header = encode(Code::ResourceExhausted, "text", delay);
            prop_assert_eq!(retry_after(header.as_bytes()), Some(delay));
        }

        #[test]
        fn broken_values_are_none_or_a_delay_but_never_a_panic(
            status in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let header = BASE64.encode(&status);
            if let Some(delay) = retry_after(header.as_bytes()) {
                prop_assert!(delay <= Duration::MAX);
            }
        }
    }
}
