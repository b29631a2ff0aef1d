//! How connections and servers end.

use super::*;

/// A service that answers once it is released, and says when it was asked.
fn held(asked: Arc<Notify>, release: Arc<Notify>, ended: Arc<AtomicBool>) -> impl Service {
    service_fn(move |_: Request<Incoming>| {
        let (asked, release, ended) = (asked.clone(), release.clone(), ended.clone());
        async move {
            let _guard = SetOnDrop(ended);
            asked.notify_one();
            release.notified().await;
            Ok(Response::new(Body::from("done")))
        }
    })
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn an_aged_connection_says_so_in_an_answer_and_ends() {
    let settings = ServerSettings {
        age_max: Some(Duration::from_millis(50)),
        ..ServerSettings::default()
    };
    let (asked, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let service = held(asked.clone(), release.clone(), Arc::default());
    let server = start(settings, None, service);
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    patient(asked.notified()).await;
    let aged = async {
        while server.counters.aged.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    };
    patient(aged).await;
    release.notify_one();
    let answer = read_all(stream).await;
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(answer.ends_with("done"), "{answer}");
    server.stop_cleanly().await;
}

#[tokio::test]
async fn an_aged_http2_connection_ends_without_losing_a_request() {
    let settings = ServerSettings {
        age_max: Some(Duration::from_millis(20)),
        ..ServerSettings::default()
    };
    let server = start(settings, None, counting_service());
    let client = server.client(Protocol::Http2);
    let three_connections = async {
        while server.counters.aged.load(Ordering::Relaxed) < 3 {
            let answer = client.send(post("abc"), PATIENCE).await.unwrap();
            assert_eq!(answer.body, "3");
        }
    };
    patient(three_connections).await;
    drop(client);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn an_aged_connection_that_does_not_finish_is_cut_after_its_grace() {
    let settings = ServerSettings {
        age_max: Some(Duration::from_millis(20)),
        age_grace: Duration::from_millis(20),
        ..ServerSettings::default()
    };
    let ended = Arc::new(AtomicBool::new(false));
    let service = held(Arc::default(), Arc::default(), ended.clone());
    let server = start(settings, None, service);
    let client = server.client(Protocol::Http2);
    let cut = client.send(post(""), PATIENCE).await;
    assert!(cut.expect_err("never answered").may_have_arrived());
    assert!(ended.load(Ordering::Relaxed));
    drop(client);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn open_requests_are_answered_before_the_server_ends() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (asked, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let service = held(asked.clone(), release.clone(), Arc::default());
        let server = start(ServerSettings::default(), None, service);
        let address = server.address;
        let client = server.client(protocol);
        let request = Handle::current().spawn(async move {
            let answer = client.send(post("abc"), PATIENCE).await;
            answer.map(|answer| answer.body)
        });
        patient(asked.notified()).await;
        let done = server.begin_stop(PATIENCE);
        let refused = async { while TcpStream::connect(address).await.is_ok() {} };
        patient(refused).await;
        assert!(!done.is_finished());
        release.notify_one();
        assert_eq!(patient(request).await.unwrap().unwrap(), "done");
        let drained = patient(done).await.unwrap().unwrap();
        assert_eq!(drained, Drained { requests_cut: 0 }, "{protocol:?}");
    }
}

#[tokio::test]
async fn requests_open_at_the_deadline_are_cut_and_counted() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (asked, ended) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let service = held(asked.clone(), Arc::default(), ended.clone());
        let server = start(ServerSettings::default(), None, service);
        let client = server.client(protocol);
        let request =
            Handle::current().spawn(async move { client.send(post("abc"), PATIENCE).await });
        patient(asked.notified()).await;
        let drained = server.stop(Duration::from_millis(20)).await;
        assert_eq!(drained, Drained { requests_cut: 1 }, "{protocol:?}");
        assert!(ended.load(Ordering::Relaxed), "the handler is gone");
        patient(request).await.unwrap().expect_err("was cut");
    }
}

#[tokio::test]
async fn connections_without_a_request_do_not_delay_the_end() {
    let server = start(ServerSettings::default(), None, counting_service());
    let silent = server.connect().await;
    let mut begun = server.connect().await;
    begun.write_all(b"POST / HT").await.unwrap();
    let used = server.client(Protocol::Http1);
    used.send(post("abc"), PATIENCE).await.unwrap();
    let begun_stopping = Instant::now();
    let drained = server.stop(PATIENCE * 10).await;
    assert_eq!(drained, Drained { requests_cut: 0 });
    assert!(begun_stopping.elapsed() < PATIENCE);
    drop((silent, begun, used));
}
