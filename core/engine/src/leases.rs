//! What components of one graph use together, by kind: sockets, files, queues.

use std::any::{Any, TypeId};
use std::collections::HashMap;

/// One table of each type, made at its first use.
///
/// The engine knows no protocol, so the tables are the components' own types: the receivers keep
/// their listeners by address in one, the file exporters their files by path in another. One
/// entry for each type, and types are few.
#[derive(Default)]
pub struct Leases(HashMap<TypeId, Box<dyn Any + Send>>);

impl Leases {
    pub fn table<T: Default + Send + 'static>(&mut self) -> &mut T {
        let entry = self
            .0
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Box::new(T::default()));
        entry
            .downcast_mut()
            .expect("each entry is of the type it is stored under")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_made_once_and_found_again() {
        let mut leases = Leases::default();
        leases.table::<Vec<u8>>().push(1);
        leases.table::<Vec<u16>>().push(2);
        leases.table::<Vec<u8>>().push(3);
        assert_eq!(leases.table::<Vec<u8>>(), &[1, 3]);
    }
}
