//! Putting records of one chunk under several resources.
//!
//! ```text
//! resource R, [scope: a | b], [scope: c]
//! a and c stay, b goes under R':   R,  [scope: a], [scope: c]
//!                                  R', [scope: b]
//! ```

use std::borrow::Cow;

use super::{Edit, RESOURCE_ATTRIBUTES, edit_attributes};
use crate::OtlpChunk;
use crate::view::{RecordView, Scope};
use crate::wire::{Fields, Value, put_field};

/// Fields of a resource-level message and of a scope's.
const RESOURCE: u32 = 1;
const SCOPES: u32 = 2;
const RECORDS: u32 = 2;

/// Bytes of resources and scopes that may be repeated for one chunk, so that a small request cannot
/// grow into a large one.
const REPEATED_BYTES_MAX: usize = 8 << 20;

/// The records of a chunk on their way to other resources.
#[derive(Debug)]
pub struct Regrouping<'a> {
    chunk: &'a OtlpChunk,
    groups: Vec<Group<'a>>,
    /// Of what stands around the scopes.
    resource_bytes: usize,
    repeated_bytes: usize,
}

/// A resource with what is to be under it.
#[derive(Debug)]
struct Group<'a> {
    edits: Vec<Edit>,
    scopes: Vec<Scoped<'a>>,
}

#[derive(Debug)]
struct Scoped<'a> {
    scope: Scope<'a>,
    records: Vec<Cow<'a, [u8]>>,
}

/// The resource as it is, which every regrouping has.
pub const UNCHANGED: usize = 0;

impl<'a> Regrouping<'a> {
    pub fn of(chunk: &'a OtlpChunk) -> Self {
        let body = Fields::of(chunk.body());
        let around = body.filter(|field| field.number != SCOPES);
        Regrouping {
            chunk,
            groups: vec![Group {
                edits: Vec::new(),
                scopes: Vec::new(),
            }],
            resource_bytes: around.map(|field| field.raw.len()).sum(),
            repeated_bytes: 0,
        }
    }

    /// The number of a new group, whose resource is edited like this. `None` if what is to be repeated
    /// for it would be too much.
    pub fn group(&mut self, edits: Vec<Edit>) -> Option<usize> {
        self.repeat(self.resource_bytes)?;
        self.groups.push(Group {
            edits,
            scopes: Vec::new(),
        });
        Some(self.groups.len() - 1)
    }

    /// Puts a record behind those that the group has; `edited` stands for it if it is there. Scopes come
    /// in their order. `None` if the scope would have to be repeated and that is too much, which it
    /// never is where nothing is changed.
    pub fn place(
        &mut self,
        group: usize,
        scope: Scope<'a>,
        record: RecordView<'a>,
        edited: Option<Vec<u8>>,
    ) -> Option<()> {
        let scopes = &self.groups[group].scopes;
        let is_last = |last: &Scoped<'_>| std::ptr::eq(last.scope.message, scope.message);
        if !scopes.last().is_some_and(is_last) {
            if group != UNCHANGED {
                self.repeat(head_bytes(scope))?;
            }
            self.groups[group].scopes.push(Scoped {
                scope,
                records: Vec::new(),
            });
        }
        let message = edited.map_or(Cow::Borrowed(record.message), Cow::Owned);
        let last = self.groups[group].scopes.last_mut();
        last.expect("one was there or was pushed")
            .records
            .push(message);
        Some(())
    }

    fn repeat(&mut self, bytes: usize) -> Option<()> {
        let repeated = self.repeated_bytes + bytes;
        if repeated > REPEATED_BYTES_MAX {
            return None;
        }
        self.repeated_bytes = repeated;
        Some(())
    }

    /// A chunk for each group that has records, in the order of the groups.
    pub fn finish(self) -> Vec<OtlpChunk> {
        let Regrouping { chunk, groups, .. } = self;
        let groups = groups.into_iter().filter(|it| !it.scopes.is_empty());
        groups.map(|group| group.chunk(chunk)).collect()
    }
}

/// Bytes of a scope without its records.
fn head_bytes(scope: Scope<'_>) -> usize {
    let head = Fields::of(scope.message).filter(|field| field.number != RECORDS);
    head.map(|field| field.raw.len()).sum()
}

impl Group<'_> {
    fn chunk(self, source: &OtlpChunk) -> OtlpChunk {
        let body = source.body();
        let mut out = Vec::with_capacity(body.len());
        if self.edits.is_empty() {
            let resource = Fields::of(body).filter(|field| field.number == RESOURCE);
            resource.for_each(|field| out.extend_from_slice(field.raw));
        } else {
            // A resource in several parts means their concatenation.
            let parts = Fields::of(body).filter_map(|field| match field.value {
                Value::Len(part) if field.number == RESOURCE => Some(part),
                _ => None,
            });
            let resource: Vec<u8> = parts.flatten().copied().collect();
            let mut edited = Vec::with_capacity(resource.len());
            edit_attributes(&resource, RESOURCE_ATTRIBUTES, &self.edits, &mut edited);
            put_field(&mut out, RESOURCE, &edited);
        }
        let mut items = 0;
        let mut message = Vec::new();
        for Scoped { scope, records } in self.scopes {
            message.clear();
            let head = Fields::of(scope.message).filter(|field| field.number != RECORDS);
            head.for_each(|field| message.extend_from_slice(field.raw));
            items += records.len();
            for record in records {
                put_field(&mut message, RECORDS, &record);
            }
            put_field(&mut out, SCOPES, &message);
        }
        let rest = Fields::of(body).filter(|it| it.number != RESOURCE && it.number != SCOPES);
        rest.for_each(|field| out.extend_from_slice(field.raw));
        OtlpChunk::frame(source.signal(), items as u32, &out)
    }
}

#[cfg(test)]
mod tests;
