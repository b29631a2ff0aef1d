//! What a crash left behind the last whole record, found and set aside when a file is opened.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::disk::{OpenError, open_regular};
use crate::record::{self, Layout, PREFIX_LEN};

/// A piece of a file that is searched at once.
const BLOCK: u64 = 64 << 10;

/// The end of a file that was no whole record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Torn {
    pub(super) bytes: u64,
    /// The file it was appended to.
    pub(super) kept_in: PathBuf,
}

/// Leaves only whole records in the file at `path`, and what was behind them in `<path>.torn`.
pub(super) fn recover(path: &Path, layout: Layout) -> Result<Option<Torn>, OpenError> {
    let io = |error| OpenError::io(path, error);
    let mut file = open_regular(path)?;
    let length = file.metadata().map_err(io)?.len();
    if length == 0 {
        return Ok(None);
    }
    check_form(path, &mut file, layout)?;
    let whole = match layout {
        Layout::Lines => end_of_last_line(&mut file, length),
        Layout::Framed => end_of_last_frame(&mut file, length),
    };
    let whole = whole.map_err(io)?;
    if whole == length {
        return Ok(None);
    }
    let kept_in = torn_path(path);
    let mut torn = open_regular(&kept_in)?;
    file.seek(SeekFrom::Start(whole)).map_err(io)?;
    io::copy(&mut file, &mut torn)
        .and_then(|_| torn.sync_all())
        .map_err(|error| OpenError::io(&kept_in, error))?;
    // Only now: a crash in between leaves the bytes twice, never nowhere.
    file.set_len(whole).map_err(io)?;
    Ok(Some(Torn {
        bytes: length - whole,
        kept_in,
    }))
}

fn torn_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".torn");
    name.into()
}

/// Refuses a file that somebody else has written, or that was written in another form.
fn check_form(path: &Path, file: &mut File, expected: Layout) -> Result<(), OpenError> {
    let io = |error| OpenError::io(path, error);
    let mut head = Vec::new();
    file.rewind().map_err(io)?;
    let bytes = 2 * PREFIX_LEN as u64;
    Read::take(&mut *file, bytes)
        .read_to_end(&mut head)
        .map_err(io)?;
    let found = Layout::detect(&head);
    // What a loss of power leaves of a file that was new: its length, and none of its bytes.
    let blank = head.iter().all(|&byte| byte == 0);
    match blank || found == Some(expected) {
        true => Ok(()),
        false => Err(OpenError::OtherForm {
            path: path.to_owned(),
            found: found.map_or("something that is no telemetry", Layout::name),
            expected: expected.name(),
        }),
    }
}

/// The offset behind the last line feed; 0 if there is none.
fn end_of_last_line(file: &mut File, length: u64) -> io::Result<u64> {
    let mut block = Vec::new();
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        Read::take(&mut *file, end - start).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// The offset behind the last record that is whole, counted from the front.
fn end_of_last_frame(file: &mut File, length: u64) -> io::Result<u64> {
    file.rewind()?;
    let mut reader = BufReader::with_capacity(BLOCK as usize, file);
    let mut whole = 0;
    while whole + PREFIX_LEN as u64 <= length {
        let mut prefix = [0; PREFIX_LEN];
        reader.read_exact(&mut prefix)?;
        let Some(payload) = record::plausible(u32::from_be_bytes(prefix)) else {
            break;
        };
        let end = whole + (PREFIX_LEN + payload) as u64;
        if end > length {
            break;
        }
        reader.seek_relative(payload as i64)?;
        whole = end;
    }
    Ok(whole)
}
