//! What a pass summed over rows, with a gradient that is laid out where it is wanted.

use super::dense::DenseSums;
use crate::backend::{Evaluation, Summary};
use crate::parts::{self, PART};

/// Loss, gradient and dy/dz summed over rows.
#[derive(Debug)]
pub(super) enum Sums {
    /// With the gradient in the layout of the parameters.
    LaidOut(Evaluation),
    /// Of the rows of one leaf, by a network with hidden layers.
    Dense(Box<dyn DenseSums>),
}

impl Sums {
    pub(super) fn summary(&self) -> Summary {
        match self {
            Self::LaidOut(sums) => sums.summary,
            Self::Dense(sums) => sums.summary(),
        }
    }

    /// Writes the gradient of the parameters from number `first` on.
    pub(super) fn write(&self, first: usize, gradient: &mut [f64]) {
        match self {
            Self::LaidOut(sums) => {
                gradient.copy_from_slice(&sums.gradient[first..][..gradient.len()]);
            }
            Self::Dense(sums) => sums.write(first, gradient),
        }
    }

    /// The sums, with the gradient of all parameters in their layout.
    pub(super) fn laid_out(self) -> Evaluation {
        let sums = match self {
            Self::LaidOut(sums) => return sums,
            Self::Dense(sums) => sums,
        };
        let mut gradient = vec![0.0; sums.n_parameters()];
        let parts = gradient.chunks_mut(PART).enumerate();
        parts::for_each(parts, |(at, part)| sums.write(at * PART, part));
        Evaluation {
            summary: sums.summary(),
            gradient,
        }
    }
}
