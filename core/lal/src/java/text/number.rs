//! Numbers as Java prints and reads them.

use std::fmt::{Display, LowerExp, Write};

/// `Double.toString` of JDK 19 and later: the shortest digits, in plain form from 10^-3 up to 10^7.
pub fn push_double(to: &mut String, value: f64) {
    let exact = value.trunc();
    if exact == value && exact.abs() < 1e7 && (exact != 0.0 || value.is_sign_positive()) {
        write!(to, "{exact}.0").expect("writing to a `String` does not fail");
        return;
    }
    let is_same = |text: &str| text.parse::<f64>().is_ok_and(|read| read == value);
    push_shortest(to, &value, value.is_finite(), is_same);
}

/// `Float.toString`, by the same rules.
pub(crate) fn push_float(to: &mut String, value: f32) {
    let is_same = |text: &str| text.parse::<f32>().is_ok_and(|read| read == value);
    push_shortest(to, &value, value.is_finite(), is_same);
}

fn push_shortest(
    to: &mut String,
    value: &(impl Display + LowerExp),
    is_finite: bool,
    is_same: impl Fn(&str) -> bool,
) {
    let mut text = Text::default();
    if !is_finite {
        write!(text, "{value}").expect("`-inf` is short");
        let words = text.as_str().replace("inf", "Infinity");
        to.push_str(&words);
        return;
    }
    // Of one digit Java looks for the nearest number with two.
    write!(text, "{value:e}").expect("17 digits and an exponent are short");
    if !text.as_str().contains('.') {
        let mut longer = Text::default();
        write!(longer, "{value:.1e}").expect("2 digits and an exponent are short");
        if is_same(longer.as_str()) {
            text = longer;
        }
    }
    let (sign, magnitude) = match text.as_str().strip_prefix('-') {
        Some(magnitude) => ("-", magnitude),
        None => ("", text.as_str()),
    };
    to.push_str(sign);
    let (digits, exponent) = magnitude.split_once('e').unwrap_or((magnitude, "0"));
    let (first, rest) = digits.split_once('.').unwrap_or((digits, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let is_plain = (-3..7).contains(&exponent);
    if !is_plain {
        write!(to, "{first}.{rest}E{exponent}").expect("writing to a `String` does not fail");
        return;
    }
    let zeros = usize::try_from(-exponent).unwrap_or(0);
    if zeros > 0 {
        to.push_str("0.");
        to.extend(std::iter::repeat_n('0', zeros - 1));
        to.push_str(first);
        to.push_str(rest.trim_end_matches('0'));
        return;
    }
    let whole = usize::try_from(exponent).unwrap_or(0);
    to.push_str(first);
    let (before, behind) = rest.split_at(whole.min(rest.len()));
    to.push_str(before);
    to.extend(std::iter::repeat_n('0', whole - before.len()));
    to.push('.');
    to.push_str(if behind.is_empty() { "0" } else { behind });
}

/// A number's text, without an allocation.
#[derive(Default)]
struct Text {
    bytes: [u8; 32],
    length: usize,
}

impl Text {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        let room = self.bytes.get_mut(self.length..end);
        room.ok_or(std::fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// `Long.parseLong`: a sign and digits, nothing else; digits of ASCII only, where Java takes those of
/// every script.
pub(crate) fn parse_long(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// `Integer.parseInt`.
pub(crate) fn parse_int(text: &str) -> Option<i32> {
    text.parse().ok()
}

/// `Double.parseDouble`: blanks around it, `1e3`, `.5`, `5.`, a suffix `d` or `f`, `0x1.8p3`, `NaN`
/// and `Infinity`.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    parse_floating(text, |decimal| decimal.parse().ok(), |value| value)
}

/// `Float.parseFloat`.
pub(crate) fn parse_float(text: &str) -> Option<f32> {
    parse_floating(text, |decimal| decimal.parse().ok(), |value| value as f32)
}

fn parse_floating<F: std::ops::Neg<Output = F>>(
    text: &str,
    decimal: impl Fn(&str) -> Option<F>,
    narrow: impl Fn(f64) -> F,
) -> Option<F> {
    let text = super::trim(text);
    let (is_negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let value = match magnitude {
        "NaN" => narrow(f64::NAN),
        "Infinity" => narrow(f64::INFINITY),
        _ => {
            let number = magnitude.strip_suffix(['f', 'F', 'd', 'D']);
            match magnitude
                .strip_prefix("0x")
                .or(magnitude.strip_prefix("0X"))
            {
                Some(_) => {
                    let number = number.filter(|it| it.contains(['p', 'P']));
                    narrow(hexadecimal(&number.unwrap_or(magnitude)[2..])?)
                }
                None => {
                    let number = number.unwrap_or(magnitude);
                    // Rust takes words as well.
                    let is_decimal = |byte: u8| byte.is_ascii_digit() || b".eE+-".contains(&byte);
                    let starts = number.starts_with(|c: char| c.is_ascii_digit() || c == '.');
                    decimal(number).filter(|_| starts && number.bytes().all(is_decimal))?
                }
            }
        }
    };
    Some(if is_negative { -value } else { value })
}

/// What follows `0x`: digits with a point, and an exponent of two, which is never missing.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let is_number = |text: &str| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    // Beyond 32 bits the value is 0 or infinite, whatever the digits; saturating keeps the sign.
    let beyond = if exponent.starts_with('-') {
        i32::MIN
    } else {
        i32::MAX
    };
    let exponent = i64::from(exponent.parse().unwrap_or(beyond));
    let exponent = is_number(text.split_once(['p', 'P'])?.1).then_some(exponent)?;
    // The first 15 digits that count, and whether anything is behind them.
    let mut mantissa = 0_u64;
    let mut shift = exponent - 4 * i64::try_from(fraction.len()).ok()?;
    for digit in whole.chars().chain(fraction.chars()) {
        let digit = u64::from(digit.to_digit(16)?);
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | digit;
        } else {
            mantissa |= u64::from(digit != 0);
            shift += 4;
        }
    }
    Some(scaled(mantissa, shift))
}

/// `mantissa * 2^shift`, rounded once.
fn scaled(mantissa: u64, shift: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    // Bits below the smallest number are folded into one before they are rounded.
    const LOWEST: i64 = -1074;
    let lost = (LOWEST - 2 - shift).clamp(0, 63) as u32;
    let rest = mantissa & ((1 << lost) - 1);
    let kept = mantissa >> lost | u64::from(rest != 0);
    let shift = (shift + i64::from(lost)).clamp(-2000, 2000) as i32;
    // Two steps, as 2^shift alone may be out of range; the first one is exact.
    let half = shift / 2;
    let precise = kept as f64;
    if lost > 0 {
        return precise / 4.0 * f64::from_bits(1);
    }
    precise * 2_f64.powi(half) * 2_f64.powi(shift - half)
}

/// The lowest 64 bits of a whole number of any length, as `BigInteger.longValue`; of any other number
/// its whole part, as `BigDecimal.longValue` gives it while it fits.
pub(crate) fn narrow_to_long(number: &str) -> i64 {
    let digits = number.strip_prefix('-').unwrap_or(number);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return number.parse::<f64>().map_or(0, |value| value as i64);
    }
    let of_digit =
        |value: i64, digit: u8| value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
    let magnitude = digits.bytes().fold(0, of_digit);
    if digits.len() < number.len() {
        magnitude.wrapping_neg()
    } else {
        magnitude
    }
}
