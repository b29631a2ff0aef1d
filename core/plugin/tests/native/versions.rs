//! Several versions of one plugin in one process.

use std::path::Path;

use plugin::{Kind, Library};
use serde_json::json;

use crate::rig::{open, start};
use crate::toolchain::{Built, build_c};

/// A version of the plugin that echoes.
fn version(version: &str, more: &[&str]) -> Option<Built> {
    let definition = format!("-DVERSION_TEXT=\"{version}\"");
    let arguments: Vec<_> = [&definition, "-pthread"]
        .into_iter()
        .chain(more.iter().copied())
        .collect();
    build_c("tests/hostile/calls.c", &arguments)
}

fn version_of(library: &Library) -> &str {
    &library.description().version
}

#[track_caller]
fn works(library: &Library) {
    let echoed = start(library, &json!("echoes")).replaced(Kind::Traces, b"message");
    assert_eq!(echoed.len(), 3);
}

/// In place: the same file, as `cp` does it, not another one under its name.
fn overwrite(path: &Path, by: &Path) {
    let content = std::fs::read(by).expect("it was built");
    std::fs::write(path, content).expect("the folder is ours");
}

#[test]
fn a_file_may_be_overwritten_while_its_library_runs() {
    let (Some(old), Some(new)) = (version("1", &[]), version("2", &[])) else {
        return;
    };
    let first = open(&old.path);
    let running = start(&first, &json!("echoes"));
    std::fs::write(&old.path, b"").unwrap();
    running.replaced(Kind::Traces, b"message");

    overwrite(&old.path, &new.path);
    let second = open(&old.path);
    assert_eq!((version_of(&first), version_of(&second)), ("1", "2"));
    assert_ne!(first.sha256(), second.sha256());
    std::fs::remove_file(&old.path).unwrap();
    for library in [&first, &second] {
        works(library);
    }
}

/// The loader knows these for good, by the names they were loaded under.
#[test]
fn a_library_that_stays_mapped_is_not_taken_for_the_next() {
    let stays = ["-Wl,-z,nodelete"];
    let (Some(old), Some(new)) = (version("1", &stays), version("2", &stays)) else {
        return;
    };
    for (built, expected) in [(&old, "1"), (&new, "2"), (&old, "1")] {
        let library = open(&built.path);
        assert_eq!(version_of(&library), expected);
        works(&library);
    }
}

/// Each open file and each mapping is given back, or this process runs out of them.
#[test]
fn a_library_can_be_loaded_again_and_again() {
    let Some(built) = version("1", &[]) else {
        return;
    };
    let open_files = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let mut most = 0;
    for _ in 0..2_000 {
        let library = open(&built.path);
        works(&library);
        most = most.max(open_files());
    }
    assert!(most < 500, "`{most}` files are open at once");
}
