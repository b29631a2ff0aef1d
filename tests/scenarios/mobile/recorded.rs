//! The recorded traffic of both platforms, request by request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pdata::Signal;
use pdata::skywalking::v3::SegmentObject;
use serde_json::Value;

use crate::harness::oap::methods::SEGMENTS;
use crate::harness::oap::paths::decode_json;
use crate::harness::{Export, Sender};

/// One run of the SDK on a platform's simulator.
pub(crate) struct Recording {
    /// As `miniprogram.platform` has it.
    pub(crate) platform: &'static str,
    /// The component of its calls.
    pub(crate) component: i32,
    otlp: &'static str,
    segments: &'static str,
}

/// The recording with this name.
macro_rules! recording {
    ($name:literal, $platform:literal, $component:literal) => {
        Recording {
            platform: $platform,
            component: $component,
            otlp: include_str!(concat!("../../recordings/", $name, ".jsonl")),
            segments: include_str!(concat!("../../recordings/segments/", $name, ".jsonl")),
        }
    };
}

pub(crate) const ALL: [Recording; 4] = [
    recording!("wechat-demo-json", "wechat", 10002),
    recording!("wechat-demo-proto", "wechat", 10002),
    recording!("alipay-demo-proto", "alipay", 10003),
    recording!("alipay-error-storm-json", "alipay", 10003),
];

/// One recorded request.
#[derive(Clone)]
pub(crate) struct Recorded {
    pub(crate) path: String,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Recording {
    /// Requests with metrics and logs.
    pub(crate) fn otlp(&self) -> Vec<Recorded> {
        self.otlp.lines().map(Recorded::read).collect()
    }

    /// Requests with arrays of segments.
    pub(crate) fn segments(&self) -> Vec<Recorded> {
        self.segments.lines().map(Recorded::read).collect()
    }
}

impl Recorded {
    fn read(line: &str) -> Recorded {
        let line: Value = serde_json::from_str(line).expect("a recording is JSON lines");
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        let body = STANDARD.decode(text(&line["body_base64"]));
        Recorded {
            path: text(&line["path"]),
            content_type: text(&line["headers"]["content-type"]),
            body: body.expect("a recording's bodies are base64"),
        }
    }

    pub(crate) fn signal(&self) -> Signal {
        match &*self.path {
            "/v1/metrics" => Signal::Metrics,
            "/v1/logs" => Signal::Logs,
            other => panic!("no OTLP goes to {other}"),
        }
    }

    pub(crate) fn export(&self) -> Export {
        let export = match &*self.content_type {
            "application/json" => Export::from_json(self.signal(), &self.body),
            _ => Export::from_protobuf(self.signal(), &self.body),
        };
        export.expect("the SDK sends OTLP")
    }

    /// The segments in it.
    pub(crate) fn decoded(&self) -> Vec<SegmentObject> {
        let values: Vec<Value> = serde_json::from_slice(&self.body).expect("a body is an array");
        let segments = values.into_iter().map(|value| decode_json(SEGMENTS, value));
        segments.collect()
    }

    /// Posts it with further headers, and expects it to be taken.
    pub(crate) async fn send(&self, sender: &Sender, headers: &[(&'static str, &str)]) {
        let content_type = ("content-type", &*self.content_type);
        let headers: Vec<_> = [content_type]
            .into_iter()
            .chain(headers.iter().copied())
            .collect();
        let answer = sender.post(&self.path, &headers, self.body.clone()).await;
        let answer = answer.expect("it answers");
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{text}");
    }
}
