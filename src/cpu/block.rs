//! Rows in memory, and the blocks they are taken in.

use super::layer::{ROWS, WIDTH};
use crate::data::Stored;

/// Outputs that share one reading of a row, at most.
pub(super) const OUTPUTS_AT_ONCE: usize = 4;

/// The dot products of the rows of a block with the weights of one output, each still four numbers that have to be
/// added.
pub(super) type PartialSums<T> = [[T; WIDTH / 2]; ROWS];

/// Consecutive rows in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    /// From the first row to the end of the memory, which may be past the last row.
    pub(super) inputs: &'a [f32],
    /// Floats from one row of `inputs` to the next.
    pub(super) input_stride: usize,
    pub(super) targets: &'a [f32],
    /// Floats from one row of `targets` to the next.
    pub(super) target_stride: usize,
    pub(super) n_rows: usize,
}

impl<'a> Rows<'a> {
    /// `n_rows` rows of `all` from number `first` on.
    pub(super) fn from(all: Stored<'a>, first: usize, n_rows: usize) -> Self {
        Self {
            inputs: &all.inputs[first * all.input_stride..],
            input_stride: all.input_stride,
            targets: &all.targets[first * all.target_stride..],
            target_stride: all.target_stride,
            n_rows,
        }
    }
}

/// Column `at` of at most W rows, which start every `stride` of `numbers`: a lane for each row, 0 in lanes without one.
#[inline(always)]
pub(super) fn column<const W: usize>(
    numbers: &[f32],
    stride: usize,
    n_rows: usize,
    at: usize,
) -> [f64; W] {
    let mut column = [0.0; W];
    for (to, row) in column.iter_mut().zip(numbers.chunks(stride).take(n_rows)) {
        *to = f64::from(row[at]);
    }
    column
}

/// Rows of a block, each of whole vectors.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) inputs: &'a [f32],
    /// Numbers from one row of `inputs` to the next.
    pub(super) stride: usize,
    pub(super) n_rows: usize,
    /// How many rows ahead of the one it reads a pass asks for memory.
    pub(super) ahead: usize,
    /// Whether the backward pass follows.
    pub(super) has_gradient: bool,
}

impl Block<'_> {
    /// Whether the forward pass asks for every row ahead. Otherwise it asks for the even ones and the backward pass
    /// for the odd ones, if it follows. Two short rows lie in neighbouring cache lines, which memory gives at once.
    #[inline(always)]
    pub(super) fn forward_asks_for_all(&self) -> bool {
        self.stride <= 2 * WIDTH || !self.has_gradient
    }
}
