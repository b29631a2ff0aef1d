//! Numbers of mobile phones of mainland China: eleven digits that begin with 13 to 19, perhaps after the
//! country's code 86.
//!
//! Digits before or behind, as in ids and times, make it another number. Two digits of a percent escape, as
//! the 22 of `%22`, are none.

/// Digits of a number without the country's code.
const DIGITS: usize = 11;

/// `text` with `mask` in the place of phone numbers, and how many there were; `None` if there were none.
pub(crate) fn mask(text: &str, mask: &str) -> Option<(String, u64)> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut found = 0;
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        if is_escape(&bytes[at..]) {
            at += 3;
            continue;
        }
        let digits = bytes[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let end = at + digits;
        if let Some(prefix) = prefix_of(&bytes[..at], &bytes[at..end]) {
            // Digits are characters of one byte, so these are places between characters.
            out.push_str(&text[copied..at - prefix]);
            out.push_str(mask);
            copied = end;
            found += 1;
        }
        at = end.max(at + 1);
    }
    if found == 0 {
        return None;
    }
    out.push_str(&text[copied..]);
    Some((out, found))
}

/// Whether a run of digits is a phone number, and how many bytes before it belong to it.
fn prefix_of(before: &[u8], digits: &[u8]) -> Option<usize> {
    if is_phone(digits) {
        return Some(0);
    }
    let (code, rest) = digits.split_at_checked(digits.len().checked_sub(DIGITS)?)?;
    if !is_phone(rest) {
        return None;
    }
    match code {
        b"0086" => Some(0),
        b"86" if before.ends_with(b"+") => Some(1),
        b"86" if is_escaped_plus(before.last_chunk()) => Some(3),
        _ => None,
    }
}

fn is_phone(digits: &[u8]) -> bool {
    digits.len() == DIGITS && digits[0] == b'1' && (b'3'..=b'9').contains(&digits[1])
}

fn is_escaped_plus(before: Option<&[u8; 3]>) -> bool {
    before.is_some_and(|escape| escape.eq_ignore_ascii_case(b"%2b"))
}

fn is_escape(bytes: &[u8]) -> bool {
    matches!(bytes, [b'%', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn phone_numbers_are_masked_wherever_they_stand() {
        for (text, masked) in [
            ("13912345678", "#"),
            ("/user/13912345678/cart", "/user/#/cart"),
            ("tel=+8613912345678&x=1", "tel=#&x=1"),
            ("tel=%2B8613912345678", "tel=#"),
            ("008613912345678", "#"),
            ("+86 19900000000", "+86 #"),
            ("%2213912345678%22", "%22#%22"),
            ("a=13912345678,18812345678", "a=#,#"),
            ("手机13912345678。", "手机#。"),
        ] {
            let (found, _) = mask(text, "#").unwrap_or_else(|| panic!("{text} has one"));
            assert_eq!(found, masked);
        }
        assert_eq!(
            mask("a=13912345678,18812345678", "").map(|found| found.1),
            Some(2)
        );
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in [
            "",
            "no digits",
            "1391234567",
            "139123456789",
            "12912345678",
            "1795235555512",
            "1795235555512000000",
            "8613912345678",
            "order-2025010113912345678",
            "%",
            "%2",
        ] {
            assert_eq!(mask(text, "#"), None, "{text}");
        }
    }
}
