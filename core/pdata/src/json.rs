//! JSON in and out, straight between the text and the wire bytes: OTLP's requests and SkyWalking's
//! messages.
//!
//! Both directions are driven by the tables of [`crate::schema`] alone: no generated types and no
//! document tree stand in between. Sources: the protobuf JSON mapping, which SkyWalking uses as it
//! is, and the OTLP specification for where OTLP departs from it (ids in hexadecimal, enumerations
//! as numbers, unknown fields ignored).
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

pub(crate) use binary::{encode_base64, encode_hex};
pub use error::{Error, Malformed, Problem};
pub(crate) use value::{double, integer, quote};
pub use write::{write, write_message, write_parts};

use std::ops::Range;

use crate::Signal;
use crate::schema::Message;

/// A longer body is refused. A byte of JSON becomes at most four on the wire (`0,` in a list of
/// doubles), so the request stays below the 4 GiB that a chunk's offsets reach.
pub const BODY_MAX: usize = 1 << 30;

/// Lists and objects may nest this deep inside a field that OTLP does not know.
const UNKNOWN_NESTING_MAX: u32 = 256;

/// A request or a message read from JSON.
#[derive(Debug)]
pub struct Read {
    /// It in protobuf. Lengths of a request's outer messages may be padded varints.
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

/// Messages read from a list in JSON.
#[derive(Debug)]
pub struct List {
    /// The messages in protobuf, one behind the other.
    pub wire: Vec<u8>,
    /// Where each of them stands in `wire`. Never more than one for three bytes of the body.
    pub elements: Vec<Range<usize>>,
    /// Strings whose text was not valid Unicode and has been made so.
    pub repaired: u32,
}

/// Reads the JSON form of one `message` of SkyWalking.
///
/// As liberal as [`read()`], and as OAP: names of enumerations or their numbers, known or not; a
/// number or a boolean where a string is due; a boolean as a string.
///
/// # Errors
///
/// The body is not such a message: sending it again cannot help.
pub fn read_message(message: &'static Message, body: &[u8]) -> Result<Read, Error> {
    read::message(message, body).map_err(|fault| Error::at(body, *fault))
}

/// Reads a JSON list of messages, each as [`read_message`] does.
///
/// # Errors
///
/// The body is no list, or an element is not such a message; the error's path begins with its
/// index, as in `[3].spans[0].spanType`. One element spoils the list: senders take the answer for
/// all of it.
pub fn read_list(message: &'static Message, body: &[u8]) -> Result<List, Error> {
    read::list(message, body).map_err(|fault| Error::at(body, *fault))
}

#[cfg(test)]
mod tests;
