//! A set of keys that is cheap for the few that most items have, and bounded by none.

use std::collections::HashSet;

/// Keys are compared one by one up to so many.
const FEW_MAX: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Keys<'k> {
    few: Vec<&'k str>,
    many: HashSet<&'k str>,
}

impl<'k> Keys<'k> {
    /// Whether the key was not there.
    pub(super) fn insert(&mut self, key: &'k str) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(key);
        }
        if self.few.contains(&key) {
            return false;
        }
        self.few.push(key);
        if self.few.len() > FEW_MAX {
            self.many.extend(self.few.drain(..));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_new_once_however_many_there_are() {
        let keys: Vec<String> = (0..100).map(|key| key.to_string()).collect();
        let mut seen = Keys::default();
        assert!(keys.iter().all(|key| seen.insert(key)));
        assert!(keys.iter().all(|key| !seen.insert(key)));
    }
}
