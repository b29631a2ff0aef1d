//! Groups: what opens them, what their ends leave to what follows.

use super::{Flags, Translator, refuse, refuse_end, refuse_possessive};
use crate::java::regex::Unsupported;
use crate::java::regex::possessive::Pending;

pub(super) struct Group {
    pub(super) offset: usize,
    pub(super) kind: GroupKind,
    pub(super) flags_outside: Flags,
    /// What is pending in front of it, and so in front of each of its alternatives.
    pub(super) pending_before: Vec<Pending>,
    /// Of the alternatives that are read.
    pub(super) finished: Branch,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum GroupKind {
    Capturing,
    Plain,
    Atomic,
}

/// What the end of an alternative leaves to what follows.
#[derive(Default)]
pub(super) struct Branch {
    pub(super) pending: Vec<Pending>,
    /// A `$` that has taken a line terminator along: nothing may follow.
    pub(super) end: Option<usize>,
}

impl Translator<'_> {
    pub(super) fn open(&mut self, offset: usize) -> Result<(), Unsupported> {
        self.follow()?;
        let flags_outside = self.flags;
        let kind = if !self.input.eat('?') {
            self.output.push('(');
            GroupKind::Capturing
        } else if self.input.eat(':') {
            self.output.push_str("(?:");
            GroupKind::Plain
        } else if self.input.eat('>') {
            self.output.push_str("(?:");
            GroupKind::Atomic
        } else {
            let rest = self.input.rest();
            if ["=", "!", "<=", "<!"].iter().any(|it| rest.starts_with(it)) {
                let help = "match the neighbour as well and name the part you want `(?<name>..)`";
                return refuse(offset, "lookaround cannot be matched in linear time", help);
            }
            if self.input.eat('<') {
                self.name(offset)?;
                GroupKind::Capturing
            } else if self.flags(offset)? {
                self.output.push_str("(?:");
                GroupKind::Plain
            } else {
                return Ok(());
            }
        };
        self.groups.push(Group {
            offset,
            kind,
            flags_outside,
            pending_before: self.branch.pending.clone(),
            finished: Branch::default(),
        });
        Ok(())
    }

    fn name(&mut self, offset: usize) -> Result<(), Unsupported> {
        let rest = self.input.rest();
        let name = rest.split('>').next().unwrap_or_default();
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && name.len() < rest.len();
        if !is_name {
            return refuse(
                offset,
                "this is no name of a group",
                "`(?<name>..)`, of letters and digits",
            );
        }
        self.output.push_str(&format!("(?<{name}>"));
        self.input.skip(name.len() + 1);
        Ok(())
    }

    /// `i-s)` or `i-s:`; whether a group follows.
    fn flags(&mut self, offset: usize) -> Result<bool, Unsupported> {
        let mut is_on = true;
        loop {
            let flags = &mut self.flags;
            match self.input.next().map(|(_, character)| character) {
                Some('i') => flags.ignores_case = is_on,
                Some('u') => flags.unicode_case = is_on,
                Some('s') => flags.dot_takes_all = is_on,
                Some('m') => flags.multi_line = is_on,
                Some('d') => flags.unix_lines = is_on,
                Some('x') => flags.comments = is_on,
                Some('-') if is_on => is_on = false,
                Some(')') => return Ok(false),
                Some(':') => return Ok(true),
                Some('U') => {
                    let help = "name what you mean, for example `\\p{L}`";
                    return refuse(offset, "the flag `U` is not taken", help);
                }
                _ => return refuse(offset, "this is no flag", "i, u, s, m, d and x are"),
            }
        }
    }

    pub(super) fn alternative(&mut self, offset: usize) -> Result<(), Unsupported> {
        if self.groups.iter().any(|it| it.kind == GroupKind::Atomic) {
            let help = "use `(?:..|..)`";
            let reason = "an atomic group with alternatives cannot be matched in linear time";
            return refuse(offset, reason, help);
        }
        self.output.push('|');
        let before = match self.groups.last_mut() {
            Some(group) => {
                group.finished.take(&mut self.branch);
                group.pending_before.clone()
            }
            None => Vec::new(),
        };
        self.branch = Branch {
            pending: before,
            end: None,
        };
        Ok(())
    }

    pub(super) fn close(&mut self, offset: usize) -> Result<(), Unsupported> {
        let Some(mut group) = self.groups.pop() else {
            return refuse(offset, "no group is open here", "`\\)` is the character");
        };
        self.output.push(')');
        group.finished.take(&mut self.branch);
        self.branch = group.finished;
        self.flags = group.flags_outside;
        let quantifier = self.quantifier()?;
        self.output.push_str(&quantifier.text);
        if let Some(end) = self.branch.end
            && (group.kind == GroupKind::Capturing || quantifier.repeats)
        {
            return refuse_end(end);
        }
        let is_atomic = self.groups.iter().any(|it| it.kind == GroupKind::Atomic);
        if quantifier.is_possessive || (is_atomic && !quantifier.is_fixed) {
            return refuse_possessive(quantifier.offset);
        }
        if quantifier.repeats {
            self.unsettled()?;
        }
        if quantifier.is_optional {
            self.branch.pending.extend(group.pending_before);
        }
        Ok(())
    }
}

impl Branch {
    /// One of both was matched.
    fn take(&mut self, other: &mut Branch) {
        self.pending.append(&mut other.pending);
        self.end = self.end.or(other.end.take());
    }
}
