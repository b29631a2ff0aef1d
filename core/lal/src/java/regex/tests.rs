use proptest::prelude::*;

use super::*;

/// The named group `x`, or the whole match.
#[track_caller]
fn found<'t>(pattern: &str, text: &'t str) -> Option<&'t str> {
    let regex = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let captures = regex.captures(text)?;
    let group = captures.name("x").or(captures.get(0));
    group.map(|it| it.as_str())
}

#[track_caller]
fn refusal(pattern: &str) -> String {
    compile(pattern).unwrap_err().to_string()
}

#[test]
fn patterns_find_what_java_finds() {
    let cases = [
        (r"(?<x>\d{3}) ", "a 200 b", Some("200")),
        (r"^\[(?<x>[^\]]+)\]", "[error] x", Some("error")),
        (r"\w+", "é_a1é", Some("_a1")),
        (r"\bé?a", "éa", Some("a")),
        (r"\d", "\u{663}", None),
        (r"a.b", "a\u{85}b", None),
        (r"a.b", "a\rb", None),
        (r"(?d)a.b", "a\rb", Some("a\rb")),
        (r"(?s)a.b", "a\nb", Some("a\nb")),
        (r"(?s:a.)b.", "a\nb\n", None),
        (r"(?m)^(?<x>\w+)$", "a b\r\ncd\r\n", Some("cd")),
        (r"a(?<x>b)$", "ab\r\n", Some("b")),
        (r"^$", "\n", Some("\n")),
        (r"(?d)a$", "a\r\n", None),
        (r"(?d)a\r$", "a\r\n", Some("a\r\n")),
        (r"a\Z|c$", "xa\n", Some("a\n")),
        (r"a\z", "a\n", None),
        (r"a$", "a\n\n", None),
        (r"(?:a$)?", "b", Some("")),
        (r"(?i)straSSe", "STRASSE", Some("STRASSE")),
        (r"(?i)é[à-ç]", "Éb", None),
        (r"(?iu)é[à-ç]", "ÉÀ", Some("ÉÀ")),
        (r"(?i)[^x-z]", "XY", None),
        (r"(?i)[W-Z]", "x", Some("x")),
        (r"(?i)k", "\u{212a}", None),
        (r"(?i)\p{Upper}\P{Lower}", "a1", Some("a1")),
        (r"[a-z&&[^aeiou]]+", "aeixyzo", Some("xyz")),
        (r"[^a-z&&[^x]]", "bx", Some("x")),
        (r"[\w.-]+", "a.b-c d", Some("a.b-c")),
        (r"[]a]+", "]a", Some("]a")),
        (r"[a-[b]]+", "-ab", Some("-ab")),
        (r"[\Q]-[\E]+", "]-[", Some("]-[")),
        (r"[&~^-]+", "^&~-", Some("^&~-")),
        (r"\Qa.b*\E+", "a.b**", Some("a.b**")),
        (r"\Q(", "(", Some("(")),
        (r"\p{Alpha}+\P{Alpha}", "aé", Some("aé")),
        (r"\p{IsLatin}+", "aéж", Some("aé")),
        (r"\p{Lu}\pL", "aÉé", Some("Éé")),
        (r"\p{javaLowerCase}", "Éé", Some("é")),
        (r"\p{Punct}+", "a[`~", Some("[`~")),
        (r"\h+\v", " \u{3000}\u{b}", Some(" \u{3000}\u{b}")),
        (r"\s", "\u{a0}\u{b}", Some("\u{b}")),
        (r"a\Rb", "a\r\nb", Some("a\r\nb")),
        (
            r"\x41\u0042\x{43}\0104\cA\t",
            "ABCD\u{1}\t",
            Some("ABCD\u{1}\t"),
        ),
        (r"\uD83D\uDE00", "😀", Some("😀")),
        (r"a{2,3}?", "aaa", Some("aa")),
        (r"}", "}", Some("}")),
        ("(?x) a b # c\n [ d ]+ \\ ", "abd ", Some("abd ")),
        (r"(?x)a (?-x:b ) +", "ab b ", Some("ab b ")),
        (r"(a|b(?:c|))d", "bd", Some("bd")),
        (r"((?i)a)b", "Ab", Some("Ab")),
        (r"((?i)a)b", "AB", None),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(found(pattern, text), expected, "{pattern} {text:?}");
    }
}

