//! One call to one backend, under the name that it has for the service.

use bytes::Bytes;
use http::HeaderMap;
use net::client::{CallError, Fate, Stream, Unary};
use net::compress::Encoding;
use net::grpc::Code;
use pdata::skywalking::Kind;
use pdata::{Signal, otlp};

use super::calls::Form;
use super::targets::Target;
use super::{Call, Skywalking};

/// The names of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paths {
    /// In backends of today.
    pub(super) now: &'static str,
    /// See [`Kind::path_without_package`].
    before: Option<&'static str>,
}

impl Paths {
    pub(super) fn of(kind: Kind) -> Self {
        Paths {
            now: kind.path(),
            before: kind.path_without_package(),
        }
    }

    pub(super) fn otlp(signal: Signal) -> Self {
        Paths {
            now: otlp::grpc_path(signal),
            before: None,
        }
    }

    /// The name to use, and the one to try where that is not known.
    fn for_backend(self, is_old: bool) -> (&'static str, Option<&'static str>) {
        match self.before {
            Some(before) if is_old => (before, Some(self.now)),
            before => (self.now, before),
        }
    }
}

/// A call's content.
struct Content<'a> {
    form: Form,
    messages: &'a [Bytes],
}

impl Skywalking {
    pub(super) async fn send(&self, call: &Call<'_>, target: &Target) -> Result<(), CallError> {
        let content = Content {
            form: call.form,
            messages: &call.messages,
        };
        self.send_to(target, call.paths, &content).await
    }

    /// Tells the backend of services that it would not list. It is told again in a minute, so a failure
    /// is no more than said.
    pub(super) async fn report(&self, heartbeats: Vec<Bytes>) {
        for heartbeat in heartbeats {
            let Some(target) = self.targets.choose(None, &[]) else {
                return;
            };
            let content = Content {
                form: Form::Unary,
                messages: &[heartbeat],
            };
            let paths = Paths::of(Kind::InstancePing);
            if let Err(error) = self.send_to(&target, paths, &content).await {
                tracing::debug!(%error, "a mini program was not reported");
                return;
            }
        }
    }

    /// A backend that does not know the method is asked for it under its other name, once.
    async fn send_to(
        &self,
        target: &Target,
        paths: Paths,
        content: &Content<'_>,
    ) -> Result<(), CallError> {
        let (path, other) = paths.for_backend(target.is_old());
        let Err(error) = self.attempt(target, path, content).await else {
            return Ok(());
        };
        let Some(other) = other.filter(|_| is_unknown_method(&error)) else {
            return Err(error);
        };
        match self.attempt(target, other, content).await {
            Ok(()) => {
                target.has_services_without_package(other != paths.now);
                Ok(())
            }
            // What is said of the name of today helps more.
            Err(again) if is_unknown_method(&again) => Err(error),
            Err(again) => Err(again),
        }
    }

    async fn attempt(
        &self,
        target: &Target,
        path: &'static str,
        content: &Content<'_>,
    ) -> Result<(), CallError> {
        let headers: HeaderMap = self.headers.clone();
        let timeout = self.timeout;
        let answer = match content.form {
            Form::Stream => {
                let stream = Stream {
                    path,
                    headers,
                    messages: content.messages,
                    timeout,
                };
                target.client.call_with_stream(stream).await
            }
            Form::Unary | Form::Otlp => {
                let unary = Unary {
                    path,
                    headers,
                    message: content.messages,
                    encoding: Encoding::Identity,
                    timeout,
                };
                target.client.call_once(unary).await
            }
        };
        // Whatever commands it holds are for the agents that ask for them.
        answer.map(drop)
    }
}

fn is_unknown_method(error: &CallError) -> bool {
    error.status.code == Code::Unimplemented && error.fate == Fate::Answered
}
