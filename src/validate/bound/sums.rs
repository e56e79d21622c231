//! The bounds of sums over rows.

use crate::backend::{Evaluation, Problem};

/// The bounds of the sums over some rows, one for each number of an evaluation of them.
#[derive(Clone, Debug)]
pub(in crate::validate) struct SumBounds {
    /// The bounds of the errors, reduced like the sums.
    pub(in crate::validate) error: Evaluation,
    /// The largest magnitudes that partial sums may have on a device, which adds before it reduces: those of all terms
    /// together, never reduced.
    most: Evaluation,
}

impl SumBounds {
    /// The bounds of the sums over no rows.
    pub(super) fn zero(n_parameters: usize) -> Self {
        Self {
            error: Evaluation::zero(n_parameters),
            most: Evaluation::zero(n_parameters),
        }
    }

    /// Adds a term to the number that `of` names: the bound `error` of it in its sum, and the largest magnitude `most` of it.
    pub(super) fn push(
        &mut self,
        of: impl Fn(&mut Evaluation) -> &mut f64,
        (error, most): (f64, f64),
    ) {
        *of(&mut self.error) += error;
        // An error that is larger than its term counts too.
        *of(&mut self.most) += most + error;
    }

    /// The bounds of the errors and the largest magnitudes of some components of the gradient.
    pub(super) fn gradient(
        &mut self,
        range: std::ops::Range<usize>,
    ) -> impl Iterator<Item = (&mut f64, &mut f64)> {
        let error = &mut self.error.gradient[range.clone()];
        error.iter_mut().zip(&mut self.most.gradient[range])
    }

    pub(super) fn reduced(self, problem: &Problem<'_>, total_weight: f64) -> Self {
        Self {
            error: self.error.reduced(problem, total_weight),
            most: self.most,
        }
    }

    /// `self += other`
    pub(in crate::validate) fn add(&mut self, other: &Self) {
        self.error.add(&other.error);
        self.most.add(&other.most);
    }

    /// Whether a sum may leave f32 on its way. What is not a number may.
    pub(in crate::validate) fn is_beyond_f32(&self) -> bool {
        let summary = self.most.summary;
        let mut numbers = (self.most.gradient.iter()).chain([&summary.loss, &summary.mean_slope]);
        !numbers.all(|number| *number <= f64::from(f32::MAX))
    }
}
