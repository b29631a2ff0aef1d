//! Characters and classes of them.

use super::Unsupported;
use super::input::Input;
use super::translate::{Flags, refuse};

/// Deepest nesting of classes in each other, which bounds the recursion.
const NESTING_MAX: usize = 16;

const DIGIT: &str = "0-9";
const WORD: &str = "0-9A-Z_a-z";
const SPACE: &str = r"\x09-\x0D\x20";
const HORIZONTAL: &str = r"\x09\x20\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}";
const VERTICAL: &str = r"\x0A-\x0D\x{85}\x{2028}\x{2029}";

/// What a backslash stands for where it stands for characters.
pub(super) enum Escape {
    Character(char),
    /// In the target's syntax, with brackets.
    Class(String),
}

/// A character by itself, in the target's syntax.
pub(super) fn literal(character: char, flags: Flags) -> String {
    if !flags.ignores_case {
        return regex_syntax::escape(character.encode_utf8(&mut [0; 4]));
    }
    if flags.unicode_case {
        return format!("(?i:{})", item(character));
    }
    let lower = character.to_ascii_lowercase();
    let upper = character.to_ascii_uppercase();
    if lower == upper {
        return item(character);
    }
    format!("[{lower}{upper}]")
}

/// A character inside or outside of a class, whatever it is.
fn item(character: char) -> String {
    if character.is_ascii_alphanumeric() {
        return character.into();
    }
    format!(r"\x{{{:X}}}", u32::from(character))
}

/// A class whose bracket at `offset` is read.
pub(super) fn class(
    input: &mut Input<'_>,
    flags: Flags,
    offset: usize,
) -> Result<String, Unsupported> {
    let class = nested(input, flags, offset, NESTING_MAX)?;
    if flags.ignores_case && flags.unicode_case {
        return Ok(format!("(?i:{class})"));
    }
    Ok(class)
}

fn nested(
    input: &mut Input<'_>,
    flags: Flags,
    offset: usize,
    depth: usize,
) -> Result<String, Unsupported> {
    if depth == 0 {
        let reason = format!("classes are nested deeper than {NESTING_MAX} levels");
        return refuse(offset, reason, "write a union as one class");
    }
    let mut class = "[".to_owned();
    if input.eat('^') {
        class.push('^');
    }
    // Of the operand that is being read.
    let mut is_empty = true;
    loop {
        let Some((at, character)) = input.next() else {
            return refuse(offset, "a class is not closed", "add a `]`");
        };
        match character {
            ']' if !is_empty => {
                class.push(']');
                return Ok(class);
            }
            '&' if input.rest().starts_with('&') => {
                input.skip(1);
                let is_last = matches!(input.peek(), None | Some(']' | '&'));
                if is_empty || is_last {
                    let help = "`[a-z&&[^x]]` takes what is on both sides";
                    return refuse(at, "`&&` needs a class on both sides", help);
                }
                class.push_str("&&");
                is_empty = true;
                continue;
            }
            '[' => class.push_str(&nested(input, flags, at, depth - 1)?),
            ' ' | '\t'..='\r' if flags.comments => continue,
            '\\' if input.eat('Q') => {
                while !input.rest().is_empty() && !input.eat_all("\\E") {
                    if let Some((_, character)) = input.next() {
                        push_range(&mut class, character, character, flags);
                    }
                }
            }
            '\\' => match escape(input, flags, at)? {
                Escape::Character(character) => {
                    range(input, character, at, flags, &mut class)?;
                }
                Escape::Class(inner) => class.push_str(&inner),
            },
            _ => range(input, character, at, flags, &mut class)?,
        }
        is_empty = false;
    }
}

