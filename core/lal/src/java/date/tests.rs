use proptest::prelude::*;

use super::*;

/// 2026-05-06 07:08:09.
const NOW_MS: i64 = 1_778_051_289_000;

fn parse(pattern: &str, text: &str) -> Option<i64> {
    let pattern = Pattern::compile(pattern).unwrap();
    pattern.parse_unix_ms(text, &Zone::UTC, NOW_MS)
}

fn shown(unix_ms: i64) -> String {
    let mut text = String::new();
    push_date(&mut text, unix_ms);
    text
}

#[test]
fn dates_print_as_in_java() {
    assert_eq!(shown(0), "Thu Jan 01 00:00:00 UTC 1970");
    assert_eq!(shown(NOW_MS), "Wed May 06 07:08:09 UTC 2026");
    assert_eq!(shown(-1), "Wed Dec 31 23:59:59 UTC 1969");
}

#[test]
fn patterns_read_what_java_reads() {
    let cases = [
        ("yyyy-MM-dd HH:mm:ss", "2026-05-06 07:08:09", NOW_MS),
        (
            "yyyy/MM/dd HH:mm:ss",
            "2026/05/06 07:08:09 [error] 12#0",
            NOW_MS,
        ),
        (
            "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
            "2026-05-06T09:08:09.000+0200",
            NOW_MS,
        ),
        (
            "yyyy-MM-dd'T'HH:mm:ssXXX",
            "2026-05-06T09:08:09+02:00",
            NOW_MS,
        ),
        (
            "yyyy-MM-dd'T'HH:mm:ssXX",
            "2026-05-06T09:08:09+0200",
            NOW_MS,
        ),
        ("yyyy-MM-dd'T'HH:mm:ssX", "2026-05-06T07:08:09Z", NOW_MS),
        (
            "dd/MMM/yyyy:HH:mm:ss Z",
            "06/May/2026:00:38:09 -0630",
            NOW_MS,
        ),
        (
            "EEE, d MMM yyyy HH:mm:ss z",
            "wed, 6 may 2026 07:08:09 GMT",
            NOW_MS,
        ),
        (
            "EEEE MMMM d HH:mm:ss z yyyy",
            "Wednesday May 6 10:08:09 GMT+3:00 2026",
            NOW_MS,
        ),
        ("yyyyMMddHHmmssSSS", "20260506070809123", NOW_MS + 123),
        ("yyyyMMddHHmmss", "20260506070809", NOW_MS),
        ("yy-M-d h:m:s a", "26-5-6 7:8:9 AM", NOW_MS),
        (
            "yyyy-MM-dd hh:mm:ss a",
            "2026-05-06 12:00:00 am",
            NOW_MS - 25_689_000,
        ),
        (
            "yyyy-MM-dd KK:mm:ss a",
            "2026-05-06 07:08:09 PM",
            NOW_MS + 12 * HOUR_MS,
        ),
        ("yyyy-MM-dd kk", "2026-05-06 24", NOW_MS - 25_689_000),
        ("yyyy-DDD HH:mm:ss", "2026-126 07:08:09", NOW_MS),
        // Fields run over, and a fraction counts milliseconds.
        ("yyyy-MM-dd HH:mm:ss", "2025-17-06 06:68:09", NOW_MS),
        (
            "yyyy-MM-dd HH:mm:ss.SSS",
            "2026-05-06 07:07:46.23000",
            NOW_MS,
        ),
        ("yyyy-MM-dd", "2026-05- 6", NOW_MS - 25_689_000),
        ("yyyy-MM-dd", "2026-05-06junk", NOW_MS - 25_689_000),
        ("yyyy", "70", -59_958_144_000_000),
        ("HH 'o''clock'", "01 o'clock", HOUR_MS),
        ("MM-dd HH", "01-02 00", DAY_MS),
        ("H", "-1", -HOUR_MS),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(parse(pattern, text), Some(expected), "{pattern} {text}");
    }
}

