//! Where data enter: a shape, names, and any block of rows on demand.

mod article;
mod columns;
mod convert;
mod csv;
mod format;
mod idx;
mod interim;
mod map;
mod npy;
mod npz;
mod parquet;
mod storage;
mod stored;
mod synthetic;
mod table;
mod texts;
mod threefry;

use columns::Wanted;
pub use convert::{Converted, convert};
pub(crate) use npy::Header as NpyHeader;
pub(crate) use parquet::{Values as ParquetValues, Writer as ParquetWriter};
pub(crate) use storage::Codes;
pub use storage::{Change, Storage};
pub use stored::Stored;
pub use synthetic::Synthetic;

use crate::error::{Error, Result};
use crate::leaves::Leaves;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The samples to train on: `inputs` (N, I) and `targets` (N, O) in f32, all finite.
#[derive(Clone, Debug)]
pub struct Dataset {
    source: String,
    n_samples: usize,
    input_names: Vec<String>,
    target_names: Vec<String>,
    classes: Option<Classes>,
    /// Whether the weight of each sample follows its targets.
    weighted: bool,
    /// As they came; data sets that store the same rows in another way share them.
    rows: Arc<Rows>,
    /// How the inputs are kept.
    codes: Codes,
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

#[derive(Debug)]
enum Rows {
    Stored {
        inputs: Vec<f32>,
        targets: Vec<f32>,
        lines: csv::Lines,
    },
    Mapped(npy::Mapped),
    Synthetic(Synthetic),
}

impl Dataset {
    /// Opens what the command line calls DATA: `article`, `synthetic:ROWSxFEATURES[,noise=…][,seed=…]`,
    /// or the path of a file, whose ending says what it is: `.npy`, `.npz`, `.parquet`, `-ubyte` or `.idx` (IDX, also
    /// `.gz`), otherwise CSV.
    /// `targets` names the target columns of a file; without names it is the last column.
    ///
    /// # Errors
    /// Where the data cannot be read, or are no table of finite numbers; see [`Error`].
    pub fn open(data: &str, targets: &[String]) -> Result<Self> {
        let named = !targets.is_empty();
        if data == "article" || data.starts_with("synthetic:") {
            if named {
                return Err(Error::Setting {
                    flag: "--target",
                    problem: format!(
                        "names a column of a file, and `{data}` is none; leave it out"
                    ),
                });
            }
            return match data.strip_prefix("synthetic:") {
                None => Ok(Self::article()),
                Some(_) => Ok(Self::synthetic(data.parse()?)),
            };
        }
        Self::file(Path::new(data), Wanted::Targets(targets))
    }

    /// Opens DATA for its columns `features` alone, in their order: a data set without targets where it is a file.
    ///
    /// # Errors
    /// Where the data cannot be read, or lack one of the columns.
    pub(crate) fn open_features(data: &str, features: &[String]) -> Result<Self> {
        if data != "article" && !data.starts_with("synthetic:") {
            return Self::file(Path::new(data), Wanted::Features(features));
        }
        let dataset = Self::open(data, &[])?;
        if dataset.input_names == features {
            return Ok(dataset);
        }
        Err(Error::Dataset {
            source_name: dataset.source,
            problem: format!(
                "has {} features, from `{}` on, and the model needs {}, from `{}` on; name data like those it was trained on",
                dataset.input_names.len(),
                dataset.input_names[0],
                features.len(),
                features[0]
            ),
        })
    }

    fn file(path: &Path, wanted: Wanted<'_>) -> Result<Self> {
        format::dataset(path, None, wanted)
    }

    /// The three samples of the article: `[0, 1, 1]` is 1, `[1, 0, 0]` is 0, `[1, 0, 1]` is 1.
    #[must_use]
    pub fn article() -> Self {
        article::dataset()
    }

    /// Rows made on demand, a function of the seed and the row's number alone.
    #[must_use]
    pub fn synthetic(synthetic: Synthetic) -> Self {
        Self::of(
            synthetic.to_string(),
            synthetic.n_samples(),
            numbered("x", synthetic.n_inputs()),
            vec!["y".to_owned()],
            Rows::Synthetic(synthetic),
        )
    }

    /// Pictures in the IDX format in the file `path`, with those labels that are in the file `labels`.
    ///
    /// # Errors
    /// As of [`open`](Self::open).
    pub fn labelled(path: &Path, labels: &Path, targets: &[String]) -> Result<Self> {
        format::dataset(path, Some(labels), Wanted::Targets(targets))
    }

    /// A CSV file with a header line and numeric cells, compressed by gzip where its name ends in `.gz`.
    ///
    /// # Errors
    /// Where the file cannot be read or a cell is no finite f32; file, line and column are named.
    pub fn csv(path: &Path, targets: &[String]) -> Result<Self> {
        csv::read(path, Wanted::Targets(targets))
    }

    /// A table `numpy.save` wrote: two dimensions of plain numbers, each taken as the nearest f32. Its columns are
    /// named by their numbers, from `0`. One of `<f4` in C order is mapped and never copied as a whole, so it may be
    /// larger than the memory; any other is held as f32. One pass makes sure that every value is finite.
    ///
    /// The file must not be changed or cut short while the data set lives: results would be wrong, or the
    /// process would be ended. To put another file in its place is fine, as [`write_npy`](Self::write_npy) does.
    ///
    /// # Errors
    /// Where the file cannot be mapped, is no such table, or holds a value that is not finite; the file
    /// is named, and row and column, counted from 0.
    pub fn npy(path: &Path, targets: &[String]) -> Result<Self> {
        npy::read(path, Wanted::Targets(targets))
    }