/// A character and, where a `-` follows that is no character itself, all up to another.
fn range(
    input: &mut Input<'_>,
    first: char,
    offset: usize,
    flags: Flags,
    class: &mut String,
) -> Result<(), Unsupported> {
    let rest = input.rest();
    let is_range = rest.starts_with('-') && !rest.starts_with("-]") && !rest.starts_with("-[");
    if !is_range || rest.len() == 1 {
        push_range(class, first, first, flags);
        return Ok(());
    }
    input.skip(1);
    let last = match input.next() {
        Some((at, '\\')) => match escape(input, flags, at)? {
            Escape::Character(character) => Some(character),
            Escape::Class(_) => None,
        },
        Some((_, character)) => Some(character),
        None => None,
    };
    let Some(last) = last.filter(|last| first <= *last) else {
        let help = "the smaller character stands first; `\\-` is the character";
        return refuse(offset, "this is no range of characters", help);
    };
    push_range(class, first, last, flags);
    Ok(())
}

/// With what differs from it by the case of ASCII letters, if that does not count.
fn push_range(class: &mut String, first: char, last: char, flags: Flags) {
    let mut push = |first: char, last: char| {
        class.push_str(&format!("{}-{}", item(first), item(last)));
    };
    push(first, last);
    if !flags.ignores_case || flags.unicode_case {
        return;
    }
    let lower = (first.max('a'), last.min('z'));
    if lower.0 <= lower.1 {
        push(lower.0.to_ascii_uppercase(), lower.1.to_ascii_uppercase());
    }
    let upper = (first.max('A'), last.min('Z'));
    if upper.0 <= upper.1 {
        push(upper.0.to_ascii_lowercase(), upper.1.to_ascii_lowercase());
    }
}

/// What follows a backslash at `offset`.
pub(super) fn escape(
    input: &mut Input<'_>,
    flags: Flags,
    offset: usize,
) -> Result<Escape, Unsupported> {
    let Some((_, letter)) = input.next() else {
        return refuse(
            offset,
            "a backslash stands alone",
            "`\\\\` is the character",
        );
    };
    let class = |characters: &str, is_negated| {
        let not = if is_negated { "^" } else { "" };
        Ok(Escape::Class(format!("[{not}{characters}]")))
    };
    let character = match letter {
        'd' | 'D' => return class(DIGIT, letter == 'D'),
        'w' | 'W' => return class(WORD, letter == 'W'),
        's' | 'S' => return class(SPACE, letter == 'S'),
        'h' | 'H' => return class(HORIZONTAL, letter == 'H'),
        'v' | 'V' => return class(VERTICAL, letter == 'V'),
        'p' | 'P' => return property(input, flags, letter == 'P', offset).map(Escape::Class),
        't' => '\t',
        'n' => '\n',
        'r' => '\r',
        'f' => '\u{c}',
        'a' => '\u{7}',
        'e' => '\u{1b}',
        '0' | 'x' | 'u' | 'c' => return code(input, letter, offset).map(Escape::Character),
        '1'..='9' | 'k' => {
            let help = "compare two groups in a condition of the rule";
            return refuse(
                offset,
                "a backreference cannot be matched in linear time",
                help,
            );
        }
        _ if letter.is_ascii_alphabetic() => {
            let reason = format!("`\\{letter}` is not taken");
            return refuse(
                offset,
                reason,
                "leave the backslash out if the letter is meant",
            );
        }
        _ => letter,
    };
    Ok(Escape::Character(character))
}

