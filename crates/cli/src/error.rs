//! Why a command fails: an error of the libraries, told in flags, or one of the command line alone.

use std::path::PathBuf;

/// The result of every fallible step of a command.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The library refuses, or fails.
    #[error(transparent)]
    Library(#[from] neuralnet::Error),
    /// A table cannot be read or written.
    #[error(transparent)]
    Table(neuralnet_table::Error),
    /// A flag cannot be used as it stands.
    #[error("{flag}: {reason}")]
    Setting {
        /// The flag, or the name of an argument.
        flag: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// There is a file where one was to be written.
    #[error("{path}: exists; take another name, or --force to replace it")]
    Exists {
        /// The file as it was named.
        path: PathBuf,
    },
}

impl From<neuralnet_table::Error> for Error {
    fn from(error: neuralnet_table::Error) -> Self {
        match error {
            neuralnet_table::Error::Library(error) => Self::Library(error),
            error => Self::Table(error),
        }
    }
}

impl Error {
    /// The exit code: 1 where training diverged, 3 where the device is the cause, otherwise 2.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Library(neuralnet::Error::Diverged { .. }) => 1,
            Self::Library(error) if error.is_device() => 3,
            _ => 2,
        }
    }
}
