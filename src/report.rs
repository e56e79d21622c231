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

use anstyle::{AnsiColor, Style};
use neuralnet::{Converted, Dataset, Error, Metrics, Stream};
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

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Failure {
    /// Prints the failure and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let (text, code) = match self {
            Self::Output(error) => (format!("stdout: {error}"), 2),
            Self::Error(error @ Error::Diverged { .. }) => (error.to_string(), 1),
            Self::Error(error) if error.is_device() => (error.to_string(), 3),
            Self::Error(error) => (error.to_string(), 2),
        };
        print_line(ERROR, &text);
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

/// The colour of the name before a notice.
const NOTICE: Style = AnsiColor::Cyan.on_default();
/// The colour of the name before an error, as clap has it.
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Prints a notice as one line on stderr.
fn tell(text: &str) {
    print_line(NOTICE, text);
}

/// Prints one line on stderr, the name of the program in `style` where `--color` and the terminal allow it. A closed
/// stderr is not an error: nobody reads it.
fn print_line(style: Style, text: &str) {
    drop(writeln!(
        anstream::stderr(),
        "{style}neuralnet:{style:#} {text}"
    ));
}
