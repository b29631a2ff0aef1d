//! One attempt over HTTP.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use engine::component::{BuildError, Decision};
use engine::{Delivery, ExportError, Exporter};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use net::client::{ClientSettings, Protocol};
use net::compress::{Encoding, compress};
use net::spawn::OnCurrentRuntime;
use net::tls::ClientSecurity;
use net::{Body, Client};
use pdata::{Batch, Signal, json};

use super::config::{BodyEncoding, HttpConfig};
use super::{outcome, pieces};
use crate::outgoing::{CALL_MAX, header_map};

pub(super) struct Http {
    /// By signal; `None` where no URL is configured.
    targets: [Option<Target>; Signal::OTLP.len()],
    headers: HeaderMap,
    form: BodyEncoding,
    encoding: Encoding,
}

/// Where a signal goes.
struct Target {
    client: Client,
    path: Uri,
}

impl Http {
    pub(super) fn new(config: &HttpConfig) -> Result<Self, BuildError> {
        let security = config
            .tls
            .load()
            .map_err(|error| BuildError::at("tls", error.to_string()))?;
        let mut targets: [Option<Target>; Signal::OTLP.len()] = Default::default();
        for (signal, url) in config.urls() {
            if !url.is_empty() {
                targets[signal as usize] = Some(target(&url, security.clone(), config)?);
            }
        }
        Ok(Http {
            targets,
            headers: header_map(&config.headers),
            form: config.encoding,
            encoding: config.compression.encoding(),
        })
    }

    fn body(&self, batch: &Batch) -> Result<Body, ExportError> {
        let pieces = match self.form {
            BodyEncoding::Proto => pieces(batch),
            BodyEncoding::Json => vec![to_json(batch)?],
        };
        Ok(match self.encoding {
            Encoding::Identity => Body::from_pieces(pieces),
            encoding => Body::from(compress(encoding, &pieces)),
        })
    }

    fn request(&self, target: &Target, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.path.clone();
        let headers = request.headers_mut();
        headers.extend(self.headers.clone());
        let media_type = match self.form {
            BodyEncoding::Proto => "application/x-protobuf",
            BodyEncoding::Json => "application/json",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        if self.encoding != Encoding::Identity {
            headers.insert(
                CONTENT_ENCODING,
                HeaderValue::from_static(self.encoding.name()),
            );
        }
        request
    }
}

fn target(
    url: &str,
    security: Option<ClientSecurity>,
    config: &HttpConfig,
) -> Result<Target, BuildError> {
    let invalid = |error: String| BuildError::at("endpoint", error);
    let uri: Uri = url
        .parse()
        .map_err(|error| invalid(format!("`{url}`: {error}")))?;
    let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
        return Err(invalid(format!("`{url}` is no endpoint")));
    };
    let settings = ClientSettings {
        idle_timeout: config.idle_conn_timeout.into(),
        idle_max: config.max_idle_conns,
        ..ClientSettings::default()
    };
    let protocol = Protocol::Negotiated;
    let spawner = Arc::new(OnCurrentRuntime);
    let base = format!("{scheme}://{authority}");
    let client = Client::try_new(&base, protocol, security, &settings, spawner)
        .map_err(|error| invalid(error.to_string()))?;
    let path = uri
        .path()
        .parse()
        .map_err(|_| invalid(format!("`{url}` has no usable path")))?;
    Ok(Target { client, path })
}

fn to_json(batch: &Batch) -> Result<Bytes, ExportError> {
    let pieces = pieces(batch);
    let mut text = Vec::with_capacity(2 * batch.wire_len());
    json::write_parts(
        batch.signal(),
        pieces.iter().map(|piece| &piece[..]),
        &mut text,
    )
    .map_err(|error| ExportError::new(Decision::Reject, error.to_string()))?;
    Ok(text.into())
}

#[async_trait]
impl Exporter for Http {
    async fn export(&self, batch: &Batch) -> Result<Delivery, ExportError> {
        let Some(target) = &self.targets[batch.signal() as usize] else {
            let text = format!("no endpoint is configured for {}", batch.signal());
            return Err(ExportError::new(Decision::Park, text));
        };
        let request = self.request(target, self.body(batch)?);
        let answer = target.client.send(request, CALL_MAX).await;
        let answer = answer.map_err(|error| ExportError::retry(error.to_string()))?;
        if !answer.status.is_success() {
            return Err(outcome::of_http(
                answer.status,
                &answer.headers,
                &answer.body,
            ));
        }
        let is_json = answer
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
        Ok(match is_json {
            true => outcome::delivery_json(&answer.body),
            false => outcome::delivery(&answer.body),
        })
    }
}
