//! The recorded sessions.

use std::time::Duration;

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use pdata::otlp::{InvalidUtf8, receive};
use pdata::skywalking::Kind;
use pdata::{Budget, NativeChunk, Signal, json};
use prost::Message;
use serde::Deserialize;
use serde_json::Value as Json;

/// One run of mini-program-monitor 0.5.0-dev on each simulator; the first sends OTLP as JSON, the
/// second as protobuf, both their segments as JSON. One request a line, in the order sent.
const WECHAT: &str = include_str!("recordings/wechat.jsonl");
const ALIPAY: &str = include_str!("recordings/alipay.jsonl");

/// What JSON calls the fields that hold a moment: in OTLP nanoseconds as text, in segments
/// milliseconds as a number.
const NANOSECOND_FIELDS: [&str; 3] = ["timeUnixNano", "startTimeUnixNano", "endTimeUnixNano"];
const MILLISECOND_FIELDS: [&str; 2] = ["startTime", "endTime"];

const SEGMENTS_PATH: &str = "/v3/segments";

/// In nanoseconds.
const MILLISECOND: u64 = 1_000_000;

/// Memory for reading one request back; the recorded ones are a few KiB.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// A request as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// `/v1/logs`, `/v1/metrics` or `/v3/segments`.
    pub(crate) path: String,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

#[derive(Deserialize)]
struct Line {
    path: String,
    content_type: String,
    body_base64: String,
}

/// Both sessions, as if they had happened at the same time.
pub(crate) fn all() -> anyhow::Result<Vec<Recorded>> {
    let mut sessions = [WECHAT.lines(), ALIPAY.lines()];
    let mut requests = Vec::new();
    loop {
        let before = requests.len();
        for line in sessions.iter_mut().filter_map(Iterator::next) {
            requests.push(read(line).context("a recording is damaged")?);
        }
        if requests.len() == before {
            return Ok(requests);
        }
    }
}

fn read(line: &str) -> anyhow::Result<Recorded> {
    let Line {
        path,
        content_type,
        body_base64,
    } = serde_json::from_str(line)?;
    Ok(Recorded {
        path,
        content_type,
        body: BASE64_STANDARD.decode(body_base64)?,
    })
}

impl Recorded {
    fn signal(&self) -> anyhow::Result<Signal> {
        let signal = self.path.strip_prefix("/v1/").and_then(Signal::from_name);
        signal.ok_or_else(|| anyhow!("`{}` belongs to no signal", self.path))
    }

    fn is_json(&self) -> bool {
        self.content_type == "application/json"
    }

    /// Log records, data points or spans.
    pub(crate) fn items(&self) -> anyhow::Result<usize> {
        if self.path == SEGMENTS_PATH {
            return spans(&self.body);
        }
        let signal = self.signal()?;
        let request = match self.is_json() {
            true => json::read(signal, &self.body)?.wire.into(),
            false => self.body.clone().into(),
        };
        let budget = Budget::new(REQUEST_BYTES_MAX);
        Ok(receive(signal, request, InvalidUtf8::Refuse, &budget)?.items)
    }

    /// The same request, its latest moment moved to `now` (since the Unix epoch) and all others
    /// by as much.
    pub(crate) fn moved_to(&self, now: Duration) -> anyhow::Result<Recorded> {
        let mut latest = 0;
        self.with_times(|time| {
            latest = latest.max(time);
            time
        })?;
        let now = u64::try_from(now.as_nanos())?;
        let body = self.with_times(|time| match time {
            // Zero is no moment but the absence of one.
            0 => 0,
            time => now.saturating_sub(latest - time),
        })?;
        Ok(Recorded {
            body,
            ..self.clone()
        })
    }

    /// The body with `change` applied to every moment in it.
    fn with_times(&self, mut change: impl FnMut(u64) -> u64) -> anyhow::Result<Vec<u8>> {
        if self.is_json() {
            let mut body: Json = serde_json::from_slice(&self.body)?;
            change_json(&mut body, &mut change)?;
            return Ok(body.to_string().into_bytes());
        }
        match self.signal()? {
            Signal::Logs => {
                let mut request = ExportLogsServiceRequest::decode(&*self.body)?;
                change_logs(&mut request, &mut change);
                Ok(request.encode_to_vec())
            }
            Signal::Metrics => {
                let mut request = ExportMetricsServiceRequest::decode(&*self.body)?;
                change_metrics(&mut request, &mut change);
                Ok(request.encode_to_vec())
            }
            Signal::Traces | Signal::Skywalking => Err(anyhow!("none of these were recorded")),
        }
    }
}

