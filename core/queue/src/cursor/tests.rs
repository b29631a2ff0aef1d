//! A cursor that was saved is there, or the one before it, or none; never another.

use proptest::prelude::*;

use super::*;
use crate::sim::{Faults, SimFs};

const PATH: &str = "/queue/cursor";
const IDENTITY: Identity = [3; 16];

fn open(fs: &SimFs) -> (CursorFile<crate::sim::SimFile>, Cursor) {
    CursorFile::open(fs, Path::new(PATH), Some(IDENTITY), IDENTITY).expect("the disk works")
}

/// A cursor that says which one it is.
fn cursor(number: u64) -> Cursor {
    let mut cursor = Cursor {
        next: number,
        ..Cursor::default()
    };
    for lane in &mut cursor.lanes {
        lane.watermark = number;
        lane.runs.push(number + 2..number + 3);
    }
    cursor
}

fn lanes() -> impl Strategy<Value = [LaneCursor; LANES]> {
    let bounds = prop::collection::btree_set(1_u64.., 0..16);
    let lane = (any::<u64>(), bounds).prop_map(|(watermark, bounds)| {
        let bounds: Vec<u64> = bounds.into_iter().collect();
        let (pairs, _) = bounds.as_chunks::<2>();
        let runs = pairs.iter().map(|[start, end]| *start..*end).collect();
        LaneCursor { watermark, runs }
    });
    proptest::array::uniform(lane)
}

fn pairs(max: usize) -> impl Strategy<Value = BTreeMap<u64, u64>> {
    prop::collection::btree_map(any::<u64>(), any::<u64>(), 0..=max)
}

proptest! {
    #[test]
    fn a_saved_cursor_reads_back(
        next: u64,
        clean: bool,
        lanes in lanes(),
        producers in pairs(PRODUCERS_MAX),
        suspects in pairs(SUSPECTS_MAX),
    ) {
        let suspects = suspects.into_iter().map(|(sequence, known)| {
            let suspect = Suspect { exits: known >> 1, is_out: known & 1 == 1 };
            (sequence, suspect)
        });
        let suspects = suspects.collect();
        let saved = Cursor { next, clean, lanes, producers, suspects };
        let fs = SimFs::default();
        open(&fs).0.save(&saved).expect("the disk works");
        prop_assert_eq!(open(&fs).1, saved);
    }

    #[test]
    fn what_does_not_fit_is_unfinished_and_nothing_else_changes(count in 0..400_u64) {
        let mut saved = cursor(1);
        saved.lanes[2].runs = (10..10 + count).map(|at| 2 * at..2 * at + 1).collect();
        let fs = SimFs::default();
        open(&fs).0.save(&saved).expect("the disk works");
        let read = open(&fs).1;
        for (read, saved) in read.lanes.iter().zip(&saved.lanes) {
            prop_assert_eq!(read.watermark, saved.watermark);
            prop_assert!(saved.runs.starts_with(&read.runs));
        }
        let listed: usize = read.lanes.iter().map(|lane| lane.runs.len()).sum();
        prop_assert_eq!(listed, (count as usize + 7).min(RUNS_MAX));
    }

    #[test]
    fn a_loss_of_power_leaves_the_last_saved_or_the_one_being_saved(seed: u64, power in 3..40_u64) {
        let fs = SimFs::default();
        let mut file = open(&fs).0;
        let directory = Path::new(PATH).parent().expect("it has one");
        fs.sync_dir(directory).expect("the disk works");
        let calls = fs.calls();
        let running = fs.restarted(Faults { power_off_at: Some(power), ..Faults::default() });
        prop_assert!(calls < 40);
        let saves = (1..20).take_while(|number| file.save(&cursor(*number)).is_ok());
        let saved = saves.count() as u64;
        let after = running.crashed(&mut fastrand::Rng::with_seed(seed));
        let read = open(&after).1;
        let possible = [saved, saved + 1].map(|number| match number {
            0 => Cursor::default(),
            number => cursor(number),
        });
        prop_assert!(possible.contains(&read), "{saved} were saved, {read:?} was read");
    }

    #[test]
    fn a_lane_knows_what_is_finished(
        finished in prop::collection::btree_set(0..60_u64, 0..60),
        watermark in 0..60_u64,
        range in (0..60_u64, 0..60_u64),
    ) {
        let above = finished.iter().filter(|sequence| **sequence >= watermark);
        let mut lane = LaneCursor { watermark, runs: Vec::new() };
        for sequence in above {
            match lane.runs.last_mut() {
                Some(run) if run.end == *sequence => run.end += 1,
                _ => lane.runs.push(*sequence..sequence + 1),
            }
        }
        for sequence in 0..60 {
            let expected = sequence < watermark || finished.contains(&sequence);
            prop_assert_eq!(lane.is_finished(sequence), expected);
        }
        let range = range.0..range.0.max(range.1) + 1;
        let untouched = !range.clone().any(|sequence| lane.is_finished(sequence));
        prop_assert_eq!(lane.is_untouched(&range), untouched);
    }
}

#[test]
fn every_flipped_bit_gives_the_cursor_before() {
    let fs = SimFs::default();
    let (mut file, _) = open(&fs);
    file.save(&cursor(1)).expect("the disk works");
    file.save(&cursor(2)).expect("the disk works");
    let path = Path::new(PATH);
    // The second generation is in slot 0; most of a slot is zeros, so every 7th bit is enough.
    for bit in (0..SLOT_BYTES * 8).step_by(7) {
        let flip = |bytes: &mut Vec<u8>| bytes[bit / 8] ^= 1 << (bit % 8);
        fs.tamper(path, flip);
        assert_eq!(open(&fs).1, cursor(1), "bit {bit}");
        fs.tamper(path, flip);
    }
    assert_eq!(open(&fs).1, cursor(2));
}

#[test]
fn the_cursor_of_another_log_says_nothing() {
    let fs = SimFs::default();
    open(&fs).0.save(&cursor(7)).expect("the disk works");
    let of = |identity| {
        let opened = CursorFile::open(&fs, Path::new(PATH), identity, [5; 16]);
        let (file, read) = opened.expect("the disk works");
        (file.identity(), read)
    };
    assert_eq!(of(Some([4; 16])), ([4; 16], Cursor::default()));
    assert_eq!(of(None), (IDENTITY, cursor(7)));
}
