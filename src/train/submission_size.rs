//! How many iterations to submit to a backend at once.

use std::num::NonZeroU32;
use std::time::Duration;

/// The time that a submission should take: long enough that its overhead costs nothing, short enough for a progress bar
/// and for the watchdogs of drivers, which end what lasts for seconds.
const TARGET: Duration = Duration::from_millis(100);

/// The size of the next submission, learnt from those before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SubmissionSize(NonZeroU32);

impl SubmissionSize {
    pub(crate) const ONE: Self = Self(NonZeroU32::MIN);

    /// Iterations of the next submission if `left` are left; `None` if none is.
    pub(crate) fn iterations(self, left: u64) -> Option<NonZeroU32> {
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        NonZeroU32::new(left).map(|left| left.min(self.0))
    }

    /// Learns from a submission that took `time`. Grows at most eightfold: one fast start says little.
    pub(crate) fn observe(&mut self, iterations: NonZeroU32, time: Duration) {
        let most = iterations.saturating_mul(const { NonZeroU32::new(8).expect("not 0") });
        let next = u128::from(iterations.get()) * TARGET.as_nanos() / time.as_nanos().max(1);
        let next = u32::try_from(next).map(|next| NonZeroU32::new(next).unwrap_or(NonZeroU32::MIN));
        self.0 = next.map_or(most, |next| next.min(most));
    }
}
