//! What a plugin says about itself, as JSON.

use crate::description::{Description, Segments, Signal};

/// The JSON object of [`crate::abi::Plugin::describe`].
pub(super) fn json(description: &Description) -> String {
    let mut json = String::from("{");
    text(&mut json, "name", description.name);
    json.push(',');
    text(&mut json, "version", description.version);
    json.push(',');
    text(&mut json, "summary", description.summary);
    json.push(',');
    signals(&mut json, "signals", description.signals);
    json.push(',');
    signals(&mut json, "emits", description.emits);
    json.push(',');
    let segments = match description.segments {
        Segments::Otlp => "otlp",
        Segments::Native => "native",
    };
    text(&mut json, "segments", segments);
    json.push(',');
    boolean(&mut json, "parallel", description.parallel);
    json.push(',');
    boolean(&mut json, "resident", description.resident);
    let schema = description.schema.trim();
    if !schema.is_empty() {
        json.push_str(",\"schema\":");
        json.push_str(schema);
    }
    json.push('}');
    json
}

fn text(json: &mut String, key: &str, value: &str) {
    quoted(json, key);
    json.push(':');
    quoted(json, value);
}

fn boolean(json: &mut String, key: &str, value: bool) {
    quoted(json, key);
    json.push_str(if value { ":true" } else { ":false" });
}

fn signals(json: &mut String, key: &str, signals: &[Signal]) {
    quoted(json, key);
    json.push_str(":[");
    for (index, signal) in signals.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        let name = match signal {
            Signal::Traces => "traces",
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
        };
        quoted(json, name);
    }
    json.push(']');
}

fn quoted(json: &mut String, text: &str) {
    json.push('"');
    for char in text.chars() {
        match char {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            // The others of JSON's short forms are no more than nicer to read.
            '\n' => json.push_str("\\n"),
            char if char.is_control() => json.push_str(&format!("\\u{:04x}", u32::from(char))),
            char => json.push(char),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_said() {
        let description = Description {
            summary: "says \"no\" to C:\\\nand \u{1}",
            signals: &[Signal::Traces, Signal::Logs],
            emits: &[Signal::Metrics],
            segments: Segments::Native,
            parallel: true,
            schema: "\n{\"type\": \"object\"}\n",
            ..Description::new("a-name", "1.2.3")
        };
        assert_eq!(
            json(&description),
            r#"{"name":"a-name","version":"1.2.3","summary":"says \"no\" to C:\\\nand \u0001","#
                .to_owned()
                + r#""signals":["traces","logs"],"emits":["metrics"],"segments":"native","#
                + r#""parallel":true,"resident":false,"schema":{"type": "object"}}"#
        );
    }

    #[test]
    fn a_configuration_without_a_schema_may_be_anything() {
        assert!(!json(&Description::new("a", "1")).contains("schema"));
    }
}
