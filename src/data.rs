//! Where data enter: a shape, names, and any block of rows on demand.

mod article;
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
mod weights;

pub use column::Column;
pub use encoded::Encoded;
pub use lines::Lines;
pub(crate) use read::RowsRead;
pub use rows::{ColumnView, FirstFault, TableValues, scan_views};
pub use scaling::Scaling;
pub(crate) use storage::Quantization;
pub use storage::{Storage, StorageRounding};
pub use stored::Stored;
pub use synthetic::Synthetic;

use crate::error::{Error, Result};
use crate::leaves::Leaves;
use rows::RowStore;
use std::sync::{Arc, OnceLock};

/// The samples to train on: `inputs` (N, I) and `targets` (N, O) in f32, all finite.
#[derive(Clone, Debug)]
pub struct Dataset {
    source: String,
    n_samples: usize,
    input_names: Vec<String>,
    target_names: Vec<String>,
    /// What the features were made of, in their order.
    columns: Vec<Column>,
    classes: Option<Classes>,
    /// Whether the weight of each sample follows its targets.
    weighted: bool,
    /// Their sum, once it was asked for.
    total_weight: Arc<OnceLock<f64>>,
    /// How features are scaled on their way out of the rows.
    scaling: Option<Arc<Scaling>>,
    reading: Option<Reading>,
    notices: Vec<String>,
    /// As they came; data sets that store the same rows in another way share them.
    rows: Arc<RowStore>,
    /// How the inputs are kept.
    quantization: Quantization,
}

/// The classes of a column. Of two, the one target (N, 1) is 1 for the second and 0 for the first; of more, there
/// is a target for each (N, C), named `column=class`, 1 for the sample's own class and otherwise 0.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Classes {
    /// The column's name.
    pub column: String,
    /// The classes, in order.
    pub names: Vec<String>,
}

impl Classes {
    /// O: the outputs that predict the classes, one for two classes and otherwise one each.
    #[must_use]
    pub fn n_outputs(&self) -> usize {
        match self.names.len() {
            2 => 1,
            n_classes => n_classes,
        }
    }

    /// Names of the outputs (O): the column's for two classes, otherwise those of the probabilities.
    #[must_use]
    pub fn output_names(&self) -> Vec<String> {
        match self.names.len() {
            2 => vec![self.column.clone()],
            _ => self.probability_names(),
        }
    }

    /// Names of the probabilities of all classes, `column=class` each.
    #[must_use]
    pub fn probability_names(&self) -> Vec<String> {
        let names = self.names.iter();
        names
            .map(|name| format!("{}={name}", self.column))
            .collect()
    }
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
        article::dataset()
    }

    /// RowStore made on demand, a function of the seed and the row's number alone.
    #[must_use]
    pub fn synthetic(synthetic: Synthetic) -> Self {
        Self::of(
            synthetic.to_string(),
            synthetic.n_samples(),
            numbered("x", synthetic.n_inputs()),
            vec!["y".to_owned()],
            RowStore::Synthetic(synthetic),
        )
    }

    /// Samples already in memory: `inputs` (N, I) and `targets` (N, O), row-major.
    ///
    /// # Errors
    /// Where the lengths do not agree, there is no sample, or a value is not finite.
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
        if inputs.len() != n_samples * n_inputs || targets.len() != n_samples * n_outputs {
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
        let rows = RowStore::in_memory(
            ColumnView::whole(inputs, n_inputs),
            ColumnView::whole(targets, n_outputs),
        );
        let (input_names, target_names) = (numbered("x", n_inputs), numbered("y", n_outputs));
        Ok(Self::of(source, n_samples, input_names, target_names, rows))
    }

    /// RowStore as they came, of numbers, each counting once.
    fn of(
        source: String,
        n_samples: usize,
        input_names: Vec<String>,
        target_names: Vec<String>,
        rows: RowStore,
    ) -> Self {
        Self {
            source,
            n_samples,
            columns: input_names
                .iter()
                .map(|name| Column::number(name))
                .collect(),
            input_names,
            target_names,
            classes: None,
            weighted: false,
            total_weight: Arc::default(),
            scaling: None,
            reading: None,
            notices: Vec::new(),
            rows: Arc::new(rows),
            quantization: Quantization::default(),
        }
    }

    /// Where the data come from, as it was named.
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

    /// How the file was read that the data come from; none where they come from no file.
    #[must_use]
    pub fn reading(&self) -> Option<Reading> {
        self.reading
    }

    /// What was made of the data that their owner should know: which empty cells were filled, and with what.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The classes that the targets stand for; none where these are numbers of their own.
    #[must_use]
    pub fn classes(&self) -> Option<&Classes> {
        self.classes.as_ref()
    }

    /// The same samples, their targets standing for `classes`.
    ///
    /// # Errors
    /// Where the targets are not as many as classes have.
    pub fn with_classes(&self, classes: Classes) -> Result<Self> {
        let n_targets = classes.n_outputs();
        if n_targets != self.n_outputs() || n_targets == 0 {
            return Err(Error::Dataset {
                source_name: self.source.clone(),
                reason: format!(
                    "{} classes need {n_targets} targets, and there are {}",
                    classes.names.len(),
                    self.n_outputs()
                ),
            });
        }
        Ok(Self {
            classes: Some(classes),
            ..self.clone()
        })
    }

    /// Whether each sample has a weight, which stands behind its targets.
    #[must_use]
    pub fn is_weighted(&self) -> bool {
        self.weighted
    }

    /// Numbers of a row of targets: O, and one more where there are weights.
    #[must_use]
    pub fn target_width(&self) -> usize {
        self.n_outputs() + usize::from(self.weighted)
    }

    /// Bytes of the inputs as they are kept and of the targets: what one iteration has to read.
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

    /// The first target outside [0, 1]: its row, its output, and its value.
    pub(crate) fn target_outside_unit(&self) -> Option<(usize, usize, f32)> {
        match &*self.rows {
            RowStore::Stored {
                targets,
                outside_unit,
                ..
            } => outside_unit.map(|(row, output)| (row, output, targets.value(row, output))),
            // Generated targets are 0 and 1.
            RowStore::Synthetic(_) => None,
        }
    }

    /// How values become codes, and codes values.
    pub(crate) fn quantization(&self) -> &Quantization {
        &self.quantization
    }

    /// The place of one target as a person would look for it: file, line and column, or row and column.
    #[must_use]
    pub fn target_place(&self, row: usize, output: usize) -> String {
        self.place(row, &self.target_names[output])
    }

    /// The place of one input, likewise.
    #[must_use]
    pub fn input_place(&self, row: usize, input: usize) -> String {
        self.place(row, &self.input_names[input])
    }

    fn place(&self, row: usize, name: &str) -> String {
        let source = &self.source;
        let line = match &*self.rows {
            RowStore::Stored { lines, .. } => lines.line(row),
            RowStore::Synthetic(_) => None,
        };
        match line {
            Some(line) => format!("{source}:{line}: column `{name}`"),
            None => format!("{source}: row {row}, column `{name}`"),
        }
    }
}

/// As many names as `n`, numbered from 0.
fn numbered(name: &str, n: usize) -> Vec<String> {
    (0..n).map(|number| format!("{name}{number}")).collect()
}

fn outside_unit(target: f32) -> bool {
    !(0.0..=1.0).contains(&target)
}
