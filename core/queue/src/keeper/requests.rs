//! What operators ask for: to drop what waits, or what was kept aside.

use super::Open;
use crate::format::LANES;
use crate::fs::Fs;
use crate::index::Totals;
use crate::queue::{LossReason, NotStored, Request};

impl<F: Fs + Clone> Open<F> {
    pub(super) fn answer_requests(&mut self) {
        let requests = std::mem::take(&mut self.shared.lock().requests);
        for request in requests {
            match request {
                Request::Sync(answer) => {
                    let synced = self.log.sync_all();
                    let failed = |error| NotStored::Failed(format!("cannot sync: {error}"));
                    answer(synced.map(|()| Totals::default()).map_err(failed));
                }
                Request::Purge(answer) => answer(self.purge()),
                Request::PurgeLetters(answer) => {
                    let forgotten = self.letters.forget_all();
                    answer(self.tell_of_letters(forgotten));
                }
                Request::PurgeQuarantine(answer) => {
                    let forgotten = self.quarantine.forget_all();
                    answer(
                        forgotten
                            .map_err(|error| NotStored::Failed(format!("quarantine: {error}"))),
                    );
                }
                Request::ForgetLetters(letters, answer) => {
                    let forgotten = self.letters.forget(&letters);
                    answer(self.tell_of_letters(forgotten));
                }
            }
        }
    }

    fn tell_of_letters(&self, done: std::io::Result<Totals>) -> Result<Totals, NotStored> {
        let mut state = self.shared.lock();
        state.statistics.dead_letters = self.letters.totals();
        state.statistics.dead_letter_bytes = self.letters.bytes();
        done.map_err(|error| NotStored::Failed(format!("dead letters: {error}")))
    }

    /// Drops what waits in every lane. What is out keeps its segment until it is finished.
    fn purge(&mut self) -> Result<Totals, NotStored> {
        let mut purged = Totals::default();
        for lane in 0..LANES as u8 {
            let mut state = self.shared.lock();
            let end = state.end;
            let dropped = state.lanes[usize::from(lane)].drop_all(end);
            state.is_dirty = true;
            drop(state);
            purged.merge(dropped);
            self.report_loss(lane, dropped, LossReason::Purged);
        }
        let is_saved = self.save(false);
        self.close_if_finished();
        // It is tried again; what was dropped may come back if the process ends before.
        match is_saved {
            true => Ok(purged),
            false => Err(NotStored::Failed(
                "what was dropped cannot be written down".to_owned(),
            )),
        }
    }
}
