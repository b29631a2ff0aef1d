//! Patterns of `SimpleDateFormat`, and how text is read by them.

use super::{Civil, HOUR_MS, MINUTE_MS, MONTHS, WEEKDAYS, Zone, civil, unix_ms};

/// Years that a year of two digits may lie before the day on which it is read.
const CENTURY_START_YEARS: i64 = 80;

/// A pattern such as `yyyy-MM-dd HH:mm:ss`.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(char),
    Field {
        field: Field,
        /// How often its letter is repeated.
        count: usize,
        /// A field of digits follows at once, so that this one takes no more than its share.
        is_abutting: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Field {
    Year,
    Month,
    Day,
    DayOfYear,
    /// 0 to 23.
    HourOfDay,
    /// 1 to 24.
    HourOfDayFrom1,
    /// 0 to 11.
    Hour,
    /// 1 to 12.
    HourFrom1,
    Minute,
    Second,
    Millisecond,
    HalfDay,
    Weekday,
    /// `z` and `Z`.
    Zone,
    /// `X`.
    IsoZone,
}

impl Pattern {
    /// `Err` says which letter is wrong, or not taken here, and what is.
    pub(crate) fn compile(pattern: &str) -> Result<Pattern, String> {
        let mut parts = Vec::new();
        let mut characters = pattern.chars().peekable();
        while let Some(character) = characters.next() {
            if character == '\'' {
                quoted(&mut characters, &mut parts)?;
            } else if character.is_ascii_alphabetic() {
                let mut count = 1;
                while characters.next_if_eq(&character).is_some() {
                    count += 1;
                }
                let field = Field::of(character)?;
                if field == Field::IsoZone && count > 3 {
                    return Err("`X` is there at most three times".to_owned());
                }
                parts.push(Part::Field {
                    field,
                    count,
                    is_abutting: false,
                });
            } else {
                parts.push(Part::Literal(character));
            }
        }
        let has = |wanted| {
            let is_wanted =
                |part: &Part| matches!(part, Part::Field { field, .. } if *field == wanted);
            parts.iter().any(is_wanted)
        };
        if has(Field::Weekday) && !has(Field::Day) && !has(Field::DayOfYear) {
            return Err("a weekday `E` without a day `d` or `D` is not taken".to_owned());
        }
        for at in 1..parts.len() {
            let is_digits = matches!(&parts[at], Part::Field { field, count, .. }
                if field.is_digits(*count));
            if let Part::Field { is_abutting, .. } = &mut parts[at - 1] {
                *is_abutting = is_digits;
            }
        }
        Ok(Pattern { parts })
    }

    /// Milliseconds since the epoch; `None` if the text does not start as the pattern says.
    ///
    /// `zone` is that of a text that names none; `now_ms` decides the century of a year of two digits.
    pub(crate) fn parse_unix_ms(&self, text: &str, zone: &Zone, now_ms: i64) -> Option<i64> {
        let mut reading = Reading {
            rest: text,
            now_ms,
            fields: Fields::default(),
        };
        for part in &self.parts {
            match part {
                Part::Literal(character) => {
                    reading.rest = reading.rest.strip_prefix(*character)?;
                }
                Part::Field {
                    field,
                    count,
                    is_abutting,
                } => {
                    let share = is_abutting.then_some(*count);
                    reading.field(*field, *count, share)?;
                }
            }
        }
        Some(reading.fields.unix_ms(zone))
    }
}

/// Text up to the next quote; two quotes are one.
fn quoted(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    parts: &mut Vec<Part>,
) -> Result<(), String> {
    if characters.next_if_eq(&'\'').is_some() {
        parts.push(Part::Literal('\''));
        return Ok(());
    }
    loop {
        match characters.next() {
            Some('\'') if characters.next_if_eq(&'\'').is_none() => return Ok(()),
            Some(character) => parts.push(Part::Literal(character)),
            None => return Err("a quote `'` is not closed".to_owned()),
        }
    }
}

impl Field {
    fn of(letter: char) -> Result<Field, String> {
        Ok(match letter {
            'y' => Field::Year,
            'M' | 'L' => Field::Month,
            'd' => Field::Day,
            'D' => Field::DayOfYear,
            'H' => Field::HourOfDay,
            'k' => Field::HourOfDayFrom1,
            'K' => Field::Hour,
            'h' => Field::HourFrom1,
            'm' => Field::Minute,
            's' => Field::Second,
            'S' => Field::Millisecond,
            'a' => Field::HalfDay,
            'E' => Field::Weekday,
            'z' | 'Z' => Field::Zone,
            'X' => Field::IsoZone,
            'Y' => return Err("`Y`, the year of weeks, is not taken: `y` is the year".to_owned()),
            'G' | 'w' | 'W' | 'F' | 'u' => {
                return Err(format!(
                    "the letter `{letter}` is not taken: y M d D H k K h m s S a E z Z X are"
                ));
            }
            _ => {
                return Err(format!(
                    "`{letter}` is no letter of a date: quote it as `'{letter}'`"
                ));
            }
        })
    }

    fn is_digits(self, count: usize) -> bool {
        match self {
            Field::Month => count <= 2,
            Field::HalfDay | Field::Weekday | Field::Zone | Field::IsoZone => false,
            _ => true,
        }
    }
}

struct Reading<'a> {
    rest: &'a str,
    now_ms: i64,
    fields: Fields,
}

