//! What a plugin does in one call, checked against the contract. The same for both kinds of libraries.

use bytes::Bytes;
use skyferry_plugin_sdk::abi;

use crate::contract::{Emitted, Failure, Kind, Main, Processed, Refused};
use crate::description::{Description, Signal};
use crate::library::CreateError;

/// Bytes a plugin may emit in one call, in sum.
pub const EMITTED_BYTES_MAX: usize = 1 << 30;

/// Messages a plugin may emit in one call.
pub const EMITTED_MESSAGES_MAX: usize = 1 << 16;

/// Bytes of a reason that are kept.
pub const REASON_BYTES_MAX: usize = 4 << 10;

/// One call under way. What breaks the contract is remembered, and the call fails when it ends.
pub(crate) struct Call {
    /// The signal of the message that is processed.
    signal: Option<Signal>,
    emits: Signals,
    main: Vec<Emitted>,
    derived: Vec<Emitted>,
    messages: usize,
    bytes: usize,
    reason: Option<(String, Option<u64>)>,
    broken: Option<String>,
}

/// A set of signals.
#[derive(Clone, Copy)]
struct Signals(u8);

impl Signals {
    fn of(signals: &[Signal]) -> Signals {
        Signals(signals.iter().fold(0, |set, signal| set | bit(*signal)))
    }

    fn contains(self, signal: Signal) -> bool {
        self.0 & bit(signal) != 0
    }
}

fn bit(signal: Signal) -> u8 {
    match signal {
        Signal::Traces => 1,
        Signal::Metrics => 2,
        Signal::Logs => 4,
    }
}

fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "traces",
        Signal::Metrics => "metrics",
        Signal::Logs => "logs",
    }
}

impl Call {
    /// A call of `create`, in which nothing may be emitted.
    pub(crate) fn create() -> Call {
        Call::new(None, Signals(0))
    }

    /// A call of `process`.
    pub(crate) fn process(plugin: &Description, kind: Kind) -> Call {
        Call::new(Some(kind.signal()), Signals::of(&plugin.emits))
    }

    /// A call of `flush`.
    pub(crate) fn flush(plugin: &Description) -> Call {
        Call::new(None, Signals::of(&plugin.emits))
    }

    fn new(signal: Option<Signal>, emits: Signals) -> Call {
        Call {
            signal,
            emits,
            main: Vec::new(),
            derived: Vec::new(),
            messages: 0,
            bytes: 0,
            reason: None,
            broken: None,
        }
    }

    /// Whether a message of `len` bytes may be emitted; its bytes are not looked at before. What is
    /// admitted is counted, and [`Call::emit`] is expected to follow.
    pub(crate) fn admit(&mut self, kind: abi::Kind, len: usize) -> Option<Kind> {
        let Some(kind) = Kind::of_number(kind) else {
            self.breaks(format!("it emitted a message of the unknown kind `{kind}`"));
            return None;
        };
        let signal = kind.signal();
        if self.signal != Some(signal) && !self.emits.contains(signal) {
            let name = name(signal);
            self.breaks(format!(
                "it emitted `{name}`, which are not what it processes and not in its `emits`"
            ));
            return None;
        }
        if self.messages >= EMITTED_MESSAGES_MAX {
            self.breaks(format!(
                "it emitted more than `{EMITTED_MESSAGES_MAX}` messages in one call"
            ));
            return None;
        }
        let bytes = self.bytes.saturating_add(len);
        if bytes > EMITTED_BYTES_MAX {
            self.breaks(format!(
                "it emitted more than `{EMITTED_BYTES_MAX}` bytes in one call"
            ));
            return None;
        }
        self.bytes = bytes;
        self.messages += 1;
        Some(kind)
    }

    /// Takes a message that was admitted.
    pub(crate) fn emit(&mut self, kind: Kind, message: Bytes) {
        let list = match self.signal == Some(kind.signal()) {
            true => &mut self.main,
            false => &mut self.derived,
        };
        list.push(Emitted { kind, message });
    }

    /// Why the call is going to fail or refuse. Text that is too long is cut, and broken text repaired.
    pub(crate) fn reason(&mut self, text: &[u8], item: u64) {
        let item = Some(item).filter(|item| *item != abi::NO_ITEM);
        self.reason = Some((repaired(text, REASON_BYTES_MAX), item));
    }

    /// The call fails with this, the first of its kind.
    pub(crate) fn breaks(&mut self, how: String) {
        self.broken.get_or_insert(how);
    }

    /// What has broken the contract, if anything has.
    #[cfg(feature = "wasm")]
    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// The reason that counts so far.
    #[cfg(feature = "wasm")]
    pub(crate) fn reason_given(&self) -> Option<&str> {
        self.reason.as_ref().map(|(text, _)| text.as_str())
    }

    /// What `process` made of its message.
    pub(crate) fn processed(mut self, status: abi::Status) -> Result<Processed, Failure> {
        self.intact()?;
        let main = match status {
            abi::STATUS_UNCHANGED if !self.main.is_empty() => {
                return Err(Failure::Broken(
                    "it emitted messages in the place of one that it says is unchanged".to_owned(),
                ));
            }
            abi::STATUS_UNCHANGED => Main::Unchanged,
            abi::STATUS_REPLACED => Main::Replaced(std::mem::take(&mut self.main)),
            abi::STATUS_REFUSED => {
                let (reason, item) = self.reason.take().unwrap_or_default();
                Main::Refused(Refused { reason, item })
            }
            status => return Err(self.failure("process", status)),
        };
        let derived = self.derived;
        Ok(Processed { main, derived })
    }

    /// What `flush` handed over.
    pub(crate) fn flushed(mut self, status: abi::Status) -> Result<Vec<Emitted>, Failure> {
        self.intact()?;
        match status {
            abi::STATUS_UNCHANGED => Ok(self.derived),
            status => Err(self.failure("flush", status)),
        }
    }

    /// Whether `create` made an instance.
    pub(crate) fn created(mut self, status: abi::Status) -> Result<(), CreateError> {
        self.intact()?;
        match status {
            abi::STATUS_UNCHANGED => Ok(()),
            abi::STATUS_REFUSED => Err(CreateError::Refused(self.why())),
            status => Err(self.failure("create", status).into()),
        }
    }

    fn intact(&mut self) -> Result<(), Failure> {
        match self.broken.take() {
            None => Ok(()),
            Some(how) => Err(Failure::Broken(how)),
        }
    }

    fn failure(&mut self, function: &str, status: abi::Status) -> Failure {
        match status {
            abi::STATUS_FAILED => Failure::Failed(self.why()),
            status => Failure::Broken(format!(
                "`{function}` returned `{status}`, which is no status of it"
            )),
        }
    }

    fn why(&mut self) -> String {
        let reason = self.reason.take().map(|(text, _)| text);
        let reason = reason.filter(|text| !text.is_empty());
        reason.unwrap_or_else(|| "it gave no reason".to_owned())
    }
}

/// The first `bytes_max` bytes of a text from a plugin, with what is not UTF-8 replaced.
pub(crate) fn repaired(text: &[u8], bytes_max: usize) -> String {
    let mut repaired = String::from_utf8_lossy(&text[..text.len().min(bytes_max)]).into_owned();
    // A replacement is longer than what it stands for, and a character may have been cut in two.
    repaired.truncate(repaired.floor_char_boundary(bytes_max));
    repaired
}

#[cfg(test)]
mod tests;
