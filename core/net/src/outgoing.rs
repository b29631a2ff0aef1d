//! The bodies we send: a server's answers and a client's requests.

use std::any::Any;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

/// Pieces shorter than this are copied together: as an HTTP/2 frame or an entry of a vectored
/// write, each of them would cost more than its copy.
const COALESCE_BELOW: usize = 4 * 1024;

/// Size at which a run of coalesced pieces is sent off as one piece.
const COALESCED_MAX: usize = 64 * 1024;

/// A body: complete in memory, where it never waits and never fails, or one that is handed on.
#[derive(Debug, Default)]
pub enum Body {
    #[default]
    Empty,
    Full(Bytes),
    /// Sent one after the other, without being joined. Build it with [`Body::from_pieces`].
    Pieces(VecDeque<Bytes>),
    /// One framed gRPC message, then the trailers of success.
    GrpcMessage(Bytes),
    /// The trailers of a gRPC success alone.
    GrpcTrailers,
    /// Frame by frame as it comes from another connection, trailers included. Nothing of it is read
    /// before the receiving side has room. What is held with it is dropped at its end.
    Relayed(Incoming, Option<Held>),
}

/// What has to last as long as a body, such as a place among those that may be open.
pub type Held = Box<dyn Any + Send + Sync>;

impl Body {
    /// A body of several pieces. Those of 4 KiB and more are sent as they are; shorter ones in a row
    /// are copied together, so a request merged from many small chunks does not become as many frames.
    pub fn from_pieces(pieces: impl IntoIterator<Item = Bytes>) -> Body {
        let mut joined = VecDeque::new();
        let mut run = BytesMut::new();
        for piece in pieces {
            if piece.len() < COALESCE_BELOW {
                run.extend_from_slice(&piece);
                if run.len() >= COALESCED_MAX {
                    joined.push_back(run.split().freeze());
                }
                continue;
            }
            if !run.is_empty() {
                joined.push_back(run.split().freeze());
            }
            joined.push_back(piece);
        }
        if !run.is_empty() {
            joined.push_back(run.freeze());
        }
        match joined.len() {
            0 => Body::Empty,
            1 => joined.pop_front().map_or(Body::Empty, Body::Full),
            _ => Body::Pieces(joined),
        }
    }

    /// The next frame of a body in memory.
    fn next_frame(&mut self) -> Option<Frame<Bytes>> {
        match std::mem::take(self) {
            Body::Empty | Body::Relayed(..) => None,
            Body::Full(bytes) => Some(Frame::data(bytes)),
            Body::Pieces(mut pieces) => {
                let piece = pieces.pop_front()?;
                if !pieces.is_empty() {
                    *self = Body::Pieces(pieces);
                }
                Some(Frame::data(piece))
            }
            Body::GrpcMessage(message) => {
                *self = Body::GrpcTrailers;
                Some(Frame::data(message))
            }
            Body::GrpcTrailers => {
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                Some(Frame::trailers(trailers))
            }
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Body::Empty
        } else {
            Body::Full(bytes)
        }
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Body::Relayed(body, _) = &mut *self {
            return Pin::new(body).poll_frame(cx);
        }
        Poll::Ready(self.next_frame().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Relayed(body, _) => body.is_end_stream(),
            body => matches!(body, Body::Empty),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let bytes: usize = match self {
            Body::Relayed(body, _) => return body.size_hint(),
            Body::Empty | Body::GrpcTrailers => 0,
            Body::Full(bytes) | Body::GrpcMessage(bytes) => bytes.len(),
            Body::Pieces(pieces) => pieces.iter().map(Bytes::len).sum(),
        };
        SizeHint::with_exact(bytes as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::BodyExt;
    use proptest::prelude::*;

    use super::*;

    fn frames(mut body: Body) -> Vec<Bytes> {
        std::iter::from_fn(|| body.next_frame())
            .map(|frame| frame.into_data().expect("only data"))
            .collect()
    }

    #[test]
    fn long_pieces_are_passed_on_and_short_ones_joined() {
        let long = Bytes::from(vec![7; COALESCE_BELOW]);
        let short = Bytes::from_static(b"ab");
        let body = Body::from_pieces([short.clone(), short.clone(), long.clone(), short.clone()]);
        assert_eq!(body.size_hint().exact(), Some(6 + COALESCE_BELOW as u64));
        let sent = frames(body);
        assert_eq!(sent, [Bytes::from_static(b"abab"), long.clone(), short]);
        assert_eq!(sent[1].as_ptr(), long.as_ptr());
    }

    #[tokio::test]
    async fn a_grpc_answer_is_its_message_and_the_status() {
        let collected = Body::GrpcMessage(Bytes::from_static(b"m")).collect().await;
        let collected = collected.expect("cannot fail");
        assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(&collected.to_bytes()[..], b"m");
    }

    proptest! {
        #[test]
        fn pieces_keep_their_bytes_and_order(lengths in prop::collection::vec(0usize..9000, 0..40)) {
            let pieces: Vec<Bytes> = lengths
                .iter()
                .enumerate()
                .map(|(n, length)| Bytes::from(vec![n as u8; *length]))
                .collect();
            let body = Body::from_pieces(pieces.clone());
            let expected = pieces.concat();
            prop_assert_eq!(body.size_hint().exact(), Some(expected.len() as u64));
            let sent = frames(body);
            prop_assert!(sent.iter().all(|frame| !frame.is_empty()));
            prop_assert_eq!(sent.concat(), expected);
        }
    }
}
