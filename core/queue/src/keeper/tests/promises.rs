//! What users of a queue are promised, one by one.

use super::*;
use crate::format::Producer;

#[test]
fn a_lane_that_is_not_taken_holds_nobody_back_and_no_memory() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    for number in 0..300 {
        rig.append(number..number + 1, 100_000);
        for lane in [1, 2] {
            for ready in rig.queue.take(lane, |_| true) {
                rig.queue.finish(lane, ready.sequence);
            }
        }
    }
    assert_eq!(rig.queue.usage(0).waiting.records, 100);
    assert_eq!(rig.queue.usage(1).waiting.records, 0);
    let in_memory: usize = {
        let state = rig.queue.shared.lock();
        state.lanes[0]
            .ready()
            .map(|ready| ready.payload_len as usize)
            .sum()
    };
    assert!(
        in_memory < crate::lane::READY_BYTES_MAX + (1 << 20),
        "{in_memory} bytes in memory"
    );
    let wanted: Vec<u64> = (0..300).filter(|number| number % 3 == 0).collect();
    assert_eq!(rig.drain(), wanted);
}

#[test]
fn a_backlog_comes_back_in_order_after_an_orderly_end_and_counts_are_exact() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    rig.append(0..200, 50_000);
    let taken = rig.take(90);
    for (lane, sequence, _) in taken.iter().filter(|(_, sequence, _)| sequence % 2 == 0) {
        rig.queue.finish(*lane, *sequence);
    }
    let kept: BTreeSet<u64> = taken
        .iter()
        .filter(|taken| taken.1 % 2 == 0)
        .map(|taken| taken.2)
        .collect();
    rig.open.end();
    let mut rig = Rig::open(&fs, settings(2)).expect("the disk works");
    let Some(Report::Opened(recovery)) = rig.told.0.lock().reports.first().cloned() else {
        panic!("nothing was told about opening");
    };
    assert!(recovery.was_clean);
    let left: BTreeSet<u64> = (0..200).filter(|number| !kept.contains(number)).collect();
    let counted: u64 = recovery.backlog.lanes.iter().map(|lane| lane.records).sum();
    assert_eq!(counted as usize, left.len());
    for lane in 0..3 {
        let of_lane = left.iter().filter(|number| **number % 3 == u64::from(lane));
        let waiting = rig.queue.usage(lane).waiting;
        assert_eq!(waiting.items, of_lane.sum::<u64>());
    }
    let drained = rig.drain();
    assert_eq!(drained.iter().copied().collect::<BTreeSet<_>>(), left);
    assert_eq!(drained.len(), left.len());
    for lane in 0..3 {
        assert!(
            drained
                .iter()
                .filter(|number| **number % 3 == lane)
                .is_sorted()
        );
    }
}

#[test]
fn a_repeat_of_a_producer_is_stored_once_also_after_a_crash() {
    let fs = SimFs::default();
    let of = |id, sequence, number| NewRecord {
        producer: Some(Producer { id, sequence }),
        ..record(number, 10)
    };
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    for (number, (id, sequence)) in [(7, 1), (7, 2), (7, 2), (8, 1)].into_iter().enumerate() {
        let number = number as u64;
        rig.offer(number, of(id, sequence, number))
            .expect("there is room");
    }
    rig.turn(0);
    assert_eq!(
        rig.stored(),
        BTreeSet::from([0, 1]),
        "a repeat waits for its group"
    );
    rig.turn(0);
    assert_eq!(rig.stored(), BTreeSet::from([0, 1, 2, 3]));
    let crashed = fs.crashed(&mut fastrand::Rng::with_seed(1));
    let mut rig = Rig::open(&crashed, settings(2)).expect("the power is back");
    rig.offer(4, of(7, 2, 4)).expect("there is room");
    rig.offer(5, of(7, 3, 5)).expect("there is room");
    let mut left = rig.drain();
    left.sort_unstable();
    assert_eq!(left, [0, 1, 3, 5]);
    assert_eq!(rig.stored(), BTreeSet::from([4, 5]));
}

#[test]
fn a_repeat_of_what_could_not_be_stored_is_not_taken_for_stored() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    let producer = Some(Producer { id: 7, sequence: 1 });
    for number in 0..2 {
        let repeat = NewRecord {
            producer,
            ..record(0, 10)
        };
        rig.offer(number, repeat).expect("there is room");
    }
    fs.restarted(Faults {
        disk_bytes: Some(0),
        ..Faults::default()
    });
    rig.turn(0);
    rig.turn(0);
    assert_eq!(rig.stored(), BTreeSet::new());
    assert_eq!(rig.told.0.lock().refused.len(), 2);
}

