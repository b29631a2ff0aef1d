//! What the log holds after whatever happened to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::format::SEGMENT_HEADER_BYTES;
use crate::fs::OsFs;
use crate::sim::{Faults, SimFs, seeds};

mod remains;

const DIRECTORY: &str = "/queue";
/// Power failures simulated in one run; each has a seed of its own that is printed.
const CRASHES: u64 = 20_000;

fn settings(seed: u64) -> LogSettings {
    LogSettings {
        segment_bytes: 2000,
        sync: SyncMode::Always,
        spare_bytes: 8000,
        seed,
    }
}

fn open(fs: &SimFs, seed: u64) -> Result<(Log<SimFs>, Recovery), OpenError> {
    Log::open(fs.clone(), Path::new(DIRECTORY), settings(seed))
}

/// A record that says which one it is.
fn record(number: u64, length: usize) -> NewRecord {
    let filler = vec![number as u8; length];
    NewRecord {
        producer: None,
        enqueued_unix_ms: number,
        items: number as u32,
        lane: (number % 3) as u8,
        codec: 0,
        meta: Bytes::copy_from_slice(&number.to_le_bytes()),
        payload: vec![Bytes::copy_from_slice(&number.to_le_bytes()), filler.into()],
    }
}

/// Which record it is, if all of it is as it was written.
fn number_of(stored: &StoredRecord) -> u64 {
    let number = stored.header.enqueued_unix_ms;
    let wanted = record(number, stored.payload.len() - 8);
    assert_eq!(stored.meta, wanted.meta);
    assert_eq!(stored.payload, wanted.payload.concat());
    assert_eq!(stored.header, wanted.header(stored.header.sequence));
    number
}

fn numbers<F: Fs>(log: &mut Log<F>) -> Vec<u64> {
    let records = log.records(0).expect("the disk works");
    records.iter().map(number_of).collect()
}

fn fill(log: &mut Log<SimFs>, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let appended = log.append(&[record(number, 100)]);
        appended.expect("the disk works");
    }
}

/// Records that the log knows of and cannot read.
fn lost<F: Fs>(log: &mut Log<F>) -> u64 {
    let lanes = 0..LANES as u8;
    let loads = lanes.map(|lane| {
        log.load(&Wanted {
            lane,
            from: 0,
            at_most: usize::MAX,
            unreadable: Unreadable::Fails,
            finished: &LaneCursor::default(),
        })
    });
    let found = loads.flat_map(|load| load.expect("the disk works").found);
    found
        .filter(|found| matches!(found, Loaded::Lost(_)))
        .count() as u64
}

proptest! {
    #[test]
    fn what_was_appended_is_read_in_order_also_after_opening_again(
        groups in prop::collection::vec(prop::collection::vec(0..3000_usize, 0..5), 0..10),
        write_bytes_max in prop::option::of(1..700_usize),
    ) {
        let faults = Faults { write_bytes_max, ..Faults::default() };
        let fs = SimFs::with(faults);
        let mut expected = Vec::new();
        for (round, group) in groups.iter().enumerate() {
            // Opened anew every third time.
            let (mut log, recovery) = open(&fs, round as u64).expect("the disk works");
            prop_assert_eq!((recovery.quarantined, recovery.torn_bytes), (0, 0));
            let first = expected.len() as u64;
            let records: Vec<_> = (first..).zip(group).map(|(n, len)| record(n, *len)).collect();
            let sequence = log.append(&records).expect("the disk works");
            prop_assert_eq!(sequence, first + 1);
            expected.extend(first..first + group.len() as u64);
            prop_assert_eq!(&numbers(&mut log), &expected);
        }
        let (mut log, _) = open(&fs, 99).expect("the disk works");
        prop_assert_eq!(numbers(&mut log), expected);
    }
}

