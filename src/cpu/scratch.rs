//! The memory that the passes over a block share.

use super::activation::Lanes;
use super::backward::BackwardScratch;
use super::block::{OUTPUTS_AT_ONCE, PartialSums};
use super::float::Float;
use super::layer::{PaddedLayer, ROWS, WIDTH};

/// Memory for the passes over one block.
#[derive(Debug)]
pub(super) struct Scratch<T> {
    /// (O, ROWS): the pre-activations, which dloss/dz then replaces.
    pub(super) z: Vec<f64>,
    pub(super) partial_sums: [PartialSums<T>; OUTPUTS_AT_ONCE],
    pub(super) lanes: Lanes,
    pub(super) backward: BackwardScratch<T>,
    /// A padded copy of a block that does not lie in whole vectors.
    pub(super) padded: Vec<f32>,
}

impl<T: Float> Scratch<T> {
    pub(super) fn new(layer: &PaddedLayer<T>) -> Self {
        Self {
            z: vec![0.0; layer.shape.n_outputs * ROWS],
            partial_sums: [[[T::default(); WIDTH / 2]; ROWS]; OUTPUTS_AT_ONCE],
            lanes: Lanes {
                t: [0.0; ROWS],
                w: [0.0; ROWS],
                q: [0.0; ROWS],
            },
            backward: BackwardScratch::new(layer.shape.n_outputs),
            padded: Vec::new(),
        }
    }
}
