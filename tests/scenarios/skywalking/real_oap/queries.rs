//! What OAP's users see: its GraphQL, its Zipkin API, and its own counters.

use std::fmt::Display;
use std::net::SocketAddr;

use http::Request;
use jiff::{Span, Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::skywalking::client::{http, post_json};

/// Times asked about: from so long ago to a little ahead, for what is stamped with the next minute.
const LOOK_BACK_MINUTES: i64 = 15;
const LOOK_AHEAD_MINUTES: i64 = 2;

/// Asks one OAP. Every answer is what a user would see now; `Err` says what came instead.
#[derive(Clone, Copy)]
pub(crate) struct Queries {
    pub(super) rest: SocketAddr,
    pub(super) zipkin: SocketAddr,
    pub(super) telemetry: SocketAddr,
}

type Seen<T> = Result<T, String>;

impl Queries {
    pub(crate) async fn version(&self) -> Seen<String> {
        let answer = self.ask("{version}", json!({})).await?;
        let version = answer["version"].as_str().map(str::to_owned);
        version.ok_or_else(|| answer.to_string())
    }

    /// Services by name, with their `layers`.
    pub(crate) async fn services(&self) -> Seen<Vec<Value>> {
        let query = "{listServices{id name layers normal}}";
        list(self.ask(query, json!({})).await?, "listServices")
    }

    /// Instances of a service, with `language` and `attributes`.
    pub(crate) async fn instances(&self, service: &str) -> Seen<Vec<Value>> {
        let query = "query($d:Duration!,$s:ID!){listInstances(duration:$d,serviceId:$s)\
            {name language attributes{name value}}}";
        let variables = json!({"d": duration(), "s": service_id(service)});
        list(self.ask(query, variables).await?, "listInstances")
    }

    /// Names of a service's endpoints.
    pub(crate) async fn endpoints(&self, service: &str) -> Seen<Vec<String>> {
        let query = "query($s:ID!){findEndpoint(keyword:\"\",serviceId:$s,limit:100){name}}";
        let variables = json!({"s": service_id(service)});
        let found = list(self.ask(query, variables).await?, "findEndpoint")?;
        let names = found.iter().filter_map(|it| it["name"].as_str());
        Ok(names.map(str::to_owned).collect())
    }

    /// Edges around a service as `caller -> called`, by name.
    pub(crate) async fn edges(&self, service: &str) -> Seen<Vec<String>> {
        let query = "query($d:Duration!,$s:ID!){getServiceTopology(duration:$d,serviceId:$s)\
            {nodes{id name} calls{source target}}}";
        let variables = json!({"d": duration(), "s": service_id(service)});
        let answer = self.ask(query, variables).await?;
        let topology = &answer["getServiceTopology"];
        let nodes = list(topology.clone(), "nodes")?;
        let name = |id: &Value| {
            let node = nodes.iter().find(|node| node["id"] == *id);
            let name = node.and_then(|node| node["name"].as_str());
            name.unwrap_or("?").to_owned()
        };
        let calls = list(topology.clone(), "calls")?;
        let edges = calls
            .iter()
            .map(|call| format!("{} -> {}", name(&call["source"]), name(&call["target"])));
        Ok(edges.collect())
    }

    /// The spans of a trace.
    pub(crate) async fn trace(&self, trace: &str) -> Seen<Vec<Value>> {
        let query = "query($t:ID!){queryTrace(traceId:$t){spans{traceId segmentId spanId \
            parentSpanId refs{traceId parentSegmentId parentSpanId type} serviceCode \
            serviceInstanceName startTime endTime endpointName type peer component isError layer \
            tags{key value} logs{time data{key value}}}}}";
        let answer = self.ask(query, json!({"t": trace})).await?;
        list(answer["queryTrace"].clone(), "spans")
    }

    /// Logs that carry this trace id.
    pub(crate) async fn logs_of_trace(&self, trace: &str) -> Seen<Vec<Value>> {
        self.logs(json!({"relatedTrace": {"traceId": trace}})).await
    }

    /// Logs of a service.
    pub(crate) async fn logs_of_service(&self, service: &str) -> Seen<Vec<Value>> {
        self.logs(json!({"serviceId": service_id(service)})).await
    }

    async fn logs(&self, mut condition: Value) -> Seen<Vec<Value>> {
        let query = "query($c:LogQueryCondition){queryLogs(condition:$c){errorReason \
            logs{serviceName serviceInstanceName endpointName traceId timestamp contentType \
            content tags{key value}}}}";
        condition["queryDuration"] = duration();
        condition["paging"] = page();
        let answer = self.ask(query, json!({"c": condition})).await?;
        list(answer["queryLogs"].clone(), "logs")
    }

    /// The sum of a service's metric over all minutes asked about.
    pub(crate) async fn service_sum(&self, metric: &str, service: &str) -> Seen<f64> {
        self.sum(metric, json!({"serviceName": service, "normal": true}))
            .await
    }

    /// The sum of an instance's metric over all minutes asked about.
    pub(crate) async fn instance_sum(
        &self,
        metric: &str,
        service: &str,
        instance: &str,
    ) -> Seen<f64> {
        let entity = json!({
            "serviceName": service, "serviceInstanceName": instance, "normal": true,
        });
        self.sum(metric, entity).await
    }

    /// The value of a service's metric in the last minute that has one.
    pub(crate) async fn service_latest(&self, metric: &str, service: &str) -> Seen<f64> {
        let entity = json!({"serviceName": service, "normal": true});
        self.value(&format!("latest({metric})"), entity).await
    }

    async fn sum(&self, metric: &str, entity: Value) -> Seen<f64> {
        self.value(&format!("sum({metric})"), entity).await
    }

    /// The one value of an expression.
    async fn value(&self, expression: &str, entity: Value) -> Seen<f64> {
        let query = "query($x:String!,$e:Entity!,$d:Duration!)\
            {execExpression(expression:$x,entity:$e,duration:$d)\
            {type error results{values{value}}}}";
        let variables = json!({"x": expression, "e": entity, "d": duration()});
        let answer = self.ask(query, variables).await?;
        let value = &answer["execExpression"]["results"][0]["values"][0]["value"];
        let value = value.as_str().and_then(|value| value.parse().ok());
        value.ok_or_else(|| answer.to_string())
    }

    /// Events of a service.
    pub(crate) async fn events(&self, service: &str) -> Seen<Vec<Value>> {
        let query = "query($c:EventQueryCondition){queryEvents(condition:$c)\
            {events{uuid name type message layer source{service serviceInstance}}}}";
        let condition = json!({
            "source": {"service": service}, "time": duration(), "paging": page(),
        });
        let answer = self.ask(query, json!({"c": condition})).await?;
        list(answer["queryEvents"].clone(), "events")
    }

    /// Spans that came as OTLP, by the hex id of their trace.
    pub(crate) async fn zipkin_trace(&self, trace: &str) -> Seen<Vec<Value>> {
        let path = format!("/zipkin/api/v2/trace/{trace}");
        let answer = text(self.zipkin, &path).await?;
        let answer: Value = serde_json::from_str(&answer).map_err(|_| answer)?;
        let spans = answer.as_array().cloned();
        spans.ok_or_else(|| answer.to_string())
    }

    /// The sum of one of OAP's own counters over all its labels.
    pub(crate) async fn counted(&self, counter: &str) -> Seen<f64> {
        let page = text(self.telemetry, "/metrics").await?;
        let lines = page.lines().filter(|line| {
            let rest = line.strip_prefix(counter);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        Ok(values.sum())
    }

    async fn ask(&self, query: &str, variables: Value) -> Seen<Value> {
        let request = json!({"query": query, "variables": variables}).to_string();
        let answer = post_json(self.rest, "/graphql", request).await;
        let answer = answer.map_err(shown)?.into_body();
        let answer: Value = serde_json::from_slice(&answer).map_err(shown)?;
        match answer.get("errors") {
            Some(errors) => Err(errors.to_string()),
            None => Ok(answer["data"].clone()),
        }
    }
}

async fn text(address: SocketAddr, path: &str) -> Seen<String> {
    let answer = http(address, Request::get(path), "").await.map_err(shown)?;
    Ok(String::from_utf8_lossy(answer.body()).into_owned())
}

fn shown(error: impl Display) -> String {
    error.to_string()
}

fn list(answer: Value, name: &str) -> Seen<Vec<Value>> {
    let found = answer[name].as_array().cloned();
    found.ok_or_else(|| answer.to_string())
}

fn page() -> Value {
    json!({"pageNum": 1, "pageSize": 100})
}

/// OAP's id of a service that is not virtual.
fn service_id(name: &str) -> String {
    use base64::Engine;
    let name = base64::engine::general_purpose::STANDARD.encode(name);
    format!("{name}.1")
}

/// The minutes asked about, in OAP's zone, which the tests set to UTC.
fn duration() -> Value {
    let minute = |from_now: Span| {
        let at = Timestamp::now() + from_now;
        at.strftime("%Y-%m-%d %H%M").to_string()
    };
    json!({
        "start": minute((-LOOK_BACK_MINUTES).minutes()),
        "end": minute(LOOK_AHEAD_MINUTES.minutes()),
        "step": "MINUTE",
    })
}
