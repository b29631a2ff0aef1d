//! Data files: YAML to cases, with everything that is wrong about them.

use super::expectation::{Expectation, InOap, KEYS};
use super::{Body, Case, Input};
use crate::diagnostic::{Finding, Findings, Span};
use crate::load::{SOURCE_BYTES_MAX, Source};
use crate::message::{self, Class, OF_MESH};
use crate::yaml::{self, Entry, Node, Value};

const INPUT_KEYS: &str = "`service`, `instance`, `trace-id`, `trace-segment-id`, `span-id`, \
                          `timestamp`, `body-type`, `body`, `tags`, `source-attributes`, \
                          `extra-log`, `expect`; our own are `endpoint` and `layer`";

/// All that could be read, and all that was found.
#[derive(Debug)]
pub struct Read {
    /// In the order of the file; inputs with errors are left out.
    pub cases: Vec<Case>,
    pub findings: Vec<Finding>,
}

/// Reads a data file. Total on any text.
pub fn read(source: &Source) -> Read {
    let mut reader = Reader {
        text: &source.text,
        findings: Findings::default(),
        cases: Vec::new(),
    };
    if let Some(root) = reader.root(source) {
        for entry in reader.entries(&root, "a mapping from rules to inputs is expected") {
            match &entry.value.value {
                Value::Sequence(inputs) => {
                    for (index, input) in inputs.iter().enumerate() {
                        reader.case(&entry.key, index + 1, input);
                    }
                }
                _ => reader.case(&entry.key, 1, &entry.value),
            }
        }
    }
    let sources = std::slice::from_ref(source);
    Read {
        cases: reader.cases,
        findings: reader.findings.resolve(sources),
    }
}

/// Reads a single input, whose expectations do not matter.
pub fn input(source: &Source) -> Result<Input, Vec<Finding>> {
    let mut reader = Reader {
        text: &source.text,
        findings: Findings::default(),
        cases: Vec::new(),
    };
    if let Some(root) = reader.root(source) {
        reader.case("", 1, &root);
    }
    match reader.cases.pop() {
        Some(case) => Ok(case.input),
        None => Err(reader.findings.resolve(std::slice::from_ref(source))),
    }
}

struct Reader<'a> {
    text: &'a str,
    findings: Findings,
    cases: Vec<Case>,
}

