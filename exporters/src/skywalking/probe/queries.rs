//! The backend's query protocol: GraphQL over HTTP.

use std::sync::Arc;

use bytes::Bytes;
use engine::component::BuildError;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};
use net::client::{ClientSettings, Protocol};
use net::spawn::OnCurrentRuntime;
use net::{Body, Client};
use serde_json::{Value as Json, json};

use super::super::config::Config;
use super::ANSWER_WITHIN;

/// Characters kept of a name that the backend answers.
const NAME_MAX: usize = 64;
/// Layers that are looked at; OAP 11 has 49.
const LAYERS_MAX: usize = 1024;

/// Where queries are answered.
pub(super) struct Queries {
    client: Client,
    path: Uri,
    pub(super) url: String,
    /// Whether it was written in the configuration, and is not a guess.
    pub(super) is_configured: bool,
}

impl Queries {
    /// `None` where nobody said where to ask.
    pub(super) fn new(config: &Config) -> Result<Option<Self>, BuildError> {
        let Some(url) = config.query_url() else {
            return Ok(None);
        };
        let invalid = |error: String| BuildError::at("query.endpoint", error);
        let uri: Uri = url
            .parse()
            .map_err(|error| invalid(format!("`{url}`: {error}")))?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(invalid(format!("`{url}` is no endpoint")));
        };
        let security = config.tls.load();
        let security = security.map_err(|error| BuildError::at("tls", error.to_string()))?;
        let security = security.filter(|_| scheme.as_str() == "https");
        let base = format!("{scheme}://{authority}");
        let settings = ClientSettings::default();
        let spawner = Arc::new(OnCurrentRuntime);
        let client = Client::try_new(&base, Protocol::Http1, security, &settings, spawner);
        Ok(Some(Queries {
            client: client.map_err(|error| invalid(error.to_string()))?,
            path: uri
                .path()
                .parse()
                .map_err(|_| invalid(format!("`{url}` has no usable path")))?,
            is_configured: !config.query.endpoint.is_empty(),
            url,
        }))
    }

    pub(super) async fn version(&self) -> Result<String, String> {
        let data = self.ask("version").await?;
        let version = data.as_str().ok_or("it has no version")?;
        Ok(version.chars().take(NAME_MAX).collect())
    }

    /// Every layer that it knows.
    pub(super) async fn layers(&self) -> Result<Vec<String>, String> {
        let data = self.ask("listLayers").await?;
        let layers = data.as_array().ok_or("it has no layers")?;
        let names = layers.iter().filter_map(Json::as_str).take(LAYERS_MAX);
        let names = names.map(|name| name.chars().take(NAME_MAX).collect());
        Ok(names.collect())
    }

    /// The answer to a query without arguments.
    async fn ask(&self, field: &str) -> Result<Json, String> {
        let query = json!({ "query": format!("{{{field}}}") }).to_string();
        let mut request = Request::new(Body::from_pieces([Bytes::from(query)]));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path.clone();
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        let answer = self.client.send(request, ANSWER_WITHIN).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if !answer.status.is_success() {
            return Err(format!("it answers {}", answer.status));
        }
        let mut body: Json = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("its answer is no JSON: {error}"))?;
        Ok(body["data"][field].take())
    }
}
