//! What the ends of an attempt's calls mean for its batch.

use engine::component::{Decision, Partial};
use engine::{Delivery, ExportError};
use pdata::{Batch, Chunk};

use super::calls::Share;

/// How a call ended.
pub(super) enum End {
    Delivered,
    /// It may have been taken, and the operator wants nothing twice.
    Settled,
    Failed(ExportError),
    /// Another one had failed before it began.
    Untried,
}

/// What the ends of all calls mean for the batch.
pub(super) fn verdict(
    batch: &Batch,
    shares: &[Share],
    mut ends: Vec<(usize, End)>,
    dropped: Vec<(&'static str, usize)>,
) -> Result<Delivery, ExportError> {
    ends.sort_by_key(|(index, _)| *index);
    let mut delivery = Delivery {
        dropped,
        ..Delivery::default()
    };
    let mut partial = Partial::default();
    let mut first: Option<ExportError> = None;
    for (index, end) in ends {
        let Share {
            chunks: own,
            left_out,
        } = &shares[index];
        let left_out = left_out.filter(|(_, items)| *items > 0);
        // Of a call that is made again, what is left out is counted then.
        if matches!(end, End::Delivered | End::Settled) {
            delivery.dropped.extend(left_out);
        }
        match end {
            End::Delivered => {}
            End::Settled => {
                let items = own.iter().map(|chunk| batch.chunks()[*chunk].items());
                let items = items.sum::<usize>() - left_out.map_or(0, |(_, items)| items);
                delivery.dropped.push(("unknown_outcome", items));
            }
            End::Untried => partial.untried.extend(own),
            End::Failed(error) => match &first {
                Some(first) if !same(first.decision, error.decision) => {
                    partial.untried.extend(own);
                }
                _ => {
                    partial.failed.extend(own);
                    first.get_or_insert(error);
                }
            },
        }
    }
    let Some(error) = first else {
        return Ok(delivery);
    };
    for chunks in [&mut partial.failed, &mut partial.untried] {
        chunks.sort_unstable();
        chunks.dedup();
    }
    // A chunk may be in several calls; it is what the worst of them says.
    let failed = &partial.failed;
    partial
        .untried
        .retain(|chunk| failed.binary_search(chunk).is_err());
    partial.delivery = delivery;
    Err(error.after(partial))
}

/// The outcome of an attempt from which something was left out because it is never taken.
pub(super) fn with_refused(
    outcome: Result<Delivery, ExportError>,
    refused: Vec<(usize, Chunk)>,
    fault: String,
) -> Result<Delivery, ExportError> {
    if refused.is_empty() {
        return outcome;
    }
    match outcome {
        Ok(delivery) => Err(ExportError::new(Decision::Reject, fault).after(Partial {
            refused,
            delivery,
            ..Partial::default()
        })),
        Err(mut error) => {
            if let Some(partial) = &mut error.partial {
                // Of a chunk that is sent again, what is refused is refused then.
                let again = |index: &usize| {
                    partial.failed.contains(index) || partial.untried.contains(index)
                };
                let now = refused.into_iter().filter(|(index, _)| !again(index));
                partial.refused = now.collect();
            }
            Err(error)
        }
    }
}

/// Whether two failures are of one sort; how long to wait is no difference.
fn same(one: Decision, other: Decision) -> bool {
    std::mem::discriminant(&one) == std::mem::discriminant(&other)
}
