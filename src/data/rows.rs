//! Where the rows of a data set lie: in memory, in a mapped file, or nowhere, as they are made on demand.

use super::lines::Lines;
use super::{Stored, Synthetic, outside_unit};
use rayon::prelude::*;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Floats scanned at a time: few enough that a core's cache still holds them for the second look.
const BLOCK_FLOATS: usize = 1 << 16;

/// The exponent of an f32: all of its bits are set in an infinite value or NaN.
const EXPONENT: u32 = 0x7F80_0000;

/// Where the rows of a data set lie.
#[derive(Debug)]
pub(super) enum RowStore {
    Stored {
        inputs: ColumnView,
        targets: ColumnView,
        lines: Lines,
        /// What a look at the targets found.
        scanned: Scanned,
    },
    Synthetic(Synthetic),
}

impl RowStore {
    /// Rows of `n_outputs` targets, which a weight may follow, in the lines `lines` of a file. Scans the targets.
    pub(super) fn stored(
        inputs: ColumnView,
        targets: ColumnView,
        n_outputs: usize,
        lines: Lines,
    ) -> Self {
        Self::Stored {
            scanned: targets.scan(n_outputs),
            inputs,
            targets,
            lines,
        }
    }
}

/// The values of a table, row-major.
pub enum TableValues {
    /// Values in memory.
    Memory(Vec<f32>),
    /// Values used in place, like those of a mapped file.
    Shared(Box<dyn AsRef<[f32]> + Send + Sync>),
}

impl TableValues {
    /// All values, row by row.
    #[must_use]
    pub fn all(&self) -> &[f32] {
        match self {
            Self::Memory(values) => values,
            Self::Shared(values) => (**values).as_ref(),
        }
    }
}

impl fmt::Debug for TableValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.all().len())
    }
}

/// Some columns of a table, in any order.
#[derive(Clone, Debug)]
pub struct ColumnView {
    values: Arc<TableValues>,
    /// Columns of the table.
    width: usize,
    /// The columns of the view, in runs of neighbours.
    runs: Vec<Range<usize>>,
}

/// What a look at the values of a table found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Row, and column of the inputs and then the targets, of the first value that is not finite.
    pub not_finite: Option<(usize, usize)>,
    /// Row and output of the first target outside [0, 1].
    pub outside_unit: Option<(usize, usize)>,
    /// Whether a target lies between 0 and 1.
    pub has_fraction: bool,
}

impl ColumnView {
    /// The columns `columns` of a table of `width`.
    #[must_use]
    pub fn new(values: Arc<TableValues>, width: usize, columns: &[usize]) -> Self {
        let chunks = columns.chunk_by(|left, right| left + 1 == *right);
        Self {
            values,
            width,
            runs: chunks.map(|run| run[0]..run[0] + run.len()).collect(),
        }
    }

    /// All columns of rows in memory.
    #[must_use]
    pub fn whole(values: Vec<f32>, width: usize) -> Self {
        Self {
            values: Arc::new(TableValues::Memory(values)),
            width,
            runs: std::iter::once(0..width).collect(),
        }
    }

    fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.runs.iter().cloned().flatten()
    }

    pub(super) fn n_columns(&self) -> usize {
        self.runs.iter().map(Range::len).sum()
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.values.all()[row * self.width..][..self.width]
    }

    /// The value in a row and a column of the view.
    pub(super) fn value(&self, row: usize, column: usize) -> f32 {
        let column = self.columns().nth(column).expect("a column of the view");
        self.row(row)[column]
    }

    /// Copies the rows `rows` into `to` (rows, columns).
    pub(super) fn read(&self, rows: Range<usize>, to: &mut [f32]) {
        let n_columns = self.n_columns();
        if n_columns == 0 {
            return;
        }
        let from = &self.values.all()[rows.start * self.width..rows.end * self.width];
        if n_columns == self.width && self.runs.len() == 1 {
            return to.copy_from_slice(from);
        }
        let rows = from.chunks_exact(self.width);
        for (row, to) in rows.zip(to.chunks_exact_mut(n_columns)) {
            gather(row, &self.runs, to);
        }
    }

    /// The values in place, from the first row's first to the last row's last; `None` unless the columns are
    /// neighbours.
    fn in_place(&self) -> Option<&[f32]> {
        let [run] = &*self.runs else {
            return None;
        };
        let values = self.values.all();
        let last_row = values.len() - self.width;
        Some(&values[run.start..last_row + run.end])
    }

    /// Looks at the first `n_outputs` columns as targets, and not at whether they are finite.
    #[must_use]
    pub fn scan(&self, n_outputs: usize) -> Scanned {
        if n_outputs == 0 {
            return Scanned::default();
        }
        scan(&self.values, self.width, |row, values, _| {
            self.scan_targets(row, values, n_outputs)
        })
    }

    fn scan_targets(&self, row: usize, values: &[f32], n_outputs: usize) -> Scanned {
        let mut scanned = Scanned::default();
        for (output, column) in self.columns().take(n_outputs).enumerate() {
            let target = values[column];
            if outside_unit(target) {
                scanned.outside_unit.get_or_insert((row, output));
            }
            scanned.has_fraction |= target > 0.0 && target < 1.0;
        }
        scanned
    }
}