#[test]
fn works_on_a_real_disk() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("queue");
    let opened = Log::open(OsFs, &path, settings(1));
    let (mut log, _) = opened.expect("the directory can be written");
    for number in 0..50 {
        let appended = log.append(&[record(number, 100), record(number + 100, 0)]);
        appended.expect("there is room");
    }
    let second = Log::open(OsFs, &path, settings(2));
    assert!(matches!(second, Err(OpenError::Locked { .. })));
    drop(log);
    let reopened = Log::open(OsFs, &path, settings(3));
    let (mut log, recovery) = reopened.expect("nobody holds it");
    assert_eq!(recovery.quarantined, 0);
    assert_eq!(numbers(&mut log).len(), 100);
}

/// What a client and a destination remember of a log, over all its lives.
#[derive(Default)]
struct Witness {
    acknowledged: BTreeSet<u64>,
    finished: BTreeSet<u64>,
    /// The next record's number.
    number: u64,
}

impl Witness {
    /// Appends and finishes until the power goes.
    fn use_log(&mut self, fs: &SimFs, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let Ok((mut log, _)) = open(fs, seed) else {
            return;
        };
        let Ok(records) = log.records(0) else { return };
        let mut open: BTreeMap<u64, NewRecord> = records
            .iter()
            .filter(|stored| {
                let header = stored.header;
                !log.cursor().lanes[usize::from(header.lane)].is_finished(header.sequence)
            })
            .map(|stored| (stored.header.sequence, record(number_of(stored), 0)))
            .collect();
        for _ in 0..12 {
            self.append(&mut log, &mut open, &mut random);
            self.finish(&mut log, &mut open, &mut random);
        }
    }

    fn append(
        &mut self,
        log: &mut Log<SimFs>,
        open: &mut BTreeMap<u64, NewRecord>,
        random: &mut fastrand::Rng,
    ) {
        let numbers = self.number..self.number + random.u64(1..4);
        self.number = numbers.end;
        let records: Vec<_> = numbers
            .clone()
            .map(|number| record(number, random.usize(..900)))
            .collect();
        if let Ok(first) = log.append(&records) {
            self.acknowledged.extend(numbers);
            open.extend((first..).zip(records));
        }
    }

    /// Finishes with some records in any order, and removes what is not needed.
    fn finish(
        &mut self,
        log: &mut Log<SimFs>,
        open: &mut BTreeMap<u64, NewRecord>,
        random: &mut fastrand::Rng,
    ) {
        let chosen: Vec<u64> = open
            .keys()
            .copied()
            .filter(|_| random.u8(..4) > 0)
            .collect();
        for sequence in chosen {
            if let Some(record) = open.remove(&sequence) {
                self.finished.insert(record.enqueued_unix_ms);
            }
        }
        // A failure is the disk's; what is finished stays so.
        let saved = log.save(cursor(log.next_sequence(), open));
        if saved.is_ok() && random.bool() {
            drop(log.remove_finished());
        }
    }

    /// Fails unless the log has everything that was acknowledged and not finished.
    fn check(&self, log: &mut Log<SimFs>, of: &dyn std::fmt::Debug) {
        let found = numbers(log);
        assert!(
            found.is_sorted_by(|a, b| a < b),
            "{of:?}: {found:?} are not in order"
        );
        let found: BTreeSet<u64> = found.into_iter().collect();
        let needed: BTreeSet<u64> = &self.acknowledged - &self.finished;
        let lost = &needed - &found;
        assert!(lost.is_empty(), "{of:?}: lost {lost:?}");
        for stored in log.records(0).expect("the disk works") {
            let lane = &log.cursor().lanes[usize::from(stored.header.lane)];
            let number = number_of(&stored);
            let skipped = lane.is_finished(stored.header.sequence);
            assert!(
                !skipped || self.finished.contains(&number) || !self.acknowledged.contains(&number),
                "{of:?}: {number} counts as finished and is not"
            );
        }
    }
}

/// What is finished when exactly `open` is not.
fn cursor(next: u64, open: &BTreeMap<u64, NewRecord>) -> Cursor {
    let mut cursor = Cursor::default();
    for (lane, found) in cursor.lanes.iter_mut().enumerate() {
        let of_lane = |record: &NewRecord| usize::from(record.lane) == lane;
        let left = open.iter().filter(|(_, record)| of_lane(record));
        let left: Vec<u64> = left.map(|(sequence, _)| *sequence).collect();
        found.watermark = left.first().copied().unwrap_or(next);
        let ends = left.iter().skip(1).copied().chain([next]);
        let gaps = left.iter().zip(ends).map(|(before, end)| before + 1..end);
        found.runs = gaps.filter(|gap| !gap.is_empty()).collect();
    }
    cursor
}

