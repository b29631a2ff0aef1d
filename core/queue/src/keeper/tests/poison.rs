//! Records that end the process.

use super::*;

/// One life that ends when `poison` is taken; gives what was delivered.
fn live(fs: &SimFs, poison: u64, random: &mut fastrand::Rng) -> (Vec<u64>, bool, Vec<Loss>) {
    let mut rig = Rig::open(fs, settings(random.u64(..))).expect("the disk works");
    let mut delivered = Vec::new();
    for _ in 0..3000 {
        rig.turn(random.u64(..100));
        let taken = rig.take(random.usize(1..20));
        if taken.iter().any(|(_, _, number)| *number == poison) {
            return (delivered, true, rig.losses());
        }
        for (lane, sequence, number) in taken {
            rig.queue.finish(lane, sequence);
            delivered.push(number);
        }
    }
    let losses = rig.losses();
    rig.open.end();
    (delivered, false, losses)
}

#[test]
fn a_record_that_ends_the_process_three_times_is_not_touched_again_and_holds_nobody_back() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut fs = SimFs::default();
        let mut rig = Rig::open(&fs, settings(seed)).expect("the disk works");
        rig.append(0..100, 50);
        drop(rig);
        let poison = random.u64(..100);
        let mut delivered = BTreeSet::new();
        let mut ends = 0;
        let losses = loop {
            fs = fs.crashed(&mut random);
            let (more, died, losses) = live(&fs, poison, &mut random);
            delivered.extend(more);
            if !died {
                break losses;
            }
            ends += 1;
            assert!(ends <= 3, "seed {seed}: touched again");
        };
        assert_eq!(ends, 3, "seed {seed}");
        let lost: Vec<_> = losses
            .iter()
            .map(|loss| (loss.reason, loss.totals.items))
            .collect();
        assert_eq!(lost, [(LossReason::Suspected, poison)], "seed {seed}");
        let everybody_else = (0..100).filter(|number| *number != poison).collect();
        assert_eq!(delivered, everybody_else, "seed {seed}");
        let fs = fs.restarted(Faults::default());
        let mut rig = Rig::open(&fs, settings(seed)).expect("the disk works");
        assert_eq!(rig.drain(), Vec::<u64>::new(), "seed {seed}");
        assert_eq!(rig.open.quarantine.totals().records, 1, "seed {seed}");
    }
}

#[test]
fn an_orderly_end_clears_everybody() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    rig.append(0..1, 50);
    drop(rig);
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..12 {
        let fs = fs.restarted(Faults::default());
        let mut rig = Rig::open(&fs, settings(round)).expect("the disk works");
        rig.turn(10);
        rig.turn(10);
        assert_eq!(rig.take(1).len(), 1, "round {round}");
        match random.bool() || round % 2 == 1 {
            true => rig.open.end(),
            false => drop(rig),
        }
    }
}

#[test]
fn after_an_end_without_order_everything_comes_in_the_same_order_and_soon_freely() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    rig.append(0..300, 50);
    drop(rig);
    let fs = fs.restarted(Faults::default());
    let mut rig = Rig::open(&fs, settings(2)).expect("the disk works");
    let drained = rig.drain();
    for lane in 0..3 {
        let of_lane = drained.iter().filter(|number| **number % 3 == lane);
        assert!(of_lane.clone().is_sorted());
        assert_eq!(of_lane.count(), 100);
    }
    rig.append(300..330, 50);
    assert_eq!(rig.take(usize::MAX).len(), 30, "all at once");
}

#[test]
fn a_destination_that_fails_while_the_process_is_killed_condemns_nobody() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    rig.append(0..6, 50);
    drop(rig);
    for round in 0..8 {
        let fs = fs.restarted(Faults::default());
        let mut rig = Rig::open(&fs, settings(round)).expect("the disk works");
        rig.turn(10);
        for (_, sequence, _) in rig.take(usize::MAX) {
            // An attempt with it fails, and it waits for the next one.
            rig.queue.clear(sequence);
        }
        rig.turn(300);
        rig.turn(300);
        assert!(rig.losses().is_empty(), "round {round}: {:?}", rig.losses());
    }
    let fs = fs.restarted(Faults::default());
    let mut rig = Rig::open(&fs, settings(9)).expect("the disk works");
    assert_eq!(rig.drain().len(), 6);
}

#[test]
fn what_is_out_for_long_and_has_done_no_harm_holds_nobody_back() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    rig.append(0..100, 50);
    drop(rig);
    let fs = fs.crashed(&mut fastrand::Rng::with_seed(1));
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    let mut out = Vec::new();
    for _ in 0..100 {
        rig.turn(1);
        for (_, sequence, number) in rig.take(usize::MAX) {
            rig.queue.clear(sequence);
            out.push(number);
        }
    }
    assert_eq!(out.len(), 100, "all are out, and none is finished");
}
