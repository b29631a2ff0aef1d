//! Whatever is written in a configuration, it is read or its errors are told, never a panic.
#![no_main]

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use engine::config::{Catalog, ComponentInfo, Inputs, Kind, SourceArg, load, schema_of};
use engine::exporter::QueueConfig;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Every name is a component's, with a schema that has nested keys, numbers, units and choices.
struct AnyComponent(Value);

static COMPONENTS: LazyLock<AnyComponent> =
    LazyLock::new(|| AnyComponent(schema_of::<QueueConfig>()));

impl Catalog for AnyComponent {
    fn component(&self, kind: Kind, type_name: &str) -> Option<ComponentInfo<'_>> {
        let names = self.names(kind);
        let type_name = names.into_iter().find(|name| *name == type_name)?;
        Some(ComponentInfo {
            type_name,
            aliases: &[],
            schema: &self.0,
            foreign_keys: &[],
            signals: self.signals(),
        })
    }

    fn names(&self, _: Kind) -> Vec<&str> {
        vec!["otlp", "batch", "memory_limiter", "otlp_grpc", "file", "debug"]
    }

    fn signals(&self) -> &[&str] {
        &["traces", "metrics", "logs"]
    }
}

/// Every file and every variable has the same content.
struct Everywhere<'a>(&'a [u8]);

impl Inputs for Everywhere<'_> {
    fn env(&self, _: &str) -> Option<OsString> {
        let text = String::from_utf8_lossy(self.0);
        Some(text.into_owned().into())
    }

    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.to_vec())
    }
}

fuzz_target!(|input: &[u8]| {
    let args = [SourceArg::Config("config.yaml".to_owned())];
    if let Err(found) = load(&args, &Everywhere(input), &*COMPONENTS) {
        assert!(found.has_errors(), "refused without an error");
        assert!(!found.render(false).is_empty());
        let _errors_as_json = found.to_json();
    }
});
