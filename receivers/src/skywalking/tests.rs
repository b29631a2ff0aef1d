use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use engine::Refusal;
use engine::config::read_text;
use engine::testkit::{self, CapturingConsumer};
use net::client::{CallError, ClientSettings, Protocol, Stream, Unary};
use net::compress::Encoding;
use net::grpc::Code;
use net::{Body, Client};
use pdata::skywalking::v3::{LogData, MeterData, MeterDataCollection, SegmentObject, SpanObject};
use pdata::skywalking::{Call, Kind, NativeChunk};
use pdata::{Batch, Chunk};
use prost::Message;
use tokio::runtime::Handle;

use super::*;

mod http;
mod proxy;

const PATIENCE: Duration = Duration::from_secs(20);

/// A running receiver with gRPC and HTTP on one port, and what it hands on.
struct Rig {
    captured: Arc<CapturingConsumer>,
    budget: Budget,
    url: String,
    stop: Shutdown,
    running: tokio::task::JoinHandle<Result<(), RunError>>,
}

fn start(signals: &[Signal]) -> Rig {
    start_with(signals, "")
}

/// `more` are further keys, each with a comma in front.
fn start_with(signals: &[Signal], more: &str) -> Rig {
    // Reserved until the receiver binds it; nothing else on this machine is told of it.
    let free = net::Listener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = free.local_addr();
    drop(free);
    let yaml = format!(
        "{{protocols: {{grpc: {{endpoint: \"{endpoint}\"}}, http: {{endpoint: \"{endpoint}\"}}}}{more}}}"
    );
    let section = read_text::<Config>(&yaml).expect("it is valid").1;
    let mut context = testkit::context();
    let receiver = FACTORY.build(&section, &mut context);
    let receiver = receiver.expect("the port is free");
    let captured = CapturingConsumer::new();
    let nowhere = Outlets::new("skywalking", context.metrics.clone());
    let outlets = signals.iter().fold(nowhere, |outlets, signal| {
        outlets.with(*signal, captured.clone())
    });
    let stop = Shutdown::default();
    let runtime = Handle::current();
    let tasks = Tasks::new(runtime.clone(), stop.clone());
    let running = runtime.spawn(receiver.run(outlets, tasks, stop.clone()));
    Rig {
        captured,
        budget: context.budget,
        url: format!("http://{endpoint}"),
        stop,
        running,
    }
}

impl Rig {
    fn client(&self, protocol: Protocol) -> Client {
        let settings = ClientSettings::default();
        let spawner = Arc::new(Handle::current());
        Client::try_new(&self.url, protocol, None, &settings, spawner).expect("a valid endpoint")
    }

    async fn unary(&self, path: &str, message: Vec<u8>) -> Result<Bytes, CallError> {
        let call = Unary {
            path,
            headers: HeaderMap::new(),
            message: &[message.into()],
            encoding: Encoding::Identity,
            timeout: PATIENCE,
        };
        self.client(Protocol::Http2).call_once(call).await
    }

    async fn stream(&self, path: &str, messages: &[Vec<u8>]) -> Result<Bytes, CallError> {
        let messages: Vec<Bytes> = messages.iter().cloned().map(Bytes::from).collect();
        let stream = Stream {
            path,
            headers: HeaderMap::new(),
            messages: &messages,
            timeout: PATIENCE,
        };
        self.client(Protocol::Http2).call_with_stream(stream).await
    }

    async fn post(&self, path: &str, media_type: &str, body: &[u8]) -> (StatusCode, String) {
        let mut request = Request::post(path);
        if !media_type.is_empty() {
            request = request.header("content-type", media_type);
        }
        let body = Body::from(Bytes::copy_from_slice(body));
        let request = request.body(body).expect("a valid request");
        let answer = self.client(Protocol::Http1).send(request, PATIENCE).await;
        let answer = answer.expect("an answer");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        (answer.status, text)
    }

    fn chunks(&self) -> Vec<NativeChunk> {
        let batches = self.captured.batches().into_iter();
        let chunks = batches.flat_map(Batch::into_chunks);
        let native = chunks.map(|chunk| match chunk {
            Chunk::Native(chunk) => chunk,
            Chunk::Otlp(_) => panic!("nobody sent OTLP"),
        });
        native.collect()
    }

    async fn ended(self) {
        self.stop.begin();
        self.running.await.expect("no panic").expect("no failure");
        drop(self.captured);
        assert_eq!(self.budget.used(), 0, "every leased byte is given back");
    }
}

fn segment(id: &str) -> SegmentObject {
    SegmentObject {
        trace_segment_id: id.to_owned(),
        spans: vec![SpanObject::default()],
        ..SegmentObject::default()
    }
}

fn log(service: &str) -> LogData {
    LogData {
        service: service.to_owned(),
        ..LogData::default()
    }
}

fn meter(service: &str, timestamp: i64) -> MeterData {
    MeterData {
        service: service.to_owned(),
        service_instance: service.to_owned(),
        timestamp,
        metric: None,
    }
}

