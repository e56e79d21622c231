//! What is made of a table's columns, as it was asked for.

use crate::error::{Error, Result};
use std::path::PathBuf;

/// How the text of a file of lines is read. By default the separator is found, decimals have a point, the first line is
/// a header, and the usual spellings of a missing value are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextOptions {
    /// What separates the cells of a line, of which a space stands for however much white space; without it the one of
    /// `,`, `;`, tab and `|` that fits the first lines, or white space if none does.
    pub separator: Option<char>,
    /// What separates the whole part of a number from its decimals: `.` or `,`; a point if not given.
    pub decimal: Option<char>,
    /// Texts that stand for a missing cell, beside the empty one; [`MISSING`] if not given.
    pub missing: Option<Vec<String>>,
    /// Whether the first line holds the names of the columns; without it a first line that looks like data is an error.
    pub header: Option<bool>,
}

impl TextOptions {
    /// Refuses options that say how text is read, for data of another kind: `what` the data `data` are.
    pub(crate) fn refuse(&self, what: &str, data: &str) -> Result<()> {
        let settings = [
            ("separator", self.separator.is_some()),
            ("decimal", self.decimal.is_some()),
            ("missing", self.missing.is_some()),
            ("header", self.header.is_some()),
        ];
        let reason = format!(
            "is for the text of CSV files, and `{data}` is {what}; leave it out, or convert the data to CSV"
        );
        refuse_given(&settings, reason)
    }
}

/// The texts that stand for a missing cell unless others are named: what pandas, R, SQL, spreadsheets, C and the UCI
/// archive write.
pub const MISSING: [&str; 32] = [
    "NA",
    "N/A",
    "n/a",
    "#N/A",
    "<NA>",
    "NaN",
    "nan",
    "-nan",
    "NAN",
    "NULL",
    "null",
    "Null",
    "None",
    "?",
    "#NA",
    "-NaN",
    "#N/A N/A",
    "Nan",
    "NaT",
    "\\N",
    "#DIV/0!",
    "#VALUE!",
    "#REF!",
    "#NULL!",
    "#NAME?",
    "#NUM!",
    "1.#QNAN",
    "-1.#QNAN",
    "1.#IND",
    "-1.#IND",
    "nan(ind)",
    "-nan(ind)",
];

/// What is made of the columns of a table. By default the last column is the target and all others are features,
/// each a number in every row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableOptions {
    /// How a file of lines is read.
    pub text: TextOptions,
    /// The target columns; the last column if none is named. One column of texts becomes
    /// [`Classes`](neuralnet::Classes).
    ///
    /// A column is named by its name, or by its place as `#1`, `#2` and so on. A name that no column has is taken apart
    /// at its commas.
    pub targets: Vec<String>,
    /// The feature columns, in this order; all others if none is named.
    pub features: Vec<String>,
    /// Columns that are not features, of all others.
    pub drop: Vec<String>,
    /// Whether the values of the target column are classes even if they are numbers.
    pub classes: bool,
    /// Feature columns that become a feature for each of their texts: 1 if the cell is that text, otherwise 0.
    pub one_hot: Vec<String>,
    /// What stands for the missing cells of features; without it they are an error.
    pub impute: Option<Impute>,
    /// Whether rows without a target are left out; otherwise they are an error.
    pub drop_missing_targets: bool,
    /// The column of the weight of each sample; non-negative, and no feature.
    pub sample_weight: Option<String>,
    /// The share and the seed of a [`Dataset::split`](neuralnet::Dataset::split) to come: what fills missing cells, and
    /// which categories there are, is learned from the rows that it leaves to train on.
    pub holdout: Option<(f64, u32)>,
    /// The labels of pictures in the IDX format; otherwise they are looked for beside the pictures.
    pub labels: Option<PathBuf>,
    /// Whether large columns keep their zero, as a network without a bias needs. Otherwise a column whose values are so
    /// far from 0 that f32 would lose their digits is kept as its difference from a number near its mean.
    pub keep_zero: bool,
}

impl TableOptions {
    /// The defaults, with these target columns.
    #[must_use]
    pub fn with_targets(targets: &[&str]) -> Self {
        Self {
            targets: targets.iter().map(|name| (*name).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// Refuses what needs the columns of a file, if `data` is not one.
    pub(crate) fn check_unused(&self, data: &str) -> Result<()> {
        let settings = [
            ("targets", !self.targets.is_empty()),
            ("features", !self.features.is_empty()),
            ("drop", !self.drop.is_empty()),
            ("classes", self.classes),
            ("one_hot", !self.one_hot.is_empty()),
            ("impute", self.impute.is_some()),
            ("drop_missing_targets", self.drop_missing_targets),
            ("sample_weight", self.sample_weight.is_some()),
            ("labels", self.labels.is_some()),
        ];
        refuse_columns(&settings, data)?;
        self.text.refuse("generated", data)
    }
}

/// Refuses the settings that are given of those that need the columns of a file, for `data`, which is none.
fn refuse_columns(settings: &[(&'static str, bool)], data: &str) -> Result<()> {
    let reason = format!("is for the columns of a file, and `{data}` is not a file; leave it out");
    refuse_given(settings, reason)
}

/// Refuses the first of these settings that is given.
fn refuse_given(settings: &[(&'static str, bool)], reason: String) -> Result<()> {
    match settings.iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((setting, _)) => Err(Error::setting(setting, reason)),
    }
}

/// How rows of a new table are encoded for a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelOptions {
    /// How a file of lines is read.
    pub text: TextOptions,
    /// Whether a category that the model does not know is none of those it knows, so that all of its features are 0;
    /// otherwise it is an error.
    pub unknown_as_zero: bool,
    /// The column of the weight of each sample, where targets are read too.
    pub sample_weight: Option<String>,
    /// Whether rows without a target are left out, where targets are read too; otherwise they are an error.
    pub drop_missing_targets: bool,
}

/// What stands for the missing cells of a feature: a number made of its other cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impute {
    /// Their mean.
    Mean,
    /// Their median: of an even number of cells, the mean of the middle two.
    Median,
    /// 0.
    Zero,
}

impl ModelOptions {
    /// Refuses what needs the columns of a file, if `data` is not one.
    pub(crate) fn check_unused(&self, data: &str) -> Result<()> {
        let settings = [
            ("drop_missing_targets", self.drop_missing_targets),
            ("sample_weight", self.sample_weight.is_some()),
        ];
        refuse_columns(&settings, data)?;
        self.text.refuse("generated", data)
    }
}