/// A character by its number: `\07`, `\x41`, `\x{1F600}`, `\u0041` or `\cA`.
fn code(input: &mut Input<'_>, letter: char, offset: usize) -> Result<char, Unsupported> {
    let rest = input.rest();
    let digits = |text: &str, radix, max| {
        let is_digit = |c: &char| c.is_digit(radix);
        text.chars().take_while(is_digit).take(max).count()
    };
    let (start, length, radix) = match letter {
        '0' => {
            let max = if rest.starts_with(['0', '1', '2', '3']) {
                3
            } else {
                2
            };
            (0, digits(rest, 8, max), 8)
        }
        'x' if rest.starts_with('{') => (1, digits(&rest[1..], 16, 6), 16),
        'x' => (0, digits(rest, 16, 2), 16),
        'u' => (0, digits(rest, 16, 4), 16),
        _ => {
            let control = rest.bytes().next().filter(u8::is_ascii);
            let control = control.map(|byte| char::from(byte ^ 64));
            input.skip(1);
            return control.map_or_else(|| refuse_code(offset), Ok);
        }
    };
    let number = u32::from_str_radix(&rest[start..start + length], radix).unwrap_or(u32::MAX);
    let is_whole = match letter {
        '0' => length > 0,
        'u' => length == 4,
        _ if start == 1 => rest[1 + length..].starts_with('}'),
        _ => length == 2,
    };
    let is_high_half = letter == 'u' && (0xD800..0xDC00).contains(&number);
    let pair = rest.get(4..10).filter(|_| is_high_half && is_whole);
    let low = pair.and_then(|it| u32::from_str_radix(it.strip_prefix("\\u")?, 16).ok());
    let (number, length) = match low.filter(|low| (0xDC00..0xE000).contains(low)) {
        Some(low) => (0x1_0000 + ((number - 0xD800) << 10) + (low - 0xDC00), 10),
        None => (number, length + 2 * start),
    };
    input.skip(length);
    match char::from_u32(number).filter(|_| is_whole) {
        Some(character) => Ok(character),
        None => refuse_code(offset),
    }
}

fn refuse_code<T>(offset: usize) -> Result<T, Unsupported> {
    let help = "`\\x41`, `\\x{1F600}`, `\\u0041`, `\\0101` and `\\cA` are";
    refuse(offset, "this is no number of a character", help)
}

/// `\p{..}` or `\pL`.
fn property(
    input: &mut Input<'_>,
    flags: Flags,
    is_negated: bool,
    offset: usize,
) -> Result<String, Unsupported> {
    let rest = input.rest();
    let (name, length) = match rest.strip_prefix('{') {
        Some(inner) => {
            let name = inner.split('}').next().unwrap_or_default();
            (name, name.len() + 2)
        }
        None => {
            let length = rest.chars().next().map_or(0, char::len_utf8);
            (&rest[..length], length)
        }
    };
    input.skip(length);
    let not = if is_negated { "^" } else { "" };
    let name = match name {
        "Lower" | "Upper" if flags.ignores_case => "Alpha",
        _ => name,
    };
    if let Some(characters) = posix(name) {
        return Ok(format!("[{not}{characters}]"));
    }
    let unicode = name
        .strip_prefix("Is")
        .or_else(|| name.split_once('=').map(|(_, value)| value))
        .unwrap_or(name);
    let is_block = name.starts_with("In") || name.starts_with("blk=") || name.starts_with("block=");
    let class = format!(r"[{not}\p{{{unicode}}}]");
    let is_word = unicode
        .chars()
        .all(|it| it.is_ascii_alphanumeric() || it == '_');
    if is_block || !is_word || regex_syntax::parse(&class).is_err() {
        let reason = format!("`\\p{{{name}}}` is not taken");
        let help =
            "POSIX classes such as `Alpha`, categories such as `Lu`, scripts such as `IsLatin`";
        return refuse(offset, reason, help);
    }
    Ok(class)
}

/// Of ASCII alone, and the classes by methods of `Character` that have a name of their own.
fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "ASCII" => r"\x00-\x7F",
        "Alpha" => "A-Za-z",
        "Digit" => DIGIT,
        "Alnum" => "0-9A-Za-z",
        "Punct" => r"!-/:-@\[-`{-~",
        "Graph" => "!-~",
        "Print" => r"\x20-~",
        "Blank" => r"\x09\x20",
        "Cntrl" => r"\x00-\x1F\x7F",
        "XDigit" => "0-9A-Fa-f",
        "Space" => SPACE,
        "javaLowerCase" => r"\p{Lowercase}",
        "javaUpperCase" => r"\p{Uppercase}",
        _ => return None,
    })
}
