//! `print-config` and the schema for editors.

use expect_test::expect;
use serde_json::{Value as Json, json};

use super::fixture::{BASE, TestCatalog, TestInputs, config, load_base, load_with, set};
use crate::config::{Catalog, ComponentInfo, Kind, Origins, Section, editor_schema};

fn defaults(section: &Section) -> Option<Json> {
    (section.type_name() == "otlp_grpc").then(|| json!({ "timeout": "5s", "tls": null }))
}

#[test]
fn prints_each_value_with_its_origin() {
    let inputs = TestInputs::default()
        .file("base.yaml", BASE)
        .variable("HOST", "backend");
    let args = [
        config("base.yaml"),
        set("exporters.otlp.endpoint=${HOST}:4317"),
        set("exporters.otlp.headers.key=hunter2"),
    ];
    let document = load_with(&inputs, &args).unwrap().document;
    expect![[r#"
        receivers:
          otlp:
            protocols:
              grpc: {} # base.yaml:4
        exporters:
          otlp:
            endpoint: backend:4317 # env:HOST
            headers:
              key: "[REDACTED]" # --set exporters.otlp.headers.key
            timeout: 5s # default
        service:
          pipelines:
            traces:
              receivers:
                - otlp # base.yaml:11
              exporters:
                - otlp # base.yaml:12
          telemetry:
            logs:
              level: info # default
              encoding: console # default
            metrics:
              level: normal # default
              address: 127.0.0.1:8888 # default
            health:
              enabled: true # default
              address: 127.0.0.1:13133 # default
          data_dir: ./skyferry-data # default
          shutdown_timeout: 10s # default
    "#]]
    .assert_eq(&document.effective(defaults).to_yaml(Origins::Shown));
}

#[test]
fn what_is_printed_loads_to_the_same() {
    let args = [set(
        "receivers.otlp.labels={a: '$${b} $$', '${c}': '0123', d: \"two\\nlines\"}",
    )];
    let first = load_base(&args).unwrap().document.effective(defaults);
    let inputs = TestInputs::default().file("printed.yaml", first.to_yaml(Origins::Left));
    let again = load_with(&inputs, &[config("printed.yaml")])
        .unwrap()
        .document;
    assert_eq!(again.effective(|_| None).to_json(), first.to_json());
    let labels = &first.to_json()["receivers"]["otlp"]["labels"];
    assert_eq!(
        *labels,
        json!({ "a": "${b} $", "${c}": "0123", "d": "two\nlines" })
    );
}

#[test]
fn prints_json_with_masked_secrets() {
    let args = [set("exporters.otlp.headers.key=hunter2")];
    let effective = load_base(&args).unwrap().document.effective(defaults);
    assert_eq!(
        effective.to_json()["exporters"]["otlp"],
        json!({ "endpoint": "backend:4317", "headers": { "key": "[REDACTED]" }, "timeout": "5s" })
    );
}

#[test]
fn the_schema_for_editors_has_every_component_under_its_ids() {
    let schema = editor_schema(&TestCatalog::new());
    let exporters = &schema["properties"]["exporters"]["patternProperties"];
    assert_eq!(
        exporters["^(otlp_grpc|otlp)(/.+)?$"]["anyOf"][0]["$ref"],
        "#/$defs/exporters.otlp_grpc"
    );
    let pipelines = &schema["$defs"]["service"]["properties"]["pipelines"]["anyOf"][0];
    let patterns: Vec<&String> = pipelines["patternProperties"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(patterns, ["^(traces|metrics|logs|skywalking)(/.+)?$"]);
    assert_eq!(
        schema["$defs"]["exporters.otlp_grpc"]["properties"]["timeout"]["anyOf"][1]["$ref"],
        "#/$defs/reference"
    );
}

fn references(schema: &Json, found: &mut Vec<String>) {
    match schema {
        Json::Object(entries) => {
            if let Some(Json::String(target)) = entries.get("$ref") {
                found.push(target.clone());
            }
            entries.values().for_each(|value| references(value, found));
        }
        Json::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_of_the_schema_for_editors_leads_somewhere() {
    let schema = editor_schema(&TestCatalog::new());
    let mut found = Vec::new();
    references(&schema, &mut found);
    assert!(found.len() > 20);
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(schema.pointer(pointer).is_some(), "{target} leads nowhere");
    }
}

/// Two components whose schemas define different things under one name.
struct Clashing {
    schemas: [Json; 2],
}

impl Catalog for Clashing {
    fn component(&self, kind: Kind, type_name: &str) -> Option<ComponentInfo<'_>> {
        let index = ["a", "b"].iter().position(|name| *name == type_name)?;
        (kind == Kind::Exporter).then(|| ComponentInfo {
            type_name: ["a", "b"][index],
            aliases: &[],
            schema: &self.schemas[index],
            foreign_keys: &[],
            signals: &["logs"],
        })
    }

    fn names(&self, kind: Kind) -> Vec<&str> {
        if kind == Kind::Exporter {
            vec!["a", "b"]
        } else {
            Vec::new()
        }
    }

    fn signals(&self) -> &[&str] {
        &["logs"]
    }
}

#[test]
fn definitions_of_one_name_do_not_meet() {
    let with = |inner: &str| {
        json!({
            "type": "object",
            "properties": { "x": { "$ref": "#/$defs/X" } },
            "$defs": { "X": { "type": inner } },
        })
    };
    let schema = editor_schema(&Clashing {
        schemas: [with("integer"), with("string")],
    });
    assert_eq!(schema["$defs"]["exporters.a.X"]["type"], "integer");
    assert_eq!(schema["$defs"]["exporters.b.X"]["type"], "string");
}
