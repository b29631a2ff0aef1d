//! What is acknowledged is there, and what is refused is not.

use std::sync::Arc;

use engine::config::read_text;
use engine::exporter::Front;
use engine::testkit::{batch, context};
use engine::{Consumer, Refusal};
use pdata::Signal;

use super::super::FileExporter;
use super::super::config::Config;
use super::super::shared::SharedLog;
use super::fixture::{FaultyDisk, Fixture, Gate, JSON, terms};

/// A log that syncs, whose first sync waits for the gate.
fn gated() -> (Fixture, Arc<Gate>, Arc<SharedLog<FaultyDisk>>) {
    let mut fixture = Fixture::new();
    let gate = Gate::new();
    fixture.disk.gate = Some(Arc::clone(&gate));
    let mut terms = terms(JSON);
    terms.sync = true;
    let log = SharedLog::new(fixture.open(terms).unwrap());
    (fixture, gate, log)
}

/// The engine's stack around an exporter that writes to `log`.
fn front(log: Arc<SharedLog<FaultyDisk>>) -> Arc<Front> {
    let (config, _) = read_text::<Config>("{path: unused}").unwrap();
    let exporter = Arc::new(FileExporter { format: JSON, log });
    let signals = &[Signal::Logs];
    Front::new("file", exporter, config.settings(), signals, &context())
}

#[test]
fn a_write_in_pieces_is_whole() {
    let fixture = Fixture::new();
    let mut log = fixture.open(terms(JSON)).unwrap();
    fixture.disk.state.lock().append_max = Some(2);
    fixture.disk.state.lock().interrupts = 1;
    log.write(&[b"{first}\n", b"{second}\n"]).unwrap();
    assert_eq!(fixture.content(), b"{first}\n{second}\n");
}

#[test]
fn a_full_disk_leaves_no_part_of_a_group() {
    let fixture = Fixture::new();
    let mut log = fixture.open(terms(JSON)).unwrap();
    log.write(&[b"{first}\n"]).unwrap();
    fixture.disk.state.lock().room = Some(12);
    let error = log
        .write(&[b"{second}\n", b"{third}\n"])
        .unwrap_err()
        .to_string();
    let path = fixture.path.display();
    assert_eq!(error, format!("cannot write to `{path}`: no storage space"));
    assert_eq!(fixture.content(), b"{first}\n");
    fixture.disk.state.lock().room = None;
    log.write(&[b"{second}\n", b"{third}\n"]).unwrap();
    assert_eq!(fixture.content(), b"{first}\n{second}\n{third}\n");
}

#[test]
fn a_failed_sync_leaves_nothing_that_the_kernel_may_have_forgotten() {
    let fixture = Fixture::new();
    let mut terms = terms(JSON);
    terms.sync = true;
    let mut log = fixture.open(terms).unwrap();
    log.write(&[b"{first}\n"]).unwrap();
    fixture.disk.state.lock().syncs_succeed.push_back(false);
    let error = log.write(&[b"{second}\n"]).unwrap_err().to_string();
    assert!(error.starts_with("cannot sync `"), "{error}");
    assert_eq!(fixture.content(), b"{first}\n");
    log.write(&[b"{second}\n"]).unwrap();
    assert_eq!(fixture.content(), b"{first}\n{second}\n");
}

#[test]
fn what_cannot_be_cut_off_at_once_is_before_the_next_write() {
    let fixture = Fixture::new();
    let mut log = fixture.open(terms(JSON)).unwrap();
    log.write(&[b"{first}\n"]).unwrap();
    fixture.disk.state.lock().room = Some(3);
    fixture.disk.state.lock().cuts_fail = 2;
    log.write(&[b"{second}\n"]).unwrap_err();
    assert_eq!(fixture.content(), b"{first}\n{se");
    fixture.disk.state.lock().room = None;
    let error = log.write(&[b"{second}\n"]).unwrap_err().to_string();
    assert!(error.starts_with("cannot repair `"), "{error}");
    log.write(&[b"{second}\n"]).unwrap();
    assert_eq!(fixture.content(), b"{first}\n{second}\n");
}

