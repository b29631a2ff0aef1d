use proptest::prelude::*;

use super::*;

fn double(value: f64) -> String {
    let mut text = String::new();
    push_double(&mut text, value);
    text
}

fn float(value: f32) -> String {
    let mut text = String::new();
    push_float(&mut text, value);
    text
}

#[test]
fn doubles_print_as_in_java() {
    let cases = [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (-1234.5, "-1234.5"),
        (0.001, "0.001"),
        (0.000_99, "9.9E-4"),
        (0.01, "0.01"),
        (9_999_999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (1e10, "1.0E10"),
        (12_345_678.9, "1.23456789E7"),
        (1e-5, "1.0E-5"),
        (100.25, "100.25"),
        (2e23, "2.0E23"),
        (f64::from_bits(1), "4.9E-324"),
        (f64::MAX, "1.7976931348623157E308"),
        (f64::NAN, "NaN"),
        (f64::NEG_INFINITY, "-Infinity"),
        (0.1 + 0.2, "0.30000000000000004"),
    ];
    for (value, expected) in cases {
        assert_eq!(double(value), expected);
    }
    assert_eq!(float(1.1), "1.1");
    assert_eq!(float(f32::from_bits(1)), "1.4E-45");
    assert_eq!(float(3.4e10), "3.4E10");
}

#[test]
fn integers_are_read_strictly() {
    assert_eq!(parse_long("+5"), Some(5));
    assert_eq!(parse_long("-9223372036854775808"), Some(i64::MIN));
    for text in [
        "",
        " 5",
        "5 ",
        "5.0",
        "5L",
        "0x5",
        "9223372036854775808",
        "-",
        "+",
    ] {
        assert_eq!(parse_long(text), None, "{text:?}");
    }
    assert_eq!(parse_int("2147483648"), None);
}

#[test]
fn doubles_are_read_as_in_java() {
    let cases = [
        (" 1.5\n", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("5d", 5.0),
        ("-5F", -5.0),
        ("+Infinity", f64::INFINITY),
        ("0x1.8p1", 3.0),
        ("-0X.8P+3d", -4.0),
        ("0x1p-1074", f64::from_bits(1)),
        ("0x1p-1075", 0.0),
        ("0x1.8p-1075", f64::from_bits(1)),
        ("0x1.fffffffffffffp1023", f64::MAX),
        ("0x1p1024", f64::INFINITY),
        ("0x1p99999999999", f64::INFINITY),
        ("0x1p-99999999999", 0.0),
        (
            "0x1.00000000000008000000000000000000000001p0",
            1.000_000_000_000_000_2,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_double(text), Some(expected), "{text}");
    }
    assert!(parse_double("NaN").is_some_and(f64::is_nan));
    for text in [
        "", "inf", "nan", "infinity", "1_0", "0x1", "0x1p", "0x1p+", "0xp1", "1e", "--1", ".", "dd",
    ] {
        assert_eq!(parse_double(text), None, "{text}");
    }
    assert_eq!(parse_float("1.1"), Some(1.1_f32));
}

#[test]
fn numbers_of_any_length_narrow_as_in_java() {
    assert_eq!(narrow_to_long("18446744073709551617"), 1);
    assert_eq!(narrow_to_long("-18446744073709551617"), -1);
    assert_eq!(narrow_to_long("9223372036854775808"), i64::MIN);
    assert_eq!(narrow_to_long("1.9e2"), 190);
}

#[test]
fn places_count_utf_16_units() {
    let text = "a😀é😀";
    assert_eq!(length(text), 6);
    assert_eq!(char_at(text, 0), Ok('a'));
    assert_eq!(char_at(text, 1), Ok('\u{fffd}'));
    assert_eq!(char_at(text, 3), Ok('é'));
    assert_eq!(
        char_at(text, 6),
        Err("index 6 out of bounds for length 6".to_owned())
    );
    assert!(char_at(text, -1).is_err());
    assert_eq!(substring(text, 1, Some(4)).unwrap(), "😀é");
    assert_eq!(substring(text, 2, None).unwrap(), "\u{fffd}é😀");
    assert_eq!(substring("abc", 3, None).unwrap(), "");
    assert_eq!(
        substring("abc", 2, Some(1)).unwrap_err(),
        "begin 2, end 1, length 3"
    );
    assert!(substring("abc", 0, Some(4)).is_err());
    assert_eq!(index_of(text, "😀", 0), 1);
    assert_eq!(index_of(text, "😀", 2), 4);
    assert_eq!(index_of(text, "😀", 99), -1);
    assert_eq!(index_of("abc", "", 99), 3);
    assert_eq!(last_index_of(text, "😀", i32::MAX), 4);
    assert_eq!(last_index_of(text, "😀", 3), 1);
    assert_eq!(last_index_of("abcabc", "abc", 2), 0);
    assert_eq!(last_index_of("abc", "a", -1), -1);
    assert!(starts_with(text, "é", 3) && !starts_with(text, "é", 2) && !starts_with(text, "", 7));
}

#[test]
fn comparisons_are_those_of_java() {
    assert!(equals_ignore_case("Straße", "STRAßE"));
    assert!(!equals_ignore_case("Straße", "STRASSE"));
    assert!(equals_ignore_case("ÀB", "àb"));
    assert_eq!(compare_to("abc", "abd"), -1);
    assert_eq!(compare_to("abc", "a"), 2);
    assert_eq!(compare_to("\u{ff5e}", "😀"), 0xff5e - 0xd83d);
    assert_eq!(compare_to_ignore_case("ABC", "abd"), -1);
    assert_eq!(compare_to_ignore_case("A", "😀"), 0x61 - 0xd83d);
    assert_eq!(compare_to_ignore_case("Ж", "😀"), 0x436 - 0x1f600);
    assert_eq!(hash_code("hello"), 99_162_322);
    assert_eq!(hash_code("😀"), 1_772_899);
}

#[test]
fn blanks_are_those_of_java() {
    assert_eq!(trim("\u{0} \ta\u{a0}\n"), "a\u{a0}");
    assert_eq!(strip("\u{2003}a\u{a0} "), "a\u{a0}");
    assert_eq!(strip_leading(" a "), "a ");
    assert_eq!(strip_trailing(" a "), " a");
    assert!(is_blank("\u{1c}\u{2003}\n") && !is_blank("\u{a0}"));
}

#[test]
fn made_texts_are_bounded() {
    assert_eq!(repeat("ab", 3).unwrap(), "ababab");
    assert_eq!(repeat("a", -1).unwrap_err(), "count is negative: -1");
    assert!(repeat("ab", i32::MAX).is_err());
    assert_eq!(replace("a.b.", ".", "--").unwrap(), "a--b--");
    assert_eq!(replace("ab", "", "-").unwrap(), "-a-b-");
    let long = "a".repeat(1 << 20);
    assert!(replace(&long, "a", &long).is_err());
    assert!(concat(&long, "b").is_ok());
}

proptest! {
    #[test]
    fn printed_doubles_read_back_the_same(bits: u64) {
        let value = f64::from_bits(bits);
        let read = parse_double(&double(value)).unwrap();
        prop_assert!(read == value || (read.is_nan() && value.is_nan()), "{}", double(value));
    }

    #[test]
    fn printed_floats_read_back_the_same(bits: u32) {
        let value = f32::from_bits(bits);
        let read = parse_float(&float(value)).unwrap();
        prop_assert!(read == value || (read.is_nan() && value.is_nan()), "{}", float(value));
    }

    #[test]
    fn doubles_in_hexadecimal_read_exactly(bits: u64) {
        let value = f64::from_bits(bits & !(1 << 63));
        prop_assume!(value.is_finite());
        let exponent = (bits >> 52 & 0x7ff) as i64;
        let fraction = bits & ((1 << 52) - 1);
        let (first, exponent) = if exponent == 0 { (0, -1022) } else { (1, exponent - 1023) };
        prop_assert_eq!(parse_double(&format!("0x{first}.{fraction:013x}p{exponent}")), Some(value));
    }

    #[test]
    fn no_text_and_no_place_panics(text in ".{0,12}", other in ".{0,3}", from in -3..20_i32, to in -3..20_i32) {
        let units: Vec<u16> = text.encode_utf16().collect();
        prop_assert_eq!(length(&text) as usize, units.len());
        let cut = substring(&text, from, Some(to));
        let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
        let expected = range.and_then(|(from, to)| units.get(from..to.max(from)).filter(|_| from <= to));
        prop_assert_eq!(cut.ok().map(String::from), expected.map(String::from_utf16_lossy));
        // An empty text is also inside of a pair.
        let other = if other.is_empty() { "b" } else { &other };
        let part: Vec<u16> = other.encode_utf16().collect();
        let starts: Vec<i32> = (0..=units.len())
            .filter(|at| units[*at..].starts_with(&part))
            .map(|at| at as i32)
            .collect();
        let first = starts.iter().find(|at| **at >= from.min(units.len() as i32));
        prop_assert_eq!(index_of(&text, other, from), first.copied().unwrap_or(-1));
        let last = starts.iter().rev().find(|at| **at <= from);
        prop_assert_eq!(last_index_of(&text, other, from), last.copied().unwrap_or(-1));
        prop_assert_eq!(starts_with(&text, other, from), starts.contains(&from));
        char_at(&text, from).ok();
        parse_double(&text);
        parse_float(other);
        compare_to_ignore_case(&text, other);
        prop_assert!(equals_ignore_case(&text, &text));
        narrow_to_long(&text);
    }
}
