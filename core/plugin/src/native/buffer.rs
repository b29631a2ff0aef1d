//! Memory of a plugin's, lent or given.
#![allow(unsafe_code, reason = "reads memory that a library has made")]
#![deny(clippy::undocumented_unsafe_blocks)]

use bytes::Bytes;
use skyferry_plugin_sdk::abi;

use super::Mapped;

/// Why a plugin's bytes are not looked at.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("it has `{0}` bytes at null")]
    Null(usize),
    #[error("it has `{found}` bytes, and may have `{max}`")]
    TooLong { found: usize, max: usize },
}

/// Lends bytes of the host's.
pub(super) fn lend(bytes: &[u8]) -> abi::Bytes {
    abi::Bytes {
        data: bytes.as_ptr(),
        len: bytes.len(),
    }
}

/// What a plugin lends, if it is not more than `bytes_max`.
///
/// # Safety
///
/// Within the bound, and where they are not at null, the bytes are readable and do not change while the
/// result is used.
pub(super) unsafe fn lent(bytes: &abi::Bytes, bytes_max: usize) -> Result<&[u8], Unreadable> {
    if bytes.len > bytes_max {
        return Err(Unreadable::TooLong {
            found: bytes.len,
            max: bytes_max,
        });
    }
    // SAFETY: the caller's promise.
    unsafe { at(bytes.data, bytes.len) }
}

/// The first `bytes_max` bytes of a text that a plugin lends; nothing of one at null.
///
/// # Safety
///
/// As for [`lent`].
pub(super) unsafe fn start_of(text: &abi::Bytes, bytes_max: usize) -> &[u8] {
    // SAFETY: the caller's promise, for fewer bytes perhaps.
    unsafe { at(text.data, text.len.min(bytes_max)) }.unwrap_or_default()
}

/// # Safety
///
/// Where they are not at null, `len` bytes, less than `isize::MAX`, are readable and do not change.
unsafe fn at<'a>(data: *const u8, len: usize) -> Result<&'a [u8], Unreadable> {
    match (data.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, len) => Err(Unreadable::Null(len)),
        // SAFETY: the caller's promise.
        (false, len) => Ok(unsafe { std::slice::from_raw_parts(data, len) }),
    }
}

/// A buffer that a plugin has given, and takes back when this is dropped.
pub(super) struct Given {
    buffer: abi::Buffer,
    /// Dropped after the buffer was taken back: `release` is code of the library.
    _mapped: Mapped,
}

// SAFETY: the contract lets `release` be called on any thread, and says that the bytes do not change.
unsafe impl Send for Given {}

impl Given {
    /// # Safety
    ///
    /// A plugin gave the buffer to the host by the contract, and the host has it only here; `mapped` keeps
    /// its library.
    pub(super) unsafe fn new(buffer: abi::Buffer, mapped: Mapped) -> Given {
        Given {
            buffer,
            _mapped: mapped,
        }
    }

    /// Bytes that the buffer has at null, and so are none.
    pub(super) fn is_null(&self) -> bool {
        self.buffer.data.is_null() && self.buffer.len > 0
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.len
    }

    /// The message in it: the same memory, or a copy where it is only lent.
    pub(super) fn into_message(self) -> Bytes {
        match self.buffer.release {
            Some(_) if self.buffer.len > 0 => Bytes::from_owner(self),
            _ => Bytes::copy_from_slice(self.as_ref()),
        }
    }
}

impl AsRef<[u8]> for Given {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the plugin promises that they stay readable and the same until they are released, or,
        // where they are lent, until `emit` returns, which is after they are copied.
        unsafe { at(self.buffer.data, self.buffer.len) }.unwrap_or_default()
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        if let Some(release) = self.buffer.release {
            // SAFETY: it is called with what was given, once, and while the library is mapped.
            unsafe { release(self.buffer.owner, self.buffer.data, self.buffer.len) };
        }
    }
}
