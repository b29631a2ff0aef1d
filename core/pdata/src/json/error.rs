//! Why a body or a request was refused, in words for whoever sent it.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{BODY_MAX, UNKNOWN_NESTING_MAX};
use crate::wire;

/// A body that is not the JSON that was due. Sending it again cannot help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem} at line {line} column {column}", prefix(path))]
pub struct Error {
    path: String,
    problem: Problem,
    offset: usize,
    line: usize,
    column: usize,
}

/// What is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    #[error("expected {expected}, found {found}")]
    Unexpected {
        expected: Cow<'static, str>,
        found: String,
    },
    #[error("expected at most {} nested messages, found more", wire::NESTING_MAX)]
    TooDeep,
    #[error(
        "expected at most {} nested values in an unknown field, found more",
        UNKNOWN_NESTING_MAX
    )]
    UnknownTooDeep,
    #[error("expected a body of at most {BODY_MAX} bytes, found {0}")]
    TooLong(usize),
}

impl Error {
    /// The field, as in `resourceLogs[0].scopeLogs[2].logRecords`; empty outside of any.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Bytes of the body before the offending value.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// From 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// In bytes, from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    #[cold]
    pub(super) fn at(body: &[u8], fault: Fault) -> Self {
        let mut path = String::new();
        for segment in fault.path.iter().rev() {
            match segment {
                Segment::Field(name) if path.is_empty() => path.push_str(name),
                Segment::Field(name) => {
                    path.push('.');
                    path.push_str(name);
                }
                Segment::Index(index) => {
                    write!(path, "[{index}]").expect("a string takes all text");
                }
            }
        }
        let before = &body[..fault.offset];
        let line_start = before.iter().rposition(|&byte| byte == b'\n');
        Error {
            path,
            problem: fault.problem,
            offset: fault.offset,
            line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
            column: fault.offset - line_start.map_or(0, |newline| newline + 1) + 1,
        }
    }
}

fn prefix(path: &str) -> String {
    match path {
        "" => String::new(),
        path => format!("{path}: "),
    }
}

/// An error on its way out. The path is collected while the calls return, so that reading a body
/// without errors never builds one.
#[derive(Debug)]
pub(super) struct Fault {
    problem: Problem,
    offset: usize,
    /// Innermost first.
    path: Vec<Segment>,
}

#[derive(Debug)]
enum Segment {
    Field(&'static str),
    Index(usize),
}

impl Fault {
    #[cold]
    pub(super) fn new(offset: usize, problem: Problem) -> Box<Self> {
        Box::new(Fault {
            problem,
            offset,
            path: Vec::new(),
        })
    }

    #[cold]
    pub(super) fn in_field(mut self: Box<Self>, name: &'static str) -> Box<Self> {
        self.path.push(Segment::Field(name));
        self
    }

    #[cold]
    pub(super) fn in_element(mut self: Box<Self>, index: usize) -> Box<Self> {
        self.path.push(Segment::Index(index));
        self
    }
}

/// Bytes that are not the request or message that was due, which what passed the check cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    #[error("`{message}.{field}` has the wrong wire type")]
    WireType {
        message: &'static str,
        field: &'static str,
    },
    #[error("`{message}.{field}` is not UTF-8")]
    Utf8 {
        message: &'static str,
        field: &'static str,
    },
    #[error("a field of `{message}` is cut short or has an invalid key, length or group")]
    Framing { message: &'static str },
    #[error("`{message}` is longer than 4 GiB")]
    TooLong { message: &'static str },
    #[error("expected at most {} nested messages, found more", wire::NESTING_MAX)]
    TooDeep,
}
