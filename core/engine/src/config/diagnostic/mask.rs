//! The line a diagnostic shows, without the secrets on it.
//!
//! Two layers: places that the check against the schemas marked as secret, and, on lines where it
//! marked none (a file that does not parse was never checked), whatever follows a key that is named
//! like a secret.

use crate::config::position::{Position, Sources, to_usize};
use crate::config::secret::REDACTED;

/// Characters of a line that are shown; a longer line is cut around the caret.
const MAX_LINE_CHARS: usize = 160;

/// Parts of key names that are taken for secrets where no schema says so.
const SECRET_WORDS: [&str; 9] = [
    "api_key",
    "authorization",
    "cookie",
    "credential",
    "key_pem",
    "passphrase",
    "password",
    "secret",
    "token",
];

pub(super) struct ShownLine {
    pub(super) text: String,
    pub(super) caret_start: usize,
    pub(super) caret_width: usize,
}

pub(super) fn shown_line(position: Position, sources: &Sources) -> ShownLine {
    let original = sources
        .line(position.source, position.line)
        .unwrap_or_default();
    let mut shown = ShownLine {
        text: original
            .chars()
            .map(|char| if char.is_control() { ' ' } else { char })
            .collect(),
        caret_start: to_usize(position.column).saturating_sub(1),
        caret_width: to_usize(position.width).max(1),
    };
    let mut hidden: Vec<(usize, usize)> = sources
        .secrets_on(position.source, position.line)
        .iter()
        .map(|secret| (to_usize(secret.column) - 1, to_usize(secret.width)))
        .collect();
    if hidden.is_empty() {
        hidden.extend(named_like_secret(original));
    }
    // From the back, so that hiding one does not move those still to be hidden.
    for (start, width) in hidden.into_iter().rev() {
        hide(&mut shown, start, width);
    }
    cut(&mut shown);
    shown
}

/// Replaces `width` characters from `start` and keeps the caret on what it pointed at.
fn hide(shown: &mut ShownLine, start: usize, width: usize) {
    let characters: Vec<char> = shown.text.chars().collect();
    let start = start.min(characters.len());
    let end = start.saturating_add(width).min(characters.len());
    if start == end {
        return;
    }
    let head: String = characters[..start].iter().collect();
    let tail: String = characters[end..].iter().collect();
    shown.text = format!("{head}{REDACTED}{tail}");
    let caret_end = shown.caret_start + shown.caret_width;
    if shown.caret_start >= end {
        shown.caret_start = shown.caret_start - (end - start) + REDACTED.len();
    } else if shown.caret_start >= start {
        shown.caret_start = start;
        shown.caret_width = REDACTED.len();
    } else if caret_end > start {
        shown.caret_width = start - shown.caret_start + REDACTED.len();
    }
}

/// The characters, from and how many, of a value whose key sounds like a secret: from behind
/// `key:` or `key=` to the end of the line. A reference is no secret.
fn named_like_secret(line: &str) -> Option<(usize, usize)> {
    let lowered = line.to_ascii_lowercase();
    let word_end = SECRET_WORDS
        .iter()
        .filter_map(|word| lowered.find(word).map(|at| at + word.len()))
        .min()?;
    let separator = lowered[word_end..].find([':', '='])?;
    let after = word_end + separator + 1;
    let value = line[after..].trim_start();
    if value.is_empty() || value.starts_with("${") {
        return None;
    }
    let start = line[..line.len() - value.len()].chars().count();
    Some((start, value.trim_end().chars().count()))
}

fn cut(shown: &mut ShownLine) {
    let length = shown.text.chars().count();
    shown.caret_start = shown.caret_start.min(length);
    if length > MAX_LINE_CHARS {
        let skipped = shown.caret_start.saturating_sub(MAX_LINE_CHARS / 2);
        let kept = shown.text.chars().skip(skipped).take(MAX_LINE_CHARS);
        shown.text = kept.collect();
        shown.caret_start -= skipped;
    }
    let room = shown.text.chars().count() - shown.caret_start;
    shown.caret_width = shown.caret_width.clamp(1, room.max(1));
}
