//! Networks of several layers: forward and backward pass of a block of rows at a time, as products of matrices.
//!
//! Each number of a product is one chain of fused multiply-adds from 0 up, in the order of the contraction; that of a
//! gradient goes on from block to block. So the bits depend neither on the tiles, nor on the blocks, nor on the threads
//! that share them out. Activations, slopes and losses are computed in float64 from the rounded numbers, and rounded.

mod activation;
mod buffer;
mod dropped;
mod gradient;
mod panels;
mod pass;
mod predict;
#[cfg(test)]
mod tests;
mod tile;
mod values;

use super::block::Rows;
use super::float::Float;
use super::prepared::{PassSums, Prepared};
use crate::backend::{Evaluation, Predictions, Problem, Summary};
use crate::network::{Layer, Mask};
use crate::objective::Loss;
use crate::parts::{self, PART};
use crate::precision::Precision;
use crate::simd::{BASELINE_REGISTERS, InstructionSet, Instructions};
use gradient::Gradient;
use panels::Panels;
use pass::Pass;
use predict::PredictionPass;
use rayon::prelude::*;
use std::fmt::Debug;
use values::BlockValues;

/// Rows of a block, at most, whole tiles of every height: their values in all layers stay in the second-level cache if
/// these are narrow.
pub(super) const ROWS: usize = 84;

/// Multiply-adds of the rows of a leaf that are worth a thread.
const WORTH_A_THREAD: usize = 1 << 21;

/// A network with its loss and its parameters, in panels of N columns.
#[derive(Debug)]
struct DenseNetwork<T: Float, const N: usize> {
    layers: Vec<DenseLayer<T, N>>,
    loss: Loss,
    /// Whether a weight follows the targets of a row.
    weighted: bool,
    /// The units that an update goes without.
    mask: Option<Mask>,
    n_parameters: usize,
}

#[derive(Debug)]
struct DenseLayer<T: Float, const N: usize> {
    shape: Layer,
    /// The weight for `x Wᵀ`, whose columns are outputs.
    forward: Panels<T, N>,
    /// The weight for `e W`, whose columns are inputs; without any for the first layer, whose inputs need no error.
    backward: Panels<T, N>,
    /// (O), empty without a bias.
    bias: Vec<T>,
}

impl<T: Float, const N: usize> DenseNetwork<T, N> {
    fn new(problem: &Problem<'_>, parameters: &[f64], mask: Option<Mask>) -> Self {
        let layers = problem
            .network
            .parts()
            .enumerate()
            .map(|(at, (shape, range))| {
                let (weight, bias) = shape.split(&parameters[range]);
                let bias = bias.unwrap_or_default().iter();
                DenseLayer {
                    forward: Panels::of_rows(weight, shape.n_outputs, shape.n_inputs),
                    backward: match at {
                        0 => Panels::default(),
                        _ => Panels::of_columns(weight, shape.n_outputs, shape.n_inputs),
                    },
                    bias: bias.map(|bias| T::rounded(*bias)).collect(),
                    shape,
                }
            });
        Self {
            layers: layers.collect(),
            loss: problem.objective.loss,
            weighted: problem.dataset.is_weighted(),
            mask,
            n_parameters: parameters.len(),
        }
    }
}

