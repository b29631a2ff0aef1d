use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use super::*;

/// An authority and what it issued, as files.
pub(crate) struct Pki {
    dir: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let pki = Pki {
            dir: TempDir::new().unwrap(),
            issuer,
        };
        pki.write("ca.pem", &pki.issuer.pem());
        pki
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// Issues a certificate with this common name, valid for `localhost`, and its key.
    pub(crate) fn issue(&self, name: &str) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Post, Inc");
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |suffix| format!("{name}.{suffix}");
        (
            self.write(&file("pem"), &certificate.pem()),
            self.write(&file("key"), &key.serialize_pem()),
        )
    }

    pub(crate) fn server(&self) -> ServerTls {
        let (certificate, key) = self.issue("server");
        ServerTls {
            cert_file: Some(certificate),
            key_file: Some(key),
            ..ServerTls::default()
        }
    }

    pub(crate) fn client(&self) -> ClientTls {
        ClientTls {
            ca_file: Some(self.path("ca.pem")),
            server_name_override: Some("localhost".to_owned()),
            ..ClientTls::default()
        }
    }
}

#[track_caller]
fn refusal<T>(loaded: Result<T, TlsError>) -> String {
    loaded.err().expect("must be refused").to_string()
}

fn shown(path: &Path) -> String {
    format!("`{}`", path.display())
}

#[test]
fn settings_are_read_as_the_collector_writes_them() {
    let server: ServerTls = serde_json::from_value(serde_json::json!({
        "cert_file": "a.pem", "key_file": "a.key", "client_ca_file": "ca.pem", "min_version": "1.3",
    }))
    .unwrap();
    assert_eq!(server.min_version, Some(TlsVersion::V13));
    server.check().unwrap();
    let old = serde_json::json!({ "min_version": "1.0" });
    let error = serde_json::from_value::<ClientTls>(old).expect_err("too old");
    assert!(
        error.to_string().contains("expected `1.2` or `1.3`"),
        "{error}"
    );
    let unknown = serde_json::json!({ "ca_fil": "x" });
    let error = serde_json::from_value::<ClientTls>(unknown).expect_err("misspelt");
    assert!(
        error.to_string().contains("unknown field `ca_fil`"),
        "{error}"
    );
}

#[test]
fn contradictions_are_found_without_reading_a_file() {
    let path = || Some(PathBuf::from("/does/not/exist"));
    let text = || Some(Pem::new("text"));
    let check = |tls: ClientTls| refusal(tls.check());
    let none = ClientTls::default;
    let message = check(ClientTls {
        cert_file: path(),
        cert_pem: text(),
        ..none()
    });
    assert_eq!(
        message,
        "`cert_file` and `cert_pem` exclude each other; give one"
    );
    let message = check(ClientTls {
        cert_file: path(),
        ..none()
    });
    assert_eq!(
        message,
        "`key_file` or `key_pem` is missing; it belongs to `cert`"
    );
    let message = check(ClientTls {
        insecure: true,
        ca_file: path(),
        ..none()
    });
    assert_eq!(
        message,
        "`insecure` excludes `ca_file`: plain text uses no certificates"
    );
    let name = Some("no name".to_owned());
    let message = check(ClientTls {
        server_name_override: name,
        ..none()
    });
    assert!(message.contains("`no name` is neither a host name nor an address"));
    let (min_version, max_version) = (Some(TlsVersion::V13), Some(TlsVersion::V12));
    let message = check(ClientTls {
        min_version,
        max_version,
        ..none()
    });
    assert_eq!(message, "`min_version` is higher than `max_version`");
    let message = refusal(ServerTls::default().check());
    assert_eq!(
        message,
        "a server needs `cert_file` or `cert_pem`, and the key to it"
    );
}

#[test]
fn errors_name_the_file_and_what_is_wrong_with_it() {
    let pki = Pki::new();
    let (certificate, key) = pki.issue("one");
    let (_, other_key) = pki.issue("other");
    let load = |certificate: &Path, key: &Path| {
        let tls = ServerTls {
            cert_file: Some(certificate.to_owned()),
            key_file: Some(key.to_owned()),
            ..ServerTls::default()
        };
        refusal(tls.load())
    };
    let absent = pki.path("absent");
    assert_eq!(
        load(&absent, &key),
        format!("cannot read {}", shown(&absent))
    );
    let message = load(&certificate, &certificate);
    assert!(message.starts_with(&format!("{} holds no private key", shown(&certificate))));
    let message = load(&key, &key);
    assert!(message.starts_with(&format!("{} holds no certificate", shown(&key))));
    assert_eq!(
        load(&certificate, &other_key),
        format!(
            "the key in {} does not belong to the certificate in {}",
            shown(&other_key),
            shown(&certificate)
        )
    );
    let broken = pki.write(
        "broken",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    );
    let message = load(&broken, &key);
    assert!(
        message.starts_with(&format!("{} holds a broken", shown(&broken))),
        "{message}"
    );
    let authorities = ClientTls {
        ca_file: Some(broken.clone()),
        ..ClientTls::default()
    };
    let message = refusal(authorities.load());
    assert!(message.starts_with(&format!(
        "{} holds a broken certificate authority",
        shown(&broken)
    )));
}

#[test]
fn text_in_the_settings_works_as_files_do_and_is_never_shown() {
    let pki = Pki::new();
    let (certificate, key) = pki.issue("one");
    let text = |path| Some(Pem::new(std::fs::read_to_string(path).unwrap()));
    let tls = ServerTls {
        cert_pem: text(certificate),
        key_pem: text(key),
        ..ServerTls::default()
    };
    tls.load().unwrap();
    let written = serde_json::to_string(&tls).unwrap();
    assert!(!written.contains("PRIVATE") && !format!("{tls:?}").contains("PRIVATE"));
}

#[test]
fn insecure_is_plain_text() {
    let tls = ClientTls {
        insecure: true,
        ..ClientTls::default()
    };
    assert!(tls.load().unwrap().is_none());
}

#[test]
fn a_subject_is_its_named_attributes() {
    let pki = Pki::new();
    let (certificate, _) = pki.issue("agent");
    let certificates = certificates(&Source::File(&certificate)).unwrap();
    let subject = subject(&certificates[0]).unwrap();
    assert!(subject.contains("CN=agent"), "{subject}");
    assert!(subject.contains(r"O=Post\, Inc"), "{subject}");
}
