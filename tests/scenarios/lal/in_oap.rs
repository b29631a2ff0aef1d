//! One rule file in a real OAP's own LAL and in ours: what users see is the same.

use std::collections::{BTreeMap, BTreeSet};

use pdata::skywalking::v3::log_data_body::Content;
use pdata::skywalking::v3::{JsonLog, LogData, LogDataBody, LogTags, TextLog};
use serde_json::{Value, json};

use crate::harness::Collector;
use crate::harness::oap::methods::LOGS;
use crate::harness::oap::numbered::{now, tag};
use crate::skywalking::client::Grpc;
use crate::skywalking::program::eventually;
use crate::skywalking::real_oap::{Queries, RealOap, VISIBLE_WITHIN};

/// Logs of each kind.
const LOGS_EACH: usize = 50;
const ACCESS: &str = "lal-access";
const ERRORS: &str = "lal-errors";
const FUNCTIONS: &str = "lal-functions";
const PLAIN: &str = "lal-plain";
/// All instances are this one, unless a rule says otherwise.
const INSTANCE: &str = "lal-1";

/// The rules under test, as OAP reads them.
const RULES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/oap/config/lal/differential.yaml"
);

fn log(service: &str, layer: &str, content: Content, tags: &[(&str, &str)]) -> LogData {
    let tags = tags.iter().map(|(key, value)| tag(key, value));
    LogData {
        timestamp: now(),
        service: service.to_owned(),
        service_instance: INSTANCE.to_owned(),
        layer: layer.to_owned(),
        body: Some(LogDataBody {
            r#type: String::new(),
            content: Some(content),
        }),
        tags: Some(LogTags {
            data: tags.collect(),
        }),
        ..LogData::default()
    }
}

fn text(text: String) -> Content {
    Content::Text(TextLog { text })
}

/// Lines of nginx: every status, some cut off, some of a kind that the rules do not know.
fn access(number: usize) -> LogData {
    let status = [200, 204, 301, 404, 499, 500, 503][number % 7];
    let line = format!(
        "10.0.0.{number} - - [22/Nov/2026:08:00:00 +0000] \"GET /page/{number}?a=b HTTP/1.1\" \
         {status} {} \"-\" \"agent\"",
        100 + number
    );
    let line = match number % 10 {
        9 => line[..line.len() / 2].to_owned(),
        _ => line,
    };
    let kind = if number % 12 == 11 { "OTHER" } else { "ACCESS" };
    log(ACCESS, "NGINX", text(line), &[("LOG_KIND", kind)])
}

fn error(number: usize) -> LogData {
    let at = jiff::Timestamp::now().strftime("%Y/%m/%d %H:%M:%S");
    let level = ["error", "warn", "crit"][number % 3];
    let line = match number % 8 {
        7 => format!("{number}: no line of nginx"),
        _ => format!("{at} [{level}] 1#1: *{number} upstream timed out"),
    };
    let tags = [("LOG_KIND", "ERROR"), ("number", &number.to_string())];
    log(ERRORS, "NGINX", text(line), &tags)
}

/// What functions write: fields that are missing, null, nested, of other types; text that is no JSON.
fn function(number: usize) -> LogData {
    let level = ["DEBUG", "INFO", "ERROR"][number % 3];
    let mut body = json!({"number": number, "level": level});
    let fields = [
        ("host", json!(format!("host-{}", number % 4))),
        ("route", json!(format!("/f/{number}"))),
        ("ms", json!(number * 3)),
        ("error", json!({"code": "E42", "text": "no \"room\""})),
    ];
    for (index, (key, value)) in fields.into_iter().enumerate() {
        match (number >> index) & 3 {
            0 => {}
            1 => body[key] = Value::Null,
            _ => body[key] = value,
        }
    }
    let json = match number % 11 {
        10 => format!("{number} is no JSON {{"),
        _ => body.to_string(),
    };
    let region: &[(&str, &str)] = match number % 2 {
        0 => &[],
        _ => &[("region", "eu")],
    };
    let body = Content::Json(JsonLog { json });
    log(FUNCTIONS, "FAAS", body, region)
}

fn plain(number: usize) -> LogData {
    log(PLAIN, "GENERAL", text(format!("plain {number}")), &[])
}

/// All of the logs, by service: OAP files a stream under the service of its first log.
fn logs() -> [Vec<LogData>; 4] {
    let of = |make: fn(usize) -> LogData| (0..LOGS_EACH).map(make).collect();
    [of(access), of(error), of(function), of(plain)]
}

