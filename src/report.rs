//! All that is printed: results on stdout, for people or as JSON; notices, progress and errors on stderr.
#![expect(clippy::print_stderr, reason = "errors go to stderr")]

mod article;
pub(crate) mod human;
pub(crate) mod json;
mod progress;
mod run;

pub(crate) use article::ArticleTable;
pub(crate) use progress::Reporter;
pub(crate) use run::Run;

use neuralnet::Error;
use std::io;
use std::process::ExitCode;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    Error(Error),
    /// Writing to stdout failed.
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Failure {
    /// Prints the failure and gives the exit code. Who closes the pipe has read enough: no error.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Self::Output(error) => {
                eprintln!("neuralnet: stdout: {error}");
                ExitCode::from(2)
            }
            Self::Error(error) => {
                eprintln!("neuralnet: {error}");
                ExitCode::from(match error {
                    Error::Diverged { .. } => 1,
                    error if error.is_device() => 3,
                    _ => 2,
                })
            }
        }
    }
}
