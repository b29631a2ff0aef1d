//! SkyWalking's protocol as `proto/skywalking` defines it: compiled here for the tests that compare
//! the generated types and the tables with it. Building the crate needs no compiler for protobuf.

use std::fs;
use std::path::{Path, PathBuf};

use prost_build::Module;
use prost_types::FileDescriptorSet;

/// Each is the name of a package, a folder of definitions and a generated module.
const VERSIONS: [&str; 2] = ["v3", "v10"];

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// All definitions, in an order that is the same everywhere.
pub(crate) fn compile() -> FileDescriptorSet {
    let root = here("proto");
    let mut files = vec![PathBuf::from("skywalking/legacy.proto")];
    for version in VERSIONS {
        let folder = format!("skywalking/{version}");
        let entries = fs::read_dir(root.join(&folder)).unwrap();
        files.extend(entries.map(|entry| Path::new(&folder).join(entry.unwrap().file_name())));
    }
    files.sort();
    protox::compile(files, [root]).unwrap()
}

/// The module that holds the types of a version's package.
fn generate(version: &str) -> String {
    let package = format!("skywalking.{version}");
    let module = Module::from_protobuf_package_name(&package);
    let files = compile().file.into_iter();
    let files = files.filter(|file| file.package() == package);
    let requests = files.map(|file| (module.clone(), file)).collect();
    let mut generator = prost_build::Config::new();
    let generated = generator.bytes(["."]).btree_map(["."]).generate(requests);
    generated.unwrap().remove(&module).unwrap()
}

/// Run with `SKYFERRY_BLESS=1` to write the modules anew.
#[test]
fn the_generated_types_are_fresh() {
    let mut stale = Vec::new();
    for version in VERSIONS {
        let path = here("src/skywalking").join(version).with_extension("rs");
        let generated = generate(version);
        if fs::read_to_string(&path).unwrap() == generated {
            continue;
        }
        match std::env::var_os("SKYFERRY_BLESS") {
            Some(_) => fs::write(&path, generated).unwrap(),
            None => stale.push(path),
        }
    }
    assert!(
        stale.is_empty(),
        "not what the definitions make; `SKYFERRY_BLESS=1` writes them anew: {stale:?}"
    );
}
