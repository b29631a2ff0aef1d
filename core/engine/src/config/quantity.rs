//! Values with a unit: spans of time and amounts of bytes.

use std::borrow::Cow;
use std::fmt;
use std::time;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names of the schema formats; the schema check reads such values with the parsers here.
pub(crate) const DURATION_FORMAT: &str = "go-duration";
pub(crate) const BYTE_SIZE_FORMAT: &str = "byte-size";

/// Nanoseconds of each unit of a duration.
const TIME_UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Bytes of each unit of a size, larger ones first within each system.
const BYTE_UNITS: [(&str, u64); 10] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("KB", 1_000),
    ("B", 1),
];

/// A span of time, written as in Go: `200ms`, `1.5s`, `1h30m`, `0`. A bare number counts
/// nanoseconds, as it does in the collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(time::Duration);

/// Why a text is no duration or size; the text says what would be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error("`{0}` is not a duration; write for example `200ms`, `1.5s` or `1h30m`")]
    Duration(String),
    #[error("`{0}` has no unit; write for example `{0}s`, or `{0}ms`")]
    DurationUnit(String),
    #[error("a duration cannot be negative, and `{0}` is")]
    NegativeDuration(String),
    #[error("`{0}` is longer than the 584 years a duration can hold")]
    LongDuration(String),
    #[error("`{0}` is not a size; write for example `512KiB`, `64MiB` or a number of bytes")]
    ByteSize(String),
    #[error("`{0}` is more bytes than can be counted; the largest unit is `TiB`")]
    LargeByteSize(String),
}

impl Duration {
    pub const ZERO: Duration = Duration(time::Duration::ZERO);

    pub const fn from_secs(seconds: u64) -> Self {
        Duration(time::Duration::from_secs(seconds))
    }

    pub const fn from_millis(milliseconds: u64) -> Self {
        Duration(time::Duration::from_millis(milliseconds))
    }

    pub const fn as_std(self) -> time::Duration {
        self.0
    }

    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        if text.starts_with('-') {
            return Err(QuantityError::NegativeDuration(text.to_owned()));
        }
        let not_one = || QuantityError::Duration(text.to_owned());
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        if rest == "0" {
            return Ok(Duration::ZERO);
        }
        let mut nanoseconds: u128 = 0;
        while !rest.is_empty() {
            let (number, after) = Decimal::read(rest).ok_or_else(not_one)?;
            let unit_end = after
                .find(|char: char| char.is_ascii_digit() || char == '.')
                .unwrap_or(after.len());
            let (unit, next) = after.split_at(unit_end);
            if unit.is_empty() && next.is_empty() {
                return Err(QuantityError::DurationUnit(rest.to_owned()));
            }
            let factor = factor(&TIME_UNITS, unit).ok_or_else(not_one)?;
            nanoseconds = number
                .times(factor)
                .and_then(|part| nanoseconds.checked_add(part))
                .ok_or_else(|| QuantityError::LongDuration(text.to_owned()))?;
            rest = next;
        }
        if text.trim_start_matches('+').is_empty() {
            return Err(not_one());
        }
        u64::try_from(nanoseconds)
            .map(|nanoseconds| Duration(time::Duration::from_nanos(nanoseconds)))
            .map_err(|_| QuantityError::LongDuration(text.to_owned()))
    }
}

impl From<time::Duration> for Duration {
    fn from(duration: time::Duration) -> Self {
        Duration(duration)
    }
}

impl From<Duration> for time::Duration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

/// The shortest form that reads back to the same span: `1h30m`, `1.5s`, `200ms`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        if nanoseconds == 0 {
            return f.write_str("0s");
        }
        let seconds = self.0.as_secs();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        let below_minute = nanoseconds % 60_000_000_000;
        let (unit, size) = match below_minute {
            0 => return Ok(()),
            1..1_000 => ("ns", 1),
            1_000..1_000_000 => ("us", 1_000),
            1_000_000..1_000_000_000 => ("ms", 1_000_000),
            _ => ("s", 1_000_000_000),
        };
        write!(f, "{}", below_minute / size)?;
        let fraction = below_minute % size;
        if fraction > 0 {
            let digits = size.ilog10() as usize;
            let text = format!("{fraction:0digits$}");
            write!(f, ".{}", text.trim_end_matches('0'))?;
        }
        f.write_str(unit)
    }
}

/// An amount of bytes: `64MiB`, `20MB`; a bare number counts bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    pub const fn from_bytes(bytes: u64) -> Self {
        ByteSize(bytes)
    }

    pub const fn from_mib(mebibytes: u64) -> Self {
        ByteSize(mebibytes << 20)
    }

    pub const fn bytes(self) -> u64 {
        self.0
    }

    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let not_one = || QuantityError::ByteSize(text.to_owned());
        let (number, after) = Decimal::read(text).ok_or_else(not_one)?;
        let unit = after.trim_start();
        let factor = match unit {
            "" => 1,
            _ => factor(&BYTE_UNITS, unit).ok_or_else(not_one)?,
        };
        let bytes = number
            .times(factor)
            .and_then(|bytes| u64::try_from(bytes).ok());
        bytes
            .map(ByteSize)
            .ok_or_else(|| QuantityError::LargeByteSize(text.to_owned()))
    }
}

/// In the largest unit that needs no fraction, binary units first.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = |(_, size): &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*size);
        match BYTE_UNITS.iter().find(exact) {
            Some((unit, size)) => write!(f, "{}{unit}", self.0 / size),
            None => f.write_str("0B"),
        }
    }
}

fn factor(units: &[(&str, u64)], name: &str) -> Option<u64> {
    let (_, size) = units.iter().find(|(unit, _)| *unit == name)?;
    Some(*size)
}

/// A decimal number as digits, so that `1.1s` is exact.
struct Decimal {
    digits: u128,
    /// How many of the digits stand behind the point.
    scale: u32,
}

impl Decimal {
    /// Digits beyond this are below a nanosecond or a byte of any unit.
    const MAX_DIGITS: usize = 30;

    /// The number at the start of the text, and what follows it.
    fn read(text: &str) -> Option<(Decimal, &str)> {
        let end = text
            .find(|char: char| !char.is_ascii_digit() && char != '.')
            .unwrap_or(text.len());
        let (number, after) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || digits.len() > Self::MAX_DIGITS {
            return None;
        }
        let decimal = Decimal {
            digits: digits.parse().ok()?,
            scale: u32::try_from(fraction.len()).ok()?,
        };
        Some((decimal, after))
    }

    /// Rounded down to a whole number.
    fn times(&self, factor: u64) -> Option<u128> {
        let product = self.digits.checked_mul(u128::from(factor))?;
        Some(product / 10_u128.pow(self.scale))
    }
}

struct QuantityVisitor<T> {
    expects: &'static str,
    parse: fn(&str) -> Result<T, QuantityError>,
    from_number: fn(u64) -> T,
}

impl<T> Visitor<'_> for QuantityVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expects)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        Ok((self.from_number)(number))
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor {
            expects: "a duration such as `1.5s`",
            parse: Duration::parse,
            from_number: |nanoseconds| Duration(time::Duration::from_nanos(nanoseconds)),
        })
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor {
            expects: "a size such as `64MiB`",
            parse: ByteSize::parse,
            from_number: ByteSize,
        })
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "format": DURATION_FORMAT,
            "minimum": 0,
            "pattern": r"^\+?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$",
        })
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "format": BYTE_SIZE_FORMAT,
            "minimum": 0,
            "pattern": r"^([0-9]+\.?[0-9]*|\.[0-9]+) ?(([KMGT]i|[kKMGT])?B)?$",
        })
    }
}
