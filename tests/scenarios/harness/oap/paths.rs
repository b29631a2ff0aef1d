//! The HTTP side of an OAP: native JSON, OTLP, and the little GraphQL that tells what it is.

use std::path::Path;
use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use prost::Message;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};

use super::methods::Item;
use super::methods::{
    EVENTS, KEEP_ALIVE, LOGS, OTLP_LOGS, OTLP_METRICS, OTLP_TRACES, PROPERTIES, SEGMENTS,
};
use super::{Generation, frames, methods};

/// Bytes of a body, inflated.
const BODY_BYTES_MAX: usize = 10 << 20;
const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    One,
    List,
    /// Of OTLP: either encoding.
    Export,
}

/// One path, and the gRPC method whose messages it takes.
struct Route {
    path: &'static str,
    method: &'static str,
    form: Form,
    /// Whether OAP 10 has it.
    is_old: bool,
}

const fn route(path: &'static str, method: &'static str, form: Form) -> Route {
    let is_old = true;
    Route {
        path,
        method,
        form,
        is_old,
    }
}

const fn new_route(path: &'static str, method: &'static str, form: Form) -> Route {
    let is_old = false;
    Route {
        path,
        method,
        form,
        is_old,
    }
}

const BROWSER_PERF: &str = "/skywalking.v3.BrowserPerfService/collectPerfData";
const BROWSER_VITALS: &str = "/skywalking.v3.BrowserPerfService/collectWebVitalsPerfData";
const BROWSER_RESOURCES: &str = "/skywalking.v3.BrowserPerfService/collectResourcePerfData";
const BROWSER_INTERACTIONS: &str =
    "/skywalking.v3.BrowserPerfService/collectWebInteractionsPerfData";
const BROWSER_ERRORS: &str = "/skywalking.v3.BrowserPerfService/collectErrorLogs";

const ROUTES: [Route; 15] = [
    route("/v3/segment", SEGMENTS, Form::One),
    route("/v3/segments", SEGMENTS, Form::List),
    route("/v3/logs", LOGS, Form::List),
    route("/v3/events", EVENTS, Form::List),
    route("/v3/management/reportProperties", PROPERTIES, Form::One),
    route("/v3/management/keepAlive", KEEP_ALIVE, Form::One),
    route("/browser/perfData", BROWSER_PERF, Form::One),
    new_route("/browser/perfData/webVitals", BROWSER_VITALS, Form::One),
    new_route(
        "/browser/perfData/webInteractions",
        BROWSER_INTERACTIONS,
        Form::List,
    ),
    new_route("/browser/perfData/resources", BROWSER_RESOURCES, Form::List),
    route("/browser/errorLog", BROWSER_ERRORS, Form::One),
    route("/browser/errorLogs", BROWSER_ERRORS, Form::List),
    new_route("/v1/traces", OTLP_TRACES, Form::Export),
    new_route("/v1/metrics", OTLP_METRICS, Form::Export),
    new_route("/v1/logs", OTLP_LOGS, Form::Export),
];

/// What a request holds, or the status that refuses it.
pub(super) fn read(
    verb: &Method,
    path: &str,
    headers: &HeaderMap,
    body: Bytes,
    generation: Generation,
) -> Result<Vec<Item>, StatusCode> {
    let route = ROUTES.iter().find(|route| route.path == path);
    let known = |route: &&Route| route.is_old || generation == Generation::Eleven;
    let route = route.filter(known).ok_or(StatusCode::NOT_FOUND)?;
    if verb != Method::POST {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let value = |name| headers.get(name).and_then(|it| it.to_str().ok());
    let body = match value("content-encoding") {
        Some("gzip") => frames::inflate(&body).map_err(|_| StatusCode::BAD_REQUEST)?,
        _ => body,
    };
    if body.len() > BODY_BYTES_MAX {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let method = methods::find(route.method).expect("routes name methods of the table");
    let form = value("content-type").unwrap_or_default();
    match (form.split(';').next(), route.form) {
        (Some(PROTOBUF), Form::Export) => (method.read)(body).map_err(|_| StatusCode::BAD_REQUEST),
        (_, Form::Export) => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some(JSON), form) => {
            let messages = read_json(route.method, form, &body)?;
            let items = messages.into_iter().map(|message| (method.read)(message));
            let items: Result<Vec<_>, _> = items.collect();
            // They were written by a library a moment ago.
            let items = items.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
            Ok(items.into_iter().flatten().collect())
        }
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

/// The messages of a JSON body.
fn read_json(method: &str, form: Form, body: &[u8]) -> Result<Vec<Bytes>, StatusCode> {
    let body: Value =
        serde_json::from_slice(body).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let values = match (form, body) {
        (Form::List, Value::Array(values)) => values,
        (Form::List, _) => return Err(StatusCode::BAD_REQUEST),
        (_, value) => vec![value],
    };
    let kind = message_of(method);
    let messages = values.into_iter().map(|value| {
        let message = from_json(kind.clone(), value).ok()?;
        Some(Bytes::from(message.encode_to_vec()))
    });
    let messages: Option<Vec<_>> = messages.collect();
    messages.ok_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// One message in protobuf's JSON form, with fields that nobody knows left out.
fn from_json(kind: MessageDescriptor, value: Value) -> Result<DynamicMessage, serde_json::Error> {
    let lenient = DeserializeOptions::new().deny_unknown_fields(false);
    DynamicMessage::deserialize_with_options(kind, value, &lenient)
}

/// A message of our definitions from its JSON form, by `prost-reflect`.
pub(crate) fn decode_json<M: Message + Default>(method: &str, value: Value) -> M {
    let message = from_json(message_of(method), value).expect("it is the message's JSON form");
    message.transcode_to().expect("both have one definition")
}

/// The type of the messages that a method takes.
fn message_of(method: &str) -> MessageDescriptor {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    let pool = POOL.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("core/pdata/proto");
        let files = ["tracing", "logging", "event", "management", "browser"];
        let files = files.map(|name| format!("skywalking/v3/{name}.proto"));
        let set = protox::compile(files, [root]).expect("our definitions compile");
        DescriptorPool::from_file_descriptor_set(set).expect("our definitions are whole")
    });
    let (service, method) = method[1..].split_once('/').expect("a path has two parts");
    let service = pool.get_service_by_name(service).expect("it is defined");
    let mut methods = service.methods();
    let method = methods.find(|known| known.name() == method);
    method.expect("it is defined").input()
}

/// What GraphQL says to every query: the version, and the layers it knows.
pub(super) fn graphql(generation: Generation) -> Value {
    let mut layers = vec!["UNDEFINED", "GENERAL", "BROWSER", "MESH", "FAAS"];
    let version = match generation {
        Generation::Ten => "10.1.0",
        Generation::Eleven => {
            layers.extend(["IOS", "WECHAT_MINI_PROGRAM", "ALIPAY_MINI_PROGRAM"]);
            "11.0.0"
        }
    };
    json!({"data": {"version": version, "listLayers": layers}})
}
