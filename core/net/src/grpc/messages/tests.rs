use std::time::Duration;

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::body::Pace;
use crate::body::tests::{Script, Step, data};
use crate::compress::compress;
use crate::grpc::Code;

fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend((message.len() as u32).to_be_bytes());
    framed.extend(message);
    framed
}

fn stream(body: Script, bytes_max: usize, budget: &Budget) -> Messages<Script> {
    let limits = MessageLimits {
        bytes_max,
        pace: Pace::default(),
    };
    let stream = Messages::new(&HeaderMap::new(), body, limits, budget.clone());
    stream.expect("nothing is compressed")
}

async fn failure(frames: &[&[u8]], bytes_max: usize) -> Status {
    let budget = Budget::new(1 << 20);
    let mut stream = stream(Script::of(frames), bytes_max, &budget);
    loop {
        match stream.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it must fail"),
            Err(MessageError::Failed(status)) => return status,
            Err(MessageError::Overloaded) => panic!("there is room"),
        }
    }
}

#[tokio::test]
async fn faulty_framing_ends_the_stream_with_what_was_wrong() {
    let whole = framed(b"text");
    let cut = failure(&[&whole, &whole[..7]], 100).await;
    assert_eq!(cut.code, Code::Internal);
    assert_eq!(cut.message, "the message ends after `2` of its `4` bytes");
    let cut = failure(&[&whole[..3]], 100).await;
    assert_eq!(cut.message, "the request ends within the message's prefix");
    let long = failure(&[&whole, &framed(&[0; 101])], 100).await;
    assert_eq!(long.code, Code::ResourceExhausted);
    let flagged = failure(&[&[7, 0, 0, 0, 0]], 100).await;
    assert_eq!(flagged.code, Code::Internal);
}

#[tokio::test]
async fn without_memory_it_waits_where_it_is_and_loses_nothing() {
    let budget = Budget::new(100);
    let other = budget.try_lease(90).expect("it is free");
    let frames = [framed(b"first message"), framed(b"second")];
    let body = Script::of(&[&frames[0], &frames[1]]);
    let mut stream = stream(body, 100, &budget);
    for _ in 0..3 {
        assert_eq!(stream.next().await, Err(MessageError::Overloaded));
    }
    drop(other);
    for expected in [&b"first message"[..], b"second"] {
        let message = stream.next().await.expect("there is room again");
        assert_eq!(message.as_deref(), Some(expected));
    }
    assert_eq!(stream.next().await, Ok(None));
    drop(stream);
    assert_eq!(budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_waited_for_and_a_stalled_message_is_not() {
    let budget = Budget::new(1 << 20);
    let whole = framed(b"text");
    let body = Script::new([
        data(&whole),
        Step::Pause(Duration::from_secs(7200)),
        data(&whole),
    ]);
    let mut silent = stream(body, 100, &budget);
    for _ in 0..2 {
        let message = silent.next().await.expect("silence is no failure");
        assert_eq!(message.as_deref(), Some(&b"text"[..]));
    }
    let body = Script::new([data(&whole[..6]), Step::Pause(Duration::from_secs(7200))]);
    let mut stalled = stream(body, 100, &budget);
    let Err(MessageError::Failed(status)) = stalled.next().await else {
        panic!("a message in the middle has to go on")
    };
    assert_eq!(status.code, Code::DeadlineExceeded);
}

#[tokio::test]
async fn compressed_messages_are_inflated_one_by_one() {
    let budget = Budget::new(1 << 20);
    let text = Bytes::from_static(b"the same, the same, the same, the same");
    let packed = compress(Encoding::Gzip, std::slice::from_ref(&text));
    let mut frames = framed(&packed);
    frames[0] = 1;
    frames.extend(framed(b"plain"));
    let mut headers = HeaderMap::new();
    headers.insert("grpc-encoding", http::HeaderValue::from_static("gzip"));
    let body = Script::of(&[&frames]);
    let limits = MessageLimits::default();
    let mut stream = Messages::new(&headers, body, limits, budget.clone()).expect("it is known");
    assert_eq!(stream.next().await, Ok(Some(text)));
    assert_eq!(stream.next().await, Ok(Some(Bytes::from_static(b"plain"))));
    assert_eq!(stream.next().await, Ok(None));
}

proptest! {
    /// However the bytes come in frames, the messages are the same, and what they lease is given back.
    #[test]
    fn messages_do_not_depend_on_frames(
        lengths in prop::collection::vec(prop_oneof![0..40_usize, 30_000..70_000_usize], 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let messages: Vec<Vec<u8>> = lengths
            .iter()
            .enumerate()
            .map(|(index, length)| vec![index as u8; *length])
            .collect();
        let wire: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
        cuts.extend([0, wire.len()]);
        cuts.sort_unstable();
        let frames: Vec<&[u8]> = cuts.windows(2).map(|cut| &wire[cut[0]..cut[1]]).collect();
        let budget = Budget::new(10 << 20);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let _inside = runtime.as_ref().expect("a runtime").enter();
        let mut stream = stream(Script::of(&frames), 1 << 20, &budget);
        for expected in &messages {
            let message = stream.next().now_or_never().expect("all is there");
            prop_assert_eq!(message, Ok(Some(Bytes::from(expected.clone()))));
        }
        prop_assert_eq!(stream.next().now_or_never(), Some(Ok(None)));
        drop(stream);
        prop_assert_eq!(budget.used(), 0);
    }
}