/// What was read so far; what was not is `None`.
#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<Day>,
    hour: Option<HourOfDay>,
    hour_of_half: Option<i64>,
    half: Option<i64>,
    /// The half day and its hour were both read, the later of them behind the hour of the day.
    halves_count: bool,
    minute: i64,
    second: i64,
    millisecond: i64,
    offset_ms: Option<i64>,
    /// A year of two digits is the first of its century: it lies a century later if the date is
    /// more than 80 years ago.
    is_ambiguous_before: Option<i64>,
}

/// The one that was read last.
enum Day {
    OfMonth(i64),
    OfYear(i64),
}

struct HourOfDay(i64);

impl Reading<'_> {
    fn field(&mut self, field: Field, count: usize, share: Option<usize>) -> Option<()> {
        if !field.is_digits(count) {
            return match field {
                Field::Month => {
                    self.fields.month = Some(self.name(&MONTHS)? + 1);
                    Some(())
                }
                Field::HalfDay => {
                    self.fields.half = Some(self.name(&["AM", "PM"])?);
                    self.fields.halves_count = self.fields.hour_of_half.is_some();
                    Some(())
                }
                Field::Weekday => self.name(&WEEKDAYS).map(|_| ()),
                Field::IsoZone => self.iso_zone(count),
                _ => self.zone(),
            };
        }
        let (value, digits) = self.number(share)?;
        let fields = &mut self.fields;
        match field {
            Field::Year if count <= 2 && digits == Some(2) => self.two_digit_year(value),
            Field::Year => fields.year = Some(value),
            Field::Month => fields.month = Some(value),
            Field::Day => fields.day = Some(Day::OfMonth(value)),
            Field::DayOfYear => fields.day = Some(Day::OfYear(value)),
            Field::HourOfDay => fields.set_hour_of_day(value),
            Field::HourOfDayFrom1 => fields.set_hour_of_day(if value == 24 { 0 } else { value }),
            Field::Hour => fields.set_hour_of_half(value),
            Field::HourFrom1 => fields.set_hour_of_half(if value == 12 { 0 } else { value }),
            Field::Minute => fields.minute = value,
            Field::Second => fields.second = value,
            _ => fields.millisecond = value,
        }
        Some(())
    }

    /// A year in the century that starts 80 years ago.
    fn two_digit_year(&mut self, value: i64) {
        let start = civil(self.now_ms).year - CENTURY_START_YEARS;
        let first = start.rem_euclid(100);
        let century = start - first;
        let year = century + value + if value < first { 100 } else { 0 };
        self.fields.year = Some(year);
        let start_ms = unix_ms(&Civil {
            year: start,
            ..civil(self.now_ms)
        });
        self.fields.is_ambiguous_before = (value == first).then_some(start_ms);
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// A whole number, and of how many digits it is if it has no sign. A share counts from in front
    /// of the blanks, as Java counts it.
    fn number(&mut self, share: Option<usize>) -> Option<(i64, Option<usize>)> {
        let before = self.rest.len();
        self.blanks();
        let blanks = before - self.rest.len();
        let mut digits = self.rest;
        let is_negative = digits.starts_with('-');
        digits = &digits[usize::from(is_negative)..];
        let mut count = digits.bytes().take_while(u8::is_ascii_digit).count();
        if let Some(share) = share {
            if before < share {
                return None;
            }
            count = count.min(share.checked_sub(blanks + usize::from(is_negative))?);
        }
        let (digits, rest) = digits.split_at(count);
        if digits.is_empty() {
            return None;
        }
        self.rest = rest;
        let of_digit = |value: i64, digit: u8| {
            value
                .saturating_mul(10)
                .saturating_add(i64::from(digit - b'0'))
        };
        let magnitude = digits.bytes().fold(0, of_digit);
        let value = if is_negative { -magnitude } else { magnitude };
        // Java narrows what fits 64 bits, which wraps; what does not is a double, which saturates.
        let narrowed = if magnitude == i64::MAX {
            if is_negative { i32::MIN } else { i32::MAX }
        } else {
            value as i32
        };
        Some((i64::from(narrowed), (!is_negative).then_some(count)))
    }

    /// The index of a name, in full or by its first three letters; case does not count.
    fn name(&mut self, names: &[&str]) -> Option<i64> {
        let starts = |name: &str| {
            let start = self.rest.get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name))
        };
        let find = |length: usize| {
            let short = |name: &&str| starts(&name[..name.len().min(length)]);
            let index = names.iter().position(short)?;
            Some((index, names[index].len().min(length)))
        };
        let (index, length) = find(usize::MAX).or_else(|| find(3))?;
        self.rest = &self.rest[length..];
        i64::try_from(index).ok()
    }

    /// `+0800`, `GMT`, `GMT+8:00` or `UTC`.
    fn zone(&mut self) -> Option<()> {
        self.blanks();
        if let Some(sign) = self.sign() {
            return self.offset(sign, 0, false);
        }
        let name = self.rest.get(..3)?;
        let is_gmt = name.eq_ignore_ascii_case("GMT");
        if !is_gmt && !name.eq_ignore_ascii_case("UTC") {
            return None;
        }
        self.rest = &self.rest[3..];
        match self.sign().filter(|_| is_gmt) {
            Some(sign) => self.offset(sign, 0, true),
            None => {
                self.fields.offset_ms = Some(0);
                Some(())
            }
        }
    }

    /// `Z`, or an offset: hours for `X`, with minutes for `XX`, with a colon for `XXX`.
    fn iso_zone(&mut self, count: usize) -> Option<()> {
        self.blanks();
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            self.fields.offset_ms = Some(0);
            return Some(());
        }
        let sign = self.sign()?;
        self.offset(sign, count, count == 3)
    }

    fn sign(&self) -> Option<i64> {
        match self.rest.bytes().next()? {
            b'+' => Some(1),
            b'-' => Some(-1),
            _ => None,
        }
    }

    fn offset(&mut self, sign: i64, count: usize, has_colon: bool) -> Option<()> {
        let bytes = self.rest.as_bytes();
        let digit = |at: usize| {
            let digit = bytes.get(at).filter(|byte| byte.is_ascii_digit())?;
            Some(i64::from(digit - b'0'))
        };
        let mut at = 2;
        let mut hours = digit(1)?;
        match digit(2) {
            Some(units) => {
                hours = hours * 10 + units;
                at = 3;
            }
            None if count > 0 || !has_colon => return None,
            None => {}
        }
        let mut minutes = 0;
        if count != 1 {
            if has_colon && bytes.get(at) != Some(&b':') {
                return None;
            }
            at += usize::from(has_colon);
            minutes = digit(at)? * 10 + digit(at + 1)?;
            at += 2;
        }
        if hours > 23 || minutes > 59 {
            return None;
        }
        self.rest = &self.rest[at..];
        self.fields.offset_ms = Some(sign * (hours * HOUR_MS + minutes * MINUTE_MS));
        Some(())
    }
}

