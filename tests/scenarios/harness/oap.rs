//! A mock OAP: it takes what a real one takes, remembers all of it, knows what a real one would
//! lose without a word, and fails as it is told to.
//!
//! It shares no code with the program under test but the generated messages: the framing, the
//! reading of JSON and the checks are its own.

pub(crate) mod calls;
pub(crate) mod frames;
pub(crate) mod lints;
pub(crate) mod methods;
pub(crate) mod numbered;
mod otlp;
pub(crate) mod paths;
mod serve;
mod state;
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prost::Message;
use tokio::net::TcpSocket;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::PATIENCE;
use calls::Calls;
use lints::{Lint, Rule};
use state::State;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// The versions of OAP whose ways the mock has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// 10.1: no OTLP over HTTP, no profilers but the first, two resources of logs in a request.
    Ten,
    Eleven,
}

/// What kind of OAP it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    pub(crate) generation: Generation,
    /// Without its Zipkin receiver it refuses every export of spans.
    pub(crate) has_zipkin: bool,
    /// What calls must present as `authentication`; HTTP stays open.
    pub(crate) token: Option<&'static str>,
}

impl Default for Habits {
    fn default() -> Habits {
        Habits {
            generation: Generation::Eleven,
            has_zipkin: true,
            token: None,
        }
    }
}

/// What the mock does instead of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Answers with this code and reads nothing.
    Refuse(u16),
    /// Answers with this code after so many messages, which it has taken.
    RefuseAfter(usize, u16),
    /// Takes everything and then answers with this code.
    RefuseTaken(u16),
    /// Reads nothing and does not answer.
    NeverRead,
    /// Takes everything and does not answer.
    NeverAnswer,
    /// Ends the connection after so many messages, which it has taken.
    CloseAfter(usize),
}

/// A mock OAP: gRPC and HTTP on one port. It ends with the test's runtime.
pub(crate) struct Oap {
    address: SocketAddr,
    state: Arc<State>,
    serving: Mutex<Option<JoinHandle<()>>>,
    /// While nobody serves: nobody listens either, and nobody else gets the port.
    reserved: Mutex<Option<TcpSocket>>,
}

impl Oap {
    /// Starts an OAP 11 on the current runtime.
    pub(crate) fn start() -> Oap {
        Oap::start_with(Habits::default())
    }

    pub(crate) fn start_with(habits: Habits) -> Oap {
        let socket = bind(SocketAddr::from(([127, 0, 0, 1], 0)));
        let oap = Oap {
            address: socket.local_addr().expect("it is bound"),
            state: Arc::new(State::new(habits)),
            serving: Mutex::new(None),
            reserved: Mutex::new(Some(socket)),
        };
        oap.come_back();
        oap
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections and refuses new ones. What was taken stays.
    pub(crate) async fn go_away(&self) {
        let serving = self.serving.lock().take();
        if let Some(serving) = serving {
            serving.abort();
            let _aborted = serving.await;
            *self.reserved.lock() = Some(bind(self.address));
        }
    }

    /// Takes connections again, at the same address.
    pub(crate) fn come_back(&self) {
        let reserved = self.reserved.lock().take();
        if let Some(socket) = reserved {
            let listener = socket.listen(BACKLOG).expect("the port is ours");
            let serving = serve::accept(listener, Arc::clone(&self.state));
            *self.serving.lock() = Some(Handle::current().spawn(serving));
        }
    }

    /// Fails the next calls whose path holds this text; an empty one fits all.
    pub(crate) fn fail_next(&self, path: &'static str, times: usize, failure: Failure) {
        self.state.fail(path, times, failure);
    }

    /// Fails all calls whose path holds this text, until `heal`.
    pub(crate) fn fail_always(&self, path: &'static str, failure: Failure) {
        self.state.fail(path, usize::MAX, failure);
    }

    /// Fails no more calls.
    pub(crate) fn heal(&self) {
        self.state.heal();
    }

    /// Answers every call of this method with this message, such as `Commands` for an agent.
    pub(crate) fn answer(&self, path: &'static str, message: &impl Message) {
        self.state.answer(path, message.encode_to_vec().into());
    }

    /// Everything seen so far.
    pub(crate) fn calls(&self) -> Calls {
        self.state.calls.borrow().clone()
    }

    /// What a real OAP would have lost, filed wrongly or counted twice.
    pub(crate) fn lints(&self) -> Vec<Lint> {
        lints::find(&self.state.calls.borrow())
    }

    /// Fails if there is any lint but of these rules.
    #[track_caller]
    pub(crate) fn assert_clean_but_for(&self, allowed: &[Rule]) {
        let mut lints = self.lints();
        lints.retain(|lint| !allowed.contains(&lint.rule));
        let lints: Vec<_> = lints.iter().map(Lint::to_string).collect();
        assert!(
            lints.is_empty(),
            "an OAP would suffer:\n{}",
            lints.join("\n")
        );
    }

    /// Waits until `enough` is true of what was seen.
    pub(crate) async fn until(&self, what: &str, enough: impl Fn(&Calls) -> bool) {
        self.until_within(PATIENCE, what, enough).await;
    }

    /// As [`Oap::until`], for what takes its time.
    pub(crate) async fn until_within(
        &self,
        patience: Duration,
        what: &str,
        enough: impl Fn(&Calls) -> bool,
    ) {
        let mut seen = self.state.calls.subscribe();
        let waited = timeout(patience, seen.wait_for(|calls| enough(calls))).await;
        if waited.is_err() {
            let calls = self.calls();
            panic!(
                "the mock OAP waited for {what} and saw only {}",
                calls.summary()
            );
        }
    }
}

/// A socket that holds an address and does not listen yet.
fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("the system has sockets");
    // Connections of before may still be closing.
    socket.set_reuseaddr(true).expect("a TCP option");
    socket.bind(address).expect("the address is free");
    socket
}
