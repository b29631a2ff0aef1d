use std::collections::HashSet;

use super::*;
use crate::library::LoadError;
use crate::native::mapping::Mapping;

/// Any library that this process has mapped and that is no plugin.
#[cfg(target_os = "linux")]
fn some_library() -> Option<Vec<u8>> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let paths = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5));
    let path = paths.into_iter().find(|path| path.contains("/libgcc_s.so"));
    if path.is_none() {
        eprintln!("NOT RUN: this program is not linked with `libgcc_s`");
    }
    path.map(|path| std::fs::read(path).unwrap())
}

/// As where there are no files in memory.
#[test]
#[cfg(target_os = "linux")]
fn a_copy_on_disk_is_gone_once_it_is_mapped() {
    let Some(library) = some_library() else {
        return;
    };
    let image = Image::on_disk(&library).unwrap();
    let path = image.path().to_owned();
    assert_eq!(std::fs::read(&path).unwrap(), library);
    let mapping = Mapping::new(image).ok().unwrap();
    assert!(!path.exists());
    assert!(matches!(mapping.table(), Err(LoadError::MissingExport(_))));
}

#[test]
#[cfg(target_os = "linux")]
fn a_copy_in_memory_cannot_be_changed() {
    let image = in_memory::image(b"content").unwrap();
    assert_eq!(std::fs::read(image.path()).unwrap(), b"content");
    assert!(std::fs::write(image.path(), b"other").is_err());
}

#[test]
#[cfg(target_os = "linux")]
fn every_load_has_a_path_of_its_own_to_the_same_file() {
    let image = in_memory::image(b"content").unwrap();
    let fd = image.path().file_name().and_then(|name| name.to_str());
    let fd = fd.and_then(|fd| fd.parse().ok()).unwrap();
    let mut paths = HashSet::new();
    let loads = (0..300).chain((0..64).map(|bit| u64::MAX << bit));
    for load in loads {
        let path = in_memory::spelled(fd, load);
        assert_eq!(std::fs::read(&path).unwrap(), b"content");
        assert!(path.as_os_str().len() < 160);
        // As text: paths are equal where they mean the same.
        assert!(paths.insert(path.into_os_string()));
    }
}
