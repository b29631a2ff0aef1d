use pdata::skywalking::v3::{InstancePingPkg, LogData};
use prost::Message;

use super::*;

fn log(service: &str, layer: &str) -> NativeChunk {
    let log = LogData {
        service: service.to_owned(),
        layer: layer.to_owned(),
        ..LogData::default()
    };
    NativeChunk::from_checked(Kind::Log, log.encode_to_vec().into(), 0)
}

fn empty(kind: Kind) -> NativeChunk {
    NativeChunk::from_checked(kind, bytes::Bytes::new(), 0)
}

/// The kind of each call and how many messages it has.
fn sizes(protocol: ProtocolArg, messages: Vec<NativeChunk>) -> Vec<(Kind, usize)> {
    let calls = calls(protocol, messages);
    let size = |batch: &Batch| match &batch.chunks()[0] {
        Chunk::Native(first) => (first.kind(), batch.chunks().len()),
        Chunk::Otlp(_) => panic!("these are messages of agents"),
    };
    calls.iter().map(size).collect()
}

#[test]
fn a_stream_of_logs_has_one_service_and_keeps_their_order() {
    let logs = [("a", "1"), ("b", "2"), ("a", "3"), ("b", "4"), ("a", "5")];
    let logs = logs.map(|(service, layer)| log(service, layer));
    let calls = calls(ProtocolArg::Grpc, logs.to_vec());
    let layers = calls.iter().map(|batch| {
        let layers = batch.chunks().iter().map(|chunk| match chunk {
            Chunk::Native(log) => log.text(8),
            Chunk::Otlp(_) => panic!("these are logs of agents"),
        });
        layers.collect::<String>()
    });
    assert!(layers.eq(["135", "24"]));
}

#[test]
fn a_stream_is_short_and_a_unary_call_has_one_message() {
    let mut messages = vec![empty(Kind::Segment); MESSAGES_MAX + 1];
    messages.extend(vec![empty(Kind::InstancePing); 2]);
    let expected = [
        (Kind::Segment, MESSAGES_MAX),
        (Kind::Segment, 1),
        (Kind::InstancePing, 1),
        (Kind::InstancePing, 1),
    ];
    assert_eq!(sizes(ProtocolArg::Grpc, messages), expected);
}

#[test]
fn over_http_what_has_no_path_is_refused_together() {
    let mut messages = vec![empty(Kind::Jvm); MESSAGES_MAX + 1];
    messages.extend(vec![empty(Kind::InstancePing); 2]);
    let expected = [
        (Kind::Jvm, MESSAGES_MAX + 1),
        (Kind::InstancePing, 1),
        (Kind::InstancePing, 1),
    ];
    assert_eq!(sizes(ProtocolArg::Http, messages), expected);
}

#[test]
fn a_list_is_posted_as_a_list_and_one_message_as_itself() {
    let ping = InstancePingPkg {
        service: "shop".to_owned(),
        ..InstancePingPkg::default()
    };
    let ping = NativeChunk::from_checked(Kind::InstancePing, ping.encode_to_vec().into(), 0);
    let posted = http::body(http::Path::One(""), &[&ping]);
    assert_eq!(posted.unwrap(), br#"{"service":"shop"}"#);
    let posted = http::body(http::Path::List(""), &[&ping, &ping]);
    assert_eq!(
        posted.unwrap(),
        br#"[{"service":"shop"},{"service":"shop"}]"#
    );
}

mod answers {
    use ::http::{HeaderMap, HeaderValue, StatusCode};
    use engine::component::Decision;
    use net::client::{Answer, CallError, Fate};
    use net::grpc::{Code, Status};

    use super::super::{grpc, http};

    const RETRY: Decision = Decision::Retry { after: None };

    fn of_status(code: Code, text: &str, fate: Fate) -> Decision {
        let status = Status::new(code, text);
        grpc::refusal(&CallError { status, fate }).decision
    }

    #[test]
    fn what_passes_is_waited_for_and_what_is_refused_is_not_repeated() {
        let cases = [
            (Code::Unavailable, RETRY),
            (Code::ResourceExhausted, RETRY),
            (Code::InvalidArgument, Decision::Reject),
            (Code::Unknown, Decision::Reject),
            (Code::Unimplemented, Decision::Reject),
            (Code::Unauthenticated, Decision::Park),
        ];
        for (code, decision) in cases {
            let found = of_status(code, "", Fate::Answered);
            assert_eq!(found, decision, "{code:?}");
        }
        assert_eq!(of_status(Code::Unknown, "", Fate::Unknown), RETRY);
        let text = "grpc: received message larger than max (6000000 vs. 4194304)";
        let found = of_status(Code::ResourceExhausted, text, Fate::Answered);
        assert_eq!(found, Decision::Split);
    }

    fn answer(status: StatusCode, body: &'static str) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            body: body.into(),
            complete: true,
        }
    }

    #[test]
    fn http_answers_mean_the_same() {
        let cases = [
            (StatusCode::SERVICE_UNAVAILABLE, RETRY),
            (StatusCode::PAYLOAD_TOO_LARGE, Decision::Split),
            (StatusCode::BAD_REQUEST, Decision::Reject),
            (StatusCode::NOT_FOUND, Decision::Reject),
            (StatusCode::INTERNAL_SERVER_ERROR, Decision::Reject),
            (StatusCode::UNAUTHORIZED, Decision::Park),
        ];
        for (status, decision) in cases {
            let found = http::refusal("/v3/logs", &answer(status, ""));
            assert_eq!(found.decision, decision, "{status}");
        }
        let mut later = answer(StatusCode::TOO_MANY_REQUESTS, "");
        let seconds = HeaderValue::from_static("7");
        later.headers.insert("retry-after", seconds);
        let after = Some(std::time::Duration::from_secs(7));
        let found = http::refusal("/v3/logs", &later).decision;
        assert_eq!(found, Decision::Retry { after });
    }

    #[test]
    fn a_refusal_says_what_the_backend_said() {
        let refused = answer(
            StatusCode::BAD_REQUEST,
            "[0].timestamp: expected a number\n",
        );
        assert_eq!(
            http::refusal("/v3/logs", &refused).message,
            "backend answers 400 Bad Request to `/v3/logs`: [0].timestamp: expected a number"
        );
        let silent = answer(StatusCode::BAD_REQUEST, "");
        assert_eq!(
            http::refusal("/v3/logs", &silent).message,
            "backend answers 400 Bad Request to `/v3/logs`"
        );
    }
}
