//! The subject of a certificate as text.
//!
//! A subject is nested DER: SEQUENCE of (SET of (SEQUENCE of (OBJECT IDENTIFIER, string))). It is read
//! only from certificates that were verified, and only for display and comparison.

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

const SET: u8 = 0x31;
const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;

/// Attributes named in the text (RFC 4514, section 3), by their identifier's encoding.
const NAMES: [(&[u8], &str); 6] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
];

/// Attributes read from one subject.
const ATTRIBUTES_MAX: usize = 32;

/// A certificate's subject as `CN=name,O=organisation`, in the certificate's order. Attributes of
/// other kinds are left out; `None` where nothing is left. Commas and backslashes in values are
/// escaped, so that a value cannot pass for another attribute.
pub(crate) fn subject(certificate: &CertificateDer<'_>) -> Option<Arc<str>> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let mut text = String::new();
    let sets = Elements(certificate.subject()).filter_map(|(tag, set)| (tag == SET).then_some(set));
    let attributes = sets.flat_map(Elements).take(ATTRIBUTES_MAX);
    for (_, attribute) in attributes.filter(|(tag, _)| *tag == SEQUENCE) {
        if let Some((name, value)) = read_attribute(attribute) {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(name);
            text.push('=');
            for character in value.chars() {
                if matches!(character, ',' | '\\') {
                    text.push('\\');
                }
                text.push(character);
            }
        }
    }
    (!text.is_empty()).then(|| text.into())
}

fn read_attribute(attribute: &[u8]) -> Option<(&'static str, &str)> {
    let mut parts = Elements(attribute);
    let (_, identifier) = parts.next().filter(|(tag, _)| *tag == OBJECT_IDENTIFIER)?;
    let (_, name) = NAMES.iter().find(|(known, _)| *known == identifier)?;
    let (tag, value) = parts.next()?;
    match tag {
        UTF8_STRING | PRINTABLE_STRING | IA5_STRING => {
            Some((name, std::str::from_utf8(value).ok()?))
        }
        _ => None,
    }
}

/// The elements of a constructed DER value, with their tags; ends early where it is broken.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[tag, first], mut rest) = self.0.split_first_chunk()?;
        // Longer lengths than two bytes would be no subject.
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81 | 0x82 => {
                let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
                rest = after;
                bytes
                    .iter()
                    .fold(0, |length, byte| length << 8 | usize::from(*byte))
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }
}
