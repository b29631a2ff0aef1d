//! Segments that are written over older files: what was there before is nothing, whatever happens.

use std::path::PathBuf;

use super::*;
use crate::format::{MARK_BYTES, RECORD_HEADER_BYTES, RecordHeader};
use crate::inspect::{Depth, Fault, Selection, View};

/// A log whose last segment is written over a longer one and holds the records from 100 on, of so
/// many bytes each.
fn written_over(fs: &SimFs, lengths: &[usize]) -> Log<SimFs> {
    let (mut log, _) = open(fs, 1).expect("the disk works");
    fill(&mut log, 0..20);
    finish_all(&mut log);
    assert!(log.spare_bytes() > 4000, "there are files to write over");
    for (number, length) in (100..).zip(lengths) {
        let appended = log.append(&[record(number, *length)]);
        appended.expect("the disk works");
    }
    assert!(is_over(&log), "the segment is written over a file");
    log
}

fn finish_all(log: &mut Log<SimFs>) {
    log.close_segment().expect("the disk works");
    let all = cursor(log.next_sequence(), &BTreeMap::new());
    log.save(all).expect("the disk works");
    log.remove_finished().expect("the disk works");
}

fn is_over(log: &Log<SimFs>) -> bool {
    let last = log.segments.last().expect("there is a segment");
    last.header.is_written_over
}

fn last_path(log: &Log<SimFs>) -> PathBuf {
    let last = log.segments.last().expect("there is a segment");
    Path::new(DIRECTORY).join(segment_name(last.header.first))
}

fn content(fs: &SimFs, path: &Path) -> Vec<u8> {
    let mut content = Vec::new();
    fs.tamper(path, |bytes| content.clone_from(bytes));
    content
}

fn damage(fs: &SimFs) -> Vec<Fault> {
    let view = View::open(fs.clone(), Path::new(DIRECTORY)).expect("the disk works");
    let verdict = view.verify(Depth::Deep, &mut |_| {});
    let findings = verdict.expect("the disk works").findings;
    findings.into_iter().map(|finding| finding.fault).collect()
}

fn file_bytes(fs: &SimFs) -> u64 {
    let is_log = |path: &&PathBuf| {
        let extension = path.extension().and_then(|it| it.to_str());
        matches!(extension, Some("seg" | "spare"))
    };
    let paths = fs.paths();
    let sizes = paths.iter().filter(is_log).map(|path| {
        let file = fs.open(path).expect("the file is there");
        crate::fs::FsFile::size(&file).expect("the disk works")
    });
    sizes.sum()
}

#[test]
fn what_was_in_a_file_before_is_neither_data_nor_damage() {
    let fs = SimFs::default();
    let log = written_over(&fs, &[100, 50]);
    let (path, end) = (last_path(&log), log.segments.last().map(|it| it.bytes));
    drop(log);
    let whole = content(&fs, &path);
    let end = end.expect("there is a segment") as usize;
    assert!(whole.len() > end + 1000, "there are remains");
    let remains = &whole[end + MARK_BYTES..];
    assert!(
        remains.iter().any(|byte| *byte != 0),
        "and they are no zeros"
    );
    assert_eq!(damage(&fs), []);
    let view = View::open(fs.clone(), Path::new(DIRECTORY)).expect("the disk works");
    let inspection = view.inspection().expect("the disk works");
    assert_eq!((inspection.tail_bytes, inspection.missing_records), (0, 0));

    let (mut log, recovery) = open(&fs, 2).expect("the disk works");
    assert_eq!(numbers(&mut log), [100, 101]);
    assert_eq!((recovery.torn_bytes, recovery.quarantined), (0, 0));
    assert_eq!(recovery.missing_records, 0);
    assert!(content(&fs, &path).len() < 2000, "the remains are cut");
    assert_eq!(damage(&fs), []);
    let aside = fs.list(&Path::new(DIRECTORY).join(QUARANTINE));
    assert_eq!(aside.expect("the disk works"), [""; 0]);
}

