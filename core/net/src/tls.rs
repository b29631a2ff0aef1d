//! TLS settings in the Collector's shape, and the configurations made from them.
//!
//! Reading settings is apart from loading what they name: `check` does no I/O, `load` reads the files.
//! The cryptography is ring's, which builds with nothing but a C compiler.

mod load;
mod subject;
mod unverified;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, version,
};

use load::{Source, certificates, key, provider, roots, system_roots};
pub(crate) use subject::subject;

pub(crate) const ALPN_HTTP2: &[u8] = b"h2";
const ALPN_HTTP1: &[u8] = b"http/1.1";

/// TLS of a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerTls {
    /// File of the certificate chain, PEM, the server's own first.
    pub cert_file: Option<PathBuf>,
    /// The certificate chain itself, instead of `cert_file`.
    pub cert_pem: Option<Pem>,
    /// File of the private key, PEM.
    pub key_file: Option<PathBuf>,
    /// The private key itself, instead of `key_file`.
    pub key_pem: Option<Pem>,
    /// File of the authorities, PEM, one of which must have signed the client's certificate. Clients
    /// without one are refused.
    pub client_ca_file: Option<PathBuf>,
    /// Lowest TLS version accepted.
    pub min_version: Option<TlsVersion>,
    /// Highest TLS version accepted.
    pub max_version: Option<TlsVersion>,
}

/// TLS of a connection that we open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClientTls {
    /// Speak plain text.
    pub insecure: bool,
    /// Accept any certificate. Whoever sits between can then read and change everything.
    pub insecure_skip_verify: bool,
    /// Name to ask for and to verify, instead of the endpoint's host.
    pub server_name_override: Option<String>,
    /// File of the authorities trusted, PEM. The system's are used where none are given.
    pub ca_file: Option<PathBuf>,
    /// The authorities themselves, instead of `ca_file`.
    pub ca_pem: Option<Pem>,
    /// Trust the system's authorities in addition to those given.
    pub include_system_ca_certs_pool: bool,
    /// File of our certificate chain, PEM, for servers that ask for one.
    pub cert_file: Option<PathBuf>,
    /// Our certificate chain itself, instead of `cert_file`.
    pub cert_pem: Option<Pem>,
    /// File of our private key, PEM.
    pub key_file: Option<PathBuf>,
    /// Our private key itself, instead of `key_file`.
    pub key_pem: Option<Pem>,
    /// Lowest TLS version accepted.
    pub min_version: Option<TlsVersion>,
    /// Highest TLS version accepted.
    pub max_version: Option<TlsVersion>,
}

/// PEM text in a configuration. It may be a private key, so it is neither printed nor written.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Pem(String);

