//! Room, age and full disks.

use super::*;
use crate::fs::{Fs, FsFile};

const SMALL: u64 = 8 << 20;

fn small(when_full: WhenFull) -> QueueSettings {
    QueueSettings {
        max_bytes: SMALL,
        when_full,
        ..settings(1)
    }
}

/// Appends until the queue refuses; gives how many it took.
fn fill(rig: &mut Rig, from: u64) -> u64 {
    let mut number = from;
    while rig.offer(number, record(number, 100_000)).is_ok() {
        rig.turn(0);
        number += 1;
        assert!(number - from < 1000, "the queue never fills");
    }
    number - from
}

#[test]
fn a_full_queue_refuses_and_takes_again_what_was_delivered() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, small(WhenFull::Reject)).expect("the disk works");
    let taken = fill(&mut rig, 0);
    assert!(
        (70..84).contains(&taken),
        "{taken} records of 100 kB in 8 MiB"
    );
    let refused = rig.queue.reserve(0, 100_000);
    assert!(matches!(refused, Err(NoRoom::Full { .. })), "{refused:?}");
    assert_eq!(rig.drain().len() as u64, taken);
    rig.turn(2000);
    assert!(fill(&mut rig, taken) > 70);
    assert!(rig.losses().is_empty());
}

#[test]
fn the_room_of_finished_records_is_given_back_also_when_nothing_is_appended() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, small(WhenFull::Reject)).expect("the disk works");
    rig.append(0..20, 100_000);
    rig.drain();
    rig.turn(2000);
    assert_eq!(rig.queue.statistics().bytes, 0);
    rig.append(20..21, 10);
    assert_eq!(rig.drain(), [20]);
}

/// What is in the log's own files, those among them that wait to be written over.
fn file_bytes(fs: &SimFs) -> u64 {
    let names = fs.list(Path::new(DIRECTORY)).expect("the disk works");
    let of_log = names
        .iter()
        .filter(|name| name.ends_with(".seg") || name.ends_with(".spare"));
    let sizes = of_log.map(|name| {
        let file = fs.open(&Path::new(DIRECTORY).join(name));
        file.and_then(|file| file.size()).expect("the disk works")
    });
    sizes.sum()
}

#[test]
fn files_that_wait_to_be_written_over_are_within_the_limit_and_make_way() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, small(WhenFull::Reject)).expect("the disk works");
    let (mut number, mut most_spare) = (0, 0);
    // Filled to the brim and emptied, by turns.
    for round in 0..6 {
        let taken = fill(&mut rig, number);
        assert!(taken > 70, "round {round}: {taken} records");
        number += taken;
        assert!(file_bytes(&fs) <= SMALL, "round {round}");
        assert_eq!(rig.drain().len() as u64, taken);
        most_spare = most_spare.max(rig.open.log.spare_bytes());
        assert!(file_bytes(&fs) <= SMALL, "round {round}");
    }
    assert!(most_spare > 2 << 20, "{most_spare} bytes are written over");
    rig.turn(2000);
    assert!(file_bytes(&fs) > 0);
    rig.turn(61_000);
    assert_eq!(file_bytes(&fs), 0, "who writes nothing needs none");
}

#[test]
fn files_that_wait_to_be_written_over_are_given_up_before_anybody_is_refused() {
    let careful = QueueSettings {
        min_free_disk: 4_000_000,
        ..settings(1)
    };
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, careful).expect("the disk works");
    rig.append(0..80, 1_000_000);
    rig.drain();
    rig.turn(2000);
    let spare = rig.open.log.spare_bytes();
    assert!(spare > 60_000_000, "{spare}");
    assert_eq!(rig.queue.statistics().spare_bytes, spare);
    // Somebody else fills the disk.
    let left = |left| Faults {
        disk_bytes: Some(left),
        ..Faults::default()
    };
    let fs = fs.restarted(left(spare + 1_000_000));
    rig.turn(1000);
    assert_eq!(rig.open.log.spare_bytes(), 0);
    rig.append(80..81, 1_000_000);
    assert!(rig.stored().contains(&80));
    // And between two looks at it.
    let fs = fs.restarted(Faults::default());
    rig.append(81..140, 1_000_000);
    rig.drain();
    rig.turn(2000);
    let (spare, taken) = (rig.open.log.spare_bytes(), file_bytes(&fs));
    assert!(spare > 30_000_000, "{spare}");
    fs.restarted(left(taken + 1000));
    let mut number = 140;
    while rig.open.log.spare_bytes() > 0 {
        rig.append(number..number + 1, 1_000_000);
        number += 1;
        assert!(number < 300, "the disk never fills");
    }
    assert!(rig.told.0.lock().refused.is_empty());
}