/// The last write of a segment that is written over, in all the ways in which it may have got to the
/// disk: each of its sectors may be there, or what was there before.
#[test]
fn a_last_write_of_which_any_sectors_are_there_costs_itself_alone() {
    let fs = SimFs::default();
    let mut log = written_over(&fs, &[100, 50]);
    let path = last_path(&log);
    let before = content(&fs, &path);
    let torn = [record(102, 700), record(103, 300), record(104, 200)];
    log.append(&torn).expect("the disk works");
    drop(log);
    let after = content(&fs, &path);
    let changed: Vec<usize> = (0..after.len() / 512)
        .filter(|sector| {
            let range = sector * 512..(sector + 1) * 512;
            before[range.clone()] != after[range]
        })
        .collect();
    assert!((3..10).contains(&changed.len()), "{changed:?}");
    for there in 0..1_u32 << changed.len() {
        let mut mixed = before.clone();
        for (bit, sector) in changed.iter().enumerate() {
            let range = sector * 512..(sector + 1) * 512;
            if there & 1 << bit != 0 {
                mixed[range.clone()].copy_from_slice(&after[range]);
            }
        }
        fs.tamper(&path, |bytes| bytes.clone_from(&mixed));
        let (mut log, recovery) = open(&fs, 2).expect("the disk works");
        let found = numbers(&mut log);
        let (old, new) = found.split_at(2);
        assert_eq!(old, [100, 101], "sectors {there:b}");
        assert!(new.iter().all(|number| (102..105).contains(number)));
        match there {
            0 => assert_eq!((new, recovery.torn_bytes), (&[][..], 0)),
            all if all + 1 == 1 << changed.len() => {
                assert_eq!((new, recovery.torn_bytes), (&[102, 103, 104][..], 0));
            }
            _ => {
                let is_told = recovery.torn_bytes > 0 || recovery.missing_records > 0;
                let lost = lost(&mut log);
                // The first sector has the mark: without it nothing was begun.
                let is_unbegun = there & 1 == 0 && new.is_empty();
                let is_whole = new == [102, 103, 104];
                assert!(
                    is_told || lost > 0 || is_unbegun || is_whole,
                    "sectors {there:b}: {recovery:?}"
                );
            }
        }
        drop(log);
        for name in fs.paths() {
            if name.to_string_lossy().contains(QUARANTINE) {
                fs.remove(&name).expect("the disk works");
            }
        }
    }
}

#[test]
fn every_flipped_bit_over_remains_costs_its_record_alone_and_is_told() {
    let fs = SimFs::default();
    let log = written_over(&fs, &[20, 20, 20]);
    let (path, end) = (last_path(&log), log.segments.last().map(|it| it.bytes));
    drop(log);
    let (whole, end) = (
        content(&fs, &path),
        end.expect("there is a segment") as usize,
    );
    let record_len = (end - SEGMENT_HEADER_BYTES) / 3;
    for bit in SEGMENT_HEADER_BYTES * 8..(end + MARK_BYTES) * 8 {
        fs.tamper(&path, |bytes| {
            bytes.clone_from(&whole);
            bytes[bit / 8] ^= 1 << (bit % 8);
        });
        let (mut log, recovery) = open(&fs, 2).expect("the disk works");
        let found = numbers(&mut log);
        let missing = recovery.missing_records + lost(&mut log);
        let hit = (bit / 8 - SEGMENT_HEADER_BYTES) / record_len;
        let others: Vec<_> = (100..103).filter(|it| *it != 100 + hit as u64).collect();
        match (hit, found.len()) {
            // Zeros between two records belong to neither, and a mark holds nothing.
            (_, 3) => assert_eq!(missing, 0, "bit {bit}"),
            (0 | 1, _) => assert_eq!((found, missing), (others, 1), "bit {bit}"),
            // Damage at the end cannot be told from a torn write.
            (2, _) => {
                assert_eq!(found, others, "bit {bit}");
                assert!(recovery.torn_bytes >= record_len as u64, "bit {bit}");
                assert!(recovery.torn_bytes < 2000, "bit {bit}: {recovery:?}");
            }
            _ => panic!("bit {bit} cost {found:?}"),
        }
        if hit == 3 {
            assert!(recovery.torn_bytes > 0, "bit {bit} of the mark");
        }
        drop(log);
        for name in fs.paths() {
            if name.to_string_lossy().contains(QUARANTINE) {
                fs.remove(&name).expect("the disk works");
            }
        }
    }
}

