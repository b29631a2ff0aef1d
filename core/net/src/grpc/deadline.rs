//! The `grpc-timeout` header: up to eight digits and a unit.

use std::time::Duration;

/// The most digits that the header may have.
const DIGITS_MAX: usize = 8;
const VALUE_MAX: u128 = 99_999_999;

/// Units from the finest to the coarsest, with their nanoseconds.
const UNITS: [(u8, u128); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];

/// The time a caller is willing to wait, or `None` where the value is not a timeout.
pub fn parse_timeout(value: &str) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > DIGITS_MAX || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let amount: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'n' => Some(Duration::from_nanos(amount)),
        b'u' => Some(Duration::from_micros(amount)),
        b'm' => Some(Duration::from_millis(amount)),
        b'S' => Some(Duration::from_secs(amount)),
        b'M' => Some(Duration::from_secs(amount * 60)),
        b'H' => Some(Duration::from_secs(amount * 3600)),
        _ => None,
    }
}

/// Writes a timeout in the finest unit that holds it, rounded down; over 11,000 years it is cut.
pub fn format_timeout(timeout: Duration) -> String {
    let nanos = timeout.as_nanos();
    let (unit, size) = UNITS
        .into_iter()
        .find(|(_, size)| nanos / size <= VALUE_MAX)
        .unwrap_or(UNITS[UNITS.len() - 1]);
    format!("{}{}", (nanos / size).min(VALUE_MAX), char::from(unit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_no_timeout() {
        for value in [
            "",
            "S",
            "5",
            "5s",
            "-1S",
            "+1S",
            "123456789S",
            "1 S",
            "५S",
            "1é",
        ] {
            assert_eq!(parse_timeout(value), None, "{value}");
        }
        assert_eq!(
            parse_timeout("99999999H").unwrap().as_secs(),
            99_999_999 * 3600
        );
        assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_within_a_hundred_thousandth(
            nanos in 0u64..,
            shift in 0u32..64,
        ) {
            let timeout = Duration::from_nanos(nanos >> shift);
            let read = parse_timeout(&format_timeout(timeout)).expect("our own format");
            prop_assert!(read <= timeout);
            prop_assert!((timeout - read).as_nanos() <= timeout.as_nanos() / 100_000);
        }
    }
}
