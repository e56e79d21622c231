//! Everything that is printed: results on stdout, for people or as JSON; notices, progress and errors on stderr.

mod article;
mod bench;
mod format;
pub(crate) mod html;
mod human;
mod metrics;
mod progress;
mod results;
mod run;
mod settings;

pub(crate) use article::{ArticleRow, figures};
pub(crate) use progress::Reporter;
pub(crate) use results::{EvaluateResult, ModelResult, TrainResult, ValidateResult};
pub(crate) use run::Run;

use crate::error::Error;
use crate::onnx::Exported;
use anstyle::{AnsiColor, Style};
use neuralnet::{Dataset, Metrics};
use neuralnet_table::{Converted, Stream};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library refused or failed.
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
    /// Prints the failure and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let (text, code) = match self {
            Self::Output(error) => (format!("stdout: {error}"), 2),
            Self::Error(error) => (error.to_string(), error.exit_code()),
        };
        print_line(ERROR, &text);
        ExitCode::from(code)
    }
}

/// The result of a command: `--json` prints it as it serializes, and otherwise it is text for people.
pub(crate) trait Report: Serialize {
    /// Writes the text.
    fn text(&self, out: &mut dyn Write) -> io::Result<()>;
}

/// Prints `report` on stdout, as one line of JSON or as text.
///
/// # Errors
/// If stdout cannot be written.
pub(crate) fn print(report: &impl Report, as_json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    printed(match as_json {
        true => serde_json::to_writer(&mut out, report)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out)),
        false => report.text(&mut out),
    })
}

/// Turns the result of printing into that of a command. A pipe closed by its reader is not an error: the reader has
/// read enough.
///
/// # Errors
/// If stdout cannot be written for another reason.
pub(crate) fn printed(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// Prints what the owner of the data should know about how they were read.
pub(crate) fn notices(dataset: &Dataset) {
    tell_of(dataset.source(), dataset.notices());
}

/// Prints the notices that a table read in parts has collected since the last call.
pub(crate) fn stream_notices(stream: &mut Stream) {
    let notices = stream.take_notices();
    tell_of(stream.source(), &notices);
}

/// Prints notices about `source`.
fn tell_of(source: &str, notices: &[String]) {
    for notice in notices {
        tell(&format!("{source}: {notice}"));
    }
}

/// Prints that the file `path` was written.
pub(crate) fn wrote(path: &Path) {
    tell(&format!("wrote {}", path.display()));
}

/// Prints by how much the parameters were rounded, at most, for a file, and what its graph takes.
pub(crate) fn exported(exported: &Exported) {
    tell(&format!(
        "parameters are rounded to f32, by {:.1e} at most",
        exported.rounding
    ));
    exported.inputs.iter().for_each(|inputs| tell(inputs));
}

/// Prints which metrics are left out, and why.
pub(crate) fn not_measured(metrics: &Metrics) {
    metrics.notes.iter().for_each(|note| tell(note));
}

/// Prints the size of a converted table, and what the conversion lost.
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

/// Prints what is measured next.
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
