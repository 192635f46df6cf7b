// One error type. What matters to a peer is whether a key was wrong.

use std::{fmt, io};

#[derive(Debug)]
pub enum Error {
    Usage(String),
    Failed(String),
    Io(io::Error),
    Ohttp(ohttp::Error),
}

pub type Res<T> = Result<T, Error>;

pub fn usage(text: impl Into<String>) -> Error {
    Error::Usage(text.into())
}

pub fn failed(text: impl Into<String>) -> Error {
    Error::Failed(text.into())
}

impl Error {
    pub fn is_usage(&self) -> bool {
        matches!(self, Error::Usage(_))
    }

    /// The message was sealed to another key, or for another suite.
    pub fn is_key(&self) -> bool {
        use ohttp::Error as E;

        let cause = match self {
            Error::Ohttp(e) => Some(e),
            Error::Io(e) => e.get_ref().and_then(|e| e.downcast_ref::<E>()),
            _ => None,
        };

        // A stale key of the same id shows itself only as a failed opening.

        matches!(
            cause,
            Some(E::KeyId | E::InvalidKem | E::Unsupported | E::Aead(_) | E::Hpke(_))
        )
    }

    /// The connection is of no more use.
    pub fn is_transport(&self) -> bool {
        match self {
            Error::Io(e) => e.kind() != io::ErrorKind::Other,
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Usage(text) | Error::Failed(text) => f.write_str(text),
            Error::Io(e) if e.kind() == io::ErrorKind::WouldBlock => f.write_str("timed out"),
            Error::Io(e) => e.fmt(f),
            Error::Ohttp(e) => e.fmt(f),
        }
    }
}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Self {
        Error::Io(e)
    }
}

impl From<ohttp::Error> for Error {
    fn from(e: ohttp::Error) -> Self {
        Error::Ohttp(e)
    }
}

impl From<bhttp::Error> for Error {
    fn from(e: bhttp::Error) -> Self {
        Error::Failed(format!("binary HTTP: {e}"))
    }
}

impl From<openssl::error::ErrorStack> for Error {
    fn from(e: openssl::error::ErrorStack) -> Self {
        Error::Failed(format!("TLS: {e}"))
    }
}
