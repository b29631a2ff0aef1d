//! How much a batch is, and how much is asked for.

use pdata::Batch;

/// What a batch takes up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub items: usize,
    pub bytes: usize,
}

impl Size {
    pub fn of(batch: &Batch) -> Self {
        Size {
            items: batch.items(),
            bytes: batch.wire_len(),
        }
    }
}

/// So many items or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Items(usize),
    Bytes(usize),
}

impl Size {
    /// Whether this is `amount` or more.
    pub fn reaches(&self, amount: Amount) -> bool {
        match amount {
            Amount::Items(items) => self.items >= items,
            Amount::Bytes(bytes) => self.bytes >= bytes,
        }
    }

    /// Whether this is `amount` or less.
    pub fn fits(&self, amount: Amount) -> bool {
        match amount {
            Amount::Items(items) => self.items <= items,
            Amount::Bytes(bytes) => self.bytes <= bytes,
        }
    }
}
