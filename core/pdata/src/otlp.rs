//! OTLP requests: checked on the way in, concatenated on the way out.