/// Segments under a name that is not their own, which would be set aside as another log's.
fn misnamed(fs: &SimFs) -> Vec<PathBuf> {
    let names = fs.list(Path::new(DIRECTORY)).expect("the power is back");
    let names = names.into_iter().filter(|name| name.ends_with(".seg"));
    let paths = names.map(|name| Path::new(DIRECTORY).join(name));
    let is_misnamed = |path: &PathBuf| {
        let mut header = Err(crate::format::HeaderFault::Damaged);
        fs.tamper(path, |bytes| header = SegmentHeader::decode(bytes));
        header.is_ok_and(|header| !path.ends_with(segment_name(header.first)))
    };
    paths.filter(is_misnamed).collect()
}

/// Several losses of power in a row, at random calls.
fn survives_losses_of_power(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut witness = Witness::default();
    let mut fs = SimFs::default();
    for _ in 0..3 {
        let faults = Faults {
            power_off_at: Some(random.u64(1..100)),
            write_bytes_max: random.bool().then(|| random.usize(1..2000)),
            ..Faults::default()
        };
        let running = fs.restarted(faults);
        witness.use_log(&running, random.u64(..));
        fs = running.crashed(&mut random);
        assert_eq!(misnamed(&fs), Vec::<PathBuf>::new(), "seed {seed}");
        let (mut log, _) = open(&fs, random.u64(..)).expect("the power is back");
        witness.check(&mut log, &("seed", seed));
    }
}

#[test]
fn a_loss_of_power_loses_nothing_acknowledged() {
    for seed in 0..seeds(CRASHES) {
        survives_losses_of_power(seed);
    }
}

/// A sync that fails is among them: the disk forgets what was not written then, and a second sync of
/// the same file would succeed without it.
#[test]
fn every_call_may_fail_once_without_losing_what_was_acknowledged() {
    let kinds = [
        io::ErrorKind::StorageFull,
        io::ErrorKind::Interrupted,
        io::ErrorKind::Other,
    ];
    let undisturbed = SimFs::default();
    Witness::default().use_log(&undisturbed, 1);
    let calls = undisturbed.calls();
    assert!(calls > 30, "there is something to fail");
    for call in 1..=calls {
        for kind in kinds {
            let faults = Faults {
                fail: vec![(call, kind)],
                ..Faults::default()
            };
            let fs = SimFs::with(faults);
            let mut witness = Witness::default();
            witness.use_log(&fs, 1);
            let mut random = fastrand::Rng::with_seed(call);
            for fs in [fs.crashed(&mut random), fs.restarted(Faults::default())] {
                let (mut log, _) = open(&fs, 2).expect("nothing fails any more");
                witness.check(&mut log, &("call", call, kind));
            }
        }
    }
}

#[test]
fn finished_segments_leave_the_disk_and_their_numbers_are_not_given_again() {
    let fs = SimFs::default();
    let (mut log, _) = open(&fs, 1).expect("the disk works");
    fill(&mut log, 0..40);
    let before = log.bytes();
    let next = log.next_sequence();
    log.save(cursor(next, &BTreeMap::new()))
        .expect("the disk works");
    let removed = log.remove_finished().expect("the disk works");
    assert!(removed > 0);
    assert_eq!(log.bytes(), before - removed);
    let in_use = log.bytes();
    drop(log);
    for path in fs.paths() {
        if path.extension().is_some_and(|it| it == "seg") {
            fs.remove(&path).expect("the disk works");
        }
    }
    let (mut log, _) = open(&fs, 2).expect("the disk works");
    assert!(in_use > 0 && log.bytes() == 0);
    let sequence = log.append(&[record(40, 1)]).expect("the disk works");
    assert_eq!(sequence, next);
}