/// A message of the kind that counts as an item.
fn message(kind: Kind) -> Vec<u8> {
    match kind {
        Kind::Segment => segment("a").encode_to_vec(),
        Kind::Meters => MeterDataCollection {
            meter_data: vec![meter("a", 1)],
        }
        .encode_to_vec(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn every_report_is_taken_as_it_came_and_answered_with_no_commands() {
    let rig = start(&Signal::ALL);
    for kind in Kind::ALL {
        let sent = message(kind);
        let answer = match kind.call() {
            Call::Unary => rig.unary(kind.path(), sent.clone()).await,
            Call::Stream => rig.stream(kind.path(), std::slice::from_ref(&sent)).await,
        };
        assert_eq!(answer, Ok(Bytes::new()), "{}", kind.path());
        let taken = rig.chunks();
        let last = taken.last().expect("it was handed on");
        assert_eq!((last.kind(), &last.message()[..]), (kind, &sent[..]));
        assert!(last.arrived_unix_ms() > 0);
    }
    rig.ended().await;
}

#[tokio::test]
async fn old_agents_call_without_the_package() {
    let rig = start(&Signal::ALL);
    let answers = [
        rig.stream(
            "/TraceSegmentReportService/collect",
            &[message(Kind::Segment)],
        )
        .await,
        rig.unary("/ManagementService/keepAlive", Vec::new()).await,
        rig.unary("/ProfileTask/getProfileTaskCommands", Vec::new())
            .await,
    ];
    assert_eq!(answers, [const { Ok(Bytes::new()) }; 3]);
    // The protocol never had this one.
    let log = rig.stream("/LogReportService/collect", &[Vec::new()]).await;
    let refused = log.expect_err("there is no such method");
    assert_eq!(refused.status.code, Code::Unimplemented);
    assert_eq!(rig.chunks().len(), 2);
    rig.ended().await;
}

#[tokio::test]
async fn a_collection_in_one_message_is_taken_segment_by_segment() {
    let rig = start(&[Signal::Traces]);
    let collection = pdata::skywalking::v3::SegmentCollection {
        segments: vec![segment("a"), SegmentObject::default(), segment("b")],
    };
    let path = "/skywalking.v3.TraceSegmentReportService/collectInSync";
    let answer = rig.unary(path, collection.encode_to_vec()).await;
    assert_eq!(answer, Ok(Bytes::new()));
    let ids: Vec<String> = rig
        .chunks()
        .iter()
        .map(|chunk| chunk.text(2).to_owned())
        .collect();
    assert_eq!(ids, ["a", "b"], "a segment without spans is no data");
    rig.ended().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_read_costs_a_stream_only_itself() {
    let rig = start(&[Signal::Traces]);
    let broken = vec![0x1A, 0x05, 0x08];
    let messages = [message(Kind::Segment), broken, segment("b").encode_to_vec()];
    let refused = rig.stream(Kind::Segment.path(), &messages).await;
    let status = refused.expect_err("one is broken").status;
    assert_eq!(status.code, Code::InvalidArgument);
    assert_eq!(
        status.message,
        "message 2: `spans` at byte 1: length 5 exceeds the 1 bytes left; \
         1 of 3 messages are left out, the others taken"
    );
    assert_eq!(rig.chunks().len(), 2);
    rig.ended().await;
}

#[tokio::test]
async fn what_only_the_first_message_says_is_written_into_the_others() {
    let rig = start(&[Signal::Logs, Signal::Metrics]);
    let logs = [log("shop"), log("")].map(|log| log.encode_to_vec());
    assert_eq!(rig.stream(Kind::Log.path(), &logs).await, Ok(Bytes::new()));
    let services: Vec<String> = rig
        .chunks()
        .iter()
        .map(|chunk| chunk.text(2).to_owned())
        .collect();
    assert_eq!(services, ["shop", "shop"]);
    let bare = MeterData::default();
    let meters = [meter("shop", 9), bare].map(|meter| meter.encode_to_vec());
    let path = "/skywalking.v3.MeterReportService/collect";
    assert_eq!(rig.stream(path, &meters).await, Ok(Bytes::new()));
    let unit = rig.chunks().pop().expect("it was handed on");
    let read = MeterDataCollection::decode(&**unit.message()).expect("it is valid");
    drop(unit);
    assert_eq!(read.meter_data, [meter("shop", 9), meter("shop", 9)]);
    rig.ended().await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused() {
    let rig = start(&Signal::ALL);
    // The limit itself is large; its prefix alone is enough to be refused.
    let long = vec![0; 51 * 1024 * 1024];
    let refused = rig.unary(Kind::Event.path(), long).await;
    let status = refused.expect_err("it is too long").status;
    assert_eq!(status.code, Code::ResourceExhausted, "{}", status.message);
    assert_eq!(rig.chunks().len(), 0);
    rig.ended().await;
}

#[tokio::test]
async fn a_refusal_of_the_pipeline_is_the_answer() {
    let rig = start(&Signal::ALL);
    rig.captured.refuse(Some(Refusal::reject("not wanted")));
    let refused = rig
        .stream(Kind::Segment.path(), &[message(Kind::Segment)])
        .await;
    let status = refused.expect_err("it is refused").status;
    assert_eq!(
        (status.code, &*status.message),
        (Code::InvalidArgument, "not wanted")
    );
    let body = br#"[{"spans":[{}]}]"#;
    let (status, text) = rig.post("/v3/segments", "application/json", body).await;
    assert_eq!((status, &*text), (StatusCode::BAD_REQUEST, "not wanted\n"));
    let busy = Refusal::retry("full", Duration::from_secs(3));
    rig.captured.refuse(Some(busy));
    let (status, _) = rig.post("/v3/segments", "application/json", body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    rig.ended().await;
}