impl Reader<'_> {
    fn root(&mut self, source: &Source) -> Option<Node> {
        let start = Span::default();
        if source.text.len() > SOURCE_BYTES_MAX {
            let message = format!("the file is longer than {SOURCE_BYTES_MAX} bytes");
            let report = self.findings.error(start, message);
            report.help("make several files of it");
            return None;
        }
        let before = self.findings.mark();
        let root = yaml::parse(&source.text, 0, &mut self.findings);
        if root.is_none() && !self.findings.has_errors_since(before) {
            let report = self.findings.error(start, "there is nothing to read");
            report.help("write an input: `service: name`, `body: text` ...");
        }
        root
    }

    fn case(&mut self, rule: &str, number: usize, node: &Node) {
        let before = self.findings.mark();
        let mut input = Input::default();
        let mut body = String::new();
        let mut body_type = "";
        let mut expectations = Vec::new();
        let entries = self.entries(node, "an input is a mapping");
        for entry in entries {
            match &*entry.key {
                "service" => input.service = self.scalar(entry),
                "instance" => input.instance = self.scalar(entry),
                "endpoint" => input.endpoint = self.scalar(entry),
                "layer" => input.layer = self.scalar(entry),
                "trace-id" => input.trace_id = self.scalar(entry),
                "trace-segment-id" => input.segment_id = self.scalar(entry),
                "span-id" => input.span_id = self.number(entry),
                "timestamp" => input.timestamp_ms = self.number(entry),
                "body" => body = self.scalar(entry),
                "body-type" => body_type = self.body_type(entry),
                "tags" => input.tags = self.pairs(entry),
                "source-attributes" => input.source_attributes = self.pairs(entry),
                "expect" => expectations = self.expectations(entry),
                "extra-log" => input.message = self.message(entry),
                key => {
                    let message = format!("an input has no key `{key}`");
                    let report = self.findings.error(entry.key_span, message);
                    report.help(format!("it has {INPUT_KEYS}"));
                }
            }
        }
        input.body = match body_type {
            "json" => Body::Json(body.into()),
            "text" => Body::Text(body.into()),
            "yaml" => Body::Yaml(body.into()),
            _ => Body::None,
        };
        if !self.findings.has_errors_since(before) {
            let start = usize::try_from(node.span.start).unwrap_or(usize::MAX);
            let before = &self.text.as_bytes()[..start.min(self.text.len())];
            self.cases.push(Case {
                rule: rule.to_owned(),
                number,
                line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
                input,
                expectations,
            });
        }
    }

    /// A message of a Java class, as protobuf's JSON has it.
    fn message(&mut self, entry: &Entry) -> Option<super::Entry> {
        let (mut class, mut json) = (None, None);
        for entry in self.entries(&entry.value, "`extra-log` is a mapping") {
            match &*entry.key {
                "proto-class" => class = Some((self.scalar(entry), entry.value.span)),
                "proto-json" => json = Some((self.scalar(entry), entry.value.span)),
                key => {
                    let message = format!("`extra-log` has no key `{key}`");
                    let report = self.findings.error(entry.key_span, message);
                    report.help("it has `proto-class` and `proto-json`");
                }
            }
        }
        let (Some((class, class_span)), Some((json, json_span))) = (class, json) else {
            let message = "`extra-log` needs `proto-class` and `proto-json`";
            let report = self.findings.error(entry.key_span, message);
            report.help(format!("`proto-class: {OF_MESH}`"));
            return None;
        };
        let Some(known) = Class::of_java(&class) else {
            let message = format!("nothing is known of the class `{class}`");
            let report = self.findings.error(class_span, message);
            report.help(format!(
                "messages of Envoy's access logs are known: `{OF_MESH}`"
            ));
            return None;
        };
        match message::from_json(known, &json) {
            Ok(bytes) => Some(super::Entry { class, bytes }),
            Err(error) => {
                let message = format!("this is no `{}`: {error}", known.name());
                let report = self.findings.error(json_span, message);
                report.help("protobuf's JSON: `{\"response\": {\"responseCode\": 500}}`");
                None
            }
        }
    }

    /// OAP takes all words but `json` and `text` for no body.
    fn body_type(&mut self, entry: &Entry) -> &'static str {
        let written = self.scalar(entry);
        let known = ["json", "text", "yaml", "none"];
        let found = known.into_iter().find(|known| *known == written);
        found.unwrap_or_else(|| {
            let message = format!("`{written}` is no type of a body");
            let report = self.findings.error(entry.value.span, message);
            report.help("`json`, `text`, `none`, and our own `yaml`");
            "none"
        })
    }

    fn expectations(&mut self, entry: &Entry) -> Vec<Expectation> {
        let mut expectations = Vec::new();
        for entry in self.entries(&entry.value, "`expect` is a mapping") {
            let value = self.scalar(entry);
            let Some((expectation, in_oap)) = Expectation::new(&entry.key, &value) else {
                let message = format!("nothing checks `{}`", entry.key);
                let report = self.findings.error(entry.key_span, message);
                report.help(format!("the keys are {KEYS}"));
                continue;
            };
            if in_oap == InOap::Ignored && !expectation.is_own() {
                let message = "OAP does not check this; it is checked here";
                let report = self.findings.warning(entry.key_span, message);
                report.help("`outputField.NAME` is checked by both");
            }
            expectations.push(expectation);
        }
        expectations
    }

    fn pairs(&mut self, entry: &Entry) -> Vec<(String, String)> {
        let entries = self.entries(&entry.value, "keys with their values are expected");
        let pairs = entries.iter();
        pairs
            .map(|entry| (entry.key.clone(), self.scalar(entry)))
            .collect()
    }

    fn number<N: std::str::FromStr + Default>(&mut self, entry: &Entry) -> N {
        let written = self.scalar(entry);
        written.replace('_', "").parse().unwrap_or_else(|_| {
            let message = format!("`{written}` is no whole number that fits");
            let report = self.findings.error(entry.value.span, message);
            report.help(format!("`{}: 1`", entry.key));
            N::default()
        })
    }

    /// A null is empty.
    fn scalar(&mut self, entry: &Entry) -> String {
        match &entry.value.value {
            Value::Null => String::new(),
            Value::Scalar(text) => text.value.clone(),
            _ => {
                let message = format!("`{}` is a single value", entry.key);
                let report = self.findings.error(entry.value.span, message);
                report.help("a body that is JSON is written as text, behind `|`");
                String::new()
            }
        }
    }

    /// None of what is no mapping, which is an error.
    fn entries<'n>(&mut self, node: &'n Node, expected: &str) -> &'n [Entry] {
        match &node.value {
            Value::Mapping(entries) => entries,
            _ => {
                let report = self.findings.error(node.span, expected);
                report.help("a mapping has a line `key: value` for each key");
                &[]
            }
        }
    }
}
