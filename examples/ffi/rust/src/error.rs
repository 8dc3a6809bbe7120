//! Errors: the library's status and message as Rust values.

use crate::sys;
use std::ffi::CStr;
use std::fmt;

/// The reason why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// An argument is out of range, or of the wrong kind for the function.
    Argument,
    /// Memory could not be allocated.
    Memory,
    /// A file can't be opened, read or written.
    Io,
    /// An id is out of range, or a text has an invalid or unknown symbol.
    Symbol,
    /// Two objects don't fit together.
    Mismatch,
    /// The loss, a gradient, the state or a parameter is NaN or infinite.
    Nonfinite,
    /// The contents of a file are invalid.
    Format,
    /// A status of a newer library.
    Other(i32),
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    status: Status,
    message: String,
}

/// The result of a call that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Returns the reason.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns the library's sentence about the failure.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Error { status, message: message.into() }
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(Status::Argument, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Turns a status into a result. Call it on the thread that made the call, because the message belongs to the thread.
pub(crate) fn check(status: sys::rnn_status) -> Result<()> {
    let status = match status {
        sys::RNN_OK => return Ok(()),
        sys::RNN_ERROR_ARGUMENT => Status::Argument,
        sys::RNN_ERROR_MEMORY => Status::Memory,
        sys::RNN_ERROR_IO => Status::Io,
        sys::RNN_ERROR_SYMBOL => Status::Symbol,
        sys::RNN_ERROR_MISMATCH => Status::Mismatch,
        sys::RNN_ERROR_NONFINITE => Status::Nonfinite,
        sys::RNN_ERROR_FORMAT => Status::Format,
        other => Status::Other(other),
    };
    // SAFETY: the string is valid until this thread's next failed call; it is copied here.
    let message = unsafe { CStr::from_ptr(sys::rnn_last_error()) }.to_string_lossy().into_owned();
    Err(Error { status, message })
}
