//! Inputs that are no logs.

use std::borrow::Cow;

use super::{Heard, NOW, Sent, ending, rules, sent};
use crate::message::{Class, from_json};
use crate::{
    Body, Compatibility, End, Log, Message, Metadata, Outcome, Record, RuleId, Rules, Sample,
    Scratch, Source, load,
};

const HTTP: &str = "io.envoyproxy.envoy.data.accesslog.v3.HTTPAccessLogEntry";
const TCP: &str = "io.envoyproxy.envoy.data.accesslog.v3.TCPAccessLogEntry";

/// A message with the metadata of a log.
struct Entry {
    log: Sent,
    class: &'static str,
    bytes: Vec<u8>,
}

impl Log for Entry {
    fn metadata(&self) -> Metadata<'_> {
        self.log.metadata()
    }

    fn body(&self) -> Body<'_> {
        panic!("nobody asks for the body of a message")
    }

    fn tag(&self, key: &str) -> Option<Cow<'_, str>> {
        self.log.tag(key)
    }

    fn source_attribute(&self, key: &str) -> Option<Cow<'_, str>> {
        self.log.source_attribute(key)
    }

    fn message(&self) -> Option<Message<'_>> {
        Some(Message {
            class: self.class,
            bytes: &self.bytes,
        })
    }
}

fn entry(class: &'static str, json: &str) -> Entry {
    Entry {
        log: sent().layer("MESH"),
        class,
        bytes: from_json(Class::of_java(class).unwrap(), json).unwrap(),
    }
}

fn heard(rules: &Rules, entry: &Entry) -> String {
    let mut heard = Heard::default();
    let claim = rules.run(entry, NOW, &mut Scratch::default(), &mut heard);
    heard.lines.push(format!("{claim:?}"));
    heard.lines.join("\n")
}

#[test]
fn a_rule_for_another_class_is_passed_by() {
    let rules = rules(&[("MESH", "extractor { tag a: parsed.request.path } sink {}")]);
    let http = entry(HTTP, r#"{"request": {"path": "/x"}}"#);
    assert_eq!(
        heard(&rules, &http),
        "0 keeps svc///MESH [a=/x]\n0 done 1\nClaimed"
    );
    assert_eq!(heard(&rules, &entry(TCP, "{}")), "Unclaimed");
}

#[test]
fn bytes_that_are_no_message_fail_the_rules_that_read_them() {
    let rules = rules(&[
        ("MESH", "extractor { tag a: parsed.request.path } sink {}"),
        ("MESH", "json {} sink {}"),
        ("MESH", "text { regexp '.*' abortOnFailure false } sink {}"),
    ]);
    let broken = Entry {
        bytes: vec![0xff],
        ..entry(HTTP, "{}")
    };
    let said = heard(&rules, &broken);
    assert!(said.contains("the message cannot be read"), "{said}");
    let unknown = Entry {
        class: "org.example.Nobody",
        ..entry(HTTP, "{}")
    };
    let said = heard(&rules, &unknown);
    let expected =
        "json parser: input is not a log body (expected LogData, got org.example.Nobody)";
    assert!(said.contains(expected), "{said}");
    assert!(!said.starts_with('0'), "{said}");
    assert!(said.contains("2 keeps"), "{said}");
}

#[test]
fn a_boolean_of_a_call_is_itself_and_one_of_a_field_is_there() {
    let rules = rules(&[(
        "MESH",
        "extractor {
          if (parsed.commonProperties.getIntermediateLogEntry()) { tag a: 'called' }
          if (parsed.commonProperties.intermediateLogEntry) { tag b: 'field' }
          if (parsed.response.hasResponseCode()) { tag c: 'has' }
          def common = parsed.commonProperties
          if (common.getIntermediateLogEntry()) { tag d: 'called' }
          if (common.responseFlags) { tag e: 'flags' }
        } sink {}",
    )]);
    assert!(heard(&rules, &entry(HTTP, "{}")).contains("[b=field]"));
    let json = r#"{"commonProperties": {"intermediateLogEntry": true, "responseFlags": {"localReset": true}}, "response": {"responseCode": 0}}"#;
    let said = heard(&rules, &entry(HTTP, json));
    let expected = "[a=called, b=field, c=has, d=called, e=flags]";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn numbers_are_those_of_java_and_maps_have_entries() {
    let rules = rules(&[
        (
            "MESH",
            "extractor {
              def request = parsed.request
              def method = parsed.request.requestMethod
              tag a: parsed.response.responseCode.value
              tag b: (parsed.response.responseCode.value + 1)
              if (request.containsRequestHeaders('k')) { tag c: request.getRequestHeadersOrThrow('k') }
              if (request.requestMethod == 'GET') { tag never: 'a constant is no text' }
              if (request.requestMethod?.toString() == 'GET') { tag d: method.name }
              if (parsed.request.requestHeadersBytes == 0) { tag e: parsed.request.requestHeadersBytes }
            } sink {}",
        ),
        (
            "MESH",
            "extractor { tag a: parsed.request.getRequestHeadersOrThrow('gone') } sink {}",
        ),
    ]);
    let json = r#"{"response": {"responseCode": 4294967295}, "request": {"requestMethod": "GET", "requestHeaders": {"k": "v"}}}"#;
    assert_eq!(
        heard(&rules, &entry(HTTP, json)),
        "0 keeps svc///MESH [a=-1, b=0, c=v, d=GET, e=0]\n0 done 1\n\
         1 failed: the map has no such key\nClaimed"
    );
}

/// The bodies of records.
#[derive(Default)]
struct Bodies(Vec<String>);

impl Outcome for Bodies {
    fn record(&mut self, _: RuleId, record: &Record<'_>) {
        self.0.push(record.entry.unwrap_or("none").to_owned());
    }

    fn sample(&mut self, _: RuleId, _: &Sample<'_>) {}

    fn end(&mut self, _: RuleId, end: End<'_>) {
        assert_eq!(ending(end), "done 1");
    }
}

#[test]
fn a_record_of_an_access_log_has_the_entry_as_its_body() {
    let text = format!(
        "rules:\n  - {{name: mesh, layer: MESH, dsl: 'filter {{ sink {{}} }}'}}\n  \
         - {{name: written, layer: GENERAL, inputType: {TCP}, outputType: EnvoyAccessLog, dsl: 'filter {{ sink {{}} }}'}}\n  \
         - {{name: log, layer: GENERAL, inputType: {TCP}, dsl: 'filter {{ sink {{}} }}'}}\n"
    );
    let source = Source {
        name: "rules.yaml".to_owned(),
        text,
    };
    let loaded = load(&[source], Compatibility::Oap);
    assert!(loaded.findings.is_empty(), "{:?}", loaded.findings);
    let rules = Rules::compile(loaded);
    let mut bodies = Bodies::default();
    let mut run = |entry: &Entry| rules.run(entry, NOW, &mut Scratch::default(), &mut bodies);
    run(&entry(HTTP, r#"{"response": {"responseCode": 500}}"#));
    let mut tcp = entry(TCP, r#"{"connectionProperties": {"sentBytes": 5}}"#);
    tcp.log = sent().layer("GENERAL");
    run(&tcp);
    assert_eq!(
        bodies.0,
        [
            r#"{"response":{"responseCode":500}}"#,
            r#"{"connectionProperties":{"sentBytes":"5"}}"#,
            "none"
        ]
    );
}