#[test]
fn a_segment_that_is_closed_over_a_longer_file_ends_where_its_footer_does() {
    let fs = SimFs::default();
    let mut log = written_over(&fs, &[100, 50]);
    log.close_segment().expect("the disk works");
    assert_eq!(
        file_bytes(&fs) - log.spare_bytes(),
        log.bytes(),
        "the remains are cut"
    );
    drop(log);
    let view = View::open(fs, Path::new(DIRECTORY)).expect("the disk works");
    let inspection = view.inspection().expect("the disk works");
    let closed = inspection.segments.iter().map(|it| it.is_closed);
    assert_eq!(closed.collect::<Vec<_>>(), [true]);
}

/// Who knows what a file will be written over with can put records there beforehand whose checksums
/// fit; 32 bits can also be guessed.
#[test]
fn remains_that_were_made_to_look_like_records_are_nothing() {
    let fs = SimFs::default();
    let log = written_over(&fs, &[100]);
    let (path, header) = (last_path(&log), log.segments.last().map(|it| it.header));
    let header = header.expect("there is a segment");
    drop(log);
    let (mut whole, found) = (content(&fs, &path), header.first + 1);
    for place in (0..whole.len() - 200).step_by(8).skip(100) {
        let forged = RecordHeader {
            sequence: found + place as u64,
            ..record(1, 0).header(0)
        };
        // Its own epoch says nothing about the segment's; the checksum of the two happens to fit.
        let mut bytes = forged.encode(header.epoch, &1_u64.to_le_bytes());
        bytes[56] ^= 1;
        let of_epoch = crc32c::crc32c(&header.epoch.to_le_bytes());
        let sum = crc32c::crc32c_append(of_epoch, &bytes[8..]);
        let sum = crc32c::crc32c_append(sum, &1_u64.to_le_bytes());
        bytes[4..8].copy_from_slice(&sum.to_le_bytes());
        if place % 64 == 0 {
            whole[place..place + RECORD_HEADER_BYTES].copy_from_slice(&bytes);
        }
    }
    fs.tamper(&path, |bytes| bytes.clone_from(&whole));
    assert_eq!(damage(&fs), []);
    let (mut log, recovery) = open(&fs, 2).expect("the disk works");
    assert_eq!(numbers(&mut log), [100]);
    assert_eq!((recovery.torn_bytes, recovery.missing_records), (0, 0));
}

/// A directory that forgets half of a change of names has both, or none.
#[test]
fn a_segment_that_also_has_its_old_name_is_read_and_stays() {
    let fs = SimFs::default();
    let log = written_over(&fs, &[100]);
    let path = last_path(&log);
    drop(log);
    let old = Path::new(DIRECTORY).join("00000000000000000001.spare");
    fs.link(&path, &old);
    for round in 0..3 {
        let (mut log, _) = open(&fs, round).expect("the disk works");
        assert_eq!(log.spare_bytes(), 0);
        assert!(!fs.paths().contains(&old), "the other name is gone");
        let number = 200 + round;
        log.append(&[record(number, 10)]).expect("the disk works");
        let wanted: Vec<_> = [100].into_iter().chain(200..=number).collect();
        assert_eq!(numbers(&mut log), wanted);
    }
}

