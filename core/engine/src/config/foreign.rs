//! Keys of the collector that have no counterpart here.
//!
//! A collector user's file may hold them. Where nothing changes without one, it is accepted with a
//! notice; where it asks for something that is not done, the error says so instead of calling the
//! key unknown.

use super::diagnostic::Findings;
use super::position::Site;
use super::tree::{Node, Value};

/// One such key.
#[derive(Clone, Copy, Debug)]
pub struct ForeignKey {
    /// From the block it belongs to; `*` is any item of a list.
    path: &'static str,
    treatment: Treatment,
    /// Why there is no counterpart.
    reason: &'static str,
    /// Whether its value may be one.
    secret: bool,
}

#[derive(Clone, Copy, Debug)]
enum Treatment {
    Ignored,
    Refused,
}

impl ForeignKey {
    /// Nothing changes without it.
    pub const fn ignored(path: &'static str, reason: &'static str) -> Self {
        ForeignKey {
            path,
            treatment: Treatment::Ignored,
            reason,
            secret: false,
        }
    }

    /// It asks for something that is not done.
    pub const fn refused(path: &'static str, reason: &'static str) -> Self {
        ForeignKey {
            path,
            treatment: Treatment::Refused,
            reason,
            secret: false,
        }
    }

    /// The value is not shown.
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

/// Takes `keys` out of a block and says what becomes of them. Inner keys stand before those around
/// them.
pub(crate) fn remove(block: &mut Node, keys: &[ForeignKey], findings: &mut Findings) {
    for key in keys {
        let path: Vec<&str> = key.path.split('.').collect();
        remove_at(block, &path, key, findings);
    }
}

fn remove_at(node: &mut Node, path: &[&str], rule: &ForeignKey, findings: &mut Findings) {
    match (&mut node.value, path) {
        (Value::Sequence(items), ["*", rest @ ..]) => {
            for item in items {
                remove_at(item, rest, rule, findings);
            }
        }
        (Value::Mapping(entries), [last]) => {
            let Some(entry) = entries.shift_remove(*last) else {
                return;
            };
            let site = Site {
                position: entry.key,
                ..entry.value.site_under(Some(entry.key))
            };
            if rule.secret {
                findings.hide(&entry.value);
            }
            let reason = rule.reason;
            match rule.treatment {
                Treatment::Ignored => {
                    findings.notice(site, format!("`{last}` has no effect: {reason}"))
                }
                Treatment::Refused => {
                    // What is left would only seem to lack something.
                    if entries.is_empty() {
                        node.value = Value::Broken;
                    }
                    findings.error(site, format!("`{last}` is not supported: {reason}"))
                }
            };
        }
        (Value::Mapping(entries), [first, rest @ ..]) => {
            if let Some(entry) = entries.get_mut(*first) {
                remove_at(&mut entry.value, rest, rule, findings);
            }
        }
        _ => {}
    }
}
