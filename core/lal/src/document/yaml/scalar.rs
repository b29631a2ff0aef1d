//! What a YAML 1.1 scalar is: SnakeYAML's resolver and its constructors.

use crate::document::Item;
use crate::java::date::{Civil, unix_ms};

/// What is no text.
pub(super) enum Scalar {
    Item(Item),
    /// The decimal digits of an integer beyond 64 bits.
    Number(String),
}

/// A plain scalar by its looks; `None` if it is text.
pub(super) fn implicit(value: &str) -> Option<Scalar> {
    match value.bytes().next() {
        None => return Some(Scalar::Item(Item::Null)),
        Some(b'0'..=b'9' | b'-' | b'+' | b'.') => {}
        Some(_) => {
            return null(value).or_else(|| boolean(value)).map(Scalar::Item);
        }
    }
    integer(value)
        .or_else(|| float(value).map(Scalar::Item))
        .or_else(|| timestamp(value).map(Scalar::Item))
}

/// A scalar whose tag says what it is, whatever it looks like.
pub(super) fn tagged(tag: &str, value: &str) -> Result<Scalar, String> {
    let scalar = match tag {
        "null" => Some(Scalar::Item(Item::Null)),
        "bool" => boolean(value).map(Scalar::Item),
        "int" => integer(value),
        "float" => float(value)
            .map(Scalar::Item)
            .or_else(|| match integer(value)? {
                Scalar::Item(Item::Int(value)) => Some(Scalar::Item(Item::Double(value.into()))),
                _ => value.parse().ok().map(|it| Scalar::Item(Item::Double(it))),
            }),
        "timestamp" => timestamp(value).map(Scalar::Item),
        _ => return Err(format!("the tag `!!{tag}` is not taken here: `!!str` is")),
    };
    scalar.ok_or_else(|| format!("`{value}` is no `!!{tag}`"))
}

fn null(value: &str) -> Option<Item> {
    matches!(value, "~" | "null" | "Null" | "NULL" | " ").then_some(Item::Null)
}

fn boolean(value: &str) -> Option<Item> {
    match value {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(Item::Boolean(true))
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(Item::Boolean(false))
        }
        _ => None,
    }
}

/// Decimal, `0b`, octal by a leading 0, `0x`, or in sixties by colons; `_` anywhere but in front.
fn integer(value: &str) -> Option<Scalar> {
    let (sign, digits) = signed(value);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let text = digits.replace('_', "");
    let of_radix = |text: &str, radix| whole(sign, i128::from_str_radix(text, radix).ok()?);
    if let Some(binary) = text.strip_prefix("0b") {
        return unsigned(binary).and_then(|it| of_radix(it, 2));
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return unsigned(hexadecimal).and_then(|it| of_radix(it, 16));
    }
    if let Some((_, rest)) = digits.split_once(':') {
        let is_whole = !text.starts_with('0') && !rest.contains('_');
        let total = sixties(&text).filter(|_| is_whole)?;
        return whole(sign, total);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.len() > 1 && text.starts_with('0') {
        if text == "0" {
            return None;
        }
        return of_radix(&text, 8);
    }
    let beyond = || Scalar::Number(format!("{}{text}", if sign < 0 { "-" } else { "" }));
    Some(match text.parse() {
        Ok(value) => whole(sign, value)?,
        Err(_) => beyond(),
    })
}

/// `from_str_radix` would take a sign.
fn unsigned(digits: &str) -> Option<&str> {
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then_some(digits)
}

fn whole(sign: i128, magnitude: i128) -> Option<Scalar> {
    let value = magnitude.checked_mul(sign)?;
    let long = |value| i64::try_from(value).map(Item::Long);
    Some(match i32::try_from(value) {
        Ok(value) => Scalar::Item(Item::Int(value)),
        Err(_) => long(value).map_or_else(|_| Scalar::Number(value.to_string()), Scalar::Item),
    })
}

/// `190:20:30`: all parts but the first are below 60.
fn sixties(text: &str) -> Option<i128> {
    let mut total = 0_i128;
    for (index, part) in text.split(':').enumerate() {
        let is_number =
            (1..=18).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_digit());
        let value: i128 = part.parse().ok().filter(|_| is_number)?;
        let is_fit = index == 0 || (part.len() <= 2 && value < 60);
        total = total
            .checked_mul(60)?
            .checked_add(value)
            .filter(|_| is_fit)?;
    }
    Some(total)
}