    /// Writes the samples as a `.npy` file of `<f4` (N, I + O): in each row the inputs, then the targets.
    /// Their names are not kept. A file of that name is replaced, and only once the new one is complete.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write_npy(&self, path: &Path) -> Result<()> {
        npy::write(self, path)
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
        let fail = |problem| {
            Err(Error::Dataset {
                source_name: source.clone(),
                problem,
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
        let rows = Rows::Stored {
            inputs,
            targets,
            lines: csv::Lines::default(),
        };
        let (input_names, target_names) = (numbered("x", n_inputs), numbered("y", n_outputs));
        Ok(Self::of(source, n_samples, input_names, target_names, rows))
    }

    /// Rows as they came, of numbers, each counting once.
    fn of(
        source: String,
        n_samples: usize,
        input_names: Vec<String>,
        target_names: Vec<String>,
        rows: Rows,
    ) -> Self {
        Self {
            source,
            n_samples,
            input_names,
            target_names,
            classes: None,
            weighted: false,
            rows: Arc::new(rows),
            codes: Codes::default(),
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

    /// The classes that the targets stand for; none where these are numbers of their own.
    #[must_use]
    pub fn classes(&self) -> Option<&Classes> {
        self.classes.as_ref()
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

    /// The rows where they lie, if they lie somewhere with the features of each row, and its targets,
    /// side by side in order.
    #[must_use]
    pub fn stored(&self) -> Option<Stored<'_>> {
        if self.storage() != Storage::F32 {
            return None;
        }
        match &*self.rows {
            Rows::Stored {
                inputs, targets, ..
            } => Some(Stored {
                inputs,
                input_stride: self.n_inputs(),
                targets,
                target_stride: self.target_width(),
            }),
            Rows::Mapped(mapped) => mapped.stored(),
            Rows::Synthetic(_) => None,
        }
    }

    /// The first target outside [0, 1]: its row, its output, and its value.
    pub(crate) fn target_outside_unit(&self) -> Option<(usize, usize, f32)> {
        match &*self.rows {
            Rows::Stored { targets, .. } => {
                let mut rows = targets.chunks_exact(self.target_width()).enumerate();
                rows.find_map(|(row, targets)| {
                    let mut targets = targets[..self.n_outputs()].iter().enumerate();
                    let (output, value) = targets.find(|(_, value)| outside_unit(**value))?;
                    Some((row, output, *value))
                })
            }
            Rows::Mapped(mapped) => mapped.target_outside_unit(),
            // Generated targets are 0 and 1.
            Rows::Synthetic(_) => None,
        }
    }

    /// How values become codes, and codes values.
    pub(crate) fn codes(&self) -> &Codes {
        &self.codes
    }

    /// The description of the rows, where they are made from one.
    pub(crate) fn generated(&self) -> Option<&Synthetic> {
        match &*self.rows {
            Rows::Synthetic(synthetic) => Some(synthetic),
            Rows::Stored { .. } | Rows::Mapped(_) => None,
        }
    }

    /// Writes the rows `rows` into `inputs` (rows, I), rounded as they are kept, and `targets` (rows, O), or
    /// (rows, O + 1) where each row's weight follows its targets.
    ///
    /// # Panics
    /// Where `rows` reaches past the last sample, or a slice has another length.
    pub fn read(&self, rows: Range<usize>, inputs: &mut [f32], targets: &mut [f32]) {
        self.read_unrounded(rows, inputs, targets);
        self.codes.round(inputs);
    }

    /// As [`Dataset::read`], the inputs before they are rounded.
    pub(crate) fn read_unrounded(
        &self,
        rows: Range<usize>,
        inputs: &mut [f32],
        targets: &mut [f32],
    ) {
        assert!(rows.end <= self.n_samples, "rows {rows:?}");
        let (n_inputs, target_width) = (self.n_inputs(), self.target_width());
        assert_eq!(inputs.len(), rows.len() * n_inputs, "inputs of {rows:?}");
        assert_eq!(
            targets.len(),
            rows.len() * target_width,
            "targets of {rows:?}"
        );
        match &*self.rows {
            Rows::Stored {
                inputs: all_inputs,
                targets: all_targets,
                ..
            } => {
                inputs.copy_from_slice(&all_inputs[rows.start * n_inputs..rows.end * n_inputs]);
                targets.copy_from_slice(
                    &all_targets[rows.start * target_width..rows.end * target_width],
                );
            }
            Rows::Mapped(mapped) => mapped.read(rows, inputs, targets),
            Rows::Synthetic(synthetic) => {
                for (row, (x, t)) in rows.zip(inputs.chunks_exact_mut(n_inputs).zip(targets)) {
                    *t = synthetic.row(row as u64, x);
                }
            }
        }
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
            Rows::Stored { lines, .. } => lines.line(row),
            Rows::Mapped(_) | Rows::Synthetic(_) => None,
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
