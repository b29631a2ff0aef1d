//! Dates: `SimpleDateFormat` as it parses by default, and `Date.toString`.
//!
//! Parsing is lenient as Java's is: numbers may exceed their range, the text may go on behind what the
//! pattern takes. The calendar is Gregorian at all times; Java's is Julian before 1582. Zones are offsets from UTC; names of zones beyond `UTC` and `GMT` are not known.

mod parse;

use std::fmt::Write;

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// From the day of the epoch on.
const WEEKDAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];

/// The zone of a date that names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Zone {
    /// East of UTC.
    pub(crate) offset_ms: i64,
}

impl Zone {
    pub(crate) const UTC: Zone = Zone { offset_ms: 0 };
}

/// A date of the Gregorian calendar, at any time; each field may exceed its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: i64,
    /// From 1.
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) millisecond: i64,
}

impl Default for Civil {
    /// The epoch.
    fn default() -> Civil {
        Civil {
            year: 1970,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            millisecond: 0,
        }
    }
}

/// Milliseconds since the epoch, in UTC. Fields are at most 32 bits wide, so only a year beyond all
/// dates overflows; it wraps as in Java.
pub(crate) fn unix_ms(civil: &Civil) -> i64 {
    let months = civil.month - 1;
    let year = civil.year + months.div_euclid(12);
    let days = days_before_month(year, months.rem_euclid(12)) + civil.day - 1;
    let time = civil.hour * HOUR_MS
        + civil.minute * MINUTE_MS
        + civil.second * SECOND_MS
        + civil.millisecond;
    days.wrapping_mul(DAY_MS).wrapping_add(time)
}

/// Days from the epoch to the first of a month, which counts from 0.
fn days_before_month(year: i64, month: i64) -> i64 {
    // A year that starts in March ends with the day that leap years add.
    let march_year = if month < 2 { year - 1 } else { year };
    let march_month = (month + 10) % 12;
    let before_year = 365 * march_year + march_year.div_euclid(4) - march_year.div_euclid(100)
        + march_year.div_euclid(400);
    let before_month = (march_month * 153 + 2) / 5;
    before_year + before_month - EPOCH_DAYS
}

/// From the first of March of the year 0 to the epoch.
const EPOCH_DAYS: i64 = 719_468;
/// Of 400 years.
const CYCLE_DAYS: i64 = 146_097;

/// The inverse of [`unix_ms`], for every `i64`.
pub(crate) fn civil(unix_ms: i64) -> Civil {
    let days = unix_ms.div_euclid(DAY_MS);
    let time = unix_ms.rem_euclid(DAY_MS);
    let since_march = days + EPOCH_DAYS;
    let cycle = since_march.div_euclid(CYCLE_DAYS);
    let day_of_cycle = since_march.rem_euclid(CYCLE_DAYS);
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524
        - day_of_cycle / (CYCLE_DAYS - 1))
        / 365;
    let day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = (march_month + 2) % 12 + 1;
    Civil {
        year: cycle * 400 + year_of_cycle + i64::from(month <= 2),
        month,
        day: day_of_year - (153 * march_month + 2) / 5 + 1,
        hour: time / HOUR_MS,
        minute: time / MINUTE_MS % 60,
        second: time / SECOND_MS % 60,
        millisecond: time % SECOND_MS,
    }
}

/// `Date.toString` in a process whose zone is UTC: `Thu Jan 01 00:00:00 UTC 1970`.
pub(crate) fn push_date(to: &mut String, unix_ms: i64) {
    let civil = civil(unix_ms);
    let short = |name: &'static str| &name[..3];
    let weekday = unix_ms.div_euclid(DAY_MS).rem_euclid(7);
    let weekday = usize::try_from(weekday).map_or("", |it| short(WEEKDAYS[it]));
    let month = usize::try_from(civil.month - 1).map_or("", |it| short(MONTHS[it]));
    write!(
        to,
        "{weekday} {month} {:02} {:02}:{:02}:{:02} UTC {:04}",
        civil.day, civil.hour, civil.minute, civil.second, civil.year
    )
    .expect("writing to a `String` does not fail");
}

pub(crate) use parse::Pattern;

#[cfg(test)]
mod tests;