/// How many of each the rules keep.
fn kept() -> BTreeMap<&'static str, usize> {
    let count = |keeps: fn(usize) -> bool| (0..LOGS_EACH).filter(|number| keeps(*number)).count();
    BTreeMap::from([
        (
            ACCESS,
            count(|it| it % 7 != 1 && it % 10 != 9 && it % 12 != 11),
        ),
        (ERRORS, count(|it| it % 8 != 7)),
        (FUNCTIONS, count(|it| it % 3 != 0 && it % 11 != 10)),
        (PLAIN, LOGS_EACH),
    ])
}

async fn send(agent: &Grpc, logs: &[Vec<LogData>]) {
    for stream in logs {
        let answer = agent.call(LOGS, stream.iter().cloned());
        answer.await.expect("it is taken");
    }
}

/// What users see of the logs.
#[derive(Debug, PartialEq)]
struct Seen {
    /// Service, instance, endpoint, kind of content and tags, by content.
    logs: BTreeMap<String, Value>,
    /// Layers by service.
    services: BTreeMap<String, BTreeSet<String>>,
    bytes: f64,
}

async fn seen(queries: &Queries) -> Seen {
    let mut logs = BTreeMap::new();
    for (service, expected) in kept() {
        let found = eventually(service, VISIBLE_WITHIN, async || {
            let found = queries.logs_of_service(service).await?;
            let whole = found.len() == expected;
            whole
                .then_some(found.clone())
                .ok_or_else(|| format!("{} of {expected}: {found:?}", found.len()))
        });
        for mut log in found.await {
            // Only the rule for errors sets one, to the second.
            if service != ERRORS {
                log["timestamp"] = Value::Null;
            }
            let content = log["content"].to_string();
            assert_eq!(logs.insert(content, log), None, "twice");
        }
    }
    let services = eventually("services", VISIBLE_WITHIN, async || {
        let found = queries.services().await?;
        let services: BTreeMap<String, BTreeSet<String>> = found
            .iter()
            .map(|service| {
                let layers = service["layers"].as_array().into_iter().flatten();
                let layers = layers.filter_map(|it| it.as_str().map(str::to_owned));
                let name = service["name"].as_str().unwrap_or_default();
                (name.to_owned(), layers.collect())
            })
            .collect();
        let whole = services.len() == kept().len();
        whole
            .then_some(services)
            .ok_or_else(|| format!("{found:?}"))
    })
    .await;
    let bytes = eventually("bytes", VISIBLE_WITHIN, async || {
        let sum = queries.service_sum("meter_e2e_log_bytes", ACCESS).await?;
        let whole = sum == measured();
        whole.then_some(sum).ok_or_else(|| format!("{sum}"))
    })
    .await;
    Seen {
        logs,
        services,
        bytes,
    }
}

/// The bytes of all access logs that the rule reads, also of those that it does not keep.
fn measured() -> f64 {
    let read = (0..LOGS_EACH).filter(|it| it % 10 != 9 && it % 12 != 11);
    read.map(|number| (100 + number) as f64).sum()
}

/// What every rule aborts is gone in OAP; here that has to be said.
fn config(oap: std::net::SocketAddr) -> String {
    format!(
        "
receivers:
  skywalking: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}}}}}
processors:
  lal: {{files: ['{RULES}'], unclaimed: drop}}
exporters:
  skywalking:
    endpoint: '{oap}'
    tls: {{insecure: true}}
    stored_layers: [GENERAL, NGINX, FAAS]
service:
  pipelines:
    logs: {{receivers: [skywalking], processors: [lal], exporters: [skywalking]}}
    metrics: {{receivers: [lal], exporters: [skywalking]}}
"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_file_does_here_what_it_does_in_a_real_oap() {
    let logs = logs();
    let Some(oap) = RealOap::start_with_rules("default,differential").await else {
        return;
    };
    send(&Grpc::connect(oap.grpc).await, &logs).await;
    let by_oap = seen(&oap.queries()).await;
    oap.end().await;

    let oap = RealOap::start_with_rules("default,as_they_come").await;
    let oap = oap.expect("it could be started a moment ago");
    let collector = Collector::start(&config(oap.grpc));
    let agent = Grpc::connect(collector.address("receivers/skywalking", "grpc")).await;
    send(&agent, &logs).await;
    let by_us = seen(&oap.queries()).await;
    let ended = collector.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    oap.end().await;
    pretty_equal(&by_us, &by_oap);
}

/// Says which log differs.
#[track_caller]
fn pretty_equal(by_us: &Seen, by_oap: &Seen) {
    for (content, log) in &by_oap.logs {
        assert_eq!(by_us.logs.get(content), Some(log), "{content}");
    }
    assert_eq!(by_us, by_oap);
}
