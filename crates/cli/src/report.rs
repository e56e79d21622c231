//! All that is printed: results on stdout, for people or as JSON; notices, progress and errors on stderr.
mod article;
pub(crate) mod html;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod metrics;
mod progress;
mod run;
mod settings;
mod words;

pub(crate) use article::ArticleTable;
pub(crate) use progress::Reporter;
pub(crate) use run::Run;

use crate::error::Error;
use neuralnet::{Dataset, Metrics};
use neuralnet_table::{Converted, Stream};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    Error(Error),
    /// Writing to stdout failed.
    Output(io::Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl Failure {
    /// Prints the failure and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let (text, code) = match self {
            Self::Output(error) => (format!("stdout: {error}"), 2),
            Self::Error(error) => (error.to_string(), error.exit_code()),
        };
        tell(&text);
        ExitCode::from(code)
    }
}

/// What came of printing a result. Who closes the pipe has read enough: no error.
pub(crate) fn printed(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// Says what was made of the data that their owner should know.
pub(crate) fn notices(dataset: &Dataset) {
    tell_of(dataset.source(), dataset.notices());
}

/// The same of a table that is read in spans, once its last one was; otherwise nothing yet.
pub(crate) fn stream_notices(stream: &mut Stream) {
    let notices = stream.take_notices();
    tell_of(stream.source(), &notices);
}

fn tell_of(source: &str, notices: &[String]) {
    for notice in notices {
        tell(&format!("{source}: {notice}"));
    }
}

/// Says which file is there now.
pub(crate) fn wrote(path: &Path) {
    tell(&format!("wrote {}", path.display()));
}

/// Says what the model's parameters lost on their way into a file.
pub(crate) fn rounded(difference: f64) {
    tell(&format!(
        "parameters are rounded to f32, by {difference:.1e} at most"
    ));
}

/// Says which metrics are left out, and why.
pub(crate) fn not_measured(metrics: &Metrics) {
    metrics.notes.iter().for_each(|note| tell(note));
}

/// Says what a table became, and what was lost by it.
pub(crate) fn converted(path: &Path, converted: &Converted) {
    for notice in &converted.notices {
        tell(notice);
    }
    tell(&format!(
        "wrote {}: {} rows of {} columns, {} bytes",
        path.display(),
        converted.n_rows,
        converted.n_columns,
        converted.bytes
    ));
}

/// Says what is measured next.
pub(crate) fn measuring(what: &str) {
    tell(&format!("measuring {what}"));
}

/// One line on stderr. Where nobody listens there is nobody to tell.
fn tell(text: &str) {
    drop(writeln!(io::stderr(), "neuralnet: {text}"));
}