#[test]
fn a_torn_tail_costs_only_what_is_torn() {
    let fs = SimFs::default();
    let (mut log, _) = open(&fs, 1).expect("the disk works");
    fill(&mut log, 0..3);
    drop(log);
    let path = Path::new(DIRECTORY).join(segment_name(1));
    let mut whole = Vec::new();
    fs.tamper(&path, |bytes| whole.clone_from(bytes));
    let record_len = (whole.len() - SEGMENT_HEADER_BYTES) / 3;
    for cut in SEGMENT_HEADER_BYTES..whole.len() {
        fs.tamper(&path, |bytes| *bytes = whole[..cut].to_vec());
        let (mut log, recovery) = open(&fs, 2).expect("the disk works");
        let (mut left, mut torn) = (
            (cut - SEGMENT_HEADER_BYTES) / record_len,
            (cut - SEGMENT_HEADER_BYTES) % record_len,
        );
        // The last four bytes are padding.
        if torn >= record_len - 4 {
            (left, torn) = (left + 1, 0);
        }
        let left = left as u64;
        assert_eq!(
            numbers(&mut log),
            (0..left).collect::<Vec<_>>(),
            "cut at {cut}"
        );
        assert_eq!(recovery.torn_bytes, torn as u64, "cut at {cut}");
        assert_eq!(log.next_sequence(), left + 1);
    }
}

#[test]
fn every_flipped_bit_costs_its_record_alone_and_is_told() {
    let fs = SimFs::default();
    let (mut log, _) = open(&fs, 1).expect("the disk works");
    for number in 0..4 {
        log.append(&[record(number, 20)]).expect("the disk works");
    }
    drop(log);
    let path = Path::new(DIRECTORY).join(segment_name(1));
    let mut whole = Vec::new();
    fs.tamper(&path, |bytes| whole.clone_from(bytes));
    let record_len = (whole.len() - SEGMENT_HEADER_BYTES) / 4;
    // All but the last record: damage there cannot be told from a torn tail.
    let bits = SEGMENT_HEADER_BYTES * 8..(whole.len() - record_len) * 8;
    for bit in bits {
        fs.tamper(&path, |bytes| {
            bytes.clone_from(&whole);
            bytes[bit / 8] ^= 1 << (bit % 8);
        });
        let (mut log, recovery) = open(&fs, 2).expect("the disk works");
        let found = numbers(&mut log);
        let missing = recovery.missing_records + lost(&mut log);
        let hit = ((bit / 8 - SEGMENT_HEADER_BYTES) / record_len) as u64;
        let others: Vec<_> = (0..4).filter(|number| *number != hit).collect();
        match missing {
            // Zeros between two records belong to neither.
            0 => assert_eq!(found, [0, 1, 2, 3], "bit {bit}"),
            1 => assert_eq!(found, others, "bit {bit}"),
            more => panic!("bit {bit} cost {more} records"),
        }
    }
}

#[test]
fn files_of_another_log_are_set_aside_and_newer_ones_left_alone() {
    let fs = SimFs::default();
    let (mut log, _) = open(&fs, 1).expect("the disk works");
    fill(&mut log, 0..40);
    drop(log);
    let foreign = SegmentHeader {
        identity: [9; 16],
        epoch: 5,
        first: 500,
        is_written_over: false,
    };
    let path = Path::new(DIRECTORY).join(segment_name(500));
    drop(fs.create(&path).expect("the disk works"));
    fs.tamper(&path, |bytes| *bytes = foreign.encode().to_vec());
    let (mut log, recovery) = open(&fs, 2).expect("the disk works");
    assert_eq!(recovery.quarantined, 1);
    assert_eq!(numbers(&mut log), (0..40).collect::<Vec<_>>());
    drop(log);
    let mut newer = foreign.encode();
    newer[8] = 2;
    let checksum = crc32c::crc32c(&newer[..60]).to_le_bytes();
    newer[60..].copy_from_slice(&checksum);
    drop(fs.create(&path).expect("the disk works"));
    fs.tamper(&path, |bytes| *bytes = newer.to_vec());
    let before = fs.paths();
    assert!(matches!(open(&fs, 3), Err(OpenError::Newer { .. })));
    assert_eq!(fs.paths(), before);
}
