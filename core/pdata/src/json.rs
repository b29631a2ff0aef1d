//! OTLP/JSON in and out, straight between the text and the wire bytes.
//!
//! Both directions are driven by the tables of [`crate::schema`] alone: no generated types and no
//! document tree stand in between. Sources: the protobuf JSON mapping, and the OTLP specification
//! for where OTLP departs from it (ids in hexadecimal, enumerations as numbers, unknown fields
//! ignored).
//!
//! The answers to an export request are not here; their shape belongs to the protocol's receiver.

mod binary;
mod error;
mod fields;
mod gather;
mod number;
mod read;
mod string;
mod text;
mod value;
mod write;

pub use error::{Error, Malformed, Problem};
pub use write::{write, write_parts};

use crate::Signal;

/// A longer body is refused. A byte of JSON becomes at most four on the wire (`0,` in a list of
/// doubles), so the request stays below the 4 GiB that a chunk's offsets reach.
pub const BODY_MAX: usize = 1 << 30;

/// Lists and objects may nest this deep inside a field that OTLP does not know.
const UNKNOWN_NESTING_MAX: u32 = 256;

/// A request read from JSON.
#[derive(Debug)]
pub struct Read {
    /// The export request in protobuf. Lengths of the outer messages may be padded varints.
    pub wire: Vec<u8>,
    /// Strings whose text was not valid Unicode and has been made so.
    pub repaired: u32,
}

/// Reads the JSON form of an export request of `signal`.
///
/// Liberal where senders differ: names in lowerCamelCase or snake_case and in any order, `null`
/// for absent, 64-bit integers as strings or numbers, enumerations by name or number, a byte order
/// mark. A half of a surrogate pair becomes U+FFFD, and each byte that is not UTF-8 becomes `?`;
/// [`Read::repaired`] counts the strings. A name that comes twice means what the field twice on
/// the wire would mean.
///
/// # Errors
///
/// The body is not such a request: sending it again cannot help. The error names the field, what
/// was expected there, and the position.
pub fn read(signal: Signal, body: &[u8]) -> Result<Read, Error> {
    read::request(signal, body).map_err(|fault| Error::at(body, *fault))
}

#[cfg(test)]
mod tests;
