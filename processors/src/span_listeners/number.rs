//! Numbers out of attributes that anybody may have written.

use pdata::view::AttributeValue;
use telemetry::Counter;

use super::Tally;

/// The largest number that is taken: to it, doubles count exactly, and a thousand times it still
/// fits into the 64 bits in which OAP keeps it.
const NUMBER_MAX: f64 = (1_u64 << 53) as f64;

/// Why a value is no number to measure with. Others of the same span are not affected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    Missing,
    NotNumeric,
    Nan,
    Infinite,
    Negative,
    TooLarge,
}

impl Invalid {
    const ALL: [(Invalid, &'static str); 6] = [
        (Invalid::Missing, "missing"),
        (Invalid::NotNumeric, "not_numeric"),
        (Invalid::Nan, "nan"),
        (Invalid::Infinite, "infinite"),
        (Invalid::Negative, "negative"),
        (Invalid::TooLarge, "too_large"),
    ];
}

/// The value as an amount: finite and not below zero. A text that is a number counts as one, as OAP
/// has it.
pub(super) fn amount(value: AttributeValue<'_>) -> Result<f64, Invalid> {
    let number = match value {
        AttributeValue::Int(number) => number as f64,
        AttributeValue::Double(number) => number,
        AttributeValue::String(text) if text.trim().is_empty() => return Err(Invalid::Missing),
        AttributeValue::String(text) => text.trim().parse().map_err(|_| Invalid::NotNumeric)?,
        AttributeValue::Empty => return Err(Invalid::Missing),
        AttributeValue::Bool(_)
        | AttributeValue::Bytes(_)
        | AttributeValue::Array(_)
        | AttributeValue::KeyValues(_) => return Err(Invalid::NotNumeric),
    };
    if number.is_nan() {
        Err(Invalid::Nan)
    } else if number.is_infinite() {
        Err(Invalid::Infinite)
    } else if number < 0.0 {
        Err(Invalid::Negative)
    } else if number > NUMBER_MAX {
        Err(Invalid::TooLarge)
    } else {
        Ok(number)
    }
}

/// Values that a listener could not use, by reason.
pub(super) struct InvalidValues([Counter; Invalid::ALL.len()]);

impl InvalidValues {
    pub(super) fn new(listener: &str, tally: &Tally<'_>) -> Self {
        let name = "skyferry_span_listener_invalid_values_total";
        let help = "values in spans that are no amounts and were left out, by reason";
        tally.metrics.describe(name, help);
        InvalidValues(
            Invalid::ALL.map(|(_, reason)| {
                tally.counter(name, &[("listener", listener), ("reason", reason)])
            }),
        )
    }

    pub(super) fn count(&self, invalid: Invalid) {
        for (counter, (reason, _)) in self.0.iter().zip(Invalid::ALL) {
            if reason == invalid {
                counter.increment(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_amounts_and_says_why_it_takes_nothing_else() {
        let text = AttributeValue::String;
        for (value, expected) in [
            (AttributeValue::Int(3), Ok(3.0)),
            (AttributeValue::Int(-1), Err(Invalid::Negative)),
            (AttributeValue::Int(i64::MAX), Err(Invalid::TooLarge)),
            (AttributeValue::Double(0.742), Ok(0.742)),
            (AttributeValue::Double(-0.0), Ok(0.0)),
            (AttributeValue::Double(-0.1), Err(Invalid::Negative)),
            (AttributeValue::Double(f64::NAN), Err(Invalid::Nan)),
            (
                AttributeValue::Double(f64::INFINITY),
                Err(Invalid::Infinite),
            ),
            (
                AttributeValue::Double(f64::NEG_INFINITY),
                Err(Invalid::Infinite),
            ),
            (AttributeValue::Double(1e300), Err(Invalid::TooLarge)),
            (text(" 188.4 "), Ok(188.4)),
            (text("NaN"), Err(Invalid::Nan)),
            (text("fast"), Err(Invalid::NotNumeric)),
            (text(""), Err(Invalid::Missing)),
            (AttributeValue::Empty, Err(Invalid::Missing)),
            (AttributeValue::Bool(true), Err(Invalid::NotNumeric)),
            (AttributeValue::Array(&[]), Err(Invalid::NotNumeric)),
        ] {
            assert_eq!(amount(value), expected, "{value:?}");
        }
    }

    #[test]
    fn the_largest_amount_fits_where_oap_keeps_it() {
        assert!(NUMBER_MAX * 1000.0 < i64::MAX as f64);
    }
}
