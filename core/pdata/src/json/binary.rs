//! Bytes as text: hexadecimal for trace and span ids, base64 for everything else.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Appends what the digits, of any case, stand for. `None` if they are not hexadecimal.
pub(super) fn decode_hex(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    let mut all = 0;
    out.extend(pairs.iter().map(|&[high, low]| {
        let (high, low) = (HEX_VALUES[usize::from(high)], HEX_VALUES[usize::from(low)]);
        all |= high | low;
        high << 4 | low
    }));
    (all != NOT_HEX).then_some(())
}

/// All bits, so that one such digit shows in the union of all.
const NOT_HEX: u8 = 0xFF;

/// The value of each digit by its byte.
static HEX_VALUES: [u8; 256] = {
    let mut values = [NOT_HEX; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        values[digit as usize] = value;
        values[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    values
};

pub(crate) fn encode_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend(bytes.iter().flat_map(|byte| {
        let (high, low) = (byte >> 4, byte & 0xF);
        [DIGITS[usize::from(high)], DIGITS[usize::from(low)]]
    }));
}

/// Appends what the text stands for: base64 in the standard or the URL-safe alphabet, padded or
/// not. `None` if it is neither.
pub(super) fn decode_base64(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let url_safe = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = if url_safe { URL_SAFE } else { STANDARD };
    engine.decode_vec(text, out).ok()
}

pub(crate) fn encode_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    // A length that overflows could not have been allocated; four thirds of `isize::MAX` fit.
    let len = base64::encoded_len(bytes.len(), true).expect("a slice's length has room to grow");
    out.resize(start + len, 0);
    STANDARD
        .encode_slice(bytes, &mut out[start..])
        .expect("the room was measured");
}
