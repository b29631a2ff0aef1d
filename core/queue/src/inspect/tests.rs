//! A look shows what opening would find, changes nothing, and misses nothing.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::fs::FsFile;
use crate::log::{Loaded, Log, LogSettings, NewRecord, QUARANTINE, SyncMode};
use crate::sim::{Faults, SimFs};
use crate::{LANES, LaneCursor, OsFs};

const DIRECTORY: &str = "/queue";

fn directory() -> &'static Path {
    Path::new(DIRECTORY)
}

fn open(fs: &SimFs, seed: u64) -> (Log<SimFs>, crate::Recovery) {
    let settings = LogSettings {
        segment_bytes: 1500,
        sync: SyncMode::Always,
        spare_bytes: 6000,
        seed,
    };
    Log::open(fs.clone(), directory(), settings).expect("the disk works")
}

fn view(fs: &SimFs) -> View<SimFs> {
    View::open(fs.clone(), directory()).expect("the disk works")
}

fn record(number: u64, length: usize) -> NewRecord {
    NewRecord {
        producer: None,
        enqueued_unix_ms: 1000 + number,
        items: number as u32,
        lane: (number % 3) as u8,
        codec: 0,
        meta: Bytes::copy_from_slice(&number.to_le_bytes()),
        payload: vec![vec![number as u8; length].into()],
    }
}

fn append(log: &mut Log<SimFs>, numbers: Range<u64>, length: usize) {
    for number in numbers {
        log.append(&[record(number, length)])
            .expect("there is room");
    }
}

/// Every byte on the disk, by file.
fn bytes(fs: &SimFs) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs.paths().into_iter();
    let contents = paths.map(|path| {
        let file = fs.open(&path).expect("it is there");
        let size = file.size().expect("the disk works") as usize;
        let bytes = crate::fs::read_at_most(&file, 0, size);
        (path, bytes.expect("the disk works"))
    });
    contents.collect()
}

/// The sequence numbers that are selected, read in parts.
fn sequences(view: &View<SimFs>, mut wanted: Selection, at_most: usize) -> Vec<u64> {
    let mut found = Vec::new();
    loop {
        let part = view.read(&wanted, at_most).expect("the disk works");
        found.extend(part.found.into_iter().map(|found| match found {
            Loaded::Record(record) => record.header.sequence,
            Loaded::Lost(entry) => panic!("{entry:?} is lost"),
        }));
        let Some(next) = part.next else { return found };
        wanted.sequences.start = next;
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Finish(Range<u64>),
    Save(bool),
    Reopen,
    Crash(u64),
    Tear(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..700_usize).prop_map(Step::Append),
        2 => (0..40_u64, 1..6_u64).prop_map(|(at, len)| Step::Finish(at..at + len)),
        1 => any::<bool>().prop_map(Step::Save),
        1 => Just(Step::Reopen),
        1 => any::<u64>().prop_map(Step::Crash),
        1 => (0..200_usize).prop_map(Step::Tear),
    ];
    prop::collection::vec(step, 0..30)
}

/// A disk after whatever happened to a log on it that nobody has open.
fn after(steps: &[Step]) -> SimFs {
    let mut fs = SimFs::default();
    let mut log = Some(open(&fs, 1).0);
    let mut number = 0;
    for (seed, step) in (2..).zip(steps) {
        let mut open_log = log.take().unwrap_or_else(|| open(&fs, seed).0);
        match step {
            Step::Append(length) => {
                append(&mut open_log, number..number + 1, *length);
                number += 1;
            }
            Step::Finish(run) => {
                let run = run.start..run.end.min(open_log.next_sequence());
                open_log.finish([run]).expect("the disk works");
            }
            Step::Save(clean) => {
                let cursor = Cursor {
                    clean: *clean,
                    ..open_log.cursor().clone()
                };
                open_log.save(cursor).expect("the disk works");
            }
            Step::Reopen => {
                open_log.close_segment().expect("the disk works");
                continue;
            }
            Step::Crash(seed) => {
                drop(open_log);
                fs = fs.crashed(&mut fastrand::Rng::with_seed(*seed));
                continue;
            }
            Step::Tear(length) => {
                drop(open_log);
                let paths = fs.paths();
                let mut segments = paths
                    .iter()
                    .filter(|it| it.to_string_lossy().ends_with(".seg"));
                if let Some(last) = segments.next_back() {
                    fs.tamper(last, |bytes| bytes.extend(vec![7; *length]));
                }
                continue;
            }
        }
        log = Some(open_log);
    }
    drop(log);
    fs.restarted(Faults::default())
}

