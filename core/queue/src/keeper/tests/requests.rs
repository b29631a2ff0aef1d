//! What operators ask for.

use super::*;
use crate::fs::Fs;
use crate::index::Totals;
use crate::inspect::{Selection, View};
use crate::log::Loaded;

/// What was answered.
#[derive(Clone, Default)]
struct Answered(Arc<Mutex<Vec<Result<Totals, NotStored>>>>);

impl Answered {
    fn answer(&self) -> crate::Answer {
        let told = Arc::clone(&self.0);
        Box::new(move |outcome| told.lock().push(outcome))
    }

    fn records(&self) -> Vec<u64> {
        let told = self.0.lock();
        let records = told
            .iter()
            .map(|outcome| outcome.as_ref().map(|it| it.records));
        records.map(|records| records.expect("it worked")).collect()
    }
}

fn letters(fs: &SimFs) -> Vec<crate::format::RecordHeader> {
    let view = View::open(fs.clone(), &Path::new(DIRECTORY).join("dlq")).expect("it can be read");
    let part = view.read(&Selection::unfinished(), usize::MAX);
    let found = part.expect("the disk works").found;
    let headers = found.into_iter().map(|found| match found {
        Loaded::Record(record) => record.header,
        Loaded::Lost(entry) => panic!("{entry:?} is lost"),
    });
    headers.collect()
}

#[test]
fn a_purge_drops_what_waits_and_leaves_what_is_out() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    rig.append(0..30, 100);
    let out = rig.take(4);
    let answered = Answered::default();
    rig.queue.purge(answered.answer());
    rig.turn(0);
    assert_eq!(answered.records(), [26]);
    assert_eq!(
        rig.losses().iter().map(|it| it.totals.records).sum::<u64>(),
        26
    );
    assert!(
        rig.losses()
            .iter()
            .all(|it| it.reason == LossReason::Purged)
    );
    assert!(rig.take(usize::MAX).is_empty());
    // New ones come through, and what was out comes again after a crash.
    rig.append(30..33, 100);
    drop(rig);
    let mut rig = Rig::open(&fs, settings(2)).expect("the disk works");
    let mut left: BTreeSet<u64> = out.into_iter().map(|(_, _, number)| number).collect();
    left.extend(30..33);
    assert_eq!(rig.drain().into_iter().collect::<BTreeSet<_>>(), left);
}

#[test]
fn a_purge_finds_also_what_is_on_disk_only() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    rig.append(0..30, 100);
    drop(rig);
    let mut rig = Rig::open(&fs, settings(2)).expect("the disk works");
    let answered = Answered::default();
    rig.queue.purge(answered.answer());
    rig.turn(0);
    assert_eq!(answered.records(), [30]);
    assert!(rig.drain().is_empty());
    assert_eq!(rig.queue.statistics().bytes, 0, "its segments are gone");
}

#[test]
fn letters_are_forgotten_by_what_they_are_and_once() {
    let fs = SimFs::default();
    let mut rig = Rig::open(&fs, settings(1)).expect("the disk works");
    for number in 0..6 {
        rig.queue.bury(record(number, 10), Box::new(|| {}));
        rig.turn(0);
    }
    let found = letters(&fs);
    assert_eq!(found.len(), 6);
    let answered = Answered::default();
    let chosen = [found[0], found[2], found[3]];
    for _ in 0..2 {
        rig.queue.forget_letters(chosen.to_vec(), answered.answer());
        rig.turn(0);
    }
    assert_eq!(answered.records(), [3, 0]);
    assert_eq!(letters(&fs), [found[1], found[4], found[5]]);
    assert_eq!(rig.queue.statistics().dead_letters.records, 3);
    drop(rig);
    let mut rig = Rig::open(&fs, settings(2)).expect("the disk works");
    assert_eq!(letters(&fs), [found[1], found[4], found[5]]);
    rig.queue.purge_letters(answered.answer());
    rig.turn(0);
    assert_eq!(answered.records(), [3, 0, 3]);
    assert!(letters(&fs).is_empty());
    let files = fs.list(&Path::new(DIRECTORY).join("dlq"));
    let files = files.expect("the disk works");
    assert!(
        !files.iter().any(|name| name.ends_with(".seg")),
        "{files:?}"
    );
}

#[test]
fn a_queue_that_is_not_open_refuses() {
    let fs = SimFs::default();
    let rig = Rig::open(&fs, settings(1)).expect("the disk works");
    let answered = Answered::default();
    let queue = rig.queue.clone();
    rig.open.end();
    queue.purge(answered.answer());
    queue.purge_letters(answered.answer());
    assert!(answered.0.lock().iter().all(Result::is_err));
    assert_eq!(answered.0.lock().len(), 2);
}
