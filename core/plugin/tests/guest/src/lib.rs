//! Does what a message says, to show each way from the SDK to the host and back.

use std::sync::atomic::{AtomicU64, Ordering};

use skyferry_plugin_sdk::{
    Description, Error, Host, Kind, Level, Output, Processor, Signal, export_processor,
};

struct Guest {
    host: Host,
    config: String,
    calls: AtomicU64,
}

export_processor!(Guest);

impl Processor for Guest {
    const DESCRIPTION: Description = Description {
        summary: "Does what it is told.",
        signals: &[Signal::Traces, Signal::Logs],
        emits: &[Signal::Metrics],
        schema: r#"{"type": "string"}"#,
        ..Description::new("guest", env!("CARGO_PKG_VERSION"))
    };

    fn create(config: &str, host: Host) -> Result<Self, String> {
        if config == "\"wrong\"" {
            return Err("it may not be wrong".to_owned());
        }
        Ok(Guest {
            host,
            config: config.to_owned(),
            calls: AtomicU64::new(0),
        })
    }

    fn process(&self, kind: Kind, message: &[u8], output: &mut Output<'_>) -> Result<(), Error> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        match message {
            b"replace" => output.replace(kind, self.config.clone().into_bytes()),
            b"drop" => output.drop_message(),
            b"derive" => output.emit(Kind::Metrics, calls.to_string().into_bytes()),
            b"refuse" => {
                let reason = "not this one".to_owned();
                let item = Some(7);
                return Err(Error::Refused { reason, item });
            }
            b"fail" => return Err(Error::Failed("cannot".to_owned())),
            b"panic" => panic!("at the disco"),
            b"talk" => {
                self.host.log(Level::Warn, "careful");
                self.host.counter("calls", calls);
                self.host.gauge("level", 0.5);
                self.host.histogram("size", 2.5);
                self.host.counter("now", self.host.now_unix_nano());
            }
            // Looks at every byte, and keeps nothing.
            other => {
                let sum: u64 = other.iter().map(|byte| u64::from(*byte)).sum();
                self.host.counter("sum", sum);
            }
        }
        Ok(())
    }

    fn flush(&self, output: &mut Output<'_>) -> Result<(), Error> {
        let calls = self.calls.load(Ordering::Relaxed);
        output.emit(Kind::Metrics, calls.to_string().into_bytes());
        Ok(())
    }
}
