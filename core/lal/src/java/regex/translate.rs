//! Java's syntax to that of the `regex` crate, atom by atom.
//!
//! Nothing of the target's modes is used: what a flag means is written out into each atom. A stack of
//! groups stands in for recursion.

mod groups;
mod quantifier;

use super::class::{self, Escape};
use super::input::Input;
use super::possessive::Pending;
use super::{LINE_END, Unsupported};
use groups::{Branch, Group, GroupKind};

/// Java's line terminators but `\r\n`.
const TERMINATORS: &str = r"\n\r\x{85}\x{2028}\x{2029}";

/// What a `$` means at the end of a pattern.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum End {
    /// The end, or the line terminator in front of it.
    Line,
    /// The whole text has to match anyway.
    Text,
}

pub(super) fn translate(pattern: &str, end: End) -> Result<String, Unsupported> {
    let mut translator = Translator {
        input: Input::new(pattern),
        output: String::new(),
        end,
        flags: Flags::default(),
        groups: Vec::new(),
        branch: Branch::default(),
        line_ends: 0,
    };
    while let Some((offset, character)) = translator.next() {
        translator.element(offset, character)?;
    }
    match translator.groups.last() {
        Some(group) => refuse(group.offset, "a group is not closed", "add a `)`"),
        None => Ok(translator.output),
    }
}

pub(super) fn refuse<T>(
    offset: usize,
    reason: impl Into<String>,
    help: &'static str,
) -> Result<T, Unsupported> {
    Err(Unsupported {
        offset,
        reason: reason.into(),
        help,
    })
}

#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) ignores_case: bool,
    /// Case of all of Unicode, not of ASCII alone.
    pub(super) unicode_case: bool,
    dot_takes_all: bool,
    multi_line: bool,
    unix_lines: bool,
    pub(super) comments: bool,
}

struct Translator<'a> {
    input: Input<'a>,
    output: String,
    end: End,
    flags: Flags,
    groups: Vec<Group>,
    branch: Branch,
    line_ends: usize,
}