proptest! {
    #[test]
    fn a_log_inspected_is_the_log_opened(steps in steps()) {
        let fs = after(&steps);
        let before = bytes(&fs);
        let view = view(&fs);
        let found = view.inspection().expect("the disk works");
        let deep = view.verify(Depth::Deep, &mut |_| {}).expect("the disk works");
        let all = Selection { finished: true, ..Selection::unfinished() };
        let waiting = sequences(&view, Selection::unfinished(), 300);
        let all = sequences(&view, all, 1);
        prop_assert_eq!(bytes(&fs), before, "a look has changed something");

        let (mut log, recovery) = open(&fs, 99);
        prop_assert_eq!(found.segments.len(), recovery.segments);
        prop_assert_eq!(found.strangers.len(), recovery.quarantined);
        prop_assert_eq!(found.tail_bytes, recovery.torn_bytes);
        prop_assert_eq!(found.missing_records, recovery.missing_records);
        prop_assert_eq!(found.backlog, recovery.backlog);
        prop_assert_eq!(found.next, log.next_sequence());
        prop_assert_eq!(&found.cursor, log.cursor());
        let opened = log.records(0).expect("the disk works");
        let opened: Vec<_> = opened.iter().map(|it| it.header).collect();
        prop_assert_eq!(&all, &opened.iter().map(|it| it.sequence).collect::<Vec<_>>());
        let open = opened.iter().filter(|it| !log.is_finished(it.lane, it.sequence));
        prop_assert_eq!(waiting, open.map(|it| it.sequence).collect::<Vec<_>>());
        let is_sound = recovery.quarantined == 0 && recovery.missing_records == 0;
        let is_orderly = recovery.was_clean && recovery.torn_bytes > 0;
        prop_assert_eq!(!deep.is_damaged(), is_sound && !is_orderly, "{:?}", deep);
    }

    #[test]
    fn a_lane_finishes_with_what_it_is_told(runs in prop::collection::vec((0..60_u64, 0..9_u64), 0..20)) {
        let mut lane = LaneCursor::default();
        let mut finished = std::collections::BTreeSet::new();
        for (start, length) in runs {
            lane.finish(start..start + length);
            finished.extend(start..start + length);
            for sequence in 0..80 {
                prop_assert_eq!(lane.is_finished(sequence), finished.contains(&sequence));
            }
            let ends = lane.runs.iter().map(|run| run.end);
            let starts = lane.runs.iter().map(|run| run.start);
            let before = std::iter::once(lane.watermark).chain(ends);
            prop_assert!(starts.zip(before).all(|(start, end)| start > end), "{:?}", lane);
        }
    }
}

/// A log that was used and closed in order.
fn closed() -> SimFs {
    let fs = SimFs::default();
    let (mut log, _) = open(&fs, 1);
    append(&mut log, 0..3, 20);
    log.finish(std::iter::once(1..2)).expect("the disk works");
    append(&mut log, 3..6, 21);
    log.close_segment().expect("the disk works");
    let cursor = Cursor {
        clean: true,
        ..log.cursor().clone()
    };
    log.save(cursor).expect("the disk works");
    drop(log);
    fs
}

fn is_damaged(fs: &SimFs) -> bool {
    match View::open(fs.clone(), directory()) {
        // A flipped version is a version of its own.
        Err(OpenError::Newer { .. }) => true,
        opened => {
            let view = opened.expect("the disk works");
            let verdict = view.verify(Depth::Deep, &mut |_| {});
            verdict.expect("the disk works").is_damaged()
        }
    }
}

