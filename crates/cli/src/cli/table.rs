//! The arguments that say what a table's columns are.

use super::choice::choice;
use clap::Args;
use neuralnet_table::{ClassWeight, Impute, TableOptions};
use std::path::PathBuf;

/// The labels of pictures.
#[derive(Debug, Args)]
pub(crate) struct LabelsArgs {
    /// The labels of pictures in the IDX format (default: beside `…images…` the file `…labels…`)
    #[arg(long = "labels", value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,
}

/// The roles of a table's columns.
#[derive(Debug, Args)]
#[command(next_help_heading = "Table")]
pub(super) struct TableArgs {
    /// The file's target column, or several, separated by commas; one of texts becomes classes (default: the last column)
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    target: Vec<String>,
    /// The feature columns, separated by commas (default: all that are not used otherwise)
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    features: Vec<String>,
    /// Columns that are not features, separated by commas
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    drop: Vec<String>,
    /// Take the target's values as classes even if they are numbers
    #[arg(long)]
    classes: bool,
    /// Feature columns, separated by commas, each of which becomes a 0/1 feature for every text in it
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    one_hot: Vec<String>,
    /// What replaces a feature's empty cells (default: they are an error)
    #[arg(long, value_parser = choice::<Impute>(), value_name = "HOW")]
    impute: Option<Impute>,
    /// The column of the samples' weights, which are 0 or more; it is not a feature then
    #[arg(long, value_name = "COLUMN")]
    sample_weight: Option<String>,
    /// `balanced`, so that every class counts alike, or NAME=WEIGHT for some classes, separated by commas; the target's values are classes then
    #[arg(long, value_name = "HOW")]
    class_weight: Option<ClassWeight>,
    #[command(flatten)]
    labels: LabelsArgs,
}

impl TableArgs {
    /// The arguments as the library takes them.
    pub(super) fn options(&self) -> TableOptions {
        TableOptions {
            targets: self.target.clone(),
            features: self.features.clone(),
            drop: self.drop.clone(),
            classes: self.classes,
            one_hot: self.one_hot.clone(),
            impute: self.impute,
            sample_weight: self.sample_weight.clone(),
            class_weight: self.class_weight.clone(),
            labels: self.labels.path.clone(),
        }
    }
}
