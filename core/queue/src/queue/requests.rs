//! What operators ask of a queue that is open.

use super::{DiskQueue, NotStored, Phase};
use crate::format::RecordHeader;
use crate::index::Totals;

/// Called with what was let go, once it would survive a loss of power that it is.
pub type Answer = Box<dyn FnOnce(Result<Totals, NotStored>) + Send>;

/// For the keeper, which answers.
pub(crate) enum Request {
    Sync(Answer),
    Purge(Answer),
    PurgeLetters(Answer),
    PurgeQuarantine(Answer),
    ForgetLetters(Vec<RecordHeader>, Answer),
}

impl Request {
    /// Answers that the queue cannot do it.
    pub(crate) fn refuse(self) {
        let (Request::Sync(answer)
        | Request::Purge(answer)
        | Request::PurgeLetters(answer)
        | Request::PurgeQuarantine(answer)
        | Request::ForgetLetters(_, answer)) = self;
        answer(Err(NotStored::Failed("the queue is not open".to_owned())));
    }
}

impl DiskQueue {
    /// Answers, with nothing, when everything stored so far would survive a loss of power.
    pub fn sync(&self, answer: Answer) {
        self.ask(Request::Sync(answer));
    }

    /// Drops everything that waits. What is out is not touched.
    pub fn purge(&self, answer: Answer) {
        self.ask(Request::Purge(answer));
    }

    /// Lets go of all dead letters.
    pub fn purge_letters(&self, answer: Answer) {
        self.ask(Request::PurgeLetters(answer));
    }

    /// Lets go of all records that were set aside for what they may have done.
    pub fn purge_quarantine(&self, answer: Answer) {
        self.ask(Request::PurgeQuarantine(answer));
    }

    /// Lets go of these dead letters, by their headers as they were read. Those that are gone
    /// already are left out.
    pub fn forget_letters(&self, letters: Vec<RecordHeader>, answer: Answer) {
        self.ask(Request::ForgetLetters(letters, answer));
    }

    fn ask(&self, request: Request) {
        let mut state = self.shared.lock();
        if state.phase != Phase::Open {
            drop(state);
            request.refuse();
            return;
        }
        state.requests.push_back(request);
        self.shared.tell_keeper(&mut state);
    }
}
