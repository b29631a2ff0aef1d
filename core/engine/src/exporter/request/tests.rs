use proptest::prelude::*;

use super::*;
use crate::ack::{Settle, Settlement};
use crate::testkit::batch;

/// Records what became of each record.
#[derive(Clone, Default)]
struct Ledger(Arc<parking_lot::Mutex<Vec<(usize, Settlement)>>>);

struct Entry(usize, Ledger);

impl Settle for Entry {
    fn settle(self: Box<Self>, settlement: Settlement) {
        self.1.0.lock().push((self.0, settlement));
    }
}

fn records(items: &[usize], ledger: &Ledger) -> Vec<Record> {
    let record = |(index, items): (usize, &usize)| Record {
        batch: batch(Signal::Logs, *items),
        token: AckToken::new(Box::new(Entry(index, ledger.clone()))),
    };
    items.iter().enumerate().map(record).collect()
}

fn merged(items: &[usize], ledger: &Ledger) -> Request {
    let mut requests = Request::merge(records(items, ledger), false);
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

proptest! {
    #[test]
    fn pieces_hold_every_item_once_and_settle_every_record_once(
        items in prop::collection::vec(1usize..40, 1..6),
        at_most in 12usize..60,
        unfinished: prop::sample::Index,
    ) {
        let ledger = Ledger::default();
        let whole = merged(&items, &ledger);
        let total: usize = items.iter().sum();
        let pieces = whole.within(Amount::Items(at_most));
        prop_assert_eq!(pieces.iter().map(Request::items).sum::<usize>(), total);
        prop_assert!(pieces.iter().all(|piece| piece.items() <= at_most));
        prop_assert!(ledger.0.lock().is_empty(), "a split settles nothing");

        let unfinished = unfinished.index(pieces.len());
        for (index, piece) in pieces.into_iter().enumerate() {
            if index != unfinished { piece.done() }
        }
        let settled = ledger.0.lock().clone();
        prop_assert_eq!(settled.len(), items.len());
        prop_assert!(settled.iter().any(|(_, settlement)| *settlement == Settlement::Open));
    }
}

#[test]
fn a_merged_request_comes_apart_into_its_records() {
    let ledger = Ledger::default();
    let records = merged(&[3, 1, 2], &ledger).into_records();
    assert_eq!(
        records.iter().map(Request::items).collect::<Vec<_>>(),
        [3, 1, 2]
    );
    let [first, second, third] = <[Request; 3]>::try_from(records).expect("three records");
    second.done();
    third.done();
    drop(first);
    let settled = [
        (1, Settlement::Done),
        (2, Settlement::Done),
        (0, Settlement::Open),
    ];
    assert_eq!(*ledger.0.lock(), settled);
}

#[test]
fn batches_of_different_origin_stay_apart_where_asked() {
    let ledger = Ledger::default();
    let mut all = records(&[1, 1, 1], &ledger);
    let elsewhere = Origin {
        arrived_unix_nano: 1,
        ..Default::default()
    };
    let batch = std::mem::replace(&mut all[2].batch, batch(Signal::Logs, 1));
    all[2].batch = Batch::new(Signal::Logs, batch.into_chunks(), Arc::new(elsewhere));
    let items: Vec<_> = Request::merge(all, true)
        .iter()
        .map(Request::items)
        .collect();
    assert_eq!(items, [2, 1]);
}
