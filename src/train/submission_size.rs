//! How many iterations to submit to a backend at once.

use std::num::NonZeroU32;

/// The time that a submission should take: long enough that its overhead costs nothing, short enough for a progress bar
/// and for the watchdogs of drivers, which end what lasts for seconds.
const TARGET_SECONDS: f64 = 0.1;

/// The size of the next submission, learnt from those before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SubmissionSize {
    /// Iterations that take about [`TARGET_SECONDS`].
    iterations: u32,
}

impl Default for SubmissionSize {
    fn default() -> Self {
        Self { iterations: 1 }
    }
}

impl SubmissionSize {
    /// Iterations of the next submission if `left` are left; `None` if none is.
    pub(crate) fn iterations(self, left: u64) -> Option<NonZeroU32> {
        NonZeroU32::new(u32::try_from(left).unwrap_or(u32::MAX).min(self.iterations))
    }

    /// Learns from a submission that took `seconds`. Grows at most eightfold: one fast start says little.
    pub(crate) fn observe(&mut self, iterations: NonZeroU32, seconds: f64) {
        let factor = (TARGET_SECONDS / seconds).min(8.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float becomes the nearest u32"
        )]
        let next = (f64::from(iterations.get()) * factor) as u32;
        self.iterations = next.max(1);
    }
}
