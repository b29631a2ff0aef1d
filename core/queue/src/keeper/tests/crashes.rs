//! What is left after losses of power.

use super::*;
use crate::sim::seeds;

const CRASHES: u64 = 4_000;

/// What clients and destinations remember of a queue, over all its lives.
#[derive(Default)]
struct Witness {
    stored: BTreeSet<u64>,
    finished: BTreeSet<u64>,
    next: u64,
}

impl Witness {
    fn live(&mut self, fs: &SimFs, settings: QueueSettings, random: &mut fastrand::Rng) {
        let Some(mut rig) = Rig::open(fs, settings) else {
            return;
        };
        let mut out = Vec::new();
        for _ in 0..30 {
            for _ in 0..random.usize(..4) {
                let number = self.next;
                self.next += 1;
                // One that finds no room was never the queue's.
                drop(rig.offer(number, record(number, random.usize(..700))));
            }
            rig.turn(random.u64(..150));
            out.extend(rig.take(random.usize(..5)));
            let done = out.extract_if(.., |_| random.bool());
            for (lane, sequence, number) in done.collect::<Vec<_>>() {
                rig.queue.finish(lane, sequence);
                self.finished.insert(number);
            }
            if random.u8(..4) == 0 {
                // So that there are many, and files to be written over.
                drop(rig.open.log.close_segment());
            }
        }
        self.stored.extend(rig.stored());
    }

    fn check(&self, fs: &SimFs, seed: u64) {
        let mut rig = Rig::open(fs, settings(seed)).expect("the power is back");
        let mut left: BTreeSet<u64> = rig.drain().into_iter().collect();
        left.extend(rig.quarantined());
        let needed: BTreeSet<u64> = &self.stored - &self.finished;
        let lost = &needed - &left;
        assert!(lost.is_empty(), "seed {seed}: lost {lost:?}");
    }
}

#[test]
fn a_loss_of_power_loses_nothing_stored() {
    for seed in 0..seeds(CRASHES) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut witness = Witness::default();
        let mut fs = SimFs::default();
        for _ in 0..3 {
            let faults = Faults {
                power_off_at: Some(random.u64(1..200)),
                ..Faults::default()
            };
            let running = fs.restarted(faults);
            witness.live(&running, settings(random.u64(..)), &mut random);
            fs = running.crashed(&mut random);
        }
        witness.check(&fs, seed);
    }
}

#[test]
fn every_call_may_fail_once() {
    let kinds = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::Other];
    let undisturbed = SimFs::default();
    let mut random = fastrand::Rng::with_seed(1);
    Witness::default().live(&undisturbed, settings(1), &mut random);
    let calls = undisturbed.calls();
    assert!(calls > 50, "there is something to fail");
    for call in 1..=calls {
        for kind in kinds {
            let fs = SimFs::with(Faults {
                fail: vec![(call, kind)],
                ..Faults::default()
            });
            let mut witness = Witness::default();
            witness.live(&fs, settings(1), &mut fastrand::Rng::with_seed(1));
            witness.check(&fs.restarted(Faults::default()), call);
        }
    }
}

#[test]
fn with_an_interval_only_what_is_younger_is_lost() {
    const INTERVAL_MS: u64 = 50;
    for seed in 0..seeds(CRASHES / 4) {
        let mut random = fastrand::Rng::with_seed(seed);
        let fs = SimFs::default();
        let interval = QueueSettings {
            durability: Durability::Interval(Duration::from_millis(INTERVAL_MS)),
            ..settings(seed)
        };
        let mut rig = Rig::open(&fs, interval).expect("the disk works");
        let mut stored_at = Vec::new();
        let mut now = 0;
        for number in 0..random.u64(1..40) {
            let offered = rig.offer(number, record(number, random.usize(..400)));
            offered.expect("there is room");
            let pause = random.u64(..30);
            now += pause;
            rig.turn(pause);
            stored_at.push((now, number));
        }
        let after = fs.crashed(&mut random);
        let mut rig = Rig::open(&after, settings(seed)).expect("the power is back");
        let left: BTreeSet<u64> = rig.drain().into_iter().collect();
        let old = stored_at.iter().filter(|(at, _)| at + INTERVAL_MS <= now);
        let lost: Vec<_> = old.filter(|(_, number)| !left.contains(number)).collect();
        assert!(lost.is_empty(), "seed {seed}, now {now}: lost {lost:?}");
    }
}

#[test]
fn the_end_of_the_process_loses_nothing_in_any_mode() {
    for durability in [Durability::Interval(Duration::from_secs(9)), Durability::Os] {
        let fs = SimFs::default();
        let settings = QueueSettings {
            durability,
            ..settings(1)
        };
        let mut rig = Rig::open(&fs, settings.clone()).expect("the disk works");
        rig.append(0..50, 100);
        drop(rig);
        let fs = fs.restarted(Faults::default());
        let mut rig = Rig::open(&fs, settings).expect("the disk works");
        let left: BTreeSet<u64> = rig.drain().into_iter().collect();
        assert_eq!(left, (0..50).collect());
    }
}
