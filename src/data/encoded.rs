//! The columns of a table once they are encoded: the door by which readers of tables hand data in.

use super::rows::RowStore;
use super::{Classes, Column, ColumnView, Dataset, Lines, Reading};

/// The columns of a table as a reader of tables hands them to [`Dataset::from_encoded`], all of their values finite.
#[derive(Debug)]
pub struct Encoded {
    /// Where the table comes from, as it was named.
    pub source: String,
    /// N: rows of the table.
    pub n_samples: usize,
    /// What the features were made of, in their order.
    pub columns: Vec<Column>,
    /// The features (N, I).
    pub inputs: ColumnView,
    /// The targets (N, O), and behind them the weight of each sample if there is one.
    pub targets: ColumnView,
    /// Names of the targets (O).
    pub target_names: Vec<String>,
    /// The classes that the targets stand for; `None` for numbers.
    pub classes: Option<Classes>,
    /// Whether the last column of `targets` is the weight of each sample.
    pub is_weighted: bool,
    /// Where the rows stand in a file of lines.
    pub lines: Lines,
    /// Row and output of the first target outside [0, 1], as [`ColumnView::first_outside_unit`] finds it.
    pub outside_unit: Option<(usize, usize)>,
    /// What the owner of the data should know of their encoding.
    pub notices: Vec<String>,
    /// How the file was read.
    pub reading: Option<Reading>,
}

impl Dataset {
    /// The encoded columns of a table as samples.
    #[must_use]
    pub fn from_encoded(encoded: Encoded) -> Self {
        let Encoded {
            source,
            n_samples,
            columns,
            inputs,
            targets,
            target_names,
            classes,
            is_weighted,
            lines,
            outside_unit,
            notices,
            reading,
        } = encoded;
        let input_names = columns.iter().flat_map(Column::feature_names).collect();
        let rows = RowStore::Stored {
            inputs,
            targets,
            lines,
            outside_unit,
        };
        Self {
            columns,
            classes,
            weighted: is_weighted,
            notices,
            reading,
            ..Self::of(source, n_samples, input_names, target_names, rows)
        }
    }
}
