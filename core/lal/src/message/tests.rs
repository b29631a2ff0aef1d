use super::*;
use crate::{Compatibility, Source, load};

const HTTP: &str = OF_MESH;

fn message(class: &str, json: &str) -> DynamicMessage {
    let class_of = Class::of_java(class).unwrap();
    let bytes = from_json(class_of, json).unwrap();
    Received::new(class, &bytes).message.unwrap()
}

fn printed(json: &str) -> String {
    let mut text = String::new();
    push_text(&mut text, &message(HTTP, json), usize::MAX);
    text
}

fn findings(filter: &str) -> String {
    let text = format!(
        "rules:\n  - name: a\n    layer: MESH\n    dsl: |\n      filter {{\n        {filter}\n      }}\n"
    );
    let source = Source {
        name: "x.yaml".to_owned(),
        text,
    };
    let loaded = load(&[source], Compatibility::Oap);
    let findings = loaded.findings.iter();
    let lines = findings.map(|it| {
        let help = it.help.as_deref().unwrap_or_default();
        format!("{}:{} {}; {help}\n", it.line, it.column, it.message)
    });
    lines.collect()
}

#[test]
fn prints_what_is_set_as_java_does() {
    let json = r#"{
        "request": {"requestHeaders": {"b": "2", "a": "é\n'\""}, "requestMethod": "PATCH"},
        "response": {"responseCode": 4294967295},
        "protocolVersion": 77,
        "commonProperties": {
            "sampleRate": 1, "startTime": "1970-01-01T00:00:05Z", "responseFlags": {},
            "tlsProperties": {"localCertificateProperties": {"subjectAltName": [{"uri": ""}, {}]}}
        }
    }"#;
    let expected = r#"common_properties {
  sample_rate: 1.0
  tls_properties {
    local_certificate_properties {
      subject_alt_name {
        uri: ""
      }
      subject_alt_name {
      }
    }
  }
  start_time {
    seconds: 5
  }
  response_flags {
  }
}
protocol_version: UNKNOWN_ENUM_VALUE_HTTPVersion_77
request {
  request_method: PATCH
  request_headers {
    key: "a"
    value: "\303\251\n\'\""
  }
  request_headers {
    key: "b"
    value: "2"
  }
}
response {
  response_code {
    value: 4294967295
  }
}
"#;
    assert_eq!(printed(json), expected);
    assert_eq!(printed("{}"), "");
}

#[test]
fn printing_ends_behind_its_limit() {
    let value = format!("{}1{}", "[".repeat(40), ", 1]".repeat(40));
    let json = format!(
        r#"{{"commonProperties": {{"metadata": {{"filterMetadata": {{"f": {{"a": {value}}}}}}}}}}}"#
    );
    let mut text = String::new();
    push_text(&mut text, &message(HTTP, &json), 100);
    assert!((100..1000).contains(&text.len()), "{}", text.len());
}

#[test]
fn json_is_the_same_each_time_it_is_written() {
    let json = r#"{"request":{"requestBodyBytes":"5","requestHeaders":{"a":"1","b":"2","c":"3","d":"4"}},"response":{"responseCode":500}}"#;
    for _ in 0..8 {
        assert_eq!(super::json(&message(HTTP, json)).unwrap(), json);
    }
}

#[test]
fn getters_have_the_names_that_java_gives_them() {
    let class = |name: &str| Class::of_java(&format!("{JAVA_PREFIX}envoy.{name}"));
    let accesslog = |name: &str| class(&format!("data.accesslog.v3.{name}"));
    let tls = accesslog("TLSProperties").unwrap();
    assert_eq!(
        names(tls)[..6],
        [
            "getTlsVersion",
            "getTlsVersionValue",
            "getTlsCipherSuite",
            "hasTlsCipherSuite",
            "getTlsSniHostname",
            "getLocalCertificateProperties"
        ]
    );
    assert!(getter(tls, "getJa3Fingerprint", 0).is_some());
    let nested = accesslog("TLSProperties$CertificateProperties").unwrap();
    assert!(getter(nested, "getSubjectAltName", 1).is_some());
    assert!(getter(nested, "getSubjectAltName", 0).is_none());
    let address = class("config.core.v3.Address").unwrap();
    assert!(getter(address, "hasPipe", 0).is_some());
    assert!(getter(accesslog("AccessLogCommon").unwrap(), "hasDuration", 0).is_some());
    assert!(accesslog("Nobody").is_none());
    assert!(Class::of_java("envoy.data.accesslog.v3.TCPAccessLogEntry").is_none());
}

#[test]
fn what_a_message_does_not_have_is_found_with_the_nearest_name() {
    assert_eq!(
        findings("if (parsed?.response?.responseCod?.value as Integer < 400) { abort {} }"),
        "6:29 `HTTPResponseProperties` has no getter `getResponseCod` here; \
         did you mean `getResponseCode`?\n"
    );
    assert_eq!(
        findings("if (parsed.response.hasResponsCode()) { abort {} }"),
        "6:28 `HTTPResponseProperties` has no getter `hasResponsCode` here; \
         did you mean `hasResponseCode`?\n"
    );
    assert!(findings("extractor { service parsed.request.path.length }").contains("has no fields"));
    assert!(findings("extractor { tag a: tag(\"b\") }").contains("has no tags"));
    assert!(findings("if (log.body.hasText()) { abort {} }").contains("has no body"));
    assert!(findings("if (parsed.request?.hasPort()) { abort {} }").contains("cannot compile"));
    assert!(
        findings("if (parsed.commonProperties.intermediateLogEntry) { abort {} }")
            .contains("also when it is `false`")
    );
    assert_eq!(findings("extractor { tag a: parsed } sink {}"), "");
}

#[test]
fn json_that_is_no_such_message_is_refused() {
    let class = Class::of_mesh().unwrap();
    assert!(from_json(class, "{} x").is_err());
    assert!(from_json(class, r#"{"response": 5}"#).is_err());
    assert!(from_json(class, r#"{"response": {"responseCode": -1}}"#).is_err());
    assert_eq!(from_json(class, r#"{"unknown": {}}"#).unwrap(), b"");
}

#[test]
fn a_message_over_the_limit_is_not_read() {
    let bytes = vec![0; MESSAGE_BYTES_MAX + 1];
    let error = Received::new(HTTP, &bytes).message.unwrap_err();
    assert!(error.contains("more than 1048576"), "{error}");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes: Vec<u8>) {
        if let Ok(message) = Received::new(HTTP, &bytes).message {
            push_text(&mut String::new(), &message, usize::MAX);
        }
    }
}
