//! A plugin's file: read once, within a bound, and known by its content.

use std::io::{Error, ErrorKind, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::LoadError;

/// Bytes a plugin's file may have; the largest of runtimes that are linked in have a tenth.
pub const FILE_BYTES_MAX: u64 = 256 << 20;

/// The content of the file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    // Before it is opened: opening a pipe waits for somebody to write into it.
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(LoadError::OtherFormat("a directory"));
    }
    if !metadata.is_file() {
        return Err(LoadError::OtherFormat("no regular file"));
    }
    within_bound(metadata.len())?;
    let mut file = Vec::new();
    // It may grow while it is read.
    std::fs::File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut file)?;
    within_bound(file.len() as u64)?;
    Ok(file)
}

fn within_bound(bytes: u64) -> Result<(), LoadError> {
    if bytes <= FILE_BYTES_MAX {
        return Ok(());
    }
    let text = format!("it has `{bytes}` bytes, and a plugin has at most `{FILE_BYTES_MAX}`");
    Err(Error::new(ErrorKind::FileTooLarge, text).into())
}

/// The SHA-256 of the file in hexadecimal digits, if it is the one that was asked for.
pub(super) fn checked_sha256(file: &[u8], asked: Option<&str>) -> Result<String, LoadError> {
    let found: String = Sha256::digest(file)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    match asked {
        Some(asked) if !asked.eq_ignore_ascii_case(&found) => Err(LoadError::OtherContent {
            asked: asked.to_owned(),
            found,
        }),
        _ => Ok(found),
    }
}
