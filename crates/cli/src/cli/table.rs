//! The arguments that say how a table is read, and what its columns are.

use super::choice::choice;
use clap::{Args, ValueEnum};
use neuralnet::ClassWeight;
use neuralnet_table::{Impute, ModelOptions, TableOptions, TextOptions};
use std::path::PathBuf;

/// The labels of pictures.
#[derive(Debug, Args)]
pub(crate) struct LabelsArgs {
    /// The labels of pictures in the IDX format (default: beside `…images…` the file `…labels…`)
    #[arg(long = "labels", value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,
}

/// How the text of a CSV file is read.
#[derive(Debug, Args)]
#[command(next_help_heading = "CSV")]
pub(crate) struct TextArgs {
    /// What separates the cells of a line: a character, `tab`, or `space` for however much white space (default: the one of `,`, `;`, tab and `|` that fits the first lines, or white space if none does)
    #[arg(long, value_name = "CHARACTER", value_parser = separator)]
    separator: Option<char>,
    /// What separates the decimals of a number: `.` or `,` (default: `.`)
    #[arg(long, value_name = "CHARACTER", value_parser = decimal)]
    decimal: Option<char>,
    /// The texts that stand for a missing cell besides the empty one, separated by commas (default: NA, NaN, null, None, ?, \N, #DIV/0! and their usual spellings; with a model those of its training)
    #[arg(
        long,
        value_name = "TEXT",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    missing: Option<Vec<String>>,
    /// Take the first line as the names of the columns even if it looks like data
    #[arg(long, overrides_with = "no_header")]
    header: bool,
    /// Take the first line as a row; the columns are named #1, #2 and so on
    #[arg(long, overrides_with = "header")]
    no_header: bool,
}

fn separator(text: &str) -> Result<char, String> {
    let mut characters = text.chars();
    match (text, characters.next(), characters.next()) {
        ("tab" | "\\t", ..) => Ok('\t'),
        ("space", ..) => Ok(' '),
        (_, Some(character), None) if character.is_ascii() && !"\"\r\n".contains(character) => {
            Ok(character)
        }
        _ => Err("a separator is one ASCII character, and no quote or line end".to_owned()),
    }
}

fn decimal(text: &str) -> Result<char, String> {
    match text {
        "." => Ok('.'),
        "," => Ok(','),
        _ => Err("decimals are separated by `.` or `,`".to_owned()),
    }
}

impl TextArgs {
    /// The arguments as the library takes them.
    pub(crate) fn options(&self) -> TextOptions {
        TextOptions {
            separator: self.separator,
            decimal: self.decimal,
            missing: self.missing.clone(),
            header: match (self.header, self.no_header) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
        }
    }
}

/// What becomes of a category that a model does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum UnknownCategory {
    /// It ends the command
    Error,
    /// It is none of those the model knows: each of their features is 0
    Zero,
}

/// How a table is read for a model.
#[derive(Debug, Args)]
pub(crate) struct ModelDataArgs {
    /// What becomes of a category that the model does not know
    #[arg(long, value_enum, default_value = "error")]
    unknown_category: UnknownCategory,
    #[command(flatten)]
    text: TextArgs,
}

impl ModelDataArgs {
    /// The arguments as the library takes them.
    pub(crate) fn options(&self) -> ModelOptions {
        ModelOptions {
            text: self.text.options(),
            unknown_as_zero: self.unknown_category == UnknownCategory::Zero,
            ..ModelOptions::default()
        }
    }
}

/// The roles of a table's columns.
#[derive(Debug, Args)]
#[command(next_help_heading = "Table")]
pub(super) struct TableArgs {
    /// The file's target column, or several, separated by commas; one of texts becomes classes. A column is named by its name or, as #1, by its place; a name with a comma stands alone, and the flag may be repeated (default: the last column)
    #[arg(long, value_name = "COLUMN")]
    target: Vec<String>,
    /// The feature columns, separated by commas (default: all that are not used otherwise)
    #[arg(long, value_name = "COLUMN")]
    features: Vec<String>,
    /// Columns that are not features, separated by commas
    #[arg(long, value_name = "COLUMN")]
    drop: Vec<String>,
    /// Take the target's values as classes even if they are numbers
    #[arg(long)]
    classes: bool,
    /// Feature columns, separated by commas, each of which becomes a 0/1 feature for every text in it
    #[arg(long, value_name = "COLUMN")]
    one_hot: Vec<String>,
    /// What replaces a feature's missing cells (default: they are an error)
    #[arg(long, value_parser = choice::<Impute>(), value_name = "HOW")]
    impute: Option<Impute>,
    /// Leave out the rows whose target is missing (default: they are an error)
    #[arg(long)]
    pub(super) drop_missing_targets: bool,
    /// The column of the samples' weights, which are 0 or more; it is not a feature then
    #[arg(long, value_name = "COLUMN")]
    pub(super) sample_weight: Option<String>,
    /// Weigh the classes of the samples that are trained on, and of no others: `balanced`, so that every class counts alike, or NAME=WEIGHT for some classes, separated by commas; the target's values are classes then
    #[arg(long, value_name = "HOW")]
    pub(super) class_weight: Option<ClassWeight>,
    #[command(flatten)]
    pub(super) labels: LabelsArgs,
    #[command(flatten)]
    pub(super) text: TextArgs,
}

impl TableArgs {
    /// The first flag given that says how the columns are encoded.
    pub(super) fn encoding(&self) -> Option<&'static str> {
        let flags = [
            ("--target", !self.target.is_empty()),
            ("--features", !self.features.is_empty()),
            ("--drop", !self.drop.is_empty()),
            ("--classes", self.classes),
            ("--one-hot", !self.one_hot.is_empty()),
            ("--impute", self.impute.is_some()),
            ("--labels", self.labels.path.is_some()),
        ];
        let given = flags.into_iter().find(|(_, is_given)| *is_given);
        given.map(|(flag, _)| flag)
    }

    /// The arguments as the library takes them; columns keep their zero for a network without a bias, and are fitted to what the split `holdout` leaves to train on.
    pub(super) fn options(&self, without_bias: bool, holdout: Option<(f64, u32)>) -> TableOptions {
        TableOptions {
            holdout,
            text: self.text.options(),
            keep_zero: without_bias,
            drop_missing_targets: self.drop_missing_targets,
            targets: self.target.clone(),
            features: self.features.clone(),
            drop: self.drop.clone(),
            classes: self.classes || self.class_weight.is_some(),
            one_hot: self.one_hot.clone(),
            impute: self.impute,
            sample_weight: self.sample_weight.clone(),
            labels: self.labels.path.clone(),
        }
    }
}
