//! What exporters that send over the network share.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::config::{Problems, Secret};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

/// The attempt's bound is the engine's; this only ends what that has no bound for.
pub(crate) const CALL_MAX: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn check_url(key: &str, url: &str, problems: &mut Problems) {
    let valid = url.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    });
    if !valid {
        problems
            .at(key, format!("`{url}` is no endpoint"))
            .help("write `http://host:port` or `https://host:port`");
    }
}

/// The headers of every request; names and values have been checked.
pub(crate) fn header_map(headers: &BTreeMap<String, Secret>) -> HeaderMap {
    let entries = headers.iter().filter_map(|(name, value)| {
        let mut value = HeaderValue::try_from(value.expose()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name).ok()?, value))
    });
    entries.collect()
}
