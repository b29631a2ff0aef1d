//! Reading certificates and keys, with errors that say where and what.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, InconsistentKeys, RootCertStore};

use super::{Pem, TlsError};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----";

/// Where PEM text comes from, with the key of the setting.
pub(super) enum Source<'a> {
    File(&'a Path),
    Text(&'static str, &'a str),
}

impl<'a> Source<'a> {
    /// The one of a pair of settings that is given; `stem` is their common beginning.
    pub(super) fn choose(
        stem: &'static str,
        file: Option<&'a Path>,
        text: Option<&'a Pem>,
    ) -> Result<Option<Self>, TlsError> {
        match (file, text) {
            (Some(_), Some(_)) => Err(TlsError::Twice(stem)),
            (Some(file), None) => Ok(Some(Source::File(file))),
            (None, Some(Pem(text))) => Ok(Some(Source::Text(stem, text))),
            (None, None) => Ok(None),
        }
    }

    fn read(&self) -> Result<Vec<u8>, TlsError> {
        match self {
            Source::Text(_, text) => Ok(text.as_bytes().to_vec()),
            Source::File(path) => std::fs::read(path).map_err(|source| TlsError::Read {
                place: self.to_string(),
                source,
            }),
        }
    }

    pub(super) fn broken(&self, wanted: &'static str, reason: impl fmt::Display) -> TlsError {
        TlsError::Broken {
            place: self.to_string(),
            wanted,
            reason: reason.to_string(),
        }
    }

    fn missing(&self, wanted: &'static str, label: &'static str) -> TlsError {
        TlsError::Missing {
            place: self.to_string(),
            wanted,
            label,
        }
    }
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => write!(f, "`{}`", path.display()),
            Source::Text(stem, _) => write!(f, "`{stem}_pem`"),
        }
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

pub(super) fn certificates(source: &Source<'_>) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = source.read()?;
    let certificates = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| source.broken("certificate", error))?;
    if certificates.is_empty() {
        return Err(source.missing("certificate", CERTIFICATE));
    }
    Ok(certificates)
}

pub(super) fn key(source: &Source<'_>) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&source.read()?).map_err(|error| match error {
        pem::Error::NoItemsFound => source.missing("private key", PRIVATE_KEY),
        error => source.broken("private key", error),
    })
}

/// The certificate authorities of a source, all of which must be usable.
pub(super) fn roots(source: &Source<'_>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(source)? {
        roots
            .add(certificate)
            .map_err(|error| source.broken("certificate authority", error))?;
    }
    Ok(roots)
}

/// The system's certificate authorities; single broken ones among them are passed over.
pub(super) fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(TlsError::NoSystemRoots);
    }
    Ok(roots)
}

/// Says which of certificate and key is to blame.
pub(super) fn identity_error(
    error: rustls::Error,
    certificate: &Source<'_>,
    key: &Source<'_>,
) -> TlsError {
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::KeyMismatch {
            key: key.to_string(),
            certificate: certificate.to_string(),
        },
        rustls::Error::InvalidCertificate(_) => certificate.broken("certificate", error),
        error => key.broken("private key", error),
    }
}
