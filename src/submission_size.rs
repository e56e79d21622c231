//! How many iterations, or parts of a pass, to submit at once.

use std::num::NonZeroU32;
use std::time::Duration;

/// The time that a submission should take: long enough that its overhead costs nothing, short enough for a progress bar
/// and for the watchdogs of drivers, which end what lasts for seconds.
const TARGET: Duration = Duration::from_millis(100);

/// The size of the next submission, learnt from those before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SubmissionSize(u32);

impl SubmissionSize {
    pub(crate) const ONE: Self = Self(1);
    /// For what no driver ends, however much of it is submitted at once.
    pub(crate) const ALL: Self = Self(u32::MAX);

    /// Iterations, or parts, of the next submission if `left` are left; `None` if none is.
    pub(crate) fn iterations(self, left: u64) -> Option<NonZeroU32> {
        NonZeroU32::new(u32::try_from(left).unwrap_or(u32::MAX).min(self.0))
    }

    /// Learns from a submission that took `time`. Grows at most eightfold: one fast start says little.
    pub(crate) fn observe(&mut self, iterations: NonZeroU32, time: Duration) {
        let most = iterations.get().saturating_mul(8);
        let next = u128::from(iterations.get()) * TARGET.as_nanos() / time.as_nanos().max(1);
        self.0 = u32::try_from(next).unwrap_or(most).clamp(1, most);
    }
}

#[cfg(test)]
mod tests {
    use super::SubmissionSize;
    use std::num::NonZeroU32;
    use std::time::Duration;

    #[test]
    fn a_submission_is_a_tenth_of_a_second_or_what_is_left() {
        let mut size = SubmissionSize::ONE;
        for expected in [1, 8, 64, 512] {
            let iterations = size.iterations(u64::MAX);
            assert_eq!(iterations.map(NonZeroU32::get), Some(expected), "eightfold");
            size.observe(iterations.unwrap(), Duration::ZERO);
        }
        let thousand = NonZeroU32::new(1000).unwrap();
        size.observe(thousand, Duration::from_millis(500));
        assert_eq!(size.iterations(u64::MAX).map(NonZeroU32::get), Some(200));
        assert_eq!(size.iterations(3).map(NonZeroU32::get), Some(3));
        assert_eq!(size.iterations(0), None, "none is left");
        size.observe(NonZeroU32::MIN, Duration::from_secs(9));
        assert_eq!(size.iterations(7), Some(NonZeroU32::MIN), "never none");
    }
}
