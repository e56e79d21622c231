//! How inputs are stored: as f32, in half precision, or in 8-bit fixed point with a scale and an offset for each
//! column. Rows are read as they were rounded, so every backend and every bound sees the numbers that a device
//! decodes, bit for bit.

mod column;
mod normal_half;

use super::Dataset;
use crate::error::{Error, Remedy, Result};
use column::{AffineQuantizer, ValueRange};
use half::f16;
use half::slice::HalfFloatSliceExt;
use normal_half::{BLOCK, normal_halves};
use rayon::prelude::*;

/// How the inputs are kept; arithmetic is not affected, and targets are always f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// In full.
    #[default]
    F32,
    /// Half precision: 11 significant bits, magnitudes from 2⁻¹⁴ to 65,504.
    F16,
    /// 8-bit fixed point: 256 equal steps a column, from its smallest to its largest value. Nothing is
    /// lost where the values of a column are at most 255 steps apart that are a power of two wide, as
    /// those of pictures are.
    U8,
}

impl Storage {
    /// Bytes of one input.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::U8 => 1,
        }
    }
}

/// How far rounding to a [`Storage`] changed the inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct StorageRounding {
    /// Inputs, N·I.
    pub n_values: u64,
    /// Inputs whose number changed.
    pub n_changed: u64,
    /// The largest change.
    pub absolute: f64,
    /// The largest change relative to the range of its column, or to the value of a constant column.
    pub relative: f64,
}

impl StorageRounding {
    fn merged(self, other: Self) -> Self {
        Self {
            n_values: self.n_values + other.n_values,
            n_changed: self.n_changed + other.n_changed,
            absolute: self.absolute.max(other.absolute),
            relative: self.relative.max(other.relative),
        }
    }
}

/// How inputs are encoded in their storage and decoded again.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Quantization {
    storage: Storage,
    /// The quantizer of each column (I); empty unless the storage is bytes.
    columns: Vec<AffineQuantizer>,
    /// Range of each column (I), or the magnitude of a constant one; empty for f32.
    ranges: Vec<f64>,
}

impl Quantization {
    /// Fits a quantization to the unrounded rows of `dataset`.
    pub(super) fn new(dataset: &Dataset, storage: Storage) -> Result<Self> {
        if storage == Storage::F32 {
            return Ok(Self::default());
        }
        let n_inputs = dataset.n_inputs();
        if dataset.generated().is_some() {
            let (columns, ranges) = match storage {
                Storage::U8 => (
                    vec![AffineQuantizer::SYNTHETIC; n_inputs],
                    vec![2.0; n_inputs],
                ),
                _ => (Vec::new(), vec![2.0; n_inputs]),
            };
            return Ok(Self {
                storage,
                columns,
                ranges,
            });
        }
        let spans = survey(dataset);
        let mut columns = Vec::new();
        for (column, span) in spans.iter().enumerate() {
            match storage {
                Storage::F16 if span.largest() > f16::MAX.to_f64() => {
                    return Err(beyond(
                        dataset,
                        column,
                        |x| x.abs() > f16::MAX.to_f32(),
                        "the largest half is 65504",
                        &[
                            Remedy::Do("rescale the column"),
                            Remedy::Set("storage", "u8 or f32"),
                        ],
                    ));
                }
                Storage::U8 => {
                    columns.push(AffineQuantizer::fitted(*span).ok_or_else(|| {
                        beyond(
                            dataset,
                            column,
                            |x| f64::from(x.abs()) >= span.largest(),
                            "256 steps from the column's smallest to its largest value leave the range of f32",
                            &[
                                Remedy::Do("rescale the column"),
                                Remedy::Set("storage", "f32"),
                            ],
                        )
                    })?);
                }
                _ => {}
            }
        }
        let ranges = spans.iter().map(|span| match span.range() {
            range if range > 0.0 => range,
            _ => span.largest(),
        });
        Ok(Self {
            storage,
            columns,
            ranges: ranges.collect(),
        })
    }

    pub(crate) fn storage(&self) -> Storage {
        self.storage
    }

    /// The quantizer of each column (I); `None` if every code is its own value.
    pub(crate) fn columns(&self) -> Option<&[AffineQuantizer]> {
        let by_themselves = self
            .columns
            .iter()
            .all(|column| *column == AffineQuantizer::BYTES);
        (!by_themselves).then_some(self.columns.as_slice())
    }

    /// Whether a device may round what it decodes.
    pub(crate) fn decoding_rounds(&self) -> bool {
        !self.columns.iter().all(|column| column.is_exact())
    }

    /// 32-bit words of a row: as many codes as it has whole quadruples of columns.
    pub(crate) fn row_words(&self, n_inputs: usize) -> usize {
        n_inputs.div_ceil(4) * self.storage.bytes()
    }

