//! Edits of the resource.

use super::Splice;
use super::attributes::Changes;
use super::items::messages;
use crate::otlp::{AnyValue, Resource};
use crate::wire::put_message;

const RESOURCE: u32 = 1;
const RESOURCE_ATTRIBUTES: u32 = 1;

/// What becomes of the resource.
pub struct ResourceEdit<'e> {
    changes: &'e mut Changes,
}

impl ResourceEdit<'_> {
    /// Gives the attribute this value, or adds it at the end.
    pub fn set_attribute<'v>(&mut self, key: &str, value: impl Into<AnyValue<'v>>) {
        self.changes
            .set_attribute(RESOURCE_ATTRIBUTES, key, value.into());
    }

    pub fn remove_attribute(&mut self, key: &str) {
        self.changes.remove_attribute(key);
    }
}

/// Edits the resource of a `ResourceSpans`, `ResourceMetrics` or `ResourceLogs`.
pub fn edit_resource(
    message: &[u8],
    edit: impl FnOnce(&Resource<'_>, &mut ResourceEdit<'_>),
) -> Option<Vec<u8>> {
    let mut changes = Changes::default();
    let mut asked = ResourceEdit {
        changes: &mut changes,
    };
    edit(&Resource::of(message), &mut asked);
    let mut splice = Splice::new(message);
    // A resource in several parts means all of them; what is added goes into the last.
    let mut parts = messages(message, RESOURCE).peekable();
    if parts.peek().is_none() {
        let mut resource = Splice::new(&[]);
        changes.add_missing(&[], &mut resource);
        if let Some(resource) = resource.finish() {
            splice.replace(0, 0, |out| {
                put_message(out, RESOURCE, |out| out.extend_from_slice(&resource));
            });
        }
    }
    while let Some((part, start, end)) = parts.next() {
        splice.enter(RESOURCE, part, start, end);
        changes.change_present(RESOURCE_ATTRIBUTES, part, &mut splice);
        if parts.peek().is_none() {
            changes.add_missing(part, &mut splice);
        }
        splice.leave();
    }
    splice.finish()
}