#[test]
fn possessive_quantifiers_are_dropped_where_giving_back_never_helps() {
    let cases = [
        (r"(?<x>[^:]*+):", "ab:", "ab"),
        (r"\d++$", "12\n", "12\n"),
        (r"(?<x>\w++)(?:-|\.)", "ab.", "ab"),
        (r"(?>\d+)\.", "1.", "1."),
        (r"(?>abc)+x", "abcabcx", "abcabcx"),
        (r"\s*+(?:#.*)?x", "  x", "  x"),
        (r"a{2}+a", "aaa", "aaa"),
        (r"x*+", "xx", "xx"),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(found(pattern, text), Some(expected), "{pattern}");
    }
    for pattern in [
        r"\w++\d",
        r".*+x",
        r"\d++\b",
        r"\w++-?a",
        r"(?:a*+)+",
        r"(?:a|b*+)b",
        r"a*+(?:b|a)",
        r"(?:ab)*+",
        r"(?>a*)a",
        r"(?>a|b)",
        r"(?>a*?)b",
        r"(?:[^,]*+,?)?x",
    ] {
        assert!(compile(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn what_is_not_linear_is_refused_with_its_place() {
    let cases = [
        (
            "ab(?=c)",
            "lookaround cannot be matched in linear time at offset 2: \
             match the neighbour as well and name the part you want `(?<name>..)`",
        ),
        (
            r"(é)\1",
            "a backreference cannot be matched in linear time at offset 4: \
             compare two groups in a condition of the rule",
        ),
        (
            r"\w++a",
            "what is repeated without giving back could take what follows at offset 2: \
             repeat it by `*`, `+` or `?` alone, or repeat less, as in `[^:]*+:`",
        ),
        (
            "(a$)",
            "`$` is taken at the end of a pattern or of its alternatives only at offset 2: \
             put it behind the group, or write `\\z` for the very end",
        ),
    ];
    for (pattern, expected) in cases {
        assert_eq!(refusal(pattern), expected, "{pattern}");
    }
    for pattern in [
        r"(?<!a)b", r"(?<=a)b", r"(?!a)b", r"\k<a>", r"\G", r"a$b", r"(?:a$)+", r"$$",
    ] {
        refusal(pattern);
    }
}

#[test]
fn what_java_refuses_is_refused() {
    for pattern in [
        "*a",
        "a**",
        "a{2}{3}",
        "{",
        "a{,3}",
        "a{3,2}",
        "a{x}",
        "(",
        ")",
        "(?<1a>b)",
        "(?<a_b>c)",
        "(?P<a>b)",
        "(?z)",
        "[a",
        "[z-a]",
        "[a-\\d]",
        "[]",
        "[a&&]",
        "\\",
        "\\y",
        "\\p{Nope}",
        "\\p{InGreek}",
        "\\xg",
        "\\u12",
        "\\uD83D",
        "\\x{110000}",
        "\\0",
        "\\c",
        "(?<a>b)(?<a>c)",
        "(?U)a",
        "^*",
    ] {
        let error = compile(pattern).map(|it| it.as_str().to_owned());
        let error = error.expect_err(pattern);
        assert!(pattern.is_char_boundary(error.offset), "{pattern}");
    }
    assert!(compile(&"(".repeat(100_000)).is_err());
    assert!(compile(&"[".repeat(100_000)).is_err());
}

#[test]
fn the_size_of_a_pattern_is_bounded() {
    assert!(
        refusal(r"(?:\p{L}{1000}){1000}").starts_with("the pattern needs more than 2097152 bytes")
    );
    assert!(compile(&format!("{}a{}", "(".repeat(300), ")".repeat(300))).is_err());
}

#[test]
fn a_whole_text_is_matched_by_any_alternative() {
    let matches = |pattern, text| compile_whole(pattern).unwrap().is_match(text);
    assert!(matches("a|ab", "ab"));
    assert!(!matches("a", "ab"));
    assert!(matches("a$", "a"));
    assert!(!matches("a$", "a\n"));
}

#[track_caller]
fn replaced(pattern: &str, text: &str, by: &str) -> Result<String, String> {
    let regex = compile(pattern).unwrap();
    Replacement::new(&regex, by).and_then(|it| it.all(text))
}

#[test]
fn replacements_name_groups_as_in_java() {
    let cases = [
        (r"(\d+)-(?<x>\d+)", "1-2 3-4", "${x}/$1", "2/1 4/3"),
        (r"(a)$|(b)", "b a\n", "<$1$2>", "<b> <a>\n"),
        ("a", "aXa", r"\$1\\", r"$1\X$1\"),
        ("(a)", "a", "$12", "a2"),
        ("x*", "ab", "-", "-a-b-"),
        // An empty match follows at the end of another.
        ("b*", "abc", "-", "-a--c-"),
        ("$", "a\n", "-", "a-\n-"),
        ("a$|\n", "a\n", "-", "--"),
        ("a", "ba", "[$0]", "b[a]"),
        ("(a)|b", "b", "[$1]", "[]"),
    ];
    for (pattern, text, by, expected) in cases {
        assert_eq!(
            replaced(pattern, text, by).as_deref(),
            Ok(expected),
            "{pattern} {by}"
        );
    }
    let regex = compile("a").unwrap();
    assert_eq!(
        Replacement::new(&regex, "b").unwrap().first("aa").unwrap(),
        "ba"
    );
}

#[test]
fn wrong_replacements_fail_as_in_java() {
    let cases = [
        ("\\", "character to be escaped is missing"),
        ("$", "Illegal group reference"),
        ("$x", "Illegal group reference"),
        ("$2", "No group 2"),
        ("${y}", "No group with name {y}"),
        ("${x", "named capturing group is missing trailing '}'"),
    ];
    for (by, expected) in cases {
        assert_eq!(replaced("(?<x>a)", "a", by).unwrap_err(), expected);
    }
    let long = "b".repeat(1 << 20);
    assert!(replaced("a", &"a".repeat(100), &long).is_err());
}

#[test]
fn texts_split_as_in_java() {
    let cases: [(&str, &str, i32, &[&str]); 11] = [
        (":", "a:b", 0, &["a", "b"]),
        (":", ":a::", 0, &["", "a"]),
        (":", ":a::", -1, &["", "a", "", ""]),
        (":", "a:b:c", 2, &["a", "b:c"]),
        (":", "a:b:c", 1, &["a:b:c"]),
        (":", "", 0, &[""]),
        (":", ":", 0, &[]),
        ("", "abc", 0, &["a", "b", "c"]),
        ("b?", "abc", 0, &["a", "", "c"]),
        (r"\s*,\s*", "a , b,c", 0, &["a", "b", "c"]),
        ("x", "abc", 0, &["abc"]),
    ];
    for (pattern, text, limit, expected) in cases {
        let regex = compile(pattern).unwrap();
        assert_eq!(
            split(&regex, text, limit),
            expected,
            "{pattern} {text} {limit}"
        );
    }
}

proptest! {
    #[test]
    fn any_pattern_compiles_or_says_where_not(pattern in r"[a-c()\[\]{}|*+?^$.\\:<>=!&QEdwpLxuk0-3,é# -]{0,24}", text in ".{0,20}") {
        for compile in [compile, compile_whole] {
            match compile(&pattern) {
                Ok(regex) => {
                    regex.is_match(&text);
                    split(&regex, &text, 0);
                    if let Ok(replacement) = Replacement::new(&regex, &text) {
                        replacement.all(&pattern).ok();
                    }
                }
                Err(error) => {
                    prop_assert!(pattern.is_char_boundary(error.offset), "{}", error);
                    // What is refused without a place is what the target alone knows of.
                    let is_known = error.offset < pattern.len() || pattern.contains(['(', '[', '{', '\\']);
                    prop_assert!(is_known, "{} {}", pattern, error);
                }
            }
        }
    }

    #[test]
    fn quoted_text_matches_itself(text in "[^\\\\]{0,20}") {
        let pattern = format!(r"\Q{text}\E");
        let regex = compile_whole(&pattern).unwrap();
        prop_assert!(regex.is_match(&text));
    }

    /// Patterns that mean the same in both syntaxes, against the target's own parser.
    #[test]
    fn plain_patterns_are_those_of_the_target(pattern in "(\\(?[ab]\\|?[ab]?[*+?]?\\)?|[ab]{0,3}[*+?]?|\\[\\^?[ab]\\][*+]?){1,4}", text in "[abc]{0,8}") {
        if let (Ok(ours), Ok(target)) = (compile(&pattern), Regex::new(&pattern)) {
            let bounds = |regex: &Regex| regex.find(&text).map(|it| (it.start(), it.end()));
            prop_assert_eq!(bounds(&ours), bounds(&target), "{} {}", pattern, text);
        }
    }
}
