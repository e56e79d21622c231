//! A network at its parameters, as its arithmetic wants it, and what it sums over rows.

use super::block::Rows;
use crate::backend::{Evaluation, Summary};
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
