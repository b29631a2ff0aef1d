//! The numbers of JSON, exactly: an integer never passes through floating point.

/// The value of a JSON number that is integral, in whatever form (`1000`, `1e3`, `1000.0`).
/// `None` when it is no number, has a fraction, or its magnitude needs more than 64 bits.
pub(super) fn integer(text: &[u8]) -> Option<i128> {
    let (negative, magnitude) = match text {
        [b'-', magnitude @ ..] => (true, magnitude),
        magnitude => (false, magnitude),
    };
    let value = match short(magnitude) {
        Some(value) => value,
        None => Decimal::parse(magnitude)?.integral()?,
    };
    let value = i128::from(value);
    Some(if negative { -value } else { value })
}

/// Plain digits that cannot overflow: what nearly every sender writes.
fn short(digits: &[u8]) -> Option<u64> {
    let plain = match digits {
        [b'0'] => true,
        [b'1'..=b'9', ..] => digits.len() <= 19,
        _ => false,
    };
    if !plain {
        return None;
    }
    digits.iter().try_fold(0u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| value * 10 + u64::from(digit))
    })
}

/// The value of a JSON number, or of one of the three names protobuf gives to what JSON cannot
/// write. `None` when it is neither, or beyond the range of a double.
pub(super) fn double(text: &[u8]) -> Option<f64> {
    match text {
        b"NaN" => return Some(f64::NAN),
        b"Infinity" => return Some(f64::INFINITY),
        b"-Infinity" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    if !is_number(text) {
        return None;
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// Whether this is a number by JSON's grammar.
pub(super) fn is_number(text: &[u8]) -> bool {
    Decimal::parse(text.strip_prefix(b"-").unwrap_or(text)).is_some()
}

/// A JSON number without its sign, taken apart.
struct Decimal<'a> {
    whole: &'a [u8],
    fraction: &'a [u8],
    /// Saturates, far beyond what 64 bits can hold.
    exponent: i64,
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let (whole, mut rest) = split_digits(text);
        if whole.is_empty() || (whole.len() > 1 && whole[0] == b'0') {
            return None;
        }
        let mut fraction: &[u8] = &[];
        if let [b'.', behind @ ..] = rest {
            (fraction, rest) = split_digits(behind);
            if fraction.is_empty() {
                return None;
            }
        }
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', b'-', digits @ ..] => -exponent(digits)?,
            [b'e' | b'E', b'+', digits @ ..] | [b'e' | b'E', digits @ ..] => exponent(digits)?,
            _ => return None,
        };
        Some(Decimal {
            whole,
            fraction,
            exponent,
        })
    }

    fn integral(&self) -> Option<u64> {
        // The decimal point stands behind this many of all the digits.
        let point = self.exponent.saturating_add(self.whole.len() as i64);
        let mut value = 0u64;
        for (digit, position) in self.whole.iter().chain(self.fraction).zip(0i64..) {
            let digit = u64::from(digit - b'0');
            if position < point {
                value = value.checked_mul(10)?.checked_add(digit)?;
            } else if digit != 0 {
                return None;
            }
        }
        let digits = (self.whole.len() + self.fraction.len()) as i64;
        if value != 0 {
            // Ends at once: the twentieth factor of ten overflows.
            for _ in digits..point {
                value = value.checked_mul(10)?;
            }
        }
        Some(value)
    }
}

fn exponent(digits: &[u8]) -> Option<i64> {
    let (digits, rest) = split_digits(digits);
    if digits.is_empty() || !rest.is_empty() {
        return None;
    }
    let add = |value: i64, digit: &u8| {
        let digit = i64::from(digit - b'0');
        value.saturating_mul(10).saturating_add(digit)
    };
    Some(digits.iter().fold(0, add))
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at(digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_are_exact_in_every_form() {
        let table: &[(&str, Option<i128>)] = &[
            ("0", Some(0)),
            ("-0", Some(0)),
            ("18446744073709551615", Some(u64::MAX.into())),
            ("18446744073709551616", None),
            ("-9223372036854775808", Some(i64::MIN.into())),
            ("9007199254740993", Some(9_007_199_254_740_993)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("1e3", Some(1000)),
            ("1E+3", Some(1000)),
            ("1.50e1", Some(15)),
            ("1500e-2", Some(15)),
            ("15e-1", None),
            ("1.5", None),
            ("1e19", Some(10_000_000_000_000_000_000)),
            ("1e20", None),
            ("0e999999999999999999999", Some(0)),
            ("1e999999999999999999999", None),
            ("1e-999999999999999999999", None),
            ("0.0e-9", Some(0)),
            ("100000000000000000000000e-20", Some(1000)),
            ("007", None),
            ("+5", None),
            ("", None),
            ("-", None),
            ("1.", None),
            (".5", None),
            ("1e", None),
            ("1e+", None),
            ("0x10", None),
            (" 1", None),
            ("1 ", None),
            ("12a", None),
        ];
        for (text, value) in table {
            assert_eq!(integer(text.as_bytes()), *value, "`{text}`");
        }
    }

    #[test]
    fn doubles_follow_the_grammar_of_json_and_stay_finite() {
        for (text, value) in [
            ("-0", -0.0),
            ("1e3", 1000.0),
            ("0.1", 0.1),
            ("4.9e-324", 5e-324),
            ("-Infinity", f64::NEG_INFINITY),
        ] {
            let found = double(text.as_bytes()).unwrap();
            assert_eq!(found.to_bits(), value.to_bits(), "`{text}`");
        }
        assert!(double(b"NaN").unwrap().is_nan());
        for text in ["inf", "nan", "+1", "1.", ".5", "1e400", "-1e400", "1_0", ""] {
            assert_eq!(double(text.as_bytes()), None, "`{text}`");
        }
    }

    proptest! {
        #[test]
        fn every_64_bit_integer_reads_as_itself(unsigned: u64, signed: i64) {
            prop_assert_eq!(integer(unsigned.to_string().as_bytes()), Some(unsigned.into()));
            prop_assert_eq!(integer(signed.to_string().as_bytes()), Some(signed.into()));
        }

        #[test]
        fn the_grammar_is_that_of_serde_json(text in "-?[0-9]{0,3}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{0,2})?") {
            let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            prop_assert_eq!(is_number(text.as_bytes()), theirs);
        }
    }
}
