//! What is wrong with rule files, and where: collected as byte ranges, shown as lines with a caret.

use std::fmt;

use crate::load::Source;

/// Findings kept of one load; a file that is wrong in more places is better fixed from the top.
const FINDINGS_MAX: usize = 200;

/// Characters of a line that are shown around the caret.
const LINE_SHOWN_MAX: usize = 160;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The rule does not load.
    Error,
    /// It loads, and does not do what it seems to say.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// A part of a rule file: bytes `start..end` of the source with this index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub source: u32,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// From the start of this one to the end of `last`, which is in the same source.
    pub(crate) fn to(self, last: Span) -> Span {
        Span {
            end: last.end.max(self.end),
            ..self
        }
    }
}

/// One thing to know about a rule file. Needs no source text to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// Lowercase, without a full stop: what is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
    /// The name of the source, usually a path.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The line, control characters as spaces; a part of it if it is very long.
    pub text: String,
    /// Characters of `text` before the marked part.
    pub caret_start: usize,
    /// Characters marked, at least one.
    pub caret_width: usize,
}

impl fmt::Display for Finding {
    /// Several lines, each ended: the message, the place, the line with a caret, the help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let gutter = number.len();
        let indent = self.caret_start;
        let caret = "^".repeat(self.caret_width);
        writeln!(f, "{}: {}", self.severity, self.message)?;
        writeln!(
            f,
            "{:gutter$}--> {}:{}:{}",
            "", self.file, self.line, self.column
        )?;
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{number} | {}", self.text.trim_end())?;
        writeln!(f, "{:gutter$} | {:indent$}{caret}", "", "")?;
        match &self.help {
            Some(help) => writeln!(f, "{:gutter$} = help: {help}", ""),
            None => Ok(()),
        }
    }
}

/// A finding that still points into the sources.
#[derive(Debug)]
pub(crate) struct Report {
    severity: Severity,
    span: Span,
    message: String,
    help: Option<String>,
}

impl Report {
    /// What would be right.
    pub(crate) fn help(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }
}

/// Collects findings. Their number is bounded by the size of the sources, which is bounded.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Report>,
}

impl Findings {
    pub(crate) fn error(&mut self, span: Span, message: impl Into<String>) -> &mut Report {
        self.push(Severity::Error, span, message.into())
    }

    pub(crate) fn warning(&mut self, span: Span, message: impl Into<String>) -> &mut Report {
        self.push(Severity::Warning, span, message.into())
    }

    fn push(&mut self, severity: Severity, span: Span, message: String) -> &mut Report {
        self.list.push(Report {
            severity,
            span,
            message,
            help: None,
        });
        self.list.last_mut().expect("one was just pushed")
    }

    /// A mark to go [back](Self::forget_since) to when an attempt fails.
    pub(crate) fn mark(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn forget_since(&mut self, mark: usize) {
        self.list.truncate(mark);
    }

    pub(crate) fn has_errors_since(&self, mark: usize) -> bool {
        let new = self.list.iter().skip(mark);
        new.into_iter().any(|it| it.severity == Severity::Error)
    }

    /// In the order of the sources; errors first where there are too many.
    pub(crate) fn resolve(mut self, sources: &[Source]) -> Vec<Finding> {
        if self.list.len() > FINDINGS_MAX {
            self.list.sort_by_key(|report| report.severity);
            self.list.truncate(FINDINGS_MAX);
        }
        self.list.sort_by_key(|report| report.span);
        let resolved = self.list.into_iter();
        let mut list: Vec<_> = resolved.map(|report| locate(report, sources)).collect();
        list.dedup();
        list
    }
}

fn locate(report: Report, sources: &[Source]) -> Finding {
    let index = usize::try_from(report.span.source).expect("an index of a slice");
    let source = &sources[index];
    let text = source.text.as_str();
    let start = floor(text, report.span.start);
    let end = floor(text, report.span.end).max(start);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let before = text[line_start..start].chars().count();
    let width = text[start..end.min(line_end)].chars().count().max(1);
    let skipped = before.saturating_sub(LINE_SHOWN_MAX / 2);
    let shown = text[line_start..line_end].chars().skip(skipped);
    let caret_start = before - skipped;
    Finding {
        severity: report.severity,
        message: report.message,
        help: report.help,
        file: source.name.clone(),
        line: text[..start].matches('\n').count() + 1,
        column: before + 1,
        text: shown
            .take(LINE_SHOWN_MAX)
            .map(|char| if char.is_control() { ' ' } else { char })
            .collect(),
        caret_start,
        caret_width: width.min(LINE_SHOWN_MAX - caret_start),
    }
}

/// The offset as an index of `text` that is no middle of a character.
fn floor(text: &str, offset: u32) -> usize {
    text.floor_char_boundary(usize::try_from(offset).unwrap_or(usize::MAX))
}
