//! Broken UTF-8 does not cost a batch.
//!
//! Real SDKs send it: a string cut through an emoji leaves half a surrogate pair, which some
//! protobuf writers encode as three bytes of their own. Strict backends refuse the whole request
//! for it. The repair keeps every length, so that no enclosing message has to be rewritten.

use std::ops::Range;

/// What a receiver does with text that is not UTF-8; `invalid_utf8` in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvalidUtf8 {
    /// Surrogate halves become U+FFFD, any other invalid byte `?`.
    #[default]
    Repair,
    /// The request is refused.
    Refuse,
}

/// U+FFFD takes three bytes in UTF-8, as many as an encoded surrogate half.
const REPLACEMENT: [u8; 3] = [0xEF, 0xBF, 0xBD];

/// A copy of `request` in which the `broken` strings are valid UTF-8 of the same length.
pub(crate) fn copy(request: &[u8], broken: &[Range<usize>]) -> Vec<u8> {
    let mut copy = request.to_vec();
    for text in broken {
        in_place(&mut copy[text.clone()]);
    }
    copy
}

/// Makes `text` valid UTF-8 without changing its length.
pub(crate) fn in_place(text: &mut [u8]) {
    let mut at = 0;
    while let Err(error) = std::str::from_utf8(&text[at..]) {
        at += error.valid_up_to();
        match &mut text[at..] {
            [first @ 0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, ..] => {
                [*first, *second, *third] = REPLACEMENT;
                at += REPLACEMENT.len();
            }
            [byte, ..] => {
                *byte = b'?';
                at += 1;
            }
            [] => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn repaired(text: &[u8]) -> String {
        let mut text = text.to_vec();
        in_place(&mut text);
        String::from_utf8(text).expect("repaired text is UTF-8")
    }

    #[test]
    fn a_surrogate_half_becomes_the_replacement_character() {
        assert_eq!(repaired(b"ok \xED\xA0\xBD end"), "ok \u{FFFD} end");
        assert_eq!(repaired(b"\xED\xB8\x80\xED\xA0\xBD"), "\u{FFFD}\u{FFFD}");
    }

    #[test]
    fn any_other_invalid_byte_becomes_a_question_mark() {
        assert_eq!(repaired(b"a\xFFb\xC3"), "a?b?");
        assert_eq!(
            repaired("鲜花".as_bytes().split_last().expect("not empty").1),
            "鲜??"
        );
        assert_eq!(repaired(b"\xED\xA0"), "??");
    }

    proptest! {
        #[test]
        fn valid_text_and_every_length_are_kept(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            text: String,
        ) {
            prop_assert_eq!(repaired(&bytes).len(), bytes.len());
            prop_assert_eq!(repaired(text.as_bytes()), text);
        }
    }
}