/// Those of a list of segments.
fn spans(body: &[u8]) -> anyhow::Result<usize> {
    let kind = Kind::Segment;
    let list = json::read_list(kind.schema(), body)?;
    let wire = Bytes::from(list.wire);
    let segments = list.elements.into_iter();
    let segments = segments.map(|range| NativeChunk::from_checked(kind, wire.slice(range), 0));
    Ok(segments.map(|segment| segment.items()).sum())
}

/// The recordings nest as deep as OTLP does and no deeper, so recursion is bounded by the data.
fn change_json(node: &mut Json, change: &mut impl FnMut(u64) -> u64) -> anyhow::Result<()> {
    match node {
        Json::Array(items) => items
            .iter_mut()
            .try_for_each(|item| change_json(item, change)),
        Json::Object(fields) => fields.iter_mut().try_for_each(|(name, value)| match value {
            Json::String(text) if NANOSECOND_FIELDS.contains(&&**name) => {
                *text = change(text.parse()?).to_string();
                Ok(())
            }
            Json::Number(time) if MILLISECOND_FIELDS.contains(&&**name) => {
                let milliseconds = time.as_u64().context("a time is a whole number")?;
                *time = (change(milliseconds * MILLISECOND) / MILLISECOND).into();
                Ok(())
            }
            value => change_json(value, change),
        }),
        _ => Ok(()),
    }
}

fn change_logs(request: &mut ExportLogsServiceRequest, change: &mut impl FnMut(u64) -> u64) {
    let scopes = request
        .resource_logs
        .iter_mut()
        .flat_map(|resource| &mut resource.scope_logs);
    for record in scopes.flat_map(|scope| &mut scope.log_records) {
        record.time_unix_nano = change(record.time_unix_nano);
        record.observed_time_unix_nano = change(record.observed_time_unix_nano);
    }
}

fn change_metrics(request: &mut ExportMetricsServiceRequest, change: &mut impl FnMut(u64) -> u64) {
    let resources = request.resource_metrics.iter_mut();
    let scopes = resources.flat_map(|resource| &mut resource.scope_metrics);
    for data in scopes
        .flat_map(|scope| &mut scope.metrics)
        .filter_map(|metric| metric.data.as_mut())
    {
        let mut both = |start: &mut u64, end: &mut u64| {
            *start = change(*start);
            *end = change(*end);
        };
        match data {
            Data::Gauge(gauge) => gauge
                .data_points
                .iter_mut()
                .for_each(|point| both(&mut point.start_time_unix_nano, &mut point.time_unix_nano)),
            Data::Sum(sum) => sum
                .data_points
                .iter_mut()
                .for_each(|point| both(&mut point.start_time_unix_nano, &mut point.time_unix_nano)),
            Data::Histogram(histogram) => histogram
                .data_points
                .iter_mut()
                .for_each(|point| both(&mut point.start_time_unix_nano, &mut point.time_unix_nano)),
            // The mini program SDK sends none of these.
            Data::ExponentialHistogram(_) | Data::Summary(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(request: &Recorded) -> Vec<u64> {
        let mut times = Vec::new();
        let body = request.with_times(|time| {
            times.push(time);
            time
        });
        body.expect("the recordings are readable");
        times.retain(|time| *time > 0);
        times
    }

    #[test]
    fn every_request_counts_and_none_is_lost_in_moving() {
        let requests = all().expect("the recordings are readable");
        assert_eq!(
            requests.len(),
            WECHAT.lines().count() + ALIPAY.lines().count()
        );
        for request in requests {
            let items = request.items().expect("it was taken by a real backend");
            assert!(items > 0, "{}", request.path);
            let moved = request.moved_to(Duration::from_secs(2_000_000_000));
            assert_eq!(moved.unwrap().items().unwrap(), items);
        }
    }

    #[test]
    fn the_latest_moment_is_now_and_the_others_keep_their_distance() {
        let now = 2_000_000_000_000_000_000;
        for request in all().expect("the recordings are readable") {
            let before = times(&request);
            let after = times(&request.moved_to(Duration::from_nanos(now)).unwrap());
            let latest = *before.iter().max().unwrap();
            let expected: Vec<_> = before.iter().map(|time| now - (latest - time)).collect();
            assert_eq!(after, expected);
            assert_eq!(after.iter().max(), Some(&now));
        }
    }

    #[test]
    fn nothing_but_the_times_is_changed() {
        for request in all().expect("the recordings are readable") {
            let there = request
                .moved_to(Duration::from_secs(2_000_000_000))
                .unwrap();
            let latest = times(&request).into_iter().max().unwrap();
            let back = there.moved_to(Duration::from_nanos(latest)).unwrap();
            let unchanged = request.with_times(|time| time).unwrap();
            assert_eq!(back.body, unchanged);
        }
    }
}
