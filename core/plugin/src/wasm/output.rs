//! The standard output and error of a module, as lines of the log.

use crate::services::{Bounded, LOG_LINE_BYTES_MAX, Level};

/// Lines that are not whole yet.
#[derive(Default)]
pub(super) struct Output {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Output {
    /// Takes the next bytes of one of them. A line that is too long becomes several.
    pub(super) fn write(&mut self, level: Level, bytes: &[u8], services: &Bounded) {
        let line = match level {
            Level::Info => &mut self.out,
            _ => &mut self.err,
        };
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = part.strip_suffix(b"\n");
            for piece in text.unwrap_or(part).chunks(LOG_LINE_BYTES_MAX) {
                if line.len() + piece.len() > LOG_LINE_BYTES_MAX {
                    log(line, level, services);
                }
                line.extend_from_slice(piece);
            }
            if text.is_some() {
                log(line, level, services);
            }
        }
    }

    /// What is left when the module has crashed in the middle of a line.
    pub(super) fn finish(&mut self, services: &Bounded) {
        log(&mut self.out, Level::Info, services);
        log(&mut self.err, Level::Warn, services);
    }
}

fn log(line: &mut Vec<u8>, level: Level, services: &Bounded) {
    if !line.is_empty() {
        services.log(level, line);
        line.clear();
    }
}
