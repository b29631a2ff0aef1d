//! A replay into a queue that no process has open.

use std::path::Path;
use std::sync::Arc;

use pdata::otlp::{InvalidUtf8, receive};
use pdata::{Batch, Budget, Origin, Signal, sample};

use super::*;

fn batch(signal: Signal, items: usize) -> Batch {
    let request = sample::request(signal, items);
    let budget = Budget::new(1 << 30);
    let received = receive(signal, request.into(), InvalidUtf8::Repair, &budget);
    let chunks = received.expect("samples are valid").chunks;
    Batch::new(signal, chunks, Arc::new(Origin::default()))
}

fn place(root: &Path, exporter: &str) -> Place {
    Place {
        exporter: exporter.to_owned(),
        directory: root.join(exporter),
    }
}

/// The queue of `a` with dead letters of these signals, and that of `b`.
fn places(root: &Path, letters: &[Signal]) -> [Place; 2] {
    let [a, b] = ["a", "b"].map(|exporter| place(root, exporter));
    open(&a.directory)
        .expect("it is ours")
        .close()
        .expect("the disk works");
    let mut log = open(&a.letters()).expect("it is ours");
    for signal in letters {
        let appended = log.append(&[batch(*signal, 3)], &Intake::default());
        appended.expect("there is room");
    }
    log.close().expect("the disk works");
    [a, b]
}

fn all_letters() -> Source {
    Source::DeadLetters { until: u64::MAX }
}

/// Records that wait in a queue, and among its dead letters.
fn waiting(place: &Place) -> (u64, u64) {
    let look = place.look().expect("it can be read");
    let count = |of: &engine::queues::Inspection| -> u64 {
        of.backlog.lanes.iter().map(|lane| lane.records).sum()
    };
    (count(&look.queue), look.letters.as_ref().map_or(0, count))
}

fn here(from: &Place, to: &Place, intake: Intake) -> Here {
    Here::open(from, all_letters(), (to, intake)).expect("nobody has them open")
}

#[test]
fn a_replay_that_ends_between_its_two_steps_doubles_records_and_loses_none() {
    let root = tempfile::tempdir().expect("a directory can be made");
    let [from, to] = places(root.path(), &[Signal::Logs, Signal::Traces, Signal::Logs]);
    let mut killed = here(&from, &to, Intake::default());
    let (answer, appended) = killed.append(0).expect("there is room");
    assert_eq!((answer.records, appended.len()), (3, 3));
    drop(killed);
    assert_eq!((waiting(&to).0, waiting(&from).1), (3, 3), "in both");
    let mut again = here(&from, &to, Intake::default());
    let answer = again.replay(0).expect("there is room");
    again.close().expect("the disk works");
    assert_eq!((answer.records, answer.items), (3, 9));
    assert_eq!((waiting(&to).0, waiting(&from).1), (6, 0));
}

#[test]
fn what_nobody_would_send_stays_where_it_is() {
    let root = tempfile::tempdir().expect("a directory can be made");
    let [from, to] = places(root.path(), &[Signal::Logs, Signal::Metrics, Signal::Logs]);
    let intake = Intake {
        signals: vec![Signal::Metrics],
        ..Intake::default()
    };
    let mut replay = here(&from, &to, intake);
    let answer = replay.replay(0).expect("there is room");
    drop(replay);
    assert_eq!(
        answer.skipped,
        [
            "record 1: no pipeline brings `b` any logs",
            "record 3: no pipeline brings `b` any logs"
        ]
    );
    assert_eq!((waiting(&to).0, waiting(&from).1), (1, 2));
}

#[test]
fn a_full_queue_takes_none_of_a_group_and_they_stay_dead_letters() {
    let root = tempfile::tempdir().expect("a directory can be made");
    let [from, to] = places(root.path(), &[Signal::Logs, Signal::Logs]);
    let intake = Intake {
        max_bytes: 500,
        ..Intake::default()
    };
    let mut replay = here(&from, &to, intake);
    let refused = replay.replay(0).expect_err("there is no room");
    drop(replay);
    let text = format!("{refused:#}");
    assert!(
        text.starts_with("the queue is full: 0 of `max_bytes` 500, and "),
        "{text}"
    );
    assert_eq!((waiting(&to).0, waiting(&from).1), (0, 2));
}

#[test]
fn dead_letters_of_a_queue_that_is_open_elsewhere_are_left_alone_and_the_way_is_told() {
    let root = tempfile::tempdir().expect("a directory can be made");
    let [from, to] = places(root.path(), &[Signal::Logs]);
    let elsewhere = open(&from.directory).expect("nobody has it open");
    let refused = Here::open(&from, all_letters(), (&to, Intake::default()));
    let refused = refused.err().expect("they are not ours").to_string();
    let expected = format!(
        "the dead letters of `a` are open in process {}, which alone can let go of them and has no \
         queue of `b` to put them into: give it that exporter, or stop it first",
        std::process::id()
    );
    assert_eq!(refused, expected);
    assert!(!to.directory.exists(), "nothing was begun");
    drop(elsewhere);
    assert_eq!(
        here(&from, &to, Intake::default())
            .replay(0)
            .expect("it works")
            .records,
        1
    );
}
