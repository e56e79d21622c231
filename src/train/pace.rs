//! How many iterations to ask a backend for at once.

use std::num::NonZeroU32;

/// A backend does about this much between two looks at it: seldom enough to cost nothing, often enough
/// for a progress bar and for the watchdogs of drivers, which end what lasts for seconds.
const BATCH_SECONDS: f64 = 0.1;

/// The length of the next batch, learnt from those before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Iterations that take about [`BATCH_SECONDS`].
    batch: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { batch: 1 }
    }
}

impl Pace {
    /// The next batch where `left` iterations are left; `None` where none is.
    pub(crate) fn batch(self, left: u64) -> Option<NonZeroU32> {
        NonZeroU32::new(u32::try_from(left).unwrap_or(u32::MAX).min(self.batch))
    }

    /// Learns from a batch, at most eight times as many as before: one fast start says little.
    pub(crate) fn took(&mut self, batch: NonZeroU32, seconds: f64) {
        let factor = (BATCH_SECONDS / seconds).min(8.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float becomes the nearest u32"
        )]
        let next = (f64::from(batch.get()) * factor) as u32;
        self.batch = next.max(1);
    }
}
