//! A lane against the simplest model of one: a list of numbers.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const PAYLOAD: usize = 1 << 20;

fn record(sequence: u64) -> Ready {
    Ready {
        sequence,
        enqueued_unix_ms: sequence,
        items: 2,
        codec: 0,
        meta: Bytes::new(),
        payload: vec![Bytes::from(vec![0; PAYLOAD])],
        payload_len: PAYLOAD as u32,
        companion: None,
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append { to_this_lane: bool },
    Load(usize),
    Take(usize),
    Finish(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => any::<bool>().prop_map(|to_this_lane| Step::Append { to_this_lane }),
        1 => (1..4_usize).prop_map(Step::Load),
        2 => (1..4_usize).prop_map(Step::Take),
        2 => any::<prop::sample::Index>().prop_map(Step::Finish),
    ];
    prop::collection::vec(step, 0..120)
}

/// The log behind the lane, and what has become of its records.
#[derive(Default)]
struct Model {
    end: u64,
    of_lane: Vec<u64>,
    taken: Vec<u64>,
    finished: BTreeSet<u64>,
}

impl Model {
    fn apply(&mut self, lane: &mut Lane, step: &Step) {
        match step {
            Step::Append { to_this_lane } => {
                if *to_this_lane {
                    self.of_lane.push(self.end);
                    lane.appended(record(self.end));
                }
                self.end += 1;
            }
            Step::Load(count) => {
                let Some(from) = lane.wants() else { return };
                let left = self
                    .of_lane
                    .iter()
                    .copied()
                    .filter(|sequence| *sequence >= from);
                let found: Vec<u64> = left.take(*count).collect();
                let is_all = self
                    .of_lane
                    .last()
                    .is_none_or(|last| found.last() == Some(last));
                let position = match found.last() {
                    Some(last) if !is_all => last + 1,
                    _ => self.end,
                };
                lane.loaded(found.into_iter().map(record).collect(), position, self.end);
            }
            Step::Take(count) => {
                let taken = (0..*count).map_while(|_| lane.take());
                self.taken.extend(taken.map(|record| record.sequence));
            }
            Step::Finish(index) if !self.taken.is_empty() => {
                let sequence = self.taken[index.index(self.taken.len())];
                lane.finish(sequence);
                self.finished.insert(sequence);
            }
            Step::Finish(_) => {}
        }
    }
}

proptest! {
    #[test]
    fn hands_out_in_order_and_knows_what_is_finished(steps in steps()) {
        let mut lane = Lane::default();
        let mut model = Model::default();
        for step in &steps {
            model.apply(&mut lane, step);
            prop_assert!(model.of_lane.starts_with(&model.taken));
            prop_assert!(lane.ready_bytes <= READY_BYTES_MAX + 4 * PAYLOAD);
            let (waiting, out) = (lane.waiting(), lane.out());
            prop_assert_eq!(waiting.records as usize, model.of_lane.len() - model.taken.len());
            prop_assert_eq!(out.records as usize, model.taken.len() - model.finished.len());
            prop_assert_eq!(waiting.items, waiting.records * 2);
            let cursor = lane.cursor(model.end);
            for sequence in &model.of_lane {
                prop_assert_eq!(
                    cursor.is_finished(*sequence),
                    model.finished.contains(sequence),
                    "{} by {:?}", sequence, cursor
                );
            }
            prop_assert!(cursor.runs.iter().all(|run| run.start > cursor.watermark));
        }
    }
}

#[test]
fn a_lane_that_nothing_waits_in_holds_nobody_back() {
    let mut lane = Lane::default();
    lane.loaded(Vec::new(), 5, 5);
    assert_eq!(lane.cursor(9).watermark, 9);
    lane.appended(record(9));
    assert_eq!(lane.cursor(20).watermark, 9);
    let taken = lane.take().expect("one lies ready");
    assert_eq!(lane.cursor(20).watermark, 9);
    lane.finish(taken.sequence);
    assert_eq!(lane.cursor(20).watermark, 20);
}

#[test]
fn what_was_finished_before_a_restart_stays_so() {
    let found = LaneCursor {
        watermark: 4,
        runs: vec![6..8, 11..20],
    };
    let mut backlog = Backlog::default();
    for _ in 0..3 {
        backlog.lanes[0].add(2, PAYLOAD as u32);
    }
    let mut lane = Lane::as_found(&found, &backlog, 0);
    assert_eq!(lane.cursor(30), found);
    lane.loaded(vec![record(4), record(5), record(8)], 9, 30);
    assert_eq!(lane.cursor(30).watermark, 4);
    assert_eq!(lane.cursor(30).runs, vec![11..20; 1]);
    lane.take();
    lane.take();
    lane.finish(5);
    assert_eq!(lane.cursor(30).runs, [5..8, 11..20]);
    lane.finish(4);
    assert_eq!(lane.cursor(30).watermark, 8);
}
