//! How readers of tables hand data in: as encoded columns.

use super::rows::RowStore;
use super::{Classes, Column, ColumnView, Dataset, Lines, Reading, Scanned, Time};

/// The encoded columns of a table for [`Dataset::from_encoded`], all of their values finite.
#[derive(Debug)]
pub struct Encoded {
    /// Where the table comes from: the file or URL that the user named.
    pub source: String,
    /// N: rows of the table.
    pub n_samples: usize,
    /// The columns of the table that became features, in order.
    pub columns: Vec<Column>,
    /// The features (N, I).
    pub inputs: ColumnView,
    /// The targets (N, O), or (N, O + 1) if the last column is the weight of each sample.
    pub targets: ColumnView,
    /// Names of the targets (O) if they are numbers; classes name their own.
    pub target_names: Vec<String>,
    /// What was taken from each target (O) before it was rounded to f32; empty for nothing.
    pub target_offsets: Vec<f64>,
    /// What each target (O) counts that is a date or a time in the table; empty if none is.
    pub target_times: Vec<Option<Time>>,
    /// The classes that the targets stand for; `None` for numbers.
    pub classes: Option<Classes>,
    /// The line of each row in its file.
    pub lines: Lines,
    /// The result of [`scan_views`](super::scan_views) for `inputs` and `targets`; `None` to have the targets scanned.
    pub scanned: Option<Scanned>,
    /// Remarks on the encoding for the owner of the data.
    pub notices: Vec<String>,
    /// How the file was read.
    pub reading: Option<Reading>,
}

impl Dataset {
    /// The samples of an encoded table.
    #[must_use]
    pub fn from_encoded(encoded: Encoded) -> Self {
        let target_names = match &encoded.classes {
            Some(classes) => classes.output_names(),
            None => encoded.target_names,
        };
        let scanned = encoded.scanned;
        let scanned = scanned.unwrap_or_else(|| encoded.targets.scan(target_names.len()));
        let rows = RowStore::Stored {
            inputs: encoded.inputs,
            targets: encoded.targets,
            lines: encoded.lines,
            scanned,
        };
        Self {
            target_offsets: encoded.target_offsets,
            target_times: encoded.target_times,
            classes: encoded.classes,
            notices: encoded.notices,
            reading: encoded.reading,
            ..Self::of(
                encoded.source,
                encoded.n_samples,
                encoded.columns,
                target_names,
                rows,
            )
        }
    }
}
