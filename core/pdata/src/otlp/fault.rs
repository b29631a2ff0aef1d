//! Why bytes are not a request, and where.

use std::fmt;

use crate::schema::WireType;
use crate::wire::NESTING_MAX;

/// Where and why the bytes are not a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault(Box<Details>);

#[derive(Debug, PartialEq, Eq)]
struct Details {
    offset: usize,
    what: What,
    /// Names of the fields around it, innermost first.
    path: Vec<&'static str>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    Varint,
    Tag,
    WireType { expected: WireType, found: u64 },
    NoWireType(u64),
    Length { length: u64, left: usize },
    FixedCut { length: usize, left: usize },
    Packed { length: usize, width: usize },
    GroupEnd,
    Nesting,
    Utf8,
}

impl Fault {
    #[cold]
    pub(super) fn new(offset: usize, what: What) -> Self {
        Fault(Box::new(Details {
            offset,
            what,
            path: Vec::new(),
        }))
    }

    #[cold]
    pub(super) fn within(mut self, field: &'static str) -> Self {
        self.0.path.push(field);
        self
    }

    /// Bytes from the start of the request.
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// The field, as in `resource_spans.scope_spans.spans.name`; empty for the request itself.
    pub fn path(&self) -> String {
        let names: Vec<_> = self.0.path.iter().rev().copied().collect();
        names.join(".")
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.path.is_empty() {
            true => write!(f, "byte {}: ", self.0.offset)?,
            false => write!(f, "`{}` at byte {}: ", self.path(), self.0.offset)?,
        }
        match self.0.what {
            What::Varint => write!(f, "varint is cut off or longer than 64 bits"),
            What::Tag => write!(f, "field numbers go from 1 to 536870911"),
            What::WireType { expected, found } => {
                write!(f, "wire type {found} where {} is right", expected.code())
            }
            What::NoWireType(found) => write!(f, "there is no wire type {found}"),
            What::Length { length, left } => {
                write!(f, "length {length} exceeds the {left} bytes left")
            }
            What::FixedCut { length, left } => {
                write!(f, "{length} bytes expected, {left} left")
            }
            What::Packed { length, width } => {
                write!(f, "packed length {length} is not a multiple of {width}")
            }
            What::GroupEnd => write!(f, "end of a group that did not start"),
            What::Utf8 => write!(f, "text is not valid UTF-8"),
            What::Nesting => write!(f, "messages nest deeper than {NESTING_MAX} levels"),
        }
    }
}
