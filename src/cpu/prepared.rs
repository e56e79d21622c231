//! A network at its parameters, as its arithmetic wants it, and what it sums over rows.

use super::block::Rows;
use super::dense;
use super::float::Float;
use super::layer::{self, PaddedLayer};
use super::leaf::LeafSums;
use crate::backend::{Evaluation, Problem, Summary};
use crate::network::Mask;
use crate::precision::Precision;
use crate::simd::Instructions;
use std::fmt::Debug;

/// A network at its parameters, by the instructions of this machine.
pub(super) trait Prepared: Debug + Send + Sync {
    /// Gradient, loss and dy/dz summed over `rows`, each row as often as its weight says, by at most `threads` threads of
    /// the current pool. The first row is at `place` in its batch.
    fn sums(&self, placed: (usize, Rows<'_>), threads: usize) -> Box<dyn PassSums>;

    /// Loss and dy/dz summed over `rows`, bit for bit those of [`Prepared::sums`].
    fn summary(&self, rows: Rows<'_>, threads: usize) -> Summary;

    /// How many of `threads` threads are worth waking for the sums over `n_rows` rows.
    fn worthwhile_threads(&self, _n_rows: usize, _threads: usize) -> usize {
        1
    }
}

/// What a pass summed over rows, with a gradient that is laid out where it is wanted.
pub(super) trait PassSums: Debug + Send + Sync {
    fn summary(&self) -> Summary;

    /// Writes the gradient of the parameters from number `first` on.
    fn write(&self, first: usize, gradient: &mut [f64]);

    /// The sums, with the gradient of all parameters in their layout.
    fn laid_out(self: Box<Self>) -> Evaluation;
}

impl PassSums for Evaluation {
    fn summary(&self) -> Summary {
        self.summary
    }

    fn write(&self, first: usize, gradient: &mut [f64]) {
        gradient.copy_from_slice(&self.gradient[first..][..gradient.len()]);
    }

    fn laid_out(self: Box<Self>) -> Evaluation {
        *self
    }
}

/// The network of `problem` at `parameters`, but for the units of `mask`.
pub(super) fn prepare(
    problem: &Problem<'_>,
    precision: Precision,
    instructions: Instructions,
    parameters: &[f64],
    mask: Option<Mask>,
) -> Box<dyn Prepared> {
    match (problem.network.has_hidden(), precision) {
        (true, _) => dense::prepare(problem, precision, instructions, parameters, mask),
        (false, Precision::F64) => Box::new(OneLayer {
            layer: padded_layer::<f64>(problem, parameters),
            instructions,
        }),
        (false, Precision::F32) => Box::new(OneLayer {
            layer: padded_layer::<f32>(problem, parameters),
            instructions,
        }),
    }
}

/// A network without hidden layers.
#[derive(Debug)]
struct OneLayer<T> {
    layer: PaddedLayer<T>,
    instructions: Instructions,
}

impl<T: Float> OneLayer<T> {
    fn leaf_sums(&self, rows: Rows<'_>, has_gradient: bool) -> layer::Sums {
        self.instructions.run(LeafSums {
            layer: &self.layer,
            rows,
            has_gradient,
        })
    }
}

impl<T: Float> Prepared for OneLayer<T> {
    fn sums(&self, (_, rows): (usize, Rows<'_>), _threads: usize) -> Box<dyn PassSums> {
        let sums = self.leaf_sums(rows, true);
        Box::new(Evaluation {
            summary: sums.summary(),
            gradient: self.layer.flat(&sums.grad_weight, &sums.grad_bias),
        })
    }

    fn summary(&self, rows: Rows<'_>, _threads: usize) -> Summary {
        self.leaf_sums(rows, false).summary()
    }
}

/// The layer of a network without hidden ones.
pub(super) fn padded_layer<T: Float>(problem: &Problem<'_>, parameters: &[f64]) -> PaddedLayer<T> {
    let (layer, loss) = (problem.network.layer(), problem.objective.loss);
    PaddedLayer::new(layer, loss, problem.dataset.is_weighted(), parameters)
}
