//! What has gone wrong in other collectors' queues, by the number of the report; each is a promise
//! here. Those about retries and shutdown are in the engine's tests, `kill -9` (fluent-bit 10952) is
//! in the whole program's.

use std::path::PathBuf;

use super::*;
use crate::cursor::CursorFile;
use crate::format::Identity;
use crate::fs::Fs;

fn opened(fs: &SimFs, seed: u64) -> Rig {
    let fs = fs.restarted(Faults::default());
    Rig::open(&fs, settings(seed)).expect("it opens whatever happened")
}

fn numbers(rig: &mut Rig) -> BTreeSet<u64> {
    rig.drain().into_iter().collect()
}

fn segment(first: u64) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{first:020}.seg"))
}

#[test]
fn vector_25639_a_crash_between_a_write_and_its_sync_costs_nothing_acknowledged() {
    for seed in 0..200 {
        let fs = SimFs::default();
        let mut rig = opened(&fs, seed);
        rig.append(0..5, 300);
        let crashed = fs.crashed(&mut fastrand::Rng::with_seed(seed));
        assert_eq!(numbers(&mut opened(&crashed, 1)), rig.stored());
    }
}

#[test]
fn vector_25570_a_finished_file_that_is_gone_before_the_cursor_knows_is_no_reason_to_fail() {
    let fs = SimFs::default();
    let mut rig = opened(&fs, 1);
    rig.append(0..3, 10);
    rig.open.log.close_segment().expect("the disk works");
    rig.append(3..6, 10);
    drop(rig);
    fs.remove(&segment(1)).expect("the disk works");
    assert_eq!(numbers(&mut opened(&fs, 2)), BTreeSet::from([3, 4, 5]));
}

#[test]
fn vector_17644_contrib_35899_after_any_garbage_it_opens_ends_and_works() {
    let mut random = fastrand::Rng::with_seed(17644);
    for round in 0..300 {
        let fs = SimFs::default();
        let mut rig = opened(&fs, round);
        rig.append(0..6, 200);
        drop(rig);
        for path in fs.paths() {
            fs.tamper(&path, |bytes| {
                let (from, to) = (random.usize(..=bytes.len()), random.usize(..=bytes.len()));
                bytes[from.min(to)..from.max(to)].fill_with(|| random.u8(..));
            });
        }
        let mut rig = opened(&fs, round + 1);
        rig.drain();
        rig.append(9..10, 10);
        assert_eq!(rig.drain(), [9], "round {round}");
    }
}

#[test]
fn vector_19759_numbers_do_not_wrap_where_32_bits_end() {
    let fs = SimFs::default();
    let next = u64::from(u32::MAX) - 3;
    let path = Path::new(DIRECTORY).join("cursor");
    let identity: Identity = [4; 16];
    let (mut file, mut cursor) =
        CursorFile::open(&fs, &path, None, identity).expect("the disk works");
    cursor.next = next;
    cursor
        .lanes
        .iter_mut()
        .for_each(|lane| lane.watermark = next);
    file.save(&cursor).expect("the disk works");
    let mut rig = opened(&fs, 1);
    rig.append(0..4, 10);
    rig.open.log.close_segment().expect("the disk works");
    rig.append(4..10, 10);
    drop(rig);
    let mut rig = opened(&fs, 2);
    assert_eq!(numbers(&mut rig), (0..10).collect());
    assert_eq!(rig.open.log.next_sequence(), next + 10);
}

#[test]
fn vector_13178_a_write_that_ends_anywhere_is_no_panic() {
    let fs = SimFs::default();
    let mut rig = opened(&fs, 1);
    rig.append(0..3, 40);
    drop(rig);
    let mut whole = Vec::new();
    fs.tamper(&segment(1), |bytes| whole.clone_from(bytes));
    for end in 0..whole.len() {
        fs.tamper(&segment(1), |bytes| *bytes = whole[..end].to_vec());
        let left = numbers(&mut opened(&fs, 2));
        assert!(left.is_subset(&(0..3).collect()), "cut at {end}");
        for path in fs.paths() {
            fs.remove(&path).expect("the disk works");
        }
        drop(fs.create(&segment(1)).expect("the disk works"));
    }
}

