//! Hosts to which apps send their telemetry.

use super::request::{Request, domain};

/// Where requests of the SDK itself go.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OwnHost {
    host: String,
    /// Any, if it is not written.
    port: Option<u16>,
    /// What the path must be, or be below; without a `/` at its end.
    path: String,
}

/// Why a text is no host.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OwnHostError {
    #[error("it has a scheme")]
    Scheme,
    #[error("there is nothing before the port or path")]
    Empty,
    #[error("its port is not between 1 and 65535")]
    Port,
    #[error("a host has no `{0}` in it")]
    Character(char),
}

impl OwnHost {
    /// Reads `host`, `host:port`, either with a `/path`. IPv6 addresses stand in brackets.
    pub(super) fn parse(text: &str) -> Result<OwnHost, OwnHostError> {
        if text.contains("://") {
            return Err(OwnHostError::Scheme);
        }
        let (authority, path) = text.split_at(text.find('/').unwrap_or(text.len()));
        // The colons of an address in brackets are its own.
        let bracket = authority.rfind(']').unwrap_or_default();
        let (host, port) = match authority[bracket..].find(':') {
            Some(colon) => {
                let (host, port) = authority.split_at(bracket + colon);
                let port = port[1..].parse().ok().filter(|port| *port > 0);
                (host, Some(port.ok_or(OwnHostError::Port)?))
            }
            None => (authority, None),
        };
        let is_address = host.starts_with('[');
        let strange = |char: &char| match char {
            '[' | ']' | ':' => !is_address,
            char => !(char.is_alphanumeric() || "-._".contains(*char)),
        };
        if let Some(char) = host.chars().find(strange) {
            return Err(OwnHostError::Character(char));
        }
        let host = domain(host).into_owned();
        if host.is_empty() {
            return Err(OwnHostError::Empty);
        }
        let path = path.trim_end_matches('/').to_owned();
        Ok(OwnHost { host, port, path })
    }

    fn includes(&self, request: &Request<'_>) -> bool {
        let below = request.path.strip_prefix(&*self.path);
        self.host == request.domain
            && (self.port.is_none() || self.port == request.port)
            && below.is_some_and(|below| {
                self.path.is_empty() || below.is_empty() || below.starts_with(['/', '?'])
            })
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct OwnHosts(Vec<OwnHost>);

impl OwnHosts {
    /// Those of `texts` that [`OwnHost::parse`] takes; others do not pass the configuration's check.
    pub(super) fn parse(texts: &[String]) -> Self {
        let hosts = texts.iter().filter_map(|text| OwnHost::parse(text).ok());
        OwnHosts(hosts.collect())
    }

    pub(super) fn include(&self, request: &Request<'_>) -> bool {
        self.0.iter().any(|own| own.includes(request))
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn request<'a>(host: &'a str, port: u16, path: &'a str) -> Request<'a> {
        Request {
            host,
            domain: Cow::Borrowed(host),
            port: Some(port),
            path,
            status: 200,
            has_method: true,
            lacks_peer_name: false,
        }
    }

    #[test]
    fn a_request_is_own_by_host_and_by_port_and_path_where_written() {
        for (written, request, expected) in [
            (
                "t.example.com",
                request("t.example.com", 443, "/v1/logs"),
                true,
            ),
            ("T.Example.com.", request("t.example.com", 443, "/"), true),
            ("example.com", request("t.example.com", 443, "/"), false),
            (
                "t.example.com:4318",
                request("t.example.com", 4318, "/"),
                true,
            ),
            (
                "t.example.com:4318",
                request("t.example.com", 443, "/"),
                false,
            ),
            (
                "a.example/v1",
                request("a.example", 443, "/v1/traces"),
                true,
            ),
            ("a.example/v1/", request("a.example", 443, "/v1"), true),
            ("a.example/v1", request("a.example", 443, "/v10"), false),
            ("a.example/v1", request("a.example", 443, "/users"), false),
            ("[::1]:4318", request("::1", 4318, "/v1/logs"), true),
            ("10.0.0.7", request("10.0.0.7", 80, "/"), true),
        ] {
            let own = OwnHosts::parse(&[written.to_owned()]);
            assert_eq!(own.include(&request), expected, "{written} {request:?}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_its_reason() {
        for (text, expected) in [
            ("https://t.example.com", OwnHostError::Scheme),
            ("", OwnHostError::Empty),
            ("/v1", OwnHostError::Empty),
            (":4318", OwnHostError::Empty),
            ("t.example.com:", OwnHostError::Port),
            ("t.example.com:0", OwnHostError::Port),
            ("t.example.com:70000", OwnHostError::Port),
            ("*.example.com", OwnHostError::Character('*')),
            ("t example", OwnHostError::Character(' ')),
        ] {
            assert_eq!(OwnHost::parse(text), Err(expected), "{text}");
        }
    }
}
