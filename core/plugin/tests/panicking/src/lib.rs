//! Panics where it is told to.

use skyferry_plugin_sdk::{
    Description, Error, Host, Kind, Output, Processor, Signal, export_processor,
};

struct Panicking {
    config: String,
}

impl Processor for Panicking {
    const DESCRIPTION: Description = Description {
        summary: "panics where it is told to",
        signals: &[Signal::Traces],
        emits: &[Signal::Metrics],
        schema: r#"{"type": "string"}"#,
        ..Description::new("panicking", "0.1.0")
    };

    fn create(config: &str, _: Host) -> Result<Panicking, String> {
        if config == r#""create""# {
            panic!("in create");
        }
        let config = config.to_owned();
        Ok(Panicking { config })
    }

    fn process(&self, kind: Kind, message: &[u8], output: &mut Output<'_>) -> Result<(), Error> {
        if message == b"panic" {
            output.replace(kind, b"half".to_vec());
            let index = message.len();
            // Out of bounds, as happens.
            output.replace(kind, vec![message[index]]);
        }
        output.replace(kind, message.to_vec());
        Ok(())
    }

    fn flush(&self, _: &mut Output<'_>) -> Result<(), Error> {
        panic!("in flush");
    }
}

impl Drop for Panicking {
    fn drop(&mut self) {
        assert!(self.config != r#""drop""#, "in drop");
    }
}

export_processor!(Panicking);
