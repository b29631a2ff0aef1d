//! What OAP leaves behind of an OTLP log record, said in attributes.
//!
//! OAP makes tags of a record's attributes and drops its severity and its trace. Only the tags `level`
//! and `http.status_code` can be searched for by default.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs};

use super::TAG_LEVEL;
use super::reverse::level;
use crate::convert::any;
use crate::convert::ids::hex_text;

const TRACE_ID: &str = "trace_id";
const STATUS_CODE: &str = "http.status_code";
const STABLE_STATUS_CODE: &str = "http.response.status_code";

/// Adds level, status code and trace id to each record as attributes, unless it has them.
pub fn make_searchable(logs: &mut ResourceLogs) {
    let scopes = logs.scope_logs.iter_mut();
    for record in scopes.flat_map(|scope| &mut scope.log_records) {
        let level = level(record).to_owned();
        let status = any::find(&record.attributes, STABLE_STATUS_CODE).map(any::text);
        let status = status.map(|status| status.into_owned()).unwrap_or_default();
        let trace_id = hex_text(&record.trace_id);
        add(record, TAG_LEVEL, level);
        add(record, STATUS_CODE, status);
        add(record, TRACE_ID, trace_id);
    }
}

fn add(record: &mut LogRecord, key: &str, value: String) {
    if value.is_empty() || any::find(&record.attributes, key).is_some() {
        return;
    }
    record.attributes.push(KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value)),
        }),
        ..KeyValue::default()
    });
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::logs::v1::ScopeLogs;

    use super::*;

    fn keys(record: LogRecord) -> Vec<(String, String)> {
        let mut logs = ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records: vec![record],
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        };
        make_searchable(&mut logs);
        let record = &logs.scope_logs[0].log_records[0];
        let text = |attribute: &KeyValue| {
            let value = attribute.value.as_ref().map(any::text);
            (
                attribute.key.clone(),
                value.unwrap_or_default().into_owned(),
            )
        };
        record.attributes.iter().map(text).collect()
    }

    fn attribute(key: &str, value: Value) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        }
    }

    #[test]
    fn says_what_would_be_lost_once() {
        let record = LogRecord {
            severity_number: 17,
            trace_id: vec![0xAB; 16],
            attributes: vec![attribute(STABLE_STATUS_CODE, Value::IntValue(503))],
            ..LogRecord::default()
        };
        let expected = [
            (STABLE_STATUS_CODE, "503"),
            ("level", "ERROR"),
            ("http.status_code", "503"),
            ("trace_id", "abababababababababababababababab"),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(keys(record), expected);
        let own = attribute("level", Value::StringValue("loud".to_owned()));
        let record = LogRecord {
            severity_text: "WARN".to_owned(),
            attributes: vec![own],
            ..LogRecord::default()
        };
        assert_eq!(keys(record), [("level".to_owned(), "loud".to_owned())]);
        assert_eq!(keys(LogRecord::default()), []);
    }
}