/// Scans the inputs and targets of one table in a single parallel pass: on a file larger than the memory, a second pass
/// for the targets would read the disk again.
#[must_use]
pub fn scan_views(inputs: &ColumnView, targets: &ColumnView, n_outputs: usize) -> Scanned {
    let not_finite_in = |values: &[f32]| {
        let used = inputs.columns().chain(targets.columns()).enumerate();
        let not_finite = used.filter(|(_, column)| !values[*column].is_finite());
        // The first in the file.
        not_finite.min_by_key(|(_, column)| *column)
    };
    scan(&inputs.values, inputs.width, |row, values, is_finite| {
        let not_finite = (!is_finite).then(|| not_finite_in(values)).flatten();
        Scanned {
            not_finite: not_finite.map(|(used, _)| (row, used)),
            ..targets.scan_targets(row, values, n_outputs)
        }
    })
}

/// What `look` sees in the rows of a table, up to the first faults. It is called with the number of a row, its values,
/// and whether all values around it are known to be finite.
fn scan(
    values: &TableValues,
    width: usize,
    look: impl Fn(usize, &[f32], bool) -> Scanned + Sync,
) -> Scanned {
    let rows_per_block = (BLOCK_FLOATS / width).max(1);
    let blocks = values.all().par_chunks(rows_per_block * width).enumerate();
    let scanned = blocks.map(|(block, values)| {
        let is_finite = all_finite(values);
        let mut first = Scanned::default();
        for (row, values) in (block * rows_per_block..).zip(values.chunks_exact(width)) {
            first = first.or(look(row, values, is_finite));
            if first.outside_unit.is_some() && (is_finite || first.not_finite.is_some()) {
                break;
            }
        }
        first
    });
    scanned.reduce(Scanned::default, Scanned::or)
}

impl Scanned {
    fn or(self, later: Self) -> Self {
        Self {
            not_finite: self.not_finite.or(later.not_finite),
            outside_unit: self.outside_unit.or(later.outside_unit),
            has_fraction: self.has_fraction || later.has_fraction,
        }
    }
}

/// The rows in place; `None` unless the inputs are neighbours, and the targets are.
pub(super) fn stored<'a>(inputs: &'a ColumnView, targets: &'a ColumnView) -> Option<Stored<'a>> {
    Some(Stored {
        inputs: inputs.in_place()?,
        input_stride: inputs.width,
        targets: targets.in_place()?,
        target_stride: targets.width,
    })
}

/// Copies the columns of one row.
fn gather(row: &[f32], columns: &[Range<usize>], to: &mut [f32]) {
    let mut start = 0;
    for run in columns {
        match run.len() {
            // Most tables have one target, and a call to copy it would cost more than the copy.
            1 => to[start] = row[run.start],
            len => to[start..start + len].copy_from_slice(&row[run.clone()]),
        }
        start += run.len();
    }
}

fn all_finite(values: &[f32]) -> bool {
    // Without an early end, so that compilers make vector instructions of the loop.
    let seen = values.iter().fold(0, |seen, value| {
        seen | u32::from(value.to_bits() & EXPONENT == EXPONENT)
    });
    seen == 0
}
