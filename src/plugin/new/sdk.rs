//! The SDK as it goes into a project: its sources without their tests, and a manifest that needs no registry.

/// The sources, by their paths in the crate.
macro_rules! sources {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../../core/plugin/sdk/", $path)))),*]
    };
}

const SOURCES: [(&str, &str); 29] = sources![
    "src/abi.rs",
    "src/decoded.rs",
    "src/description.rs",
    "src/edit.rs",
    "src/edit/attributes.rs",
    "src/edit/items.rs",
    "src/edit/metrics.rs",
    "src/edit/resource.rs",
    "src/edit/splice.rs",
    "src/export.rs",
    "src/export/describe.rs",
    "src/export/native.rs",
    "src/export/native/host.rs",
    "src/export/wasm.rs",
    "src/json.rs",
    "src/lib.rs",
    "src/otlp.rs",
    "src/otlp/build.rs",
    "src/otlp/index.rs",
    "src/otlp/logs.rs",
    "src/otlp/metrics.rs",
    "src/otlp/trace.rs",
    "src/otlp/value.rs",
    "src/output.rs",
    "src/processor.rs",
    "src/testing.rs",
    "src/testing/bench.rs",
    "src/testing/messages.rs",
    "src/wire.rs",
];

/// Every file of the crate.
pub(super) fn files() -> impl Iterator<Item = (&'static str, String)> {
    let sources = SOURCES.into_iter();
    let sources = sources.map(|(path, text)| (path, without_tests(text)));
    [("Cargo.toml", manifest())].into_iter().chain(sources)
}

/// The feature `decoded` has dependencies; whoever wants it adds them.
fn manifest() -> String {
    format!(
        "# The SDK of Skyferry {version}.\n\
         [package]\n\
         name = \"skyferry-plugin-sdk\"\n\
         version = \"{version}\"\n\
         edition = \"2024\"\n\
         license = \"Apache-2.0\"\n\
         rust-version = \"{rust}\"\n\
         publish = false\n\n\
         [lints.rust]\n\
         unexpected_cfgs = {{ level = \"warn\", check-cfg = ['cfg(feature, values(\"decoded\"))'] }}\n",
        version = env!("CARGO_PKG_VERSION"),
        rust = env!("CARGO_PKG_RUST_VERSION"),
    )
}

/// Tests stand at the end of a file, or in a file of their own.
fn without_tests(text: &str) -> String {
    const OWN_FILE: &str = "#[cfg(test)]\nmod tests;\n";
    const INSIDE: &str = "#[cfg(test)]\nmod tests {\n";
    let text = text.split_once(INSIDE).map_or(text, |(code, _)| code);
    format!("{}\n", text.replace(OWN_FILE, "").trim_end())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn every_source_of_the_sdk_is_here() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("core/plugin/sdk");
        let mut folders: Vec<PathBuf> = vec![root.join("src")];
        let mut found = BTreeSet::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("the repository can be read") {
                let path = entry.expect("the repository can be read").path();
                let name = path.file_stem().expect("it has a name");
                match path.is_dir() {
                    _ if name == "tests" => {}
                    true => folders.push(path),
                    false => {
                        let path = path.strip_prefix(&root).expect("we started there");
                        found.insert(path.to_string_lossy().into_owned());
                    }
                }
            }
        }
        let here: BTreeSet<_> = SOURCES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(here, found);
    }

    #[test]
    fn no_test_goes_into_a_project() {
        for (path, text) in files() {
            assert!(
                !text.contains("cfg(test)") && !text.contains("proptest"),
                "{path}"
            );
            assert!(!text.trim().is_empty(), "{path}");
        }
    }
}
