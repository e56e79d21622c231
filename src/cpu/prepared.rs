//! A network at its parameters, as its arithmetic wants it.

use super::block::Rows;
use super::dense::{self, Dense};
use super::float::Float;
use super::layer::{self, PaddedLayer};
use super::leaf::LeafSums;
use super::sums::Sums;
use crate::backend::{Evaluation, Problem, Summary};
use crate::network::Mask;
use crate::precision::Precision;
use crate::simd::Instructions;

pub(super) enum Prepared {
    /// The layer of a network that has one.
    Layer(PaddedLayer<f64>),
    /// The layer of a network that has one, in f32.
    LayerF32(PaddedLayer<f32>),
    /// A network with hidden layers.
    Network(Box<dyn Dense>),
}

impl Prepared {
    /// The network of `problem` at `parameters`, but for the units of `mask`.
    pub(super) fn new(
        problem: &Problem<'_>,
        precision: Precision,
        instructions: Instructions,
        parameters: &[f64],
        mask: Option<Mask>,
    ) -> Self {
        match (problem.network.has_hidden(), precision) {
            (false, Precision::F64) => Self::Layer(padded_layer(problem, parameters)),
            (false, Precision::F32) => Self::LayerF32(padded_layer(problem, parameters)),
            (true, _) => Self::Network(dense::prepare(
                problem,
                precision,
                instructions,
                parameters,
                mask,
            )),
        }
    }

    /// Gradient, loss and dy/dz summed over `rows`, whose first is at `place` in its batch, by at most `threads` threads
    /// of the current pool.
    pub(super) fn sums(
        &self,
        (place, rows): (usize, Rows<'_>),
        instructions: Instructions,
        threads: usize,
    ) -> Sums {
        match self {
            Self::Layer(layer) => Sums::LaidOut(layer_sums(layer, rows, instructions)),
            Self::LayerF32(layer) => Sums::LaidOut(layer_sums(layer, rows, instructions)),
            Self::Network(network) => Sums::Dense(network.sums((place, rows), threads)),
        }
    }

    /// Loss and dy/dz summed over `rows`, bit for bit those of [`Prepared::sums`].
    pub(super) fn summary(
        &self,
        rows: Rows<'_>,
        instructions: Instructions,
        threads: usize,
    ) -> Summary {
        match self {
            Self::Layer(layer) => leaf_sums(layer, rows, false, instructions).summary(),
            Self::LayerF32(layer) => leaf_sums(layer, rows, false, instructions).summary(),
            Self::Network(network) => network.summary(rows, threads),
        }
    }

    /// How many of `threads` threads are worth sharing the sums over `n_rows` rows.
    pub(super) fn worthwhile_threads(&self, n_rows: usize, threads: usize) -> usize {
        match self {
            Self::Layer(_) | Self::LayerF32(_) => 1,
            Self::Network(network) => network.worthwhile_threads(n_rows, threads),
        }
    }
}

fn leaf_sums<T: Float>(
    layer: &PaddedLayer<T>,
    rows: Rows<'_>,
    has_gradient: bool,
    instructions: Instructions,
) -> layer::Sums {
    instructions.run(LeafSums {
        layer,
        rows,
        has_gradient,
    })
}

fn layer_sums<T: Float>(
    layer: &PaddedLayer<T>,
    rows: Rows<'_>,
    instructions: Instructions,
) -> Evaluation {
    let sums = leaf_sums(layer, rows, true, instructions);
    Evaluation {
        summary: sums.summary(),
        gradient: layer.flat(&sums.grad_weight, &sums.grad_bias),
    }
}

/// The layer of a network without hidden ones.
pub(super) fn padded_layer<T: Float>(problem: &Problem<'_>, parameters: &[f64]) -> PaddedLayer<T> {
    let (layer, loss) = (problem.network.layer(), problem.objective.loss);
    PaddedLayer::new(layer, loss, problem.dataset.is_weighted(), parameters)
}
