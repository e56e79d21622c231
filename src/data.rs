//! Data sets: a shape, names, and any block of rows on demand.

mod class_weight;
mod classes;
mod column;
mod encoded;
mod fingerprint;
mod lines;
mod read;
mod rows;
mod scaling;
mod split;
mod storage;
mod stored;
mod synthetic;
mod target_scaling;
mod targets;
mod weights;

pub use class_weight::ClassWeight;
pub use classes::Classes;
pub use column::{Column, Time};
pub use encoded::Encoded;
pub(crate) use fingerprint::fingerprint;
pub use lines::Lines;
pub(crate) use read::RowsRead;
pub use rows::{ColumnView, Scanned, TableValues, scan_views};
pub use scaling::Scaling;
pub use split::in_holdout;
pub(crate) use storage::Quantization;
pub use storage::{Storage, StorageRounding};
pub use stored::Stored;
pub(crate) use synthetic::{Labels, UNITS};
pub use synthetic::{Rule, Synthetic};
pub use target_scaling::TargetScaling;

use crate::error::{Error, Result};
use crate::leaves::Leaves;
use rows::RowStore;
use std::sync::{Arc, OnceLock};

/// What is wrong with samples that have no targets where some are needed.
pub(crate) const FEATURES_ALONE: &str =
    "was opened for its features alone; there is no target to train on";

/// The samples to train on: `inputs` (N, I) and `targets` (N, O) in f32, all finite.
#[derive(Clone, Debug)]
pub struct Dataset {
    source: String,
    n_samples: usize,
    input_names: Vec<String>,
    target_names: Vec<String>,
    /// What was taken from each target before it was rounded to f32; empty for nothing.
    target_offsets: Vec<f64>,
    /// What each target counts that was a date or a time; empty if none was.
    target_times: Vec<Option<Time>>,
    /// The texts of its table that stood for a missing cell; `None` for the usual ones.
    missing_texts: Option<Vec<String>>,
    /// The columns of the table that the features were made of, in their order.
    columns: Vec<Column>,
    classes: Option<Classes>,
    /// The sum of the weights, computed when it is first asked for.
    total_weight: Arc<OnceLock<f64>>,
    /// How features are scaled when rows are read.
    scaling: Option<Arc<Scaling>>,
    /// How targets are scaled when rows are read.
    target_scaling: Option<Arc<TargetScaling>>,
    reading: Option<Reading>,
    notices: Vec<String>,
    bayes_accuracy: Option<f64>,
    /// The rows before scaling and rounding; data sets that differ in these alone share them.
    rows: Arc<RowStore>,
    /// How the inputs are rounded to their storage.
    quantization: Quantization,
}

/// How a file was read.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Reading {
    /// Bytes of the table: of a compressed one, unpacked.
    pub bytes: u64,
    /// Seconds from its opening until its rows could be used.
    pub seconds: f64,
}

