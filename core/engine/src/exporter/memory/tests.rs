//! How a lane paces its callers, on a paused clock.

use super::*;
use crate::exporter::observe::Observer;
use crate::exporter::pace::{PACE_ABOVE, PACE_MAX};
use crate::testkit::batch;

const LOGS: Signal = Signal::Logs;

/// Longer than anything here waits.
fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn receipt() -> Receipt {
    Receipt {
        observer: Observer::new(&telemetry::Metrics::new(), "test", LOGS),
        items: 1,
    }
}

/// A queue with more than [`PACE_ABOVE`] waiting.
async fn deep() -> (MemoryQueue, Batch) {
    let queue = MemoryQueue::new(&QueueSettings::default());
    let batch = batch(LOGS, 1000);
    while queue.waiting(LOGS).size.bytes <= PACE_ABOVE {
        let size = Size::of(&batch);
        let room = queue.reserve(LOGS, size, deadline()).await;
        let room = room.expect("there is room");
        let taken = queue.append(room, batch.clone(), receipt()).await;
        taken.expect("what was reserved is taken");
    }
    (queue, batch)
}

#[tokio::test(start_paused = true)]
async fn a_shallow_queue_slows_nobody() {
    let begun = Instant::now();
    let (_queue, _) = deep().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_deep_queue_slows_its_callers_and_takes_what_they_bring() {
    let (queue, batch) = deep().await;
    let begun = Instant::now();
    let room = queue.reserve(LOGS, Size::of(&batch), deadline()).await;
    assert_eq!(begun.elapsed(), PACE_MAX);
    let taken = queue
        .append(room.expect("there is room"), batch, receipt())
        .await;
    assert_eq!(taken, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn who_is_slowed_goes_on_as_soon_as_the_queue_drains() {
    let (queue, batch) = deep().await;
    let begun = Instant::now();
    let drain = async {
        tokio::time::advance(PACE_MAX / 4).await;
        queue.take(LOGS, Amount::Bytes(PACE_ABOVE))
    };
    let (room, records) = tokio::join!(queue.reserve(LOGS, Size::of(&batch), deadline()), drain);
    assert!(room.is_ok());
    assert!(!records.is_empty());
    assert_eq!(begun.elapsed(), PACE_MAX / 4);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_slowed_beyond_the_deadline() {
    let (queue, batch) = deep().await;
    let begun = Instant::now();
    let room = queue.reserve(LOGS, Size::of(&batch), begun).await;
    assert!(room.is_ok());
    assert_eq!(begun.elapsed(), Duration::ZERO);
}
