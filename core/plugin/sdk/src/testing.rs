//! For the tests of plugins: small messages, and a bench to show them to a plugin on.
//!
//! ```
//! # use skyferry_plugin_sdk::{Description, Error, Host, Kind, Output, Processor, edit::edit_spans};
//! use skyferry_plugin_sdk::testing::{Bench, span, spans};
//! # struct Upper;
//! # impl Processor for Upper {
//! #     const DESCRIPTION: Description = Description::new("upper", "1");
//! #     fn create(_: &str, _: Host) -> Result<Self, String> { Ok(Upper) }
//! #     fn process(&self, kind: Kind, message: &[u8], output: &mut Output<'_>) -> Result<(), Error> {
//! #         let edit = edit_spans(message, |span, edit| edit.set_name(&span.name().to_uppercase()));
//! #         output.replace(kind, edit);
//! #         Ok(())
//! #     }
//! # }
//!
//! let bench = Bench::<Upper>::new("{}").unwrap();
//! let after = bench.process(Kind::Traces, &spans([span("get /")])).unwrap();
//! assert_eq!(after.messages, [spans([span("GET /")])]);
//! ```

mod bench;
mod messages;

pub use bench::{Bench, Processed};
pub use messages::{
    Log, Point, Span, log, logs, logs_of, metrics, metrics_of, point, span, spans, spans_of,
};