impl Translator<'_> {
    /// The next character that counts.
    fn next(&mut self) -> Option<(usize, char)> {
        self.skip_comments();
        self.input.next()
    }

    fn skip_comments(&mut self) {
        while self.flags.comments {
            match self.input.peek() {
                Some('\t'..='\r' | ' ') => self.input.skip(1),
                Some('#') => {
                    let rest = self.input.rest();
                    self.input
                        .skip(rest.find(['\n', '\r']).unwrap_or(rest.len()));
                }
                _ => return,
            }
        }
    }

    fn element(&mut self, offset: usize, character: char) -> Result<(), Unsupported> {
        match character {
            '(' => self.open(offset),
            ')' => self.close(offset),
            '|' => self.alternative(offset),
            '[' => {
                let class = class::class(&mut self.input, self.flags, offset)?;
                self.single(&class)
            }
            '.' => {
                let dot = match (self.flags.dot_takes_all, self.flags.unix_lines) {
                    (true, _) => r"[\x{0}-\x{10FFFF}]".to_owned(),
                    (false, true) => r"[^\n]".to_owned(),
                    (false, false) => format!("[^{TERMINATORS}]"),
                };
                self.single(&dot)
            }
            '^' => {
                let start = match (self.flags.multi_line, self.flags.unix_lines) {
                    (false, _) => r"\A",
                    (true, false) => "(?mR:^)",
                    (true, true) => "(?m:^)",
                };
                self.assertion(offset, start)
            }
            '$' => match (self.flags.multi_line, self.flags.unix_lines) {
                (false, _) => self.line_end(offset),
                (true, false) => self.assertion(offset, "(?mR:$)"),
                (true, true) => self.assertion(offset, "(?m:$)"),
            },
            '*' | '+' | '?' => refuse(
                offset,
                "there is nothing to repeat",
                "`\\` in front of it quotes it",
            ),
            '{' => refuse(
                offset,
                "there is nothing to repeat",
                "`\\{` is the character",
            ),
            '\\' => self.escape(offset),
            _ => self.single(&class::literal(character, self.flags)),
        }
    }

    fn escape(&mut self, offset: usize) -> Result<(), Unsupported> {
        if self.input.eat('Q') {
            return self.quotation();
        }
        let assertion = match self.input.peek() {
            Some('A') => r"\A",
            Some('z') => r"\z",
            Some('b') if !self.input.rest().starts_with("b{") => r"(?-u:\b)",
            Some('B') => r"(?-u:\B)",
            Some('Z') => {
                self.input.skip(1);
                return self.line_end(offset);
            }
            Some('R') => {
                self.input.skip(1);
                let line_break = format!(r"(?:\r\n|[\x0B\x0C{TERMINATORS}])");
                return self.atom(&line_break, false);
            }
            _ => match class::escape(&mut self.input, self.flags, offset)? {
                Escape::Character(character) => {
                    return self.single(&class::literal(character, self.flags));
                }
                Escape::Class(class) => return self.single(&class),
            },
        };
        self.input.skip(1);
        if assertion == r"\z" {
            self.branch.pending.clear();
        }
        self.assertion(offset, assertion)
    }

    /// `\Q..\E`, the last of whose characters may be repeated.
    fn quotation(&mut self) -> Result<(), Unsupported> {
        while !self.input.rest().is_empty() && !self.input.eat_all("\\E") {
            let Some((_, character)) = self.input.next() else {
                break;
            };
            let is_last = self.input.eat_all("\\E");
            let literal = class::literal(character, self.flags);
            if is_last {
                return self.single(&literal);
            }
            self.follow()?;
            self.settle(&literal, true)?;
            self.output.push_str(&literal);
        }
        Ok(())
    }

    /// One character, by whatever class.
    fn single(&mut self, atom: &str) -> Result<(), Unsupported> {
        self.atom(atom, true)
    }

    fn atom(&mut self, atom: &str, is_single: bool) -> Result<(), Unsupported> {
        self.follow()?;
        let quantifier = self.quantifier()?;
        if is_single {
            self.settle(atom, !quantifier.is_optional)?;
        } else {
            self.unsettled()?;
        }
        self.output.push_str(atom);
        self.output.push_str(&quantifier.text);
        let is_atomic = self.groups.iter().any(|it| it.kind == GroupKind::Atomic);
        let is_open = !quantifier.is_fixed && !quantifier.text.is_empty();
        if is_atomic && is_open && quantifier.is_lazy {
            return refuse(
                quantifier.offset,
                "an atomic group with a lazy quantifier cannot be matched in linear time",
                "use `(?:..)`",
            );
        }
        if is_open && (is_atomic || quantifier.is_possessive) {
            if !is_single {
                return refuse_possessive(quantifier.offset);
            }
            self.branch
                .pending
                .push(Pending::new(quantifier.offset, atom));
        }
        Ok(())
    }

    /// What takes no character.
    fn assertion(&mut self, offset: usize, assertion: &str) -> Result<(), Unsupported> {
        self.follow()?;
        self.unsettled()?;
        let quantifier = self.quantifier()?;
        if !quantifier.text.is_empty() {
            let help = "leave the quantifier out, or `\\` in front quotes the character";
            return refuse(offset, "what takes no character is not repeated", help);
        }
        self.output.push_str(assertion);
        Ok(())
    }

    /// `$` and `\Z` outside of multi-line mode.
    fn line_end(&mut self, offset: usize) -> Result<(), Unsupported> {
        self.settle(&format!("[{TERMINATORS}]"), true)?;
        if self.end == End::Text {
            return self.assertion(offset, r"\z");
        }
        let terminator = if self.flags.unix_lines {
            r"\n".to_owned()
        } else {
            format!(r"\r\n|[{TERMINATORS}]")
        };
        let number = self.line_ends;
        self.line_ends += 1;
        self.assertion(
            offset,
            &format!(r"(?:(?<{LINE_END}{number}>{terminator})?\z)"),
        )?;
        self.branch.end = Some(offset);
        Ok(())
    }

    /// Nothing follows a `$`.
    fn follow(&self) -> Result<(), Unsupported> {
        match self.branch.end {
            Some(end) => refuse_end(end),
            None => Ok(()),
        }
    }

    /// What is pending must not be able to take what the next character is.
    fn settle(&mut self, atom: &str, is_there: bool) -> Result<(), Unsupported> {
        if self.branch.pending.is_empty() {
            return Ok(());
        }
        for pending in &self.branch.pending {
            if !pending.is_disjoint(atom) {
                return refuse_possessive(pending.offset);
            }
        }
        if is_there {
            self.branch.pending.clear();
        }
        Ok(())
    }

    fn unsettled(&self) -> Result<(), Unsupported> {
        match self.branch.pending.first() {
            Some(pending) => refuse_possessive(pending.offset),
            None => Ok(()),
        }
    }
}

fn refuse_end<T>(offset: usize) -> Result<T, Unsupported> {
    let reason = "`$` is taken at the end of a pattern or of its alternatives only";
    refuse(
        offset,
        reason,
        "put it behind the group, or write `\\z` for the very end",
    )
}

fn refuse_possessive<T>(offset: usize) -> Result<T, Unsupported> {
    let reason = "what is repeated without giving back could take what follows";
    refuse(
        offset,
        reason,
        "repeat it by `*`, `+` or `?` alone, or repeat less, as in `[^:]*+:`",
    )
}