impl Dataset {
    /// The three samples of the article: `[0, 1, 1]` is 1, `[1, 0, 0]` is 0, `[1, 0, 1]` is 1.
    #[must_use]
    pub fn article() -> Self {
        let inputs = [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 1.0]].concat();
        let inputs = ColumnView::whole(inputs, 3);
        let targets = ColumnView::whole(vec![1.0, 0.0, 1.0], 1);
        let rows = RowStore::stored(inputs, targets, 1, Lines::default());
        let (source, columns) = ("article".to_owned(), numbered_columns(3));
        Self::of(source, 3, columns, vec!["y".to_owned()], rows)
    }

    /// Rows made on demand, each a function of the seed and its number alone.
    #[must_use]
    pub fn synthetic(synthetic: Synthetic) -> Self {
        Self {
            bayes_accuracy: Some(synthetic.bayes_accuracy()),
            ..Self::of(
                synthetic.to_string(),
                synthetic.n_samples(),
                numbered_columns(synthetic.n_inputs()),
                vec!["y".to_owned()],
                RowStore::Synthetic(synthetic),
            )
        }
    }

    /// Samples already in memory: `inputs` (N, I) and `targets` (N, O), row-major.
    ///
    /// # Errors
    /// If the lengths do not agree, there is no sample, or a value is not finite.
    pub fn from_rows(
        source: impl Into<String>,
        n_inputs: usize,
        n_outputs: usize,
        inputs: Vec<f32>,
        targets: Vec<f32>,
    ) -> Result<Self> {
        let source = source.into();
        let fail = |reason| {
            Err(Error::Dataset {
                source_name: source.clone(),
                reason,
            })
        };
        if n_inputs == 0 || n_outputs == 0 || inputs.is_empty() {
            return fail(format!(
                "{} inputs and {} targets in rows of {n_inputs} and {n_outputs}: at least one of each is needed",
                inputs.len(),
                targets.len()
            ));
        }
        let n_samples = inputs.len() / n_inputs;
        let n_targets = n_samples.checked_mul(n_outputs);
        if inputs.len() != n_samples * n_inputs || Some(targets.len()) != n_targets {
            return fail(format!(
                "{} inputs in rows of {n_inputs} and {} targets in rows of {n_outputs} are not the same number of whole rows",
                inputs.len(),
                targets.len()
            ));
        }
        for (what, values, width) in [
            ("input", &inputs, n_inputs),
            ("target", &targets, n_outputs),
        ] {
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                return fail(format!(
                    "{what} at row {}, column {} is {}; every value must be finite",
                    at / width,
                    at % width,
                    values[at]
                ));
            }
        }
        let rows = RowStore::stored(
            ColumnView::whole(inputs, n_inputs),
            ColumnView::whole(targets, n_outputs),
            n_outputs,
            Lines::default(),
        );
        let (columns, target_names) = (numbered_columns(n_inputs), numbered("y", n_outputs));
        Ok(Self::of(source, n_samples, columns, target_names, rows))
    }

    /// A data set of numbers that are neither scaled nor rounded, without classes. The names of its features are
    /// those that `columns` give.
    fn of(
        source: String,
        n_samples: usize,
        columns: Vec<Column>,
        target_names: Vec<String>,
        rows: RowStore,
    ) -> Self {
        Self {
            source,
            n_samples,
            input_names: columns.iter().flat_map(Column::feature_names).collect(),
            columns,
            target_names,
            target_offsets: Vec::new(),
            target_times: Vec::new(),
            missing_texts: None,
            classes: None,
            total_weight: Arc::default(),
            scaling: None,
            target_scaling: None,
            reading: None,
            notices: Vec::new(),
            bayes_accuracy: None,
            rows: Arc::new(rows),
            quantization: Quantization::default(),
        }
    }

    /// The name of the data: that of a file, a URL, or `article`, or the description of a synthetic batch.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether these are the article's samples, for which its settings are the defaults.
    #[must_use]
    pub fn is_article(&self) -> bool {
        let article = Self::article();
        self.source == article.source && self.unrounded().stored() == article.stored()
    }

    /// N: number of samples.
    #[must_use]
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// I: features of a sample.
    #[must_use]
    pub fn n_inputs(&self) -> usize {
        self.input_names.len()
    }

    /// O: targets of a sample.
    #[must_use]
    pub fn n_outputs(&self) -> usize {
        self.target_names.len()
    }

    /// Names of the features (I).
    #[must_use]
    pub fn input_names(&self) -> &[String] {
        &self.input_names
    }

    /// Names of the targets (O).
    #[must_use]
    pub fn target_names(&self) -> &[String] {
        &self.target_names
    }

    /// The columns that the features were made of, in their order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What was taken from each target (O) before it was rounded to f32, as [`Column::offset`] is from features; empty
    /// for nothing.
    #[must_use]
    pub fn target_offsets(&self) -> &[f64] {
        &self.target_offsets
    }

    /// What each target (O) counts that is a date or a time in its table, as [`Column::time`] says of features; empty if
    /// none is.
    #[must_use]
    pub fn target_times(&self) -> &[Option<Time>] {
        &self.target_times
    }

    /// The texts of their table that stood for a missing cell beside the empty one; `None` for the usual ones.
    #[must_use]
    pub fn missing_texts(&self) -> Option<&[String]> {
        self.missing_texts.as_deref()
    }

    /// These samples, of a table in which `texts` stood for a missing cell; a model of them keeps that.
    #[must_use]
    pub fn with_missing_texts(self, texts: Option<Vec<String>>) -> Self {
        Self {
            missing_texts: texts,
            ..self
        }
    }

    /// How the file of the data was read; `None` if they come from none.
    #[must_use]
    pub fn reading(&self) -> Option<Reading> {
        self.reading
    }

    /// Remarks for the owner of the data: which empty cells were filled, and with what.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The Bayes accuracy, the expected share of samples that a classifier predicts which knows how they are made; `None`
    /// unless they are synthetic and have no weights.
    #[must_use]
    pub fn bayes_accuracy(&self) -> Option<f64> {
        self.bayes_accuracy
    }

    /// The classes that the targets stand for; `None` if the targets are numbers.
    #[must_use]
    pub fn classes(&self) -> Option<&Classes> {
        self.classes.as_ref()
    }

    /// Whether each sample has a weight, which follows its targets.
    #[must_use]
    pub fn is_weighted(&self) -> bool {
        match &*self.rows {
            RowStore::Stored { targets, .. } => targets.n_columns() > self.n_outputs(),
            RowStore::Synthetic(_) => false,
        }
    }

    /// Numbers in a row of targets: O, or O + 1 with the weight.
    #[must_use]
    pub fn target_width(&self) -> usize {
        self.n_outputs() + usize::from(self.is_weighted())
    }

    /// Bytes that one iteration has to read: those of the inputs in their storage, and of the targets.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let row = self.storage().bytes() * self.n_inputs() + 4 * self.target_width();
        self.n_samples as u64 * row as u64
    }

    /// The leaves over which every sum over the samples is taken.
    #[must_use]
    pub fn leaves(&self) -> Leaves {
        Leaves::new(self.n_samples, self.n_inputs(), self.n_outputs())
    }

    /// How inputs are encoded in their storage.
    pub(crate) fn quantization(&self) -> &Quantization {
        &self.quantization
    }

    /// The place of one target as a person would look for it: file, line and column, or row and column.
    pub(crate) fn target_place(&self, row: usize, output: usize) -> String {
        self.place(row, &self.target_names[output])
    }

    /// The place of one input: file, line and column, or row and column.
    #[must_use]
    pub fn input_place(&self, row: usize, input: usize) -> String {
        self.place(row, &self.input_names[input])
    }

    fn place(&self, row: usize, name: &str) -> String {
        let source = &self.source;
        match self.line(row) {
            Some(line) => format!("{source}:{line}: column `{name}`"),
            None => format!("{source}: row {row}, column `{name}`"),
        }
    }

    /// The line of row `row`; `None` if the data come from no file of lines.
    fn line(&self, row: usize) -> Option<u64> {
        match &*self.rows {
            RowStore::Stored { lines, .. } => lines.line(row),
            RowStore::Synthetic(_) => None,
        }
    }

    fn error(&self, reason: String) -> Error {
        Error::Dataset {
            source_name: self.source.clone(),
            reason,
        }
    }
}

/// `n` columns of numbers, `x0` and so on.
fn numbered_columns(n: usize) -> Vec<Column> {
    numbered("x", n).into_iter().map(Column::number).collect()
}

/// `n` names, numbered from 0.
fn numbered(name: &str, n: usize) -> Vec<String> {
    (0..n).map(|number| format!("{name}{number}")).collect()
}

/// Whether `target` lies outside [0, 1].
fn outside_unit(target: f32) -> bool {
    !(0.0..=1.0).contains(&target)
}
