//! A catalog with every kind of field, and an outside made of maps.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::io;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::config::Diagnostics;
use crate::config::{
    ByteSize, Catalog, ComponentInfo, Duration, Inputs, Kind, Loaded, Secret, SourceArg, load,
    schema_of,
};

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Receiver {
    pub(super) protocols: Protocols,
    pub(super) labels: BTreeMap<String, String>,
    /// Exactly one may be given.
    pub(super) auth: Option<Auth>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Protocols {
    pub(super) grpc: Option<Listener>,
    pub(super) http: Option<Listener>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Listener {
    pub(super) endpoint: String,
    pub(super) max_body: ByteSize,
    pub(super) keepalive: bool,
    pub(super) max_streams: Option<u16>,
    pub(super) origins: Vec<String>,
}

impl Default for Listener {
    fn default() -> Self {
        Listener {
            endpoint: "localhost:4317".to_owned(),
            max_body: ByteSize::from_mib(4),
            keepalive: true,
            max_streams: None,
            origins: Vec::new(),
        }
    }
}

/// Tagged from outside: the key says which.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Auth {
    Basic(Basic),
    Bearer(Bearer),
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Basic {
    user: String,
    password: Secret,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Bearer {
    pass: Secret,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exporter {
    #[schemars(length(min = 1))]
    pub(super) endpoint: String,
    #[serde(default)]
    pub(super) timeout: Duration,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Secret>,
    #[serde(default)]
    pub(super) compression: Compression,
    #[serde(default)]
    pub(super) sending_queue: Queue,
    #[serde(default)]
    pub(super) ratio: Option<f64>,
    #[serde(default)]
    pub(super) tls: Option<Tls>,
}

/// One of two ways to name a certificate.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["cert_file"]}, {"required": ["cert_pem"]}]))]
pub(super) struct Tls {
    cert_file: Option<PathBuf>,
    cert_pem: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Queue {
    pub(super) num_consumers: NonZeroU16,
    pub(super) queue_size: ByteSize,
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            num_consumers: NonZeroU16::new(10).expect("ten is not zero"),
            queue_size: ByteSize::from_mib(64),
        }
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Processor {
    #[schemars(regex(pattern = r"^[a-z_]+$"))]
    prefix: String,
    rules: Vec<Rule>,
    keys: BTreeSet<String>,
    limit: Limit,
    window: Option<(u8, u8)>,
}

impl Default for Processor {
    fn default() -> Self {
        Processor {
            prefix: "sw".to_owned(),
            rules: Vec::new(),
            keys: BTreeSet::new(),
            limit: Limit::Count(0),
            window: None,
        }
    }
}

/// Tagged from inside: the value of `action` says which.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "lowercase", deny_unknown_fields)]
enum Rule {
    Drop { name: String },
    Rename { name: String, to: String },
}

/// Told apart by the type of the value.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Limit {
    Count(u32),
    PerKey { key: String, count: u32 },
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Empty {}

const ALL: &[&str] = &["traces", "metrics", "logs", "skywalking"];

pub(super) struct TestCatalog {
    types: Vec<(Kind, &'static str, &'static [&'static str], Json)>,
}

impl TestCatalog {
    pub(super) fn new() -> Self {
        TestCatalog {
            types: vec![
                (
                    Kind::Receiver,
                    "otlp",
                    &["traces", "metrics", "logs"],
                    schema_of::<Receiver>(),
                ),
                (Kind::Receiver, "skywalking", ALL, schema_of::<Empty>()),
                (Kind::Receiver, "derive", ALL, schema_of::<Empty>()),
                (Kind::Processor, "derive", ALL, schema_of::<Empty>()),
                (Kind::Processor, "transform", ALL, schema_of::<Processor>()),
                (
                    Kind::Exporter,
                    "otlp_grpc",
                    &["traces", "metrics", "logs"],
                    schema_of::<Exporter>(),
                ),
                (Kind::Exporter, "debug", ALL, schema_of::<Empty>()),
                (Kind::Extension, "pprof", &[], schema_of::<Empty>()),
            ],
        }
    }
}

impl Catalog for TestCatalog {
    fn component(&self, kind: Kind, type_name: &str) -> Option<ComponentInfo<'_>> {
        let current = match (kind, type_name) {
            (Kind::Exporter, "otlp") => "otlp_grpc",
            _ => type_name,
        };
        let (_, type_name, signals, schema) = self
            .types
            .iter()
            .find(|(of, name, ..)| *of == kind && *name == current)?;
        let aliases: &[&str] = match (kind, current) {
            (Kind::Exporter, "otlp_grpc") => &["otlp"],
            _ => &[],
        };
        Some(ComponentInfo {
            type_name,
            aliases,
            schema,
            foreign_keys: &[],
            signals,
        })
    }

    fn names(&self, kind: Kind) -> Vec<&str> {
        let of_kind = self.types.iter().filter(|(of, ..)| *of == kind);
        of_kind.map(|(_, name, ..)| *name).collect()
    }

    fn signals(&self) -> &[&str] {
        ALL
    }
}

#[derive(Debug, Default)]
pub(super) struct TestInputs {
    pub(super) variables: HashMap<String, OsString>,
    pub(super) files: HashMap<String, Vec<u8>>,
}

impl TestInputs {
    pub(super) fn file(mut self, name: &str, text: impl Into<Vec<u8>>) -> Self {
        self.files.insert(name.to_owned(), text.into());
        self
    }

    pub(super) fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }
}

impl Inputs for TestInputs {
    fn env(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).cloned()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = path.to_str().and_then(|path| self.files.get(path));
        file.cloned()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }
}

pub(super) fn config(argument: &str) -> SourceArg {
    SourceArg::Config(argument.to_owned())
}

pub(super) fn set(argument: &str) -> SourceArg {
    SourceArg::Set(argument.to_owned())
}

/// A configuration without problems, to be varied.
pub(super) const BASE: &str = "\
receivers:
  otlp:
    protocols:
      grpc:
exporters:
  otlp:
    endpoint: backend:4317
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp]
";

pub(super) fn load_with(inputs: &TestInputs, args: &[SourceArg]) -> Result<Loaded, Diagnostics> {
    load(args, inputs, &TestCatalog::new())
}

/// Loads [`BASE`] with more arguments on top.
pub(super) fn load_base(args: &[SourceArg]) -> Result<Loaded, Diagnostics> {
    let inputs = TestInputs::default().file("base.yaml", BASE);
    let all: Vec<SourceArg> = std::iter::once(config("base.yaml"))
        .chain(args.iter().cloned())
        .collect();
    load_with(&inputs, &all)
}