fn signed(value: &str) -> (i128, &str) {
    match value.as_bytes().first() {
        Some(b'-') => (-1, &value[1..]),
        Some(b'+') => (1, &value[1..]),
        _ => (1, value),
    }
}

fn float(value: &str) -> Option<Item> {
    let (sign, magnitude) = signed(value);
    let of = |magnitude: f64| Some(Item::Double(if sign < 0 { -magnitude } else { magnitude }));
    match magnitude {
        ".inf" | ".Inf" | ".INF" => return of(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if magnitude == value => return of(f64::NAN),
        _ => {}
    }
    let exponent = magnitude.split_once(['e', 'E']).map_or("", |(_, it)| it);
    if magnitude.starts_with('_') || exponent.contains('_') {
        return None;
    }
    let text = magnitude.replace('_', "");
    if let Some((whole, fraction)) = text.split_once('.').filter(|(it, _)| it.contains(':')) {
        let is_number = fraction.bytes().all(|byte| byte.is_ascii_digit());
        let fraction: f64 = format!("0.{fraction}0")
            .parse()
            .ok()
            .filter(|_| is_number)?;
        return of(sixties(whole)? as f64 + fraction);
    }
    // A point or an exponent, digits, and nothing of what Rust also takes.
    let is_decimal = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
        && text.contains(['.', 'e', 'E'])
        && text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && !text.starts_with(".e")
        && !text.starts_with(".E");
    of(text.parse().ok().filter(|_| is_decimal)?)
}

/// `2002-12-14` or `2001-12-14t21:59:43.10-05:00`; UTC without a zone.
fn timestamp(value: &str) -> Option<Item> {
    let mut rest = Digits(value);
    let year = rest.number(4, 4)?;
    rest.eat('-')?;
    let month = rest.number(1, 2)?;
    rest.eat('-')?;
    let day = rest.number(1, 2)?;
    let mut civil = Civil {
        year,
        month,
        day,
        ..Civil::default()
    };
    if rest.0.is_empty() {
        let is_full = value.len() == "2002-12-14".len();
        return is_full.then(|| Item::Date(unix_ms(&civil)));
    }
    let time = rest.0.trim_start_matches([' ', '\t']);
    rest.0 = match time.strip_prefix(['T', 't']) {
        Some(time_of_day) if time.len() == rest.0.len() => time_of_day,
        _ if time.len() < rest.0.len() => time,
        _ => return None,
    };
    civil.hour = rest.number(1, 2)?;
    rest.eat(':')?;
    civil.minute = rest.number(2, 2)?;
    rest.eat(':')?;
    civil.second = rest.number(2, 2)?;
    if rest.eat('.').is_some() {
        civil.millisecond = rest.milliseconds();
    }
    let offset_minutes = rest.zone()?;
    Some(Item::Date(unix_ms(&civil) - offset_minutes * 60_000))
}

/// What is left of a timestamp.
struct Digits<'a>(&'a str);

impl Digits<'_> {
    fn number(&mut self, min: usize, max: usize) -> Option<i64> {
        let count = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(count.min(max));
        let value = digits.parse().ok().filter(|_| digits.len() >= min)?;
        self.0 = rest;
        Some(value)
    }

    fn eat(&mut self, character: char) -> Option<()> {
        self.0 = self.0.strip_prefix(character)?;
        Some(())
    }

    /// Of a fraction of any length.
    fn milliseconds(&mut self) -> i64 {
        let count = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        let first_three = digits.bytes().chain(*b"000").take(3);
        first_three.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'))
    }

    /// The rest: minutes east of UTC.
    fn zone(&mut self) -> Option<i64> {
        self.0 = self.0.trim_start_matches([' ', '\t']);
        if matches!(self.0, "" | "Z") {
            return Some(0);
        }
        let is_west = self.0.starts_with('-');
        self.eat(if is_west { '-' } else { '+' })?;
        let hours = self.number(1, 2)?;
        let minutes = match self.eat(':') {
            Some(()) => self.number(2, 2)?,
            None => 0,
        };
        let total = hours * 60 + minutes;
        self.0
            .is_empty()
            .then_some(if is_west { -total } else { total })
    }
}
