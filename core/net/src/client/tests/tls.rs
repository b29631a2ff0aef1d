//! Both ends of TLS.

use super::*;
use crate::server::Peer;
use crate::tls::tests::Pki;
use crate::tls::{ClientTls, ServerTls, TlsVersion};

fn secured(server: &Running, protocol: Protocol, tls: &ClientTls) -> Client {
    let endpoint = format!("https://{}", server.address);
    let (settings, spawner) = (ClientSettings::default(), Arc::new(Handle::current()));
    let security = tls.load().unwrap();
    Client::try_new(&endpoint, protocol, security, &settings, spawner).unwrap()
}

fn serve(tls: &ServerTls) -> Running {
    start(
        ServerSettings::default(),
        Some(tls.load().unwrap()),
        whoami(),
    )
}

/// Answers with the protocol's version and the certificate's subject.
fn whoami() -> impl Service {
    service_fn(|request: Request<Incoming>| async move {
        let peer = request.extensions().get::<Peer>().unwrap();
        let subject = peer.certificate_subject.as_deref().unwrap_or("nobody");
        let answer = format!("{:?} {subject}", request.version());
        Ok(Response::new(Body::from(answer)))
    })
}

#[tokio::test]
async fn the_version_is_agreed_on_by_alpn() {
    let pki = Pki::new();
    let server = serve(&pki.server());
    for (protocol, version) in [
        (Protocol::Http1, "HTTP/1.1 nobody"),
        (Protocol::Http2, "HTTP/2.0 nobody"),
        (Protocol::Negotiated, "HTTP/2.0 nobody"),
    ] {
        let client = secured(&server, protocol, &pki.client());
        let answer = client.send(post("abc"), PATIENCE).await.unwrap();
        assert_eq!(answer.body, version);
    }
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_client_certificate_is_required_and_its_subject_known() {
    let pki = Pki::new();
    let server = serve(&ServerTls {
        client_ca_file: Some(pki.path("ca.pem")),
        ..pki.server()
    });
    let anonymous = secured(&server, Protocol::Http1, &pki.client());
    let error = anonymous
        .send(post("abc"), PATIENCE)
        .await
        .expect_err("refused");
    assert!(error.to_string().contains("CertificateRequired"), "{error}");

    let (certificate, key) = pki.issue("agent");
    let own = ClientTls {
        cert_file: Some(certificate),
        key_file: Some(key),
        ..pki.client()
    };
    let client = secured(&server, Protocol::Http1, &own);
    let answer = client.send(post("abc"), PATIENCE).await.unwrap();
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(text.contains("CN=agent"), "{text}");
    assert_eq!(server.counters.handshakes_failed.load(Ordering::Relaxed), 1);
    drop(client);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_server_of_another_authority_or_name_is_not_trusted_unless_asked_to() {
    let (pki, other) = (Pki::new(), Pki::new());
    let server = serve(&pki.server());
    let wrong_name = ClientTls {
        server_name_override: Some("other.example".to_owned()),
        ..pki.client()
    };
    for tls in [other.client(), wrong_name] {
        let client = secured(&server, Protocol::Http2, &tls);
        let error = client
            .send(post("abc"), PATIENCE)
            .await
            .expect_err("not trusted");
        assert!(matches!(error, SendError::Tls { .. }), "{error}");
        assert!(!error.may_have_arrived());
        let reckless = ClientTls {
            insecure_skip_verify: true,
            ..tls
        };
        let client = secured(&server, Protocol::Http2, &reckless);
        client.send(post("abc"), PATIENCE).await.unwrap();
    }
    server.stop_cleanly().await;
}

#[tokio::test]
async fn versions_that_do_not_meet_end_the_handshake() {
    let pki = Pki::new();
    let server = serve(&ServerTls {
        min_version: Some(TlsVersion::V13),
        ..pki.server()
    });
    let old = ClientTls {
        max_version: Some(TlsVersion::V12),
        ..pki.client()
    };
    let client = secured(&server, Protocol::Http1, &old);
    let error = client
        .send(post("abc"), PATIENCE)
        .await
        .expect_err("too old");
    assert!(matches!(error, SendError::Tls { .. }), "{error}");
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_ended_and_counted() {
    let pki = Pki::new();
    let settings = ServerSettings {
        handshake_timeout: Duration::from_millis(50),
        ..ServerSettings::default()
    };
    let server = start(settings, Some(pki.server().load().unwrap()), whoami());
    let mut silent = server.connect().await;
    let mut rest = Vec::new();
    patient(silent.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(server.counters.handshakes_failed.load(Ordering::Relaxed), 1);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn plain_text_on_a_tls_port_is_ended() {
    let pki = Pki::new();
    let server = serve(&pki.server());
    let client = server.client(Protocol::Http1);
    client
        .send(post("abc"), PATIENCE)
        .await
        .expect_err("no TLS");
    assert_eq!(server.counters.handshakes_failed.load(Ordering::Relaxed), 1);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn an_endpoint_in_plain_text_leaves_the_security_unused() {
    let server = start(ServerSettings::default(), None, whoami());
    let endpoint = format!("http://{}", server.address);
    let security = Pki::new().client().load().unwrap();
    assert!(security.is_some());
    let (settings, spawner) = (ClientSettings::default(), Arc::new(Handle::current()));
    let client = Client::try_new(&endpoint, Protocol::Http1, security, &settings, spawner).unwrap();
    let answer = client.send(post("abc"), PATIENCE).await.unwrap();
    assert_eq!(answer.body, "HTTP/1.1 nobody");
    server.stop_cleanly().await;
}