impl Pem {
    pub fn new(text: impl Into<String>) -> Self {
        Pem(text.into())
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Pem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// The TLS versions there are; older ones are broken and not implemented.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum TlsVersion {
    #[serde(rename = "1.2")]
    V12,
    #[serde(rename = "1.3")]
    V13,
}

/// Why TLS could not be set up. Settings are named by their keys.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("`{0}_file` and `{0}_pem` exclude each other; give one")]
    Twice(&'static str),
    #[error("`{missing}_file` or `{missing}_pem` is missing; it belongs to `{given}`")]
    Incomplete {
        given: &'static str,
        missing: &'static str,
    },
    #[error("a server needs `cert_file` or `cert_pem`, and the key to it")]
    NoCertificate,
    #[error("`min_version` is higher than `max_version`")]
    Versions,
    #[error("`insecure` excludes `{0}`: plain text uses no certificates")]
    InsecureExcludes(&'static str),
    #[error("`server_name_override` `{0}` is neither a host name nor an address")]
    ServerName(String),
    #[error("cannot read {place}")]
    Read {
        place: String,
        source: std::io::Error,
    },
    #[error("{place} holds no {wanted}; expected PEM with `{label}`")]
    Missing {
        place: String,
        wanted: &'static str,
        label: &'static str,
    },
    #[error("{place} holds a broken {wanted}: {reason}")]
    Broken {
        place: String,
        wanted: &'static str,
        reason: String,
    },
    #[error("the key in {key} does not belong to the certificate in {certificate}")]
    KeyMismatch { key: String, certificate: String },
    #[error("the system has no usable certificate authorities; give `ca_file`")]
    NoSystemRoots,
    #[error("TLS refuses these settings")]
    Refused(#[source] tokio_rustls::rustls::Error),
}

/// A client's side of TLS, loaded.
#[derive(Clone, Debug)]
pub struct ClientSecurity {
    pub config: Arc<ClientConfig>,
    /// The name to verify, where it is not the endpoint's host.
    pub server_name: Option<ServerName<'static>>,
}

/// What both sides say about their own identity.
struct Identity<'a> {
    certificate: Option<Source<'a>>,
    key: Option<Source<'a>>,
}

impl ServerTls {
    /// What is wrong with the settings as written. Does no I/O.
    pub fn check(&self) -> Result<(), TlsError> {
        let identity = self.identity()?;
        if identity.certificate.is_none() {
            return Err(TlsError::NoCertificate);
        }
        versions(self.min_version, self.max_version).map(drop)
    }

    /// Reads the files and makes the configuration of a listener that speaks HTTP/2 and HTTP/1.1.
    pub fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        self.check()?;
        let identity = self.identity()?;
        let (Some(certificate), Some(key_source)) = (identity.certificate, identity.key) else {
            return Err(TlsError::NoCertificate);
        };
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(self.min_version, self.max_version)?)
            .map_err(TlsError::Refused)?;
        let builder = match &self.client_ca_file {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let source = Source::File(file);
                let roots = Arc::new(roots(&source)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
                    .build()
                    .map_err(|error| source.broken("certificate authority", error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(certificates(&certificate)?, key(&key_source)?)
            .map_err(|error| load::identity_error(error, &certificate, &key_source))?;
        config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()];
        Ok(Arc::new(config))
    }

    fn identity(&self) -> Result<Identity<'_>, TlsError> {
        Identity::new(
            Source::choose("cert", self.cert_file.as_deref(), self.cert_pem.as_ref())?,
            Source::choose("key", self.key_file.as_deref(), self.key_pem.as_ref())?,
        )
    }
}

impl ClientTls {
    /// What is wrong with the settings as written. Does no I/O.
    pub fn check(&self) -> Result<(), TlsError> {
        let identity = self.identity()?;
        let authorities = self.authorities()?;
        if self.insecure {
            let excluded = [
                ("insecure_skip_verify", self.insecure_skip_verify),
                ("cert_file", identity.certificate.is_some()),
                ("ca_file", authorities.is_some()),
            ];
            if let Some((key, _)) = excluded.into_iter().find(|(_, given)| *given) {
                return Err(TlsError::InsecureExcludes(key));
            }
        }
        self.server_name()?;
        versions(self.min_version, self.max_version).map(drop)
    }

    /// The URL of an endpoint that may be `host:port` alone: `insecure` decides then whether it is plain
    /// text.
    pub fn url(&self, endpoint: &str) -> String {
        let endpoint = endpoint.trim();
        match endpoint.contains("://") {
            true => endpoint.to_owned(),
            false if self.insecure => format!("http://{endpoint}"),
            false => format!("https://{endpoint}"),
        }
    }

    /// Reads the files and makes a client's configuration; `None` means plain text.
    pub fn load(&self) -> Result<Option<ClientSecurity>, TlsError> {
        self.check()?;
        if self.insecure {
            return Ok(None);
        }
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(self.min_version, self.max_version)?)
            .map_err(TlsError::Refused)?;
        let builder = if self.insecure_skip_verify {
            builder
                .dangerous()
                .with_custom_certificate_verifier(unverified::verifier(provider()))
        } else {
            builder.with_root_certificates(self.trusted()?)
        };
        let identity = self.identity()?;
        let config = match (&identity.certificate, &identity.key) {
            (Some(certificate), Some(key_source)) => builder
                .with_client_auth_cert(certificates(certificate)?, key(key_source)?)
                .map_err(|error| load::identity_error(error, certificate, key_source))?,
            _ => builder.with_no_client_auth(),
        };
        Ok(Some(ClientSecurity {
            config: Arc::new(config),
            server_name: self.server_name()?,
        }))
    }

    fn trusted(&self) -> Result<RootCertStore, TlsError> {
        match self.authorities()? {
            None => system_roots(),
            Some(given) => {
                let mut trusted = roots(&given)?;
                if self.include_system_ca_certs_pool {
                    trusted.roots.extend(system_roots()?.roots);
                }
                Ok(trusted)
            }
        }
    }

    fn authorities(&self) -> Result<Option<Source<'_>>, TlsError> {
        Source::choose("ca", self.ca_file.as_deref(), self.ca_pem.as_ref())
    }

    fn server_name(&self) -> Result<Option<ServerName<'static>>, TlsError> {
        let parse = |name: &String| {
            ServerName::try_from(name.clone()).map_err(|_| TlsError::ServerName(name.clone()))
        };
        self.server_name_override.as_ref().map(parse).transpose()
    }

    fn identity(&self) -> Result<Identity<'_>, TlsError> {
        Identity::new(
            Source::choose("cert", self.cert_file.as_deref(), self.cert_pem.as_ref())?,
            Source::choose("key", self.key_file.as_deref(), self.key_pem.as_ref())?,
        )
    }
}

impl<'a> Identity<'a> {
    fn new(certificate: Option<Source<'a>>, key: Option<Source<'a>>) -> Result<Self, TlsError> {
        let incomplete = |given, missing| Err(TlsError::Incomplete { given, missing });
        match (&certificate, &key) {
            (Some(_), None) => incomplete("cert", "key"),
            (None, Some(_)) => incomplete("key", "cert"),
            _ => Ok(Identity { certificate, key }),
        }
    }
}

fn versions(
    min: Option<TlsVersion>,
    max: Option<TlsVersion>,
) -> Result<&'static [&'static SupportedProtocolVersion], TlsError> {
    use TlsVersion::{V12, V13};
    const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS12, &version::TLS13];
    const ONLY_12: &[&SupportedProtocolVersion] = &[&version::TLS12];
    const ONLY_13: &[&SupportedProtocolVersion] = &[&version::TLS13];
    match (min.unwrap_or(V12), max.unwrap_or(V13)) {
        (V12, V13) => Ok(BOTH),
        (V12, V12) => Ok(ONLY_12),
        (V13, V13) => Ok(ONLY_13),
        (V13, V12) => Err(TlsError::Versions),
    }
}
