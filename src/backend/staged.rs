//! The values of every layer, as backends show them.

use super::Backend;
use crate::error::Result;

/// The values of one layer for the rows of a leaf, each (rows, O).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// The pre-activations.
    pub z: Vec<f64>,
    /// The activations; of the last layer these are not held.
    pub a: Vec<f64>,
    /// `dloss/dz` of each row, times its weight and not reduced.
    pub e: Vec<f64>,
}

/// A backend that can show the values of every layer, so that each can be checked from those before it.
pub trait Staged: Backend {
    /// The values of each layer for the rows of leaf `leaf` in the last evaluation, which was one of all rows, and since
    /// which nothing was updated.
    ///
    /// # Errors
    /// Where the device fails.
    fn stages(&mut self, leaf: usize) -> Result<Vec<Stage>>;
}