/// A network with hidden layers at its parameters.
pub(super) trait Dense: Prepared {
    /// Pre-activations and predictions of `rows`: the bits that [`Prepared::sums`] goes on from.
    fn predict(&self, rows: Rows<'_>) -> Predictions;
}

/// The network of `problem` at `parameters`, but for the units of `mask`, computed in `precision`.
///
/// Tiles are two vectors wide, and their sums fill three quarters of the registers: of a larger tile they would go to
/// memory and back in every step. The size of a tile changes no bit.
pub(super) fn prepare(
    problem: &Problem<'_>,
    precision: Precision,
    instructions: Instructions,
    parameters: &[f64],
    mask: Option<Mask>,
) -> Box<dyn Dense> {
    const BASELINE_ROWS: usize = BASELINE_REGISTERS / 8 * 3;
    let of = (problem, parameters, mask);
    match (precision, instructions) {
        (Precision::F64, Instructions::Baseline(set)) => tiled::<f64, _, BASELINE_ROWS, 4>(set, of),
        (Precision::F32, Instructions::Baseline(set)) => tiled::<f32, _, BASELINE_ROWS, 8>(set, of),
        #[cfg(target_arch = "x86_64")]
        (Precision::F64, Instructions::Avx2(set)) => tiled::<f64, _, 6, 8>(set, of),
        #[cfg(target_arch = "x86_64")]
        (Precision::F32, Instructions::Avx2(set)) => tiled::<f32, _, 6, 16>(set, of),
        #[cfg(target_arch = "x86_64")]
        (Precision::F64, Instructions::Avx512(set)) => tiled::<f64, _, 12, 16>(set, of),
        #[cfg(target_arch = "x86_64")]
        (Precision::F32, Instructions::Avx512(set)) => tiled::<f32, _, 12, 32>(set, of),
    }
}

fn tiled<T: Float, S: InstructionSet, const M: usize, const N: usize>(
    instructions: S,
    (problem, parameters, mask): (&Problem<'_>, &[f64], Option<Mask>),
) -> Box<dyn Dense> {
    let network = DenseNetwork::new(problem, parameters, mask);
    Box::new(Tiled::<T, S, M, N> {
        network,
        instructions,
    })
}

/// A network that is computed by tiles of M rows and N columns.
#[derive(Debug)]
struct Tiled<T: Float, S, const M: usize, const N: usize> {
    network: DenseNetwork<T, N>,
    instructions: S,
}

impl<T: Float, S: InstructionSet, const M: usize, const N: usize> Prepared for Tiled<T, S, M, N> {
    fn sums(&self, placed: (usize, Rows<'_>), threads: usize) -> Box<dyn PassSums> {
        let (network, instructions) = (&self.network, self.instructions);
        let gradients = network.layers.iter().map(|it| Gradient::new(it.shape));
        let mut gradients: Vec<Gradient<T, M, N>> = gradients.collect();
        let mut summary = Summary::default();
        self.for_blocks(placed, threads, true, |blocks| {
            let stripes = gradients.iter_mut().enumerate();
            let stripes = stripes.flat_map(|(layer, it)| it.stripes(layer, blocks));
            for_each(threads, stripes.collect(), |it| instructions.run(it));
            blocks.iter().for_each(|it| it.add_summary(&mut summary));
        });
        Box::new(LayerSums { summary, gradients })
    }

    fn summary(&self, rows: Rows<'_>, threads: usize) -> Summary {
        let mut summary = Summary::default();
        self.for_blocks((0, rows), threads, false, |blocks| {
            blocks.iter().for_each(|it| it.add_summary(&mut summary));
        });
        summary
    }

    fn worthwhile_threads(&self, n_rows: usize, threads: usize) -> usize {
        let multiply_adds = 3 * n_rows * self.network.n_parameters;
        threads.min(multiply_adds / WORTH_A_THREAD).max(1)
    }
}

impl<T: Float, S: InstructionSet, const M: usize, const N: usize> Dense for Tiled<T, S, M, N> {
    fn predict(&self, rows: Rows<'_>) -> Predictions {
        self.instructions.run(PredictionPass::<T, M, N> {
            network: &self.network,
            rows,
        })
    }
}

impl<T: Float, S: InstructionSet, const M: usize, const N: usize> Tiled<T, S, M, N> {
    /// Calls `take` with blocks of `rows`, as many at once as there are threads, after they went through the layers: up, and
    /// down again if `has_gradient`.
    fn for_blocks(
        &self,
        (place, rows): (usize, Rows<'_>),
        threads: usize,
        has_gradient: bool,
        mut take: impl FnMut(&[BlockValues<T, M, N>]),
    ) {
        let Self {
            network,
            instructions,
        } = self;
        let n_blocks = rows.n_rows.div_ceil(ROWS).next_multiple_of(threads);
        let rows_of_block = rows.n_rows.div_ceil(n_blocks).next_multiple_of(M);
        let blocks = (0..threads).map(|_| BlockValues::new(&network.layers, rows_of_block));
        let mut blocks: Vec<BlockValues<T, M, N>> = blocks.collect();
        for first in (0..rows.n_rows).step_by(threads * rows_of_block) {
            let starts = (first..rows.n_rows).step_by(rows_of_block);
            let pairs = blocks.iter_mut().zip(starts);
            let passes = pairs.map(|(block, start)| {
                block.place(start, rows_of_block.min(rows.n_rows - start));
                Pass {
                    network,
                    rows,
                    place,
                    has_gradient,
                    block,
                }
            });
            let passes: Vec<_> = passes.collect();
            let n_placed = passes.len();
            for_each(threads, passes, |pass| instructions.run(pass));
            take(&blocks[..n_placed]);
        }
    }
}

/// The sums over rows, layer by layer.
#[derive(Debug)]
struct LayerSums<T: Float, const M: usize, const N: usize> {
    summary: Summary,
    gradients: Vec<Gradient<T, M, N>>,
}

impl<T: Float, const M: usize, const N: usize> PassSums for LayerSums<T, M, N> {
    fn summary(&self) -> Summary {
        self.summary
    }

    fn write(&self, mut first: usize, mut gradient: &mut [f64]) {
        for of_layer in &self.gradients {
            let n_parameters = of_layer.shape.n_parameters();
            let n_here = n_parameters.saturating_sub(first).min(gradient.len());
            let (here, above) = gradient.split_at_mut(n_here);
            of_layer.write(first, here);
            (first, gradient) = (first.saturating_sub(n_parameters), above);
        }
    }

    fn laid_out(self: Box<Self>) -> Evaluation {
        let of_layers = self.gradients.iter().map(|it| it.shape.n_parameters());
        let mut gradient = vec![0.0; of_layers.sum()];
        let parts = gradient.chunks_mut(PART).enumerate();
        parts::for_each(parts, |(at, part)| self.write(at * PART, part));
        Evaluation {
            summary: self.summary,
            gradient,
        }
    }
}

/// Calls `work` with each of `parts`, on `threads` threads of the current pool.
fn for_each<P: Send>(threads: usize, parts: Vec<P>, work: impl Fn(P) + Sync + Send) {
    match threads {
        1 => parts.into_iter().for_each(work),
        _ => parts.into_par_iter().for_each(work),
    }
}