    /// Rounds whole rows to the values of their codes.
    pub(super) fn round(&self, inputs: &mut [f32]) {
        match self.storage {
            Storage::F32 => {}
            Storage::F16 => {
                for block in inputs.chunks_mut(BLOCK) {
                    let mut halves = [f16::ZERO; BLOCK];
                    normal_halves(block, &mut halves).convert_to_f32_slice(block);
                }
            }
            Storage::U8 => {
                for row in inputs.chunks_exact_mut(self.columns.len()) {
                    for (x, column) in row.iter_mut().zip(&self.columns) {
                        *x = column.decode(column.encode(*x));
                    }
                }
            }
        }
    }

    /// Writes whole rows of `n_inputs` as codes, each row padded with 0 to whole quadruples.
    pub(crate) fn pack(&self, inputs: &[f32], n_inputs: usize, bytes: &mut [u8]) {
        let rows = inputs.chunks_exact(n_inputs);
        let padded = n_inputs.next_multiple_of(4);
        for (row, to) in rows.zip(bytes.chunks_exact_mut(padded * self.storage.bytes())) {
            let (to, padding) = to.split_at_mut(n_inputs * self.storage.bytes());
            match self.storage {
                Storage::F32 => {
                    to.copy_from_slice(bytemuck::cast_slice(row));
                }
                Storage::F16 => {
                    for (to, block) in to.chunks_mut(2 * BLOCK).zip(row.chunks(BLOCK)) {
                        let mut halves = [f16::ZERO; BLOCK];
                        let bits = normal_halves(block, &mut halves).reinterpret_cast();
                        to.copy_from_slice(bytemuck::cast_slice(bits));
                    }
                }
                Storage::U8 => {
                    for ((to, x), column) in to.iter_mut().zip(row).zip(&self.columns) {
                        *to = column.encode(*x);
                    }
                }
            }
            padding.fill(0);
        }
    }

    fn change(&self, original: &[f32], stored: &[f32]) -> StorageRounding {
        let mut change = StorageRounding::default();
        let ranges = self.ranges.iter().cycle();
        for ((original, stored), range) in original.iter().zip(stored).zip(ranges) {
            let absolute = (f64::from(*original) - f64::from(*stored)).abs();
            if absolute > 0.0 {
                change.n_changed += 1;
                change.absolute = change.absolute.max(absolute);
                change.relative = change.relative.max(absolute / range);
            }
        }
        change.n_values = original.len() as u64;
        change
    }
}

impl Dataset {
    /// The same rows with their inputs rounded to `storage`. Costs a pass over the data, and no memory.
    ///
    /// # Errors
    /// If a value cannot be represented in that storage; the error names its place and the remedy.
    pub fn stored_as(&self, storage: Storage) -> Result<Self> {
        let unrounded = self.unrounded();
        let quantization = Quantization::new(&unrounded, storage)?;
        Ok(Self {
            quantization,
            ..unrounded
        })
    }

    /// The same rows in full.
    #[must_use]
    pub fn unrounded(&self) -> Self {
        Self {
            quantization: Quantization::default(),
            ..self.clone()
        }
    }

    /// How the inputs are kept.
    #[must_use]
    pub fn storage(&self) -> Storage {
        self.quantization.storage
    }

    /// How far rounding changed the inputs; a pass over the data.
    #[must_use]
    pub fn storage_rounding(&self) -> StorageRounding {
        let unrounded = self.unrounded();
        let changes = unrounded.map_leaves(|leaf| {
            let mut stored = leaf.inputs.to_vec();
            self.quantization.round(&mut stored);
            self.quantization.change(leaf.inputs, &stored)
        });
        changes.reduce(StorageRounding::default, StorageRounding::merged)
    }
}

/// The range of each column (I), in one pass.
fn survey(dataset: &Dataset) -> Vec<ValueRange> {
    let n_inputs = dataset.n_inputs();
    let none = || vec![ValueRange::NONE; n_inputs];
    let surveyed = dataset.map_leaves(|leaf| {
        let mut spans = none();
        for row in leaf.inputs.chunks_exact(n_inputs) {
            for (span, x) in spans.iter_mut().zip(row) {
                span.add(*x);
            }
        }
        spans
    });
    surveyed.reduce(none, |mut spans, other| {
        for (span, other) in spans.iter_mut().zip(&other) {
            span.merge(other);
        }
        spans
    })
}

/// Why the column `column` cannot be stored: the first of its values that are `beyond` a limit.
fn beyond(
    dataset: &Dataset,
    column: usize,
    beyond: impl Fn(f32) -> bool + Sync + Send,
    why: &str,
    remedies: &'static [Remedy],
) -> Error {
    let found = dataset.find_in_leaves(|leaf| {
        let values = leaf.inputs.iter().skip(column).step_by(dataset.n_inputs());
        let mut values = leaf.rows.zip(values.copied());
        values.find(|(_, value)| beyond(*value))
    });
    let (row, value) = found.expect("the survey saw a value beyond the limit");
    Error::Input {
        place: dataset.input_place(row, column),
        reason: format!("{value}: {why}"),
        remedies,
    }
}
