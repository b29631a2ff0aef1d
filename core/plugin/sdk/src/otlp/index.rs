//! Where the fields of an item are: one pass that reads no value and decides nothing.

use super::Attributes;
use crate::wire::{AllLen, Place, Places, all_len, fixed32_tag, fixed64_tag, len_tag, varint_tag};

/// The last field of each number below `N`, which is the one that counts, and the first attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Index<'a, const N: usize> {
    message: &'a [u8],
    /// Offsets, and [`NONE`].
    starts: [u32; N],
    attributes_at: u32,
    attributes: u32,
}

const NONE: u32 = u32::MAX;

impl<'a, const N: usize> Index<'a, N> {
    #[inline(always)]
    pub(super) fn of(message: &'a [u8], attributes: u32) -> Self {
        // Protobuf's messages are shorter than 2 GiB.
        let message = if message.len() < NONE as usize {
            message
        } else {
            &[]
        };
        let mut starts = [NONE; N];
        let mut attributes_at = NONE;
        let mut places = Places::of(message);
        while let Some(place) = places.next() {
            let start = place.start as u32;
            // A table takes half the time of a `match`, the branches of which no machine foresees.
            if let Some(slot) = starts.get_mut((place.tag >> 3) as usize) {
                *slot = start;
            }
            if place.tag == len_tag(attributes) {
                attributes_at = attributes_at.min(start);
            }
        }
        Index {
            message,
            starts,
            attributes_at,
            attributes,
        }
    }

    pub(super) fn message(&self) -> &'a [u8] {
        self.message
    }

    #[inline(always)]
    fn place(&self, number: usize, tag: u32) -> Option<(Places<'a>, Place)> {
        let at = self.starts[number] as usize;
        let mut places = Places {
            message: self.message,
            at,
        };
        let place = places.next().filter(|place| place.tag == tag)?;
        Some((places, place))
    }

    pub(super) fn has(&self, number: usize) -> bool {
        self.starts[number] != NONE
    }

    #[inline]
    pub(super) fn len(&self, number: usize) -> &'a [u8] {
        let found = self.place(number, len_tag(number as u32));
        found.map_or(&[], |(places, place)| places.len(place))
    }

    #[inline]
    pub(super) fn varint(&self, number: usize) -> u64 {
        let found = self.place(number, varint_tag(number as u32));
        found.map_or(0, |(places, place)| places.varint(place))
    }

    #[inline]
    pub(super) fn fixed64(&self, number: usize) -> u64 {
        let found = self.place(number, fixed64_tag(number as u32));
        found.map_or(0, |(places, place)| places.fixed64(place))
    }

    #[inline]
    pub(super) fn fixed32(&self, number: usize) -> u32 {
        let found = self.place(number, fixed32_tag(number as u32));
        found.map_or(0, |(places, place)| places.fixed32(place))
    }

    #[inline]
    pub(super) fn attributes(&self) -> Attributes<'a> {
        let at = (self.attributes_at as usize).min(self.message.len());
        Attributes::from(self.message, at, self.attributes)
    }
}

/// What all scopes of a message have in their second field. Faster than `flat_map` over the scopes.
#[derive(Clone, Debug)]
pub(super) struct Records<'a> {
    scopes: AllLen<'a>,
    records: AllLen<'a>,
}

impl<'a> Records<'a> {
    #[inline]
    pub(super) fn of(message: &'a [u8]) -> Self {
        Records {
            scopes: all_len(message, 2),
            records: all_len(&[], 2),
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            if let Some(record) = self.records.next() {
                return Some(record);
            }
            self.records = all_len(self.scopes.next()?, 2);
        }
    }
}