#[test]
fn a_dead_letter_is_kept_before_its_record_is_let_go() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    rig.append(0..1, 10);
    let taken = rig.take(1);
    let queue = rig.queue.clone();
    let (lane, sequence, _) = taken[0];
    let stored = Box::new(move || queue.finish(lane, sequence));
    rig.queue.bury(record(0, 10), stored);
    let before = fs.crashed(&mut fastrand::Rng::with_seed(1));
    rig.turn(300);
    rig.turn(300);
    let after = fs.crashed(&mut fastrand::Rng::with_seed(1));
    let mut rig = Rig::open(&before, settings(2)).expect("the power is back");
    assert_eq!(
        (rig.drain(), rig.open.letters.totals().records),
        (vec![0], 0)
    );
    let mut rig = Rig::open(&after, settings(2)).expect("the power is back");
    assert_eq!(
        (rig.drain(), rig.open.letters.totals().records),
        (vec![], 1)
    );
}

#[test]
fn damage_costs_its_record_alone_and_is_told_with_its_items() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    rig.append(0..9, 1000);
    rig.open.end();
    let path = Path::new(DIRECTORY).join("00000000000000000001.seg");
    // In the payload of the fifth record, and in the header of the seventh.
    let record_len = record(0, 1000).stored_len().next_multiple_of(8) as usize;
    for at in [64 + 4 * record_len + 500, 64 + 6 * record_len + 20] {
        fs.tamper(&path, |bytes| bytes[at] ^= 1);
    }
    let mut rig = Rig::open(&fs, settings(2)).expect("the disk works");
    let mut left = rig.drain();
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3, 5, 7, 8]);
    let losses = rig.losses();
    let mut items: Vec<u64> = losses.iter().map(|loss| loss.totals.items).collect();
    items.sort_unstable();
    assert_eq!(items, [4, 6]);
    assert!(losses.iter().all(|loss| loss.reason == LossReason::Damaged));
    let kept = fs.paths();
    let kept = kept
        .iter()
        .filter(|path| path.extension().is_some_and(|it| it == "damaged"));
    assert_eq!(kept.count(), 2);
    for lane in 0..3 {
        assert_eq!(rig.queue.usage(lane).waiting.records, 0);
    }
}

#[test]
fn a_queue_in_use_refuses_until_it_is_free_and_then_works() {
    let fs = SimFs::default();
    let first = Rig::open(&fs, settings(1)).expect("the disk works");
    let told = Told::default();
    let (queue, keeper) = queue(
        fs,
        DIRECTORY.into(),
        settings(2),
        Box::new(told),
        Arc::new(SystemClock::default()),
    );
    assert!(matches!(keeper.open(), Err(OpenError::Locked { .. })));
    assert!(matches!(queue.reserve(0, 10), Err(NoRoom::Opening)));
    first.open.end();
    assert!(keeper.open().is_ok());
    assert!(queue.reserve(0, 10).is_ok());
}

#[test]
fn a_keeper_on_a_thread_stores_reads_and_ends_in_order() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let told = Told::default();
    let (sender, stored) = std::sync::mpsc::sync_channel(1);
    let (queue, keeper) = queue(
        crate::OsFs,
        directory.path().join("queue"),
        settings(1),
        Box::new(told),
        Arc::new(SystemClock::default()),
    );
    let thread = std::thread::spawn(|| keeper.run());
    for number in 0..100 {
        let room = loop {
            match queue.reserve(0, 100) {
                Ok(room) => break room,
                Err(NoRoom::Opening) => std::thread::yield_now(),
                Err(other) => panic!("{other}"),
            }
        };
        let sender = sender.clone();
        let new = NewRecord {
            lane: 0,
            ..record(number, 100)
        };
        queue.append(
            new,
            Box::new(()),
            room,
            Box::new(move |outcome| drop(sender.send(outcome))),
        );
        assert_eq!(stored.recv(), Ok(Ok(Stored::Now)));
    }
    let taken = queue.take(0, |_| true);
    assert_eq!(
        taken.iter().map(number_of).collect::<Vec<_>>(),
        (0..100).collect::<Vec<_>>()
    );
    taken
        .iter()
        .for_each(|ready| queue.finish(0, ready.sequence));
    queue.close();
    thread.join().expect("the keeper ended in order");
    let room = queue.reserve(0, 1);
    assert!(matches!(room, Err(NoRoom::Closed)), "{room:?}");
}
