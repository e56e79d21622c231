//! How inputs are stored: as f32, in half precision, or in 8-bit fixed point with a scale and an offset for each
//! column. Rows are read as they were rounded, so every backend and every bound sees the numbers that a device
//! decodes, bit for bit.

mod normal_half;
mod quantizer;

use super::Dataset;
use crate::error::{Error, Remedy, Result};
use half::f16;
use half::slice::HalfFloatSliceExt;
use normal_half::{BLOCK, normal_halves};
use quantizer::{AffineQuantizer, ValueRange};
use rayon::prelude::*;

/// The format in which inputs are stored. It does not affect the arithmetic, and targets are always f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// Single precision, which loses nothing.
    #[default]
    F32,
    /// Half precision: 11 significant bits, magnitudes from 2⁻¹⁴ to 65,504.
    F16,
    /// 8-bit fixed point: 256 equal steps for each column, from its smallest to its largest value. Nothing is lost if
    /// the values of a column are multiples of a power of two and at most 255 of these apart, like those of pictures.
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
        let (columns, ranges) = match (dataset.generated(), storage) {
            (Some(_), Storage::U8) => (
                vec![AffineQuantizer::SYNTHETIC; n_inputs],
                vec![2.0; n_inputs],
            ),
            (Some(_), _) => (Vec::new(), vec![2.0; n_inputs]),
            // What bytes hold exactly they hold as exactly once it is scaled: the codes are those of unscaled features.
            (None, Storage::U8) if let Some(scaling) = dataset.scaling() => {
                let raw = dataset.raw();
                let ranges = value_ranges(&raw);
                let quantizers = fitted(&raw, storage, &ranges)?;
                let inverse = scaling.inverse_scale();
                let scaled = quantizers.iter().zip(scaling.center()).zip(&inverse);
                let scaled = scaled
                    .map(|((column, center), inverse)| column.standardised(*center, *inverse));
                let columns = scaled.enumerate().map(|(column, scaled)| {
                    let unscaled = || beyond_steps(&raw, column, ranges[column]);
                    scaled.ok_or_else(unscaled)
                });
                let widths = widths(&ranges).zip(&inverse);
                let widths = widths.map(|(width, inverse)| match width * inverse {
                    width if width > 0.0 => width,
                    _ => 1.0,
                });
                (columns.collect::<Result<_>>()?, widths.collect())
            }
            (None, _) => {
                let ranges = value_ranges(dataset);
                (
                    fitted(dataset, storage, &ranges)?,
                    widths(&ranges).collect(),
                )
            }
        };
        Ok(Self {
            storage,
            columns,
            ranges,
        })
    }

    pub(crate) fn storage(&self) -> Storage {
        self.storage
    }

    /// The quantizer of each column (I); `None` if every code is its own value.
    pub(crate) fn columns(&self) -> Option<&[AffineQuantizer]> {
        let columns = self.columns.as_slice();
        let scales = |column: &AffineQuantizer| *column != AffineQuantizer::BYTES;
        columns.iter().any(scales).then_some(columns)
    }

    /// Whether a device may round what it decodes.
    pub(crate) fn decoding_rounds(&self) -> bool {
        !self.columns.iter().all(|column| column.is_exact())
    }

    /// 32-bit words of a row, which is padded to a multiple of 4 inputs.
    pub(crate) fn row_words(&self, n_inputs: usize) -> usize {
        n_inputs.div_ceil(4) * self.storage.bytes()
    }

    /// Rounds `inputs` (rows, I) to the values of their codes.
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

    /// Writes the codes of `inputs` (rows, I) into `bytes`, each row padded with 0 to a multiple of 4 inputs.
    pub(crate) fn pack(&self, inputs: &[f32], n_inputs: usize, bytes: &mut [u8]) {
        let rows = inputs.chunks_exact(n_inputs);
        let padded = n_inputs.next_multiple_of(4);
        for (row, to) in rows.zip(bytes.chunks_exact_mut(padded * self.storage.bytes())) {
            let (to, padding) = to.split_at_mut(n_inputs * self.storage.bytes());
            match self.storage {
                Storage::F32 => to.copy_from_slice(bytemuck::cast_slice(row)),
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

    /// How far `stored` (rows, I) is from `original` (rows, I).
    fn rounding(&self, original: &[f32], stored: &[f32]) -> StorageRounding {
        let mut rounding = StorageRounding {
            n_values: original.len() as u64,
            ..StorageRounding::default()
        };
        let ranges = self.ranges.iter().cycle();
        for ((original, stored), range) in original.iter().zip(stored).zip(ranges) {
            let absolute = (f64::from(*original) - f64::from(*stored)).abs();
            if absolute > 0.0 {
                rounding.n_changed += 1;
                rounding.absolute = rounding.absolute.max(absolute);
                rounding.relative = rounding.relative.max(absolute / range);
            }
        }
        rounding
    }
}

impl Dataset {
    /// The same rows with their inputs rounded to `storage`. Takes a pass over the data, and no memory.
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

    /// The same rows with their inputs in f32.
    #[must_use]
    pub fn unrounded(&self) -> Self {
        Self {
            quantization: Quantization::default(),
            ..self.clone()
        }
    }

    /// How the inputs are stored.
    #[must_use]
    pub fn storage(&self) -> Storage {
        self.quantization.storage
    }

    /// How far rounding changed the inputs; a pass over the data.
    #[must_use]
    pub fn storage_rounding(&self) -> StorageRounding {
        let unrounded = self.unrounded();
        let roundings = unrounded.map_leaves(|leaf| {
            let mut stored = leaf.inputs.to_vec();
            self.quantization.round(&mut stored);
            self.quantization.rounding(leaf.inputs, &stored)
        });
        roundings.reduce(StorageRounding::default, StorageRounding::merged)
    }
}

/// The width of each range, or the magnitude of a constant column.
fn widths(ranges: &[ValueRange]) -> impl Iterator<Item = f64> {
    ranges.iter().map(|range| match range.width() {
        width if width > 0.0 => width,
        _ => range.largest(),
    })
}

/// The range of each column (I), in one pass.
fn value_ranges(dataset: &Dataset) -> Vec<ValueRange> {
    let n_inputs = dataset.n_inputs();
    let none = || vec![ValueRange::NONE; n_inputs];
    let of_leaves = dataset.map_leaves(|leaf| {
        let mut ranges = none();
        for row in leaf.inputs.chunks_exact(n_inputs) {
            for (range, x) in ranges.iter_mut().zip(row) {
                range.add(*x);
            }
        }
        ranges
    });
    of_leaves.reduce(none, |mut ranges, others| {
        for (range, other) in ranges.iter_mut().zip(&others) {
            range.merge(other);
        }
        ranges
    })
}

/// The quantizers of columns with the ranges `ranges` (I); none for halves.
fn fitted(
    dataset: &Dataset,
    storage: Storage,
    ranges: &[ValueRange],
) -> Result<Vec<AffineQuantizer>> {
    let mut quantizers = Vec::new();
    for (column, range) in ranges.iter().enumerate() {
        match storage {
            Storage::F16 if range.largest() > f16::MAX.to_f64() => {
                return Err(beyond(
                    dataset,
                    column,
                    |x| x.abs() > f16::MAX.to_f32(),
                    "the largest half is 65504",
                    &[RESCALE, Remedy::Set("storage", "u8 or f32")],
                ));
            }
            Storage::U8 => {
                let refused = || beyond_steps(dataset, column, *range);
                quantizers.push(AffineQuantizer::fitted(*range).ok_or_else(refused)?);
            }
            _ => {}
        }
    }
    Ok(quantizers)
}

/// The error that the steps of a column leave the range of f32.
fn beyond_steps(dataset: &Dataset, column: usize, range: ValueRange) -> Error {
    beyond(
        dataset,
        column,
        |x| f64::from(x.abs()) >= range.largest(),
        "256 steps from the column's smallest to its largest value leave the range of f32",
        &[RESCALE, Remedy::Set("storage", "f32")],
    )
}

const RESCALE: Remedy = Remedy::Do("rescale the column");

/// The error of the first value of the column `column` that is `beyond` a limit.
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
    let (row, value) = found.expect("the range of the column reaches beyond the limit");
    Error::Input {
        place: dataset.input_place(row, column),
        reason: format!("{value}: {why}"),
        remedies,
    }
}