#[test]
fn what_does_not_start_as_the_pattern_says_is_no_date() {
    let cases = [
        ("yyyy-MM-dd", ""),
        ("yyyy-MM-dd", "2026/05/06"),
        ("yyyy-MM-dd", " x"),
        ("yyyyMMdd", "202605"),
        ("MMM", " May"),
        ("MMM", "Mai"),
        ("HH:mm z", "01:00 CET"),
        ("HHX", "01+2"),
        ("HHZ", "01+2460"),
        ("HHXXX", "01+0200"),
        ("a", "é"),
        ("HH", "+1"),
    ];
    for (pattern, text) in cases {
        assert_eq!(parse(pattern, text), None, "{pattern} {text}");
    }
}

#[test]
fn years_of_two_digits_lie_in_the_century_that_began_80_years_ago() {
    let year = |text| civil(parse("yy", text).unwrap()).year;
    assert_eq!(year("45"), 2045);
    assert_eq!(year("47"), 1947);
    assert_eq!(year("00"), 2000);
    // The first year of that century is decided by the day.
    assert_eq!(civil(parse("yy-MM-dd", "46-05-05").unwrap()).year, 2046);
    assert_eq!(civil(parse("yy-MM-dd", "46-05-07").unwrap()).year, 1946);
    assert_eq!(year("123"), 123);
}

#[test]
fn a_zone_is_that_of_the_text_or_the_one_given() {
    let pattern = Pattern::compile("HH").unwrap();
    let zone = Zone {
        offset_ms: 2 * HOUR_MS,
    };
    assert_eq!(pattern.parse_unix_ms("03", &zone, NOW_MS), Some(HOUR_MS));
    let pattern = Pattern::compile("HH z").unwrap();
    assert_eq!(
        pattern.parse_unix_ms("03 UTC", &zone, NOW_MS),
        Some(3 * HOUR_MS)
    );
}

#[test]
fn patterns_that_are_not_taken_say_why() {
    let cases = [
        ("yyyy-bb", "`b` is no letter of a date: quote it as `'b'`"),
        ("XXXX", "`X` is there at most three times"),
        ("'T", "a quote `'` is not closed"),
        (
            "YYYY",
            "`Y`, the year of weeks, is not taken: `y` is the year",
        ),
        ("EEE", "a weekday `E` without a day `d` or `D` is not taken"),
        (
            "ww",
            "the letter `w` is not taken: y M d D H k K h m s S a E z Z X are",
        ),
    ];
    for (pattern, expected) in cases {
        assert_eq!(Pattern::compile(pattern).unwrap_err(), expected);
    }
}

proptest! {
    #[test]
    fn dates_and_milliseconds_are_inverse(ms: i64) {
        prop_assert_eq!(unix_ms(&civil(ms)), ms);
    }

    #[test]
    fn printed_dates_read_back(seconds in -60_000_000_000..250_000_000_000_i64) {
        let text = shown(seconds * 1000);
        prop_assert_eq!(parse("EEE MMM dd HH:mm:ss z yyyy", &text), Some(seconds * 1000), "{}", text);
    }

    #[test]
    fn no_number_overflows(number in any::<i64>(), letter in prop::sample::select(vec!["y", "M", "d", "H", "s", "S", "yy", "D"]), now: i64) {
        for text in [number.to_string(), format!("{number}99"), (number as i32).to_string()] {
            Pattern::compile(letter).unwrap().parse_unix_ms(&text, &Zone::UTC, now).unwrap();
        }
    }

    #[test]
    fn no_text_and_no_pattern_panics(pattern in "[yMdDHkKhmsSaEzZXL' :.é-]{0,12}", text in "[0-9AMPGTUCay :.+é-]{0,24}", now: i64) {
        if let Ok(pattern) = Pattern::compile(&pattern) {
            pattern.parse_unix_ms(&text, &Zone::UTC, now);
        }
    }
}
