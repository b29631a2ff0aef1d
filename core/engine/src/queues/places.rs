//! Where queues are.

use std::io;
use std::path::{Path, PathBuf};

use super::is_log;
use crate::Registry;
use crate::config::{ComponentId, Document, Kind};
use crate::exporter::StorageConfig;
use crate::exporter::disk::{QUEUES, directory_name};
use crate::plan::{NamesStorage, storage};

/// One queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The exporter it is or was for.
    pub exporter: String,
    pub directory: PathBuf,
}

/// The directories that hold queues: that of the data directory, and those that the extensions of
/// a configuration name.
pub fn roots(data_dir: &Path, configuration: Option<(&Document, &Registry)>) -> Vec<PathBuf> {
    let mut roots = vec![data_dir.join(QUEUES)];
    if let Some((document, registry)) = configuration {
        let extensions = document.components(Kind::Extension);
        let storages = extensions.filter_map(|it| storage(document, registry, it.id()));
        roots.extend(storages.filter_map(|storage| storage.directory));
    }
    roots.dedup();
    roots
}

/// The queues in these directories, by exporter. What is no queue is left out.
pub fn list(roots: &[PathBuf]) -> io::Result<Vec<Place>> {
    let mut places = Vec::new();
    for root in roots {
        let entries = match std::fs::read_dir(root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let directory = entry.path();
            let exporter = entry.file_name().to_str().and_then(exporter_of);
            if let Some(exporter) = exporter
                && is_log(&directory)
            {
                places.push(Place {
                    exporter,
                    directory,
                });
            }
        }
    }
    places.sort();
    places.dedup();
    Ok(places)
}

/// Where a configuration has the queue of an exporter; `None` if that has none on disk.
pub fn configured(
    document: &Document,
    registry: &Registry,
    exporter: &ComponentId,
) -> Option<Place> {
    let section = document.component(Kind::Exporter, exporter)?;
    let factory = registry.factory(Kind::Exporter, section.type_name())?;
    let schema = factory.component().schema();
    // Those that are called while their sender waits have no such key.
    schema.get("properties")?.get("sending_queue")?;
    let named: NamesStorage = section.read().ok()?;
    let data_dir = &document.service().data_dir;
    let root = match named.sending_queue.unwrap_or_default().storage {
        StorageConfig::Memory => return None,
        StorageConfig::Disk => None,
        StorageConfig::Extension(id) => storage(document, registry, &id)?.directory,
    };
    let exporter = exporter.to_string();
    Some(Place {
        directory: root
            .unwrap_or_else(|| data_dir.join(QUEUES))
            .join(directory_name(&exporter)),
        exporter,
    })
}

/// The exporter whose queue has a directory of this name.
fn exporter_of(name: &str) -> Option<String> {
    let mut id = Vec::with_capacity(name.len());
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            id.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
        id.push((high * 16 + low) as u8);
    }
    let id = String::from_utf8(id).ok()?;
    (directory_name(&id) == name).then_some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_name_of_a_directory_says_whose_it_is(id in "\\PC{1,12}") {
            prop_assert_eq!(exporter_of(&directory_name(&id)), Some(id));
        }

        #[test]
        fn any_other_name_is_nobodys(name in "[a-z%0-9/. ]{0,12}") {
            let id = exporter_of(&name);
            prop_assert!(id.is_none_or(|id| directory_name(&id) == name));
        }
    }
}