#[test]
fn every_flipped_bit_of_a_closed_log_is_found() {
    let fs = closed();
    assert!(!is_damaged(&fs));
    let mut files = 0;
    for (path, whole) in bytes(&fs) {
        if path.ends_with(LOCK) {
            continue;
        }
        files += 1;
        for bit in 0..whole.len() * 8 {
            fs.tamper(&path, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            assert!(is_damaged(&fs), "bit {bit} of {}", path.display());
            fs.tamper(&path, |bytes| bytes.clone_from(&whole));
        }
    }
    assert_eq!(files, 2, "a segment and the cursor");
}

#[test]
fn a_quick_look_finds_a_damaged_index_and_no_damaged_payload() {
    let fs = closed();
    let (path, whole) = bytes(&fs).pop_first().expect("there is a segment");
    let quick = || view(&fs).verify(Depth::Quick, &mut |_| {});
    let quick = || quick().expect("the disk works");
    assert_eq!((quick().records, quick().segments), (6, 1));
    fs.tamper(&path, |bytes| bytes[SEGMENT_HEADER_BYTES + 80] ^= 1);
    assert!(!quick().is_damaged());
    fs.tamper(&path, |bytes| {
        bytes.clone_from(&whole);
        let at = bytes.len() - 1350;
        bytes[at] ^= 1;
    });
    assert_eq!(quick().findings[0].fault, Fault::Index);
}

#[test]
fn what_is_being_written_is_no_damage() {
    let fs = SimFs::default();
    let (mut log, _) = open(&fs, 1);
    append(&mut log, 0..20, 200);
    let last = bytes(&fs)
        .into_keys()
        .rfind(|path| path.extension().is_some());
    let last = last.expect("there are segments");
    fs.tamper(&last, |bytes| bytes.extend([1; 77]));
    let unborn = directory().join(segment_name(1000));
    drop(fs.create(&unborn).expect("the disk works"));
    let found = view(&fs);
    assert_eq!(found.holder(), Some("a simulation"));
    let inspection = found.inspection().expect("the disk works");
    assert_eq!(inspection.tail_bytes, 77);
    assert!(inspection.strangers.is_empty());
    assert_eq!(
        inspection
            .backlog
            .lanes
            .iter()
            .map(|it| it.records)
            .sum::<u64>(),
        20
    );
    let verdict = found.verify(Depth::Deep, &mut |_| {});
    assert_eq!(verdict.expect("the disk works").findings, []);
    drop(log);
    let verdict = view(&fs).verify(Depth::Deep, &mut |_| {});
    let verdict = verdict.expect("the disk works");
    let faults: Vec<_> = verdict.findings.iter().map(|found| found.fault).collect();
    assert_eq!(faults, [Fault::Stranger, Fault::Torn { bytes: 77 }]);
}

#[test]
fn records_are_selected_by_lane_number_and_time() {
    let fs = SimFs::default();
    let (mut log, _) = open(&fs, 1);
    append(&mut log, 0..30, 100);
    log.finish(std::iter::once(3..5)).expect("the disk works");
    let view = view(&fs);
    let all = Selection {
        finished: true,
        ..Selection::unfinished()
    };
    let of = |wanted: &Selection| sequences(&view, wanted.clone(), 250);
    assert_eq!(of(&all), (1..31).collect::<Vec<_>>());
    let range = Selection {
        sequences: 4..9,
        ..Selection::unfinished()
    };
    assert_eq!(of(&range), [5, 6, 7, 8]);
    let timed = Selection {
        unix_ms: 1010..1014,
        ..all.clone()
    };
    assert_eq!(of(&timed), [11, 12, 13, 14]);
    let lane = Selection {
        lane: Some(1),
        sequences: 0..12,
        ..all
    };
    assert_eq!(of(&lane), [2, 5, 8, 11]);
    assert!(usize::from(lane.lane.unwrap()) < LANES);
}

#[test]
fn what_is_set_aside_can_be_read_where_it_says_what_it_is() {
    let fs = SimFs::default();
    let (mut log, _) = open(&fs, 1);
    append(&mut log, 0..4, 100);
    drop(log);
    // Under a name that is not its own, it is a stranger.
    let path = directory().join(segment_name(1));
    fs.rename(&path, &directory().join(segment_name(7)))
        .expect("the disk works");
    drop(open(&fs, 2));
    let damaged = directory().join(QUARANTINE).join("9.damaged");
    drop(fs.create(&damaged).expect("the disk works"));
    let of_log = directory().join(QUARANTINE).join(LOCK);
    drop(fs.create(&of_log).expect("the disk works"));
    let names = quarantined(&fs, directory()).expect("the disk works");
    let names: Vec<_> = names.into_iter().map(|file| file.name).collect();
    assert_eq!(
        names,
        [
            format!("{}.foreign", segment_name(7)),
            "9.damaged".to_owned()
        ]
    );
    let view = view(&fs);
    let salvage = |skip| view.salvage(&names[0], skip, 150).expect("the disk works");
    let first = salvage(0).expect("it has a header");
    assert_eq!((first.records.len(), first.next), (1, Some(1)));
    let last = salvage(3).expect("it has a header");
    assert_eq!((last.records.len(), last.next), (1, None));
    assert!(
        view.salvage(&names[1], 0, 150)
            .expect("the disk works")
            .is_none()
    );
}

#[test]
fn the_owner_of_a_lock_is_named_and_not_disturbed() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let settings = LogSettings {
        segment_bytes: 1500,
        sync: SyncMode::Always,
        spare_bytes: 6000,
        seed: 1,
    };
    let opened = Log::open(OsFs, directory.path(), settings.clone());
    let (log, _) = opened.expect("it can be written");
    let view = View::open(OsFs, directory.path()).expect("it can be read");
    let own = format!("process {}", std::process::id());
    assert_eq!(view.holder(), Some(&*own));
    assert!(Log::open(OsFs, directory.path(), settings.clone()).is_err());
    drop(log);
    let view = View::open(OsFs, directory.path()).expect("it can be read");
    assert_eq!(view.holder(), None);
    assert!(Log::open(OsFs, directory.path(), settings).is_ok());
}
