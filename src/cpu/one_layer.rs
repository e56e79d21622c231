//! A network without hidden layers at its parameters.

use super::block::Rows;
use super::float::Float;
use super::layer::{self, PaddedLayer};
use super::leaf::LeafSums;
use super::prepared::{PassSums, Prepared};
use crate::backend::{Evaluation, Problem, Summary};
use crate::simd::Instructions;

/// A network without hidden layers.
#[derive(Debug)]
pub(super) struct OneLayer<T> {
    pub(super) layer: PaddedLayer<T>,
    pub(super) instructions: Instructions,
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
