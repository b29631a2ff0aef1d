//! Standard output and standard error.

use std::io::{self, IsTerminal, Write};

use engine::config::Diagnostics;

/// Writes what the command was asked for.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a message for people. Where standard error is gone, nobody is there to be told.
pub(crate) fn complain(text: &str) {
    io::stderr().lock().write_all(text.as_bytes()).ok();
}

/// Writes problems of a configuration, with their places.
pub(crate) fn diagnose(found: &Diagnostics) {
    complain(&found.render(wants_colour(&io::stderr())));
}

/// Whether colours are welcome on a stream: see <https://no-color.org>.
pub(crate) fn wants_colour(stream: &impl IsTerminal) -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    stream.is_terminal() && !forbidden && !dumb
}