#[test]
fn vector_25845_a_cursor_of_another_time_than_the_files_loses_nothing() {
    let fs = SimFs::default();
    let mut rig = opened(&fs, 1);
    rig.append(0..3, 10);
    rig.turn(300);
    let (path, mut old) = (Path::new(DIRECTORY).join("cursor"), Vec::new());
    fs.tamper(&path, |bytes| old.clone_from(bytes));
    rig.append(3..6, 10);
    assert_eq!(rig.drain().len(), 6);
    rig.append(6..9, 10);
    drop(rig);
    fs.tamper(&path, |bytes| bytes.clone_from(&old));
    let left = numbers(&mut opened(&fs, 2));
    assert!(left.is_superset(&BTreeSet::from([6, 7, 8])), "{left:?}");
}

#[test]
fn otelcol_8115_nothing_stays_behind_what_was_delivered() {
    let fs = SimFs::default();
    let mut rig = opened(&fs, 1);
    for round in 0..20 {
        rig.append(round * 10..round * 10 + 10, 200_000);
        rig.drain();
    }
    rig.turn(2000);
    rig.turn(2000);
    let segments = fs
        .paths()
        .iter()
        .filter(|path| path.extension().is_some_and(|it| it == "seg"))
        .count();
    assert!(segments <= 1, "{segments} segments of finished records");
    for lane in 0..3 {
        assert_eq!(rig.queue.usage(lane).waiting.records, 0);
    }
}

#[test]
fn contrib_41204_a_backlog_is_read_by_the_megabyte() {
    let fs = SimFs::default();
    let mut rig = opened(&fs, 1);
    for number in 0..1000 {
        let new = NewRecord {
            lane: 0,
            ..record(number, 20_000)
        };
        rig.offer(number, new).expect("there is room");
        rig.turn(0);
    }
    rig.open.end();
    let mut rig = opened(&fs, 2);
    let before = fs.calls();
    assert_eq!(rig.drain().len(), 1000);
    let calls = fs.calls() - before;
    assert!(calls < 200, "{calls} calls for 20 MB");
}

#[test]
fn contrib_48635_the_beginning_of_a_long_outage_is_there_when_it_is_over() {
    let fs = SimFs::default();
    let mut sent = 0;
    for life in 0..10 {
        let mut rig = opened(&fs, life);
        for _ in 0..40 {
            rig.append(sent..sent + 1, 5000);
            rig.turn(60_000);
            rig.take(3);
            sent += 1;
        }
        match life % 2 {
            0 => rig.open.end(),
            _ => drop(rig),
        }
    }
    let mut rig = opened(&fs, 99);
    assert_eq!(numbers(&mut rig), (0..sent).collect());
    assert!(rig.losses().is_empty());
}

#[test]
fn fsync_atc20_after_a_failed_sync_the_file_is_never_trusted_again() {
    let undisturbed = SimFs::default();
    let mut rig = opened(&undisturbed, 1);
    rig.append(0..1, 100);
    let before = undisturbed.calls();
    rig.append(1..2, 100);
    let sync = undisturbed.calls();
    assert_eq!(sync - before, 2, "a write and a sync");
    let fs = SimFs::with(Faults {
        fail: vec![(sync, std::io::ErrorKind::Other)],
        ..Faults::default()
    });
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    rig.append(0..2, 100);
    assert_eq!(rig.stored(), BTreeSet::from([0, 1]));
    let names = fs.list(Path::new(DIRECTORY)).expect("the disk works");
    let segments = names.iter().filter(|name| name.ends_with(".seg")).count();
    assert_eq!(segments, 2, "{names:?}");
    for seed in 0..50 {
        let crashed = fs.crashed(&mut fastrand::Rng::with_seed(seed));
        assert_eq!(numbers(&mut opened(&crashed, 2)), BTreeSet::from([0, 1]));
    }
}
