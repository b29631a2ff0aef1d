//! Files that were cut, filled, lost, doubled or exchanged behind the queue's back.

use std::path::PathBuf;

use super::*;
use crate::format::RECORD_HEADER_BYTES;
use crate::fs::Fs;

/// Small segments, so that a few records make several.
fn many_segments(fs: &SimFs) -> BTreeSet<u64> {
    let mut rig = Rig::open(fs, settings(1)).expect("the disk works");
    for number in 0..60 {
        rig.append(number..number + 1, 300);
        if number % 12 == 11 {
            rig.open.log.close_segment().expect("the disk works");
        }
    }
    rig.open.end();
    (0..60).collect()
}

fn segments(fs: &SimFs) -> Vec<PathBuf> {
    let is_segment = |path: &PathBuf| {
        path.extension().is_some_and(|it| it == "seg")
            && path.parent() == Some(Path::new(DIRECTORY))
    };
    fs.paths().into_iter().filter(is_segment).collect()
}

/// What a queue gives whose disk was tampered with; it always opens, takes and stores.
fn left(fs: &SimFs, of: &str) -> (BTreeSet<u64>, u64) {
    let fs = fs.restarted(Faults::default());
    let rig = Rig::open(&fs, settings(9));
    let mut rig = rig.unwrap_or_else(|| panic!("{of}: it does not open"));
    let drained = rig.drain();
    let left: BTreeSet<u64> = drained.iter().copied().collect();
    assert_eq!(left.len(), drained.len(), "{of}: given twice");
    let Some(Report::Opened(recovery)) = rig.told.0.lock().reports.first().cloned() else {
        panic!("{of}: nothing was told about opening");
    };
    let lost: u64 = rig.losses().iter().map(|loss| loss.totals.records).sum();
    rig.append(1000..1001, 10);
    assert_eq!(rig.drain(), [1000], "{of}: it works no more");
    (left, lost + recovery.missing_records)
}

#[test]
fn a_segment_that_is_gone_costs_what_was_in_it_and_is_told() {
    for gone in 0..5_usize {
        let fs = SimFs::default();
        let all = many_segments(&fs);
        let path = segments(&fs)[gone].clone();
        fs.remove(&path).expect("the disk works");
        let (left, lost) = left(&fs, &format!("without segment {gone}"));
        let first = gone as u64 * 12;
        let wanted = all
            .into_iter()
            .filter(|number| !(first..first + 12).contains(number));
        assert_eq!(left, wanted.collect(), "segment {gone}");
        assert_eq!(lost, 12, "segment {gone}");
    }
}

#[test]
fn segments_that_are_exchanged_doubled_or_foreign_cost_only_themselves() {
    let fs = SimFs::default();
    let all = many_segments(&fs);
    let paths = segments(&fs);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    fs.tamper(&paths[1], |bytes| first.clone_from(bytes));
    fs.tamper(&paths[2], |bytes| second.clone_from(bytes));
    // Exchanged: neither name fits its header.
    fs.tamper(&paths[1], |bytes| bytes.clone_from(&second));
    fs.tamper(&paths[2], |bytes| bytes.clone_from(&first));
    let (exchanged, lost) = left(&fs, "exchanged");
    assert_eq!(
        exchanged,
        all.iter()
            .copied()
            .filter(|n| !(12..36).contains(n))
            .collect()
    );
    assert_eq!(lost, 24);

    // Doubled under another name.
    let fs = SimFs::default();
    let all = many_segments(&fs);
    let double = Path::new(DIRECTORY).join("00000000000000000900.seg");
    drop(fs.create(&double).expect("the disk works"));
    fs.tamper(&double, |bytes| bytes.clone_from(&first));
    assert_eq!(left(&fs, "doubled"), (all, 0));
}

#[test]
fn a_segment_that_was_delivered_and_comes_back_is_not_delivered_again() {
    let fs = SimFs::default();
    many_segments(&fs);
    let paths = segments(&fs);
    let mut old = Vec::new();
    fs.tamper(&paths[0], |bytes| old.clone_from(bytes));
    assert_eq!(left(&fs, "at first").0.len(), 60);
    drop(fs.create(&paths[0]).expect("the disk works"));
    fs.tamper(&paths[0], |bytes| bytes.clone_from(&old));
    assert_eq!(left(&fs, "copied back"), (BTreeSet::new(), 0));
}

#[test]
fn segments_cut_to_any_length_leave_what_was_before_the_cut() {
    let record_len = record(0, 300).stored_len().next_multiple_of(8) as usize;
    for length in [
        0,
        1,
        31,
        63,
        64,
        100,
        64 + record_len,
        64 + 3 * record_len + 7,
        4095,
    ] {
        for segment in [1_usize, 4] {
            let fs = SimFs::default();
            let all = many_segments(&fs);
            let path = segments(&fs)[segment].clone();
            fs.tamper(&path, |bytes| bytes.truncate(length));
            let (left, _) = left(&fs, &format!("segment {segment} cut at {length}"));
            let whole = length.saturating_sub(64) / record_len;
            let first = segment as u64 * 12;
            let gone = first + (whole.min(12) as u64)..first + 12;
            let wanted: BTreeSet<u64> = all.into_iter().filter(|n| !gone.contains(n)).collect();
            assert_eq!(left, wanted, "segment {segment} cut at {length}");
        }
    }
}

#[test]
fn whatever_stands_behind_the_last_record_nothing_before_it_is_lost() {
    let mut random = fastrand::Rng::with_seed(1);
    for length in [1, 7, 64, 511, 4096, 65_536] {
        for fill in [Some(0), Some(0xFF), None] {
            let fs = SimFs::default();
            let all = many_segments(&fs);
            for path in [segments(&fs)[2].clone(), segments(&fs)[4].clone()] {
                fs.tamper(&path, |bytes| {
                    bytes.extend((0..length).map(|_| fill.unwrap_or_else(|| random.u8(..))));
                });
            }
            assert_eq!(left(&fs, &format!("{length} of {fill:?}")), (all, 0));
        }
    }
}

#[test]
fn a_payload_made_to_look_like_records_is_a_payload() {
    // What stands in another file of the same log, as a client might send it back.
    let fs = SimFs::default();
    many_segments(&fs);
    let mut stolen = Vec::new();
    fs.tamper(&segments(&fs)[0], |bytes| stolen = bytes.split_off(64));
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(77)).expect("the disk works");
    let hostile = NewRecord {
        payload: vec![stolen.into()],
        ..record(7, 0)
    };
    let length = hostile.payload_len();
    rig.offer(7, hostile).expect("there is room");
    rig.append(8..9, 10);
    rig.append(9..10, 10);
    drop(rig);
    let path = segments(&fs)[0].clone();
    // The header in front of it is destroyed, so that it is looked through for records.
    fs.tamper(&path, |bytes| bytes[64..64 + RECORD_HEADER_BYTES].fill(0));
    let fs = fs.restarted(Faults::default());
    let mut rig = Rig::open(&fs, settings(2)).expect("the disk works");
    assert!(length > 3000);
    let mut numbers = rig.drain();
    numbers.sort_unstable();
    assert_eq!(numbers, [8, 9]);
}

#[test]
fn without_its_cursor_everything_that_is_there_comes_again() {
    for length in [0_usize, 100, 5000] {
        let fs = SimFs::default();
        let all = many_segments(&fs);
        let cursor = Path::new(DIRECTORY).join("cursor");
        fs.tamper(&cursor, |bytes| *bytes = vec![0xAA; length]);
        assert_eq!(left(&fs, &format!("{length} bytes of cursor")), (all, 0));
    }
}