#[test]
fn dropping_the_oldest_makes_room_and_counts_every_record() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, small(WhenFull::DropOldest)).expect("the disk works");
    rig.append(0..300, 100_000);
    let lost: u64 = rig.losses().iter().map(|loss| loss.totals.records).sum();
    let reasons: BTreeSet<_> = rig
        .losses()
        .iter()
        .map(|loss| loss.reason == LossReason::DroppedOldest)
        .collect();
    assert_eq!(reasons, BTreeSet::from([true]));
    assert!(rig.queue.statistics().bytes <= SMALL);
    let left = rig.drain();
    assert_eq!(left.len() as u64 + lost, 300);
    let mut newest = left;
    newest.sort_unstable();
    assert_eq!(newest, (lost..300).collect::<Vec<_>>());
}

#[test]
fn dropping_the_newest_keeps_what_is_there_and_counts_the_rest() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, small(WhenFull::DropNewest)).expect("the disk works");
    rig.append(0..300, 100_000);
    let lost: u64 = rig.losses().iter().map(|loss| loss.totals.records).sum();
    let mut left = rig.drain();
    left.sort_unstable();
    assert_eq!(left, (0..300 - lost).collect::<Vec<_>>());
    assert_eq!(rig.stored().len(), 300);
}

#[test]
fn a_disk_that_does_not_keep_up_makes_callers_wait_and_not_the_memory_grow() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    let mut number = 0;
    // Nobody turns the keeper: its disk hangs.
    let refused = loop {
        match rig.offer(number, record(number, 1 << 20)) {
            Ok(()) => number += 1,
            Err(refused) => break refused,
        }
        assert!(number < 100, "the memory grows");
    };
    assert!(matches!(refused, NoRoom::Busy { .. }), "{refused:?}");
    assert!(refused.is_temporary());
    for _ in 0..10 {
        rig.turn(0);
    }
    assert_eq!(rig.stored().len() as u64, number);
    rig.offer(number, record(number, 10))
        .expect("there is room again");
}

#[test]
fn one_lane_cannot_take_the_room_of_the_others() {
    let fs = SimFs::default();
    let shared = QueueSettings {
        lane_max_bytes: SMALL / 2,
        ..small(WhenFull::Reject)
    };
    let mut rig = Rig::open(&fs, shared).expect("the disk works");
    let mut number = 0;
    while rig.offer(number, record(number, 100_000)).is_ok() {
        rig.turn(0);
        number += 3;
    }
    assert!((35..45).contains(&(number / 3)));
    rig.offer(1, record(1, 100_000))
        .expect("another lane has room");
}

#[test]
fn records_over_the_age_leave_and_are_counted_and_the_system_clock_does_not_matter() {
    let fs = SimFs::default();
    let aging = QueueSettings {
        max_age: Some(Duration::from_secs(60)),
        ..settings(1)
    };
    let mut rig = Rig::open(&fs, aging).expect("the disk works");
    rig.clock.unix_ms.store(9_000_000, Ordering::Relaxed);
    rig.append(0..10, 10);
    // A day forwards, an hour back.
    for unix_ms in [95_400_000, 5_400_000] {
        rig.clock.unix_ms.store(unix_ms, Ordering::Relaxed);
        rig.turn(20_000);
        assert!(rig.losses().is_empty());
    }
    rig.append(10..12, 10);
    rig.turn(25_000);
    let lost: u64 = rig.losses().iter().map(|loss| loss.totals.records).sum();
    assert_eq!(lost, 10);
    assert!(
        rig.losses()
            .iter()
            .all(|loss| loss.reason == LossReason::Expired)
    );
    let left: BTreeSet<u64> = rig.drain().into_iter().collect();
    assert_eq!(left, BTreeSet::from([10, 11]));
}