#[test]
fn spares_are_bounded_given_up_when_asked_and_gone_after_opening() {
    let fs = SimFs::default();
    let (mut log, _) = open(&fs, 1).expect("the disk works");
    for round in 0..20 {
        fill(&mut log, round * 30..round * 30 + 30);
        finish_all(&mut log);
        assert!(log.spare_bytes() <= settings(1).spare_bytes);
        assert_eq!(file_bytes(&fs), log.bytes() + log.spare_bytes());
    }
    fill(&mut log, 1000..1001);
    assert!(is_over(&log) && log.spare_bytes() > 4000);
    let half = log.spare_bytes() / 2;
    log.limit_spares(half);
    assert!(log.spare_bytes() <= half);
    log.limit_spares(0);
    assert_eq!(log.spare_bytes(), 0);
    assert_eq!(file_bytes(&fs), log.bytes());
    // The one that is written to goes on, at its end.
    fill(&mut log, 1001..1003);
    assert_eq!(numbers(&mut log), [1000, 1001, 1002]);
    assert_eq!(file_bytes(&fs), log.bytes());
    finish_all(&mut log);
    assert!(log.spare_bytes() > 0);
    drop(log);
    let (log, _) = open(&fs, 2).expect("the disk works");
    assert_eq!((file_bytes(&fs), log.spare_bytes()), (0, 0));
}

#[test]
fn a_spare_that_cannot_be_written_to_is_no_reason_to_refuse() {
    for (broken, kind) in [(1, "open"), (3, "write"), (4, "sync"), (5, "rename")] {
        let fs = SimFs::default();
        let (mut log, _) = open(&fs, 1).expect("the disk works");
        fill(&mut log, 0..20);
        finish_all(&mut log);
        let fs = fs.restarted(Faults {
            fail: vec![(broken, io::ErrorKind::Other)],
            ..Faults::default()
        });
        let appended = log.append(&[record(50, 10)]);
        appended.unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert!(!is_over(&log), "{kind}");
        assert_eq!(numbers(&mut log), [50]);
        assert_eq!(file_bytes(&fs), log.bytes() + log.spare_bytes(), "{kind}");
    }
}

/// Whoever looks at a log does not know when its owner writes over what was finished.
#[test]
fn a_look_at_a_segment_that_is_being_written_over_finds_no_damage() {
    let fs = SimFs::default();
    let (mut log, _) = open(&fs, 1).expect("the disk works");
    fill(&mut log, 0..40);
    let view = View::open(fs, Path::new(DIRECTORY)).expect("the disk works");
    let opened: Vec<_> = (0..log.segments.len())
        .map(|index| (log.segments[index].header, log.files().open(index)))
        .collect();
    finish_all(&mut log);
    fill(&mut log, 100..130);
    let over = log.segments.iter().filter(|it| it.header.is_written_over);
    assert!(over.count() > 1);
    let all = Selection {
        finished: true,
        ..Selection::unfinished()
    };
    let part = view.read(&all, usize::MAX).expect("the disk works");
    assert!(
        part.found.is_empty() && part.next.is_none(),
        "nothing of it is there"
    );
    let verdict = view.verify(Depth::Deep, &mut |_| {});
    assert_eq!(verdict.expect("the disk works").findings, []);
    view.inspection().expect("what is gone is no error");
    // Also where the file was opened before it was written over.
    let mut exchanged = 0;
    for (header, file) in opened {
        let file = file.expect("it was there");
        exchanged += usize::from(!is_still(&file, &header).expect("the disk works"));
    }
    assert!(exchanged > 0);
}

/// Otherwise the losses of power in the other tests would say nothing about remains.
#[test]
fn most_lives_of_a_log_write_over_its_files() {
    let mut over = 0;
    for seed in 0..50 {
        let fs = SimFs::default();
        Witness::default().use_log(&fs, seed);
        let segments = fs
            .paths()
            .into_iter()
            .filter(|path| path.extension().is_some_and(|it| it == "seg"));
        let headers = segments.filter_map(|path| SegmentHeader::decode(&content(&fs, &path)).ok());
        over += usize::from(headers.into_iter().any(|header| header.is_written_over));
    }
    assert!(over > 25, "{over} of 50");
}
