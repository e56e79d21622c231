//! Why a table cannot be read or written: the place, the reason, and the remedies.

use rayon::prelude::*;
use std::fmt;
use std::path::{Path, PathBuf};

/// A result whose error is a reason alone, to be told by whoever knows the place.
pub(crate) type Unplaced<T> = std::result::Result<T, String>;

/// The result of every fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a table cannot be read or written. Nothing was trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file as it was named.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The table, or a place in it, cannot be used as it is.
    #[error("{place}: {reason}{}", told(remedies))]
    Table {
        /// Where.
        place: Box<Place>,
        /// What is wrong, and what to do if no setting helps.
        reason: String,
        /// Whether the column is of texts where numbers are needed.
        is_text: bool,
        /// Settings that help, each on its own.
        remedies: Vec<Remedy>,
    },
    /// A setting cannot be used on this table.
    #[error("`{setting}`: {reason}")]
    Setting {
        /// The name of the setting: a field of [`TableOptions`](crate::TableOptions), of the options in it, or of
        /// [`ModelOptions`](crate::ModelOptions), or an argument of the function.
        setting: &'static str,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The samples, or the file to write, are refused by the library below.
    #[error(transparent)]
    Library(#[from] neuralnet::Error),
}

/// A place in a table, as a person would look for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file or other source as it was named.
    pub source: String,
    /// The line, counted from 1, of a file of lines.
    pub line: Option<u64>,
    /// The row, counted from 0, of a table without lines.
    pub row: Option<usize>,
    /// The name of the column.
    pub column: Option<String>,
}

impl Place {
    /// The source that is named so as a whole.
    pub(crate) fn of(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            ..Self::default()
        }
    }

    /// The file as a whole.
    pub(crate) fn file(path: &Path) -> Self {
        Self::of(&path.display().to_string())
    }

    /// A line of a file.
    pub(crate) fn line(path: &Path, line: u64) -> Self {
        Self {
            line: Some(line),
            ..Self::file(path)
        }
    }

    /// This place, in the column `name`.
    pub(crate) fn column(self, name: &str) -> Self {
        Self {
            column: Some(name.to_owned()),
            ..self
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        match (self.row, &self.column) {
            (Some(row), Some(column)) => write!(f, ": row {row}, column `{}`", shown(column)),
            (Some(row), None) => write!(f, ": row {row}"),
            (None, Some(column)) => write!(f, ": column `{}`", shown(column)),
            (None, None) => Ok(()),
        }
    }
}

/// A setting that helps: its name, its value, and what it does, in words that follow them: `impute` mean "fills
/// the missing cells". A program with other names for the settings, such as flags, can tell it in those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The name of the setting.
    pub setting: &'static str,
    /// Its value: for a switch, true or false.
    pub value: String,
    /// What it does.
    pub effect: &'static str,
}

impl Remedy {
    /// That a text counts as a missing cell, if it can be named among others: they have commas between them.
    pub(crate) fn missing(text: &str) -> Option<Self> {
        let can_be = text.len() < 20 && !text.contains([',', '\n']);
        can_be.then(|| Self::new("missing", text, "counts it as missing"))
    }

    pub(crate) fn new(
        setting: &'static str,
        value: impl Into<String>,
        effect: &'static str,
    ) -> Self {
        Self {
            setting,
            value: value.into(),
            effect,
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            setting,
            value,
            effect,
        } = self;
        match value.is_empty() {
            true => write!(f, "`{setting}` {effect}"),
            false => write!(f, "`{setting}` {value} {effect}"),
        }
    }
}

/// The remedies behind a reason.
fn told(remedies: &[Remedy]) -> String {
    let told = remedies.iter().map(|remedy| format!("; {remedy}"));
    told.collect()
}

impl Error {
    /// What is wrong with the file `path` as a whole.
    pub(crate) fn file(path: &Path, reason: impl Into<String>) -> Self {
        Self::at(Place::file(path), reason)
    }

    /// What is wrong at `place`, if no setting helps.
    pub(crate) fn at(place: Place, reason: impl Into<String>) -> Self {
        Self::Table {
            place: Box::new(place),
            reason: reason.into(),
            is_text: false,
            remedies: Vec::new(),
        }
    }

    /// What is wrong with the setting `setting`.
    pub(crate) fn setting(setting: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Setting { setting, reason }
    }

    /// This error, which may say that one more text counts as missing, beside those that `given` names.
    pub(crate) fn beside(mut self, given: Option<&Vec<String>>) -> Self {
        if let (Self::Table { remedies, .. }, Some(given)) = (&mut self, given) {
            // The list that is given may name what an empty one keeps.
            remedies.retain(|remedy| remedy.setting != "missing" || !remedy.value.is_empty());
            let missing = remedies.iter_mut();
            for remedy in missing.filter(|remedy| remedy.setting == "missing") {
                remedy.value = format!("{},{}", given.join(","), remedy.value);
            }
        }
        self
    }

    /// This error with one more remedy.
    pub(crate) fn or(mut self, remedy: Remedy) -> Self {
        if let Self::Table { remedies, .. } = &mut self {
            remedies.push(remedy);
        }
        self
    }
}

/// All results, or the first error, whichever thread was first.
pub(crate) fn in_order<T: Send, E: Send>(
    results: impl ParallelIterator<Item = std::result::Result<T, E>>,
) -> std::result::Result<Vec<T>, E> {
    let results: Vec<_> = results.collect();
    results.into_iter().collect()
}

/// Names, in one line and not too many.
pub(crate) fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    some_of(
        names
            .into_iter()
            .map(|name| format!("`{}`", shown(name.as_ref()))),
    )
}

/// The first of some words, and how many more there are.
pub(crate) fn some_of(words: impl IntoIterator<Item = String>) -> String {
    const SHOWN: usize = 20;
    let mut words = words.into_iter();
    let mut list: Vec<String> = words.by_ref().take(SHOWN).collect();
    let more = words.count();
    if more > 0 {
        list.push(format!("and {more} more"));
    }
    list.join(", ")
}

/// A name or a cell on one line, cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text[..end].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}