#[test]
fn a_full_disk_refuses_and_goes_on_by_itself_when_there_is_room() {
    let fs = SimFs::with(Faults {
        disk_bytes: Some(500_000),
        ..Faults::default()
    });
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    let mut number = 0;
    while rig.told.0.lock().refused.is_empty() {
        rig.append(number..number + 1, 50_000);
        number += 1;
        assert!(number < 100, "the disk never fills");
    }
    let stored = rig.stored();
    assert!(stored.len() > 5);
    let reports = rig.told.0.lock().reports.clone();
    assert!(
        reports
            .iter()
            .any(|report| matches!(report, Report::CannotWrite(_)))
    );
    let fs = fs.restarted(Faults {
        disk_bytes: Some(5_000_000),
        ..Faults::default()
    });
    assert!(matches!(
        rig.queue.reserve(0, 1),
        Err(NoRoom::DiskFull { .. })
    ));
    rig.turn(1000);
    rig.append(number..number + 1, 50_000);
    assert_eq!(rig.told.0.lock().reports.last(), Some(&Report::Writing));
    let left: BTreeSet<u64> = rig.drain().into_iter().collect();
    assert_eq!(left, rig.stored());
    assert!(fs.calls() > 0);
}

#[test]
fn a_disk_that_fills_before_anything_was_finished_is_emptied_by_delivery() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    // What is finished has been written down once.
    rig.append(0..50, 400_000);
    let space = fs.space(Path::new(DIRECTORY)).expect("the disk works");
    fs.restarted(Faults {
        disk_bytes: Some(space.total - space.free),
        ..Faults::default()
    });
    rig.append(50..51, 400_000);
    assert_eq!(rig.told.0.lock().refused.len(), 1);
    assert_eq!(rig.drain().len(), 50);
    rig.turn(1000);
    rig.turn(1000);
    rig.append(51..52, 400_000);
    assert!(rig.stored().contains(&51));
}

#[test]
fn a_disk_that_others_fill_gets_back_all_that_was_delivered() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    rig.append(0..10, 400_000);
    let space = fs.space(Path::new(DIRECTORY)).expect("the disk works");
    fs.restarted(Faults {
        disk_bytes: Some(space.total - space.free),
        ..Faults::default()
    });
    rig.drain();
    rig.turn(1000);
    rig.turn(1000);
    let left = fs.space(Path::new(DIRECTORY)).expect("the disk works");
    assert!(left.free > 10 * 400_000, "{left:?}");
    rig.append(10..11, 400_000);
    assert!(rig.stored().contains(&10));
}

#[test]
fn what_is_to_stay_free_stays_free() {
    let fs = SimFs::with(Faults {
        disk_bytes: Some(100_000_000),
        ..Faults::default()
    });
    let careful = QueueSettings {
        min_free_disk: 4_000_000,
        ..settings(1)
    };
    let mut rig = Rig::open(&fs, careful).expect("the disk works");
    let mut number = 0;
    let refused = loop {
        match rig.offer(number, record(number, 1_000_000)) {
            Ok(()) => rig.turn(1000),
            Err(refused) => break refused,
        }
        number += 1;
        assert!(number < 200, "the disk never runs short");
    };
    assert!(matches!(refused, NoRoom::DiskFull { .. }), "{refused:?}");
    assert!((94..98).contains(&number), "{number}");
    rig.drain();
    rig.turn(2000);
    rig.offer(number, record(number, 10))
        .expect("there is room again");
}
