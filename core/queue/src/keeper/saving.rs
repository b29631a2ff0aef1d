//! Opening, writing down what is finished, and the end.

use std::collections::BTreeMap;

use super::Open;
use crate::cursor::Cursor;
use crate::fs::Fs;
use crate::lane::Lane;
use crate::log::Recovery;
use crate::queue::{Completed, NotStored, Phase, Report, Request, State};

impl<F: Fs + Clone> Open<F> {
    /// Opens the doors: from here on the queue can be used.
    pub(super) fn begin(&self, recovery: Recovery) {
        let mut state = self.shared.lock();
        let cursor = self.log.cursor();
        for (number, lane) in state.lanes.iter_mut().enumerate() {
            *lane = Lane::as_found(&cursor.lanes[number], &recovery.backlog, number);
            if self.probation.is_watching(number) {
                lane.open_gate(0);
            }
        }
        state.phase = Phase::Open;
        // The next crash is to be told from an orderly end.
        state.is_dirty = true;
        self.describe(&mut state);
        drop(state);
        self.shared
            .events
            .reports(&Report::Opened(Box::new(recovery)));
        self.shared.events.changed();
    }

    /// Brings the numbers up to date.
    pub(super) fn describe(&self, state: &mut State) {
        state.end = self.log.next_sequence();
        state.statistics.bytes = self.log.bytes();
        state.statistics.segments = self.log.segments();
        state.statistics.spare_bytes = self.log.spare_bytes();
    }

    pub(super) fn save_in_time(&mut self) {
        if self.times.is_time_to_save() && !self.times.is_resting() {
            self.save(false);
        }
    }

    /// Writes down what is finished, if anything was, and removes what nobody needs; `false` if
    /// that failed.
    pub(super) fn save(&mut self, clean: bool) -> bool {
        let mut state = self.shared.lock();
        if !std::mem::take(&mut state.is_dirty) && !clean {
            return true;
        }
        let end = state.end;
        let mut cursor = Cursor {
            clean,
            suspects: match clean {
                true => BTreeMap::new(),
                false => self.probation.noted(),
            },
            ..Cursor::default()
        };
        for (lane, of_lane) in cursor.lanes.iter_mut().zip(&state.lanes) {
            *lane = of_lane.cursor(end);
        }
        drop(state);
        let saved = self.log.save(cursor);
        let removed = saved.and_then(|()| self.log.remove_finished());
        self.times.saved();
        match removed {
            Ok(0) => true,
            Ok(_) => {
                self.tell_of_room();
                true
            }
            Err(error) => {
                self.times.failed();
                self.shared.lock().is_dirty = true;
                let failed = format!("cannot write down what is finished: {error}");
                self.report_writing(Some(&NotStored::Failed(failed)));
                false
            }
        }
    }

    pub(super) fn tell_of_room(&self) {
        self.describe(&mut self.shared.lock());
        self.shared.events.changed();
    }

    /// Ends in order: what was not written is refused, what is finished is written down.
    pub(super) fn end(mut self) {
        let mut state = self.shared.lock();
        state.phase = Phase::Closed;
        let inbox = std::mem::take(&mut state.inbox);
        let requests = std::mem::take(&mut state.requests);
        drop(state);
        let refused = inbox.into_iter().map(|pending| Completed {
            completion: pending.completion,
            outcome: Err(NotStored::Failed("the queue has been closed".to_owned())),
        });
        self.shared.events.appended(refused.collect());
        requests.into_iter().for_each(Request::refuse);
        // Closed segments are opened faster.
        if let Err(error) = self.log.close_segment() {
            let failed = format!("cannot sync: {error}");
            self.report_writing(Some(&NotStored::Failed(failed)));
        }
        self.save(true);
        self.shared.events.changed();
    }
}
