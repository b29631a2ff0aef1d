//! The table of bad HTTP requests, and of odd ones that must work.

use crate::harness::http1::{post, post_with};

mod bodies;
mod requests;

pub(super) const PROTOBUF: &str = "application/x-protobuf";
pub(super) const JSON: &str = "application/json";
const LOGS: &str = "/v1/logs";

/// What is sent on a fresh connection, and what must come back.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) request: Vec<u8>,
    /// Whether the sender then says that nothing more will come.
    pub(super) half_close: bool,
    pub(super) answers: Vec<Expected>,
    pub(super) after: After,
    /// Good requests that `request` holds.
    pub(super) good_inside: usize,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It takes the next request.
    Kept,
    /// It ends after the answers, and the failing one says so.
    Closed,
    /// It ends after the answers, and nothing else is said.
    ClosedSilently,
    /// It ends, whatever is said in another protocol.
    Ends,
}

pub(super) struct Expected {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) says: Says,
}

pub(super) enum Says {
    /// The answer of success in this content type.
    Success(&'static str),
    /// A `google.rpc.Status` in this content type: its code, and words of its message.
    Status(&'static str, u64, &'static str),
    /// Words of a plain text.
    Text(&'static str),
}

impl Case {
    fn new(name: &'static str, request: Vec<u8>) -> Case {
        Case {
            name,
            request,
            half_close: false,
            answers: Vec::new(),
            after: After::Kept,
            good_inside: 0,
        }
    }

    /// Expects one more answer.
    fn answers(mut self, status: u16, says: Says) -> Case {
        let headers = Vec::new();
        self.answers.push(Expected {
            status,
            headers,
            says,
        });
        self
    }

    /// Expects one more answer: that of a good request.
    fn succeeds(mut self) -> Case {
        self.good_inside += 1;
        self.answers(200, Says::Success(PROTOBUF))
    }

    /// Expects this header of the last expected answer.
    fn header(mut self, name: &'static str, value: &'static str) -> Case {
        let last = self.answers.last_mut().expect("an answer comes first");
        last.headers.push((name, value));
        self
    }

    fn after(mut self, after: After) -> Case {
        self.after = after;
        self
    }

    fn half_closes(mut self) -> Case {
        self.half_close = true;
        self
    }
}

/// A body that is refused as malformed, after it was read.
fn malformed(
    name: &'static str,
    form: &'static str,
    body: impl AsRef<[u8]>,
    words: &'static str,
) -> Case {
    let request = post(LOGS, form, body.as_ref());
    Case::new(name, request).answers(400, Says::Status(form, 3, words))
}

/// A coded body, sent as protobuf.
fn coded(name: &'static str, encoding: &str, body: &[u8]) -> Case {
    let more = [("content-encoding", encoding)];
    Case::new(name, post_with(LOGS, PROTOBUF, &more, body))
}

pub(super) fn all() -> Vec<Case> {
    let mut cases = bodies::all();
    cases.extend(requests::all());
    assert!(cases.len() >= 60, "the table shrank to {}", cases.len());
    cases
}
