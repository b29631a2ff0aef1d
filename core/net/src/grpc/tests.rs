use http_body::Body as _;
use proptest::prelude::*;

use super::*;
use crate::body::tests::{Script, Step, data};
use crate::compress::compress;

fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut framed = vec![flag];
    framed.extend((message.len() as u32).to_be_bytes());
    framed.extend(message);
    framed
}

fn limits(bytes_max: usize) -> MessageLimits {
    MessageLimits {
        bytes_max,
        ..MessageLimits::default()
    }
}

async fn read(body: Script, limit: usize) -> Result<Bytes, Status> {
    let budget = Budget::new(1 << 20);
    let outcome = read_message(&HeaderMap::new(), body, &limits(limit), &budget).await;
    let held = outcome.as_ref().map_or(0, Bytes::len);
    assert_eq!(budget.used(), held);
    outcome
}

async fn code_of(frames: &[&[u8]]) -> Code {
    let outcome = read(Script::of(frames), 100).await;
    outcome.expect_err("must be refused").code
}

#[tokio::test]
async fn a_long_message_in_one_frame_is_a_slice_of_it() {
    let frame = Bytes::from(framed(0, &[7; 40_000]));
    let body = Script::new([Step::Data(frame.clone())]);
    let message = read(body, 40_000).await.unwrap();
    assert_eq!(message.as_ptr(), frame[PREFIX_BYTES..].as_ptr());
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_before_it_is_read() {
    let body = Script::new([data(&framed(0, &[7; 101])[..5]), Step::Unreachable]);
    let status = read(body, 100).await.expect_err("too large");
    assert_eq!(status.code, Code::ResourceExhausted);
    assert_eq!(
        status.message,
        "received message larger than max (101 against 100 bytes)"
    );
}

#[tokio::test]
async fn a_message_without_budget_is_refused_before_it_is_read_and_may_be_sent_again() {
    let budget = Budget::new(99);
    let body = Script::new([data(&framed(0, &[7; 100])[..5]), Step::Unreachable]);
    let refused = read_message(&HeaderMap::new(), body, &limits(100), &budget).await;
    let status = refused.expect_err("no budget");
    assert_eq!(status.code, Code::Unavailable);
    assert_eq!(status.retry_after, Some(OVERLOAD_RETRY_AFTER));
    assert_eq!(budget.used(), 0);
}

#[tokio::test]
async fn faulty_framing_is_internal_as_with_grpc_go() {
    let whole = framed(0, b"text");
    let twice = [&whole[..], &whole[..]].concat();
    assert_eq!(code_of(&[]).await, Code::Internal, "no message");
    assert_eq!(code_of(&[&whole[..4]]).await, Code::Internal, "cut prefix");
    assert_eq!(code_of(&[&whole[..7]]).await, Code::Internal, "cut message");
    assert_eq!(code_of(&[&whole[..5]]).await, Code::Internal, "no content");
    assert_eq!(code_of(&[&twice]).await, Code::Internal, "second message");
    assert_eq!(code_of(&[&whole, b"x"]).await, Code::Internal, "garbage");
    assert_eq!(
        code_of(&[&whole[..7], b"xtx"]).await,
        Code::Internal,
        "too long"
    );
    assert_eq!(
        code_of(&[&framed(2, b"text")]).await,
        Code::Internal,
        "flag"
    );
    assert_eq!(
        code_of(&[&framed(1, b"text")]).await,
        Code::Internal,
        "no encoding"
    );
}

#[tokio::test]
async fn compressed_messages_are_inflated_within_the_limit() {
    let text = vec![b'a'; 5000];
    for encoding in [Encoding::Gzip, Encoding::Zstd, Encoding::Deflate] {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_ENCODING, HeaderValue::from_static(encoding.name()));
        let frame = framed(1, &compress(encoding, &[Bytes::from(text.clone())]));
        let budget = Budget::new(1 << 20);
        let body = || Script::of(&[&frame]);
        let message = read_message(&headers, body(), &limits(5000), &budget).await;
        assert_eq!(message.unwrap(), text, "{encoding}");
        let refused = read_message(&headers, body(), &limits(4999), &budget).await;
        let status = refused.expect_err("too large when inflated");
        assert_eq!(status.code, Code::ResourceExhausted, "{encoding}");
        assert!(status.message.contains("larger than max"), "{status}");
        assert_eq!(budget.used(), 0);
    }
}

#[tokio::test]
async fn an_unknown_encoding_is_unimplemented_and_told_what_is_accepted() {
    let mut headers = HeaderMap::new();
    headers.insert(GRPC_ENCODING, HeaderValue::from_static("snappy"));
    let body = Script::of(&[&framed(1, b"text")]);
    let refused = read_message(&headers, body, &limits(100), &Budget::new(100)).await;
    let status = refused.expect_err("not supported");
    assert_eq!(status.code, Code::Unimplemented);
    assert!(status.message.contains(Encoding::ACCEPTED), "{status}");
    let answer = refuse(&status);
    assert_eq!(answer.headers()["grpc-accept-encoding"], Encoding::ACCEPTED);
}

#[test]
fn a_refusal_is_headers_only_and_read_back_as_it_was() {
    let text = "voll: 100 % \u{1F980}\nnext";
    let status = Status::new(Code::Unavailable, text).retry_after(Duration::from_millis(1500));
    let answer = refuse(&status);
    assert!(answer.body().is_end_stream());
    let message = answer.headers()["grpc-message"].to_str().unwrap();
    assert_eq!(message, "voll: 100 %25 %F0%9F%A6%80%0Anext");
    assert_eq!(Status::read(answer.headers()), Some(Err(status)));
}

#[test]
fn an_answer_is_one_frame_and_says_ok_in_its_trailers() {
    let answer = answer(b"abc");
    assert!(Status::read(answer.headers()).is_none());
    let Body::GrpcMessage(frame) = answer.into_body() else {
        panic!("not a message");
    };
    assert_eq!(&frame[..], framed(0, b"abc"));
}

#[test]
fn codes_are_their_numbers() {
    for (number, code) in Code::ALL.into_iter().enumerate() {
        assert_eq!(usize::from(code.number()), number);
        assert_eq!(Code::from_number(number), code);
    }
    assert_eq!(Code::from_number(17), Code::Unknown);
}

#[test]
fn only_grpc_is_grpc() {
    let is = |value| {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
        is_grpc(&headers)
    };
    assert!(is("application/grpc") && is("application/grpc+proto"));
    assert!(!is("application/grpc-web") && !is("application/json"));
    assert!(!is_grpc(&HeaderMap::new()));
}

proptest! {
    #[test]
    fn any_split_of_the_frames_reads_as_the_same_message(
        message in prop::collection::vec(any::<u8>(), 0..50),
        mut cuts in prop::collection::vec(0usize..55, 0..6),
    ) {
        let whole = framed(0, &message);
        cuts.retain(|cut| *cut < whole.len());
        cuts.extend([0, whole.len()]);
        cuts.sort_unstable();
        let body = Script::new(cuts.windows(2).map(|cut| data(&whole[cut[0]..cut[1]])));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        prop_assert_eq!(runtime.block_on(read(body, 50)), Ok(Bytes::from(message)));
    }

    #[test]
    fn any_bytes_are_a_message_or_a_status(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let outcome = runtime.block_on(read(Script::of(&[&bytes]), 100));
        let well_formed = bytes.len() >= 5
            && bytes[0] == 0
            && bytes[1..5] == (bytes.len() as u32 - 5).to_be_bytes();
        prop_assert_eq!(outcome.is_ok(), well_formed);
    }
}
