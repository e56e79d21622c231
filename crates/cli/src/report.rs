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
pub(crate) use metrics::useless;
pub(crate) use progress::Reporter;
pub(crate) use results::{EvaluateResult, ModelResult, TrainResult, ValidateResult};
pub(crate) use run::{Run, SampleSettings, TrainingSettings};

use crate::error::{Error, Result};
use crate::onnx::Exported;
use anstyle::{AnsiColor, Style};
use format::counted;
use neuralnet::Predictor;
use neuralnet::backend::BackendKind;
use neuralnet_table::Converted;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Prints why `command` failed and returns the exit code.
pub(crate) fn failed(error: &Error, command: &clap::Command) -> ExitCode {
    print_line(ERROR, &error.told(command));
    ExitCode::from(error.exit_code())
}

/// The result of a command: `--json` prints it as it serializes, and otherwise it is text for people.
pub(crate) trait Report: Serialize {
    /// Writes the text.
    fn text(&self, out: &mut dyn Write) -> io::Result<()>;
}

/// Prints `report` on stdout, as one line of JSON or as text.
pub(crate) fn print(report: &impl Report, as_json: bool) -> Result<()> {
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
pub(crate) fn printed(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}

/// Prints what the owner of the data in `source` should know about how they were read.
pub(crate) fn notices(notices: &[String], source: &str) {
    for notice in notices {
        tell(&format!("{source}: {notice}"));
    }
}

/// Prints which backend predicts, and why, unless there was nothing to choose.
pub(crate) fn predictor(predictor: &Predictor<'_>) {
    if let Some(why) = predictor.notice() {
        let (kind, adapter) = (predictor.kind(), predictor.adapter());
        tell(&on_hardware("predicting", kind, &adapter, why));
    }
}

/// What is done on which hardware, and why there, if `why` says anything.
fn on_hardware(doing: &str, kind: BackendKind, adapter: &str, why: &str) -> String {
    let why = match why.is_empty() {
        true => String::new(),
        false => format!(" ({why})"),
    };
    let kind = kind.name().to_uppercase();
    format!("{doing} on the {kind}: {adapter}{why}")
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

/// Prints the size of a converted table, and what the conversion lost.
pub(crate) fn converted(path: &Path, converted: &Converted) {
    for notice in &converted.notices {
        tell(notice);
    }
    let bytes = converted.bytes.map(|bytes| format!(", {bytes} bytes"));
    tell(&format!(
        "wrote {}: {} of {}{}",
        path.display(),
        counted(converted.n_rows, "row"),
        counted(converted.n_columns, "column"),
        bytes.unwrap_or_default()
    ));
}

/// The colour of the name before a notice.
const NOTICE: Style = AnsiColor::Cyan.on_default();
/// The colour of the name before an error, as clap has it.
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Prints a notice as one line on stderr.
pub(crate) fn tell(text: &str) {
    print_line(NOTICE, text);
}

/// Prints one line on stderr, the name of the program in `style` where `--color` and the terminal allow it. Control
/// characters, as a name of a file may have them, are shown as such. A closed stderr is not an error: nobody reads it.
fn print_line(style: Style, text: &str) {
    let text: Vec<String> = text.split('\n').map(format::shown).collect();
    let text = text.join("\n");
    drop(writeln!(
        anstream::stderr(),
        "{style}neuralnet:{style:#} {text}"
    ));
}
