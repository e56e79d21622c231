//! Why a table cannot be read or written, with the place and the remedy.

use std::path::{Path, PathBuf};

/// The result of every fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a table cannot be read or written. Nothing was trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error(
        "{path}: {source}; DATA is a table (.csv, .csv.gz, .npy, .npz, .parquet, or IDX), `article`, or `synthetic:ROWSxFEATURES`"
    )]
    File {
        /// The file as it was named.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file as a whole is not a table that this program can read.
    #[error("{path}: {reason}")]
    Table {
        /// The file as it was named.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// One line of the file is wrong.
    #[error("{path}:{line}: {reason}")]
    Line {
        /// The file as it was named.
        path: PathBuf,
        /// Counted from 1; the header is line 1.
        line: u64,
        /// What is wrong and what to do.
        reason: String,
    },
    /// One cell of the file is wrong.
    #[error("{path}:{line}: column `{column}`: {reason}")]
    Cell {
        /// The file as it was named.
        path: PathBuf,
        /// Counted from 1; the header is line 1.
        line: u64,
        /// The column's name in the header.
        column: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// One cell of a column of numbers is not a number.
    #[error("{path}:{line}: column `{column}`: {reason}")]
    NotANumber {
        /// The file as it was named.
        path: PathBuf,
        /// Counted from 1; the header is line 1.
        line: u64,
        /// The column's name in the header.
        column: String,
        /// The text of the cell, and what is needed.
        reason: String,
    },
    /// An option cannot be used on this table.
    #[error("{flag}: {reason}")]
    Setting {
        /// The flag of the command line that sets it.
        flag: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The samples or the file to write are refused by the library below.
    #[error(transparent)]
    Library(#[from] neuralnet::Error),
}

impl Error {
    /// [`Error::Table`] of the file `path`.
    pub(crate) fn table(path: &Path, reason: String) -> Self {
        Self::Table {
            path: path.to_owned(),
            reason,
        }
    }
}