#[tokio::test]
async fn the_sender_is_answered_after_the_write() {
    let fixture = Fixture::new();
    let front = front(SharedLog::new(fixture.open(terms(JSON)).unwrap()));
    front.consume(batch(Signal::Logs, 3)).await.unwrap();
    let written = fixture.content();
    assert!(written.starts_with(b"{\"resourceLogs\":[") && written.ends_with(b"]}\n"));

    fixture.disk.state.lock().room = Some(10);
    let refusal = front.consume(batch(Signal::Logs, 3)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Retry { .. }), "{refusal:?}");
    assert_eq!(fixture.content(), written);
    let account = front.account(Signal::Logs);
    assert_eq!((account.enqueued, account.delivered), (3, 3));
}

#[tokio::test]
async fn the_sender_is_answered_after_the_sync_if_asked() {
    let (fixture, gate, log) = gated();
    let front = front(log);
    let mut answer = front.consume(batch(Signal::Traces, 1));
    tokio::select! {
        biased;
        answer = &mut answer => panic!("answered before the sync: {answer:?}"),
        () = gate.entered.notified() => {}
    }
    gate.open(1);
    answer.await.unwrap();
    assert_eq!(fixture.disk.state.lock().syncs, 1);
}

#[tokio::test]
async fn writes_that_wait_share_one_sync() {
    let (fixture, gate, log) = gated();
    let first = log.write(b"{first}\n".to_vec());
    let others = async {
        gate.entered.notified().await;
        let open = async { gate.open(2) };
        // Polled in this order: all wait before the first sync may end.
        tokio::join!(
            biased;
            log.write(b"{a}\n".to_vec()),
            log.write(b"{b}\n".to_vec()),
            log.write(b"{c}\n".to_vec()),
            open
        )
    };
    let (first, (a, b, c, ())) = tokio::join!(first, others);
    assert_eq!([first, a, b, c], [Ok(()), Ok(()), Ok(()), Ok(())]);
    assert_eq!(fixture.content(), b"{first}\n{a}\n{b}\n{c}\n");
    assert_eq!(fixture.disk.state.lock().syncs, 2);
}

#[tokio::test]
async fn a_leader_that_gives_up_leaves_no_write_without_its_answer() {
    let (fixture, gate, log) = gated();
    let mut leader = Box::pin(log.write(b"{leader}\n".to_vec()));
    tokio::select! {
        biased;
        _ = &mut leader => panic!("the gate is shut"),
        () = gate.entered.notified() => {}
    }
    let mut withdrawn = Box::pin(log.write(b"{withdrawn}\n".to_vec()));
    tokio::select! {
        biased;
        _ = &mut withdrawn => panic!("the gate is shut"),
        () = std::future::ready(()) => {}
    }
    drop((leader, withdrawn));
    let open = async { gate.open(2) };
    let (follower, ()) = tokio::join!(biased; log.write(b"{follower}\n".to_vec()), open);
    assert_eq!(follower, Ok(()));
    assert_eq!(fixture.content(), b"{leader}\n{follower}\n");
}

#[tokio::test]
async fn a_group_that_fails_is_refused_to_all_of_it() {
    let (fixture, gate, log) = gated();
    fixture
        .disk
        .state
        .lock()
        .syncs_succeed
        .extend([true, false]);
    let first = log.write(b"{first}\n".to_vec());
    let others = async {
        gate.entered.notified().await;
        let open = async { gate.open(2) };
        tokio::join!(
            biased;
            log.write(b"{a}\n".to_vec()),
            log.write(b"{b}\n".to_vec()),
            open
        )
    };
    let (first, (a, b, ())) = tokio::join!(first, others);
    assert!(first.is_ok() && a.is_err() && b.is_err());
    assert_eq!(fixture.content(), b"{first}\n");
}