impl Fields {
    fn set_hour_of_day(&mut self, value: i64) {
        self.hour = Some(HourOfDay(value));
        self.halves_count = false;
    }

    fn set_hour_of_half(&mut self, value: i64) {
        self.hour_of_half = Some(value);
        self.halves_count = self.half.is_some();
    }

    /// Of the hour of the day and the half day with its hour, the one that was complete last counts.
    fn hour(&self) -> i64 {
        match &self.hour {
            Some(HourOfDay(hour)) if !self.halves_count => *hour,
            _ => self.hour_of_half.unwrap_or(0) + 12 * self.half.unwrap_or(0),
        }
    }

    fn unix_ms(&self, zone: &Zone) -> i64 {
        let (month, day) = match self.day {
            Some(Day::OfYear(day)) => (1, day),
            Some(Day::OfMonth(day)) => (self.month.unwrap_or(1), day),
            None => (self.month.unwrap_or(1), 1),
        };
        let civil = Civil {
            year: self.year.unwrap_or(1970),
            month,
            day,
            hour: self.hour(),
            minute: self.minute,
            second: self.second,
            millisecond: self.millisecond,
        };
        let offset_ms = self.offset_ms.unwrap_or(zone.offset_ms);
        let found = unix_ms(&civil).wrapping_sub(offset_ms);
        match self.is_ambiguous_before {
            Some(start_ms) if found < start_ms => {
                unix_ms(&Civil {
                    year: civil.year + 100,
                    ..civil
                }) - offset_ms
            }
            _ => found,
        }
    }
}
