//! Text for a terminal, made of what strangers have sent.

use std::fmt::{self, Write};

use jiff::Timestamp;

/// Bytes of text for one batch; what is beyond is not shown.
const TEXT_MAX: usize = 1 << 20;

/// Characters shown of one value.
pub(super) const VALUE_MAX: usize = 16 << 10;

/// Text that stops growing.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Whether no more should be added.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= TEXT_MAX
    }

    /// Begins a line, two spaces further in for each level.
    pub(super) fn line(&mut self, level: usize) {
        self.0.push('\n');
        self.0.extend(std::iter::repeat_n("  ", level));
    }

    /// Adds text of our own.
    pub(super) fn push(&mut self, text: impl fmt::Display) {
        write!(self.0, "{text}").expect("a string takes all text");
    }

    /// Adds at most `max` characters of text that was received.
    pub(super) fn push_received(&mut self, text: &str, max: usize) {
        for (index, char) in text.chars().enumerate() {
            if index == max {
                self.0.push('…');
                return;
            }
            match char {
                '\\' => self.0.push_str("\\\\"),
                '\n' | '\r' | '\t' => self.0.extend(char.escape_default()),
                char if steers(char) => self.0.extend(char.escape_unicode()),
                char => self.0.push(char),
            }
        }
    }

    /// Adds text that was received, in quotes.
    pub(super) fn push_quoted(&mut self, text: &str) {
        self.push_quoted_short(text, VALUE_MAX);
    }

    /// Adds at most `max` characters of text that was received, in quotes.
    pub(super) fn push_quoted_short(&mut self, text: &str, max: usize) {
        self.0.push('"');
        self.push_received(text, max);
        self.0.push('"');
    }

    pub(super) fn push_hex(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().take(VALUE_MAX / 2) {
            self.push(format_args!("{byte:02x}"));
        }
        if bytes.len() > VALUE_MAX / 2 {
            self.0.push('…');
        }
    }

    /// Adds a time in nanoseconds since the Unix epoch, as ISO 8601 in UTC.
    pub(super) fn push_time(&mut self, unix_nano: u64) {
        match Timestamp::from_nanosecond(i128::from(unix_nano)) {
            Ok(time) => self.push(time),
            Err(_) => self.push(unix_nano),
        }
    }

    pub(super) fn finish(mut self) -> String {
        if self.is_full() {
            self.0.push_str("\n(the rest of this batch is not shown)");
        }
        self.0
    }
}

/// Whether a terminal would obey the character instead of showing it: control characters, which
/// begin escape sequences, and those that reorder or hide what stands around them.
fn steers(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str, max: usize) -> String {
        let mut out = Text::default();
        out.push_received(text, max);
        out.finish()
    }

    #[test]
    fn nothing_that_was_received_steers_the_terminal() {
        assert_eq!(shown("a\x1b[2J\x07b", 99), r"a\u{1b}[2J\u{7}b");
        assert_eq!(shown("\u{9b}1m\u{202e}txt", 99), r"\u{9b}1m\u{202e}txt");
        assert_eq!(shown("two\nlines\\n", 99), r"two\nlines\\n");
        assert_eq!(shown("größer 好", 99), "größer 好");
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(shown("abcdef", 3), "abc…");
        assert_eq!(shown("abc", 3), "abc");
    }

    proptest! {
        #[test]
        fn text_stays_on_its_line(text: String) {
            let shown = shown(&text, usize::MAX);
            prop_assert!(!shown.chars().any(steers), "{shown:?}");
        }
    }
}
