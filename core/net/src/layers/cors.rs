//! Cross-origin requests of browsers (the Fetch standard's CORS protocol).

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::outgoing::Body;

/// Headers that are always allowed: telemetry needs `content-type` beyond the values that browsers
/// permit without asking, and `content-encoding` for compressed bodies.
const ALWAYS_ALLOWED: &str = "accept, accept-language, content-language, content-type, \
                              content-encoding";
const METHODS: HeaderValue = HeaderValue::from_static("POST");
const ANY: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Who may send from a browser.
#[derive(Clone, Debug, Default)]
pub struct CorsSettings {
    /// Origins (`https://app.example.com`), which may hold `*` for a part of the host or the port
    /// (`https://*.example.com`), not in the scheme; or `*` alone, for everybody but without credentials.
    pub allowed_origins: Vec<String>,
    /// Request headers in addition to `content-type` and the like; `*` allows any.
    pub allowed_headers: Vec<String>,
    /// Response headers that scripts may read.
    pub exposed_headers: Vec<String>,
    /// How long browsers may remember a preflight's answer; zero leaves it to them (5 s).
    pub max_age: Duration,
}

/// A setting that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    #[error("`{0}` is no origin; expected `scheme://host`, `scheme://host:port` or `*`")]
    Origin(String),
    #[error("`{0}` is no header name")]
    Header(String),
}

/// Answers preflights and marks answers for the origins that are allowed. Requests of other origins
/// are served all the same, as the protocol has it: their browser keeps the answer from the script.
#[derive(Clone, Debug)]
pub struct Cors(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    anybody: bool,
    patterns: Vec<Pattern>,
    any_header: bool,
    headers: HeaderValue,
    exposed: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
}

/// An origin in lower case, split at its wildcards.
#[derive(Debug)]
struct Pattern(Vec<String>);

impl Cors {
    pub fn try_new(settings: &CorsSettings) -> Result<Self, OriginError> {
        let mut patterns = Vec::new();
        for origin in settings
            .allowed_origins
            .iter()
            .filter(|origin| *origin != "*")
        {
            patterns.push(Pattern::try_new(origin)?);
        }
        let named = settings.allowed_headers.iter().filter(|name| *name != "*");
        let mut headers = ALWAYS_ALLOWED.to_owned();
        for name in named {
            headers.push_str(", ");
            headers.push_str(header_name(name)?.as_str());
        }
        let mut exposed = String::new();
        for name in &settings.exposed_headers {
            if !exposed.is_empty() {
                exposed.push_str(", ");
            }
            exposed.push_str(header_name(name)?.as_str());
        }
        let value = |text: String| {
            HeaderValue::try_from(text).expect("header names are valid in header values")
        };
        Ok(Cors(Arc::new(Rules {
            anybody: settings.allowed_origins.iter().any(|origin| origin == "*"),
            patterns,
            any_header: settings.allowed_headers.iter().any(|name| name == "*"),
            headers: value(headers),
            exposed: (!exposed.is_empty()).then(|| value(exposed)),
            max_age: match settings.max_age.as_secs() {
                0 => None,
                seconds => Some(HeaderValue::from(seconds)),
            },
        })))
    }
}

fn header_name(name: &str) -> Result<HeaderName, OriginError> {
    HeaderName::try_from(name).map_err(|_| OriginError::Header(name.to_owned()))
}

impl Pattern {
    fn try_new(origin: &str) -> Result<Self, OriginError> {
        let lower = origin.to_ascii_lowercase();
        let host = lower.split_once("://").map(|(_, host)| host);
        let scheme_varies = lower.find('*') < lower.find("://") && lower.contains('*');
        let malformed = |host: &str| host.is_empty() || host.contains(['/', '@', ' ']);
        if scheme_varies || host.is_none_or(malformed) {
            return Err(OriginError::Origin(origin.to_owned()));
        }
        Ok(Pattern(lower.split('*').map(str::to_owned).collect()))
    }

    /// Whether an origin in lower case matches. A wildcard matches any text without a slash, so the
    /// scheme cannot vary and a path cannot follow.
    fn matches(&self, origin: &str) -> bool {
        let Some((last, parts)) = self.0.split_last() else {
            return false;
        };
        let Some((first, middle)) = parts.split_first() else {
            return origin == last;
        };
        let Some(mut rest) = origin
            .strip_prefix(first.as_str())
            .and_then(|rest| rest.strip_suffix(last.as_str()))
        else {
            return false;
        };
        if rest.contains('/') {
            return false;
        }
        for part in middle {
            match rest.find(part.as_str()) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        true
    }
}

impl Rules {
    /// The origin to allow and whether with credentials; `None` where it is not allowed.
    fn allow(&self, origin: &HeaderValue) -> Option<(HeaderValue, Credentials)> {
        let text = origin.to_str().ok()?.to_ascii_lowercase();
        if self.patterns.iter().any(|pattern| pattern.matches(&text)) {
            return Some((origin.clone(), Credentials::Allowed));
        }
        self.anybody.then_some((ANY, Credentials::Refused))
    }

    /// Marks an answer, of whatever kind, to a request from `origin`.
    fn mark(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        // Also without an origin: caches must not serve this answer to one.
        headers.append(VARY, HeaderValue::from_name(ORIGIN));
        if let Some((allowed, credentials)) = origin.and_then(|origin| self.allow(origin)) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            if let Credentials::Allowed = credentials {
                headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            }
            if let Some(exposed) = &self.exposed {
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
            }
        }
    }

    fn preflight(&self, request: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        let origin = request.get(ORIGIN);
        self.mark(origin, headers);
        headers.append(VARY, HeaderValue::from_name(ACCESS_CONTROL_REQUEST_HEADERS));
        if origin.and_then(|origin| self.allow(origin)).is_none() {
            return response;
        }
        // `*` as an answer does not cover requests with credentials; repeating the question does.
        let asked = request
            .get(ACCESS_CONTROL_REQUEST_HEADERS)
            .filter(|_| self.any_header);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            asked.unwrap_or(&self.headers).clone(),
        );
        if let Some(max_age) = &self.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, max_age.clone());
        }
        response
    }
}

enum Credentials {
    Allowed,
    Refused,
}

impl<S> Layer<S> for Cors {
    type Service = CorsService<S>;

    fn layer(&self, inner: S) -> CorsService<S> {
        CorsService {
            inner,
            cors: self.clone(),
        }
    }
}

/// A service behind [`Cors`].
#[derive(Clone, Debug)]
pub struct CorsService<S> {
    inner: S,
    cors: Cors,
}

impl<S, B> Service<Request<B>> for CorsService<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = CorsAnswer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let headers = request.headers();
        let preflight = request.method() == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if preflight {
            let answer = Some(self.cors.0.preflight(headers));
            return CorsAnswer::Preflight { answer };
        }
        CorsAnswer::Inner {
            origin: headers.get(ORIGIN).cloned(),
            cors: self.cors.clone(),
            answer: self.inner.call(request),
        }
    }
}

pin_project! {
    /// The answer of a [`CorsService`].
    #[project = Projection]
    pub enum CorsAnswer<F> {
        Inner { #[pin] answer: F, origin: Option<HeaderValue>, cors: Cors },
        Preflight { answer: Option<Response<Body>> },
    }
}

impl<F> Future for CorsAnswer<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projection::Inner {
                answer,
                origin,
                cors,
            } => answer.poll(cx).map(|answer| {
                answer.map(|mut answer| {
                    cors.0.mark(origin.as_ref(), answer.headers_mut());
                    answer
                })
            }),
            Projection::Preflight { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                None => Poll::Pending,
            },
        }
    }
}
