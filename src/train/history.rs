//! The course of the loss.

use super::Progress;

/// The loss at one iteration.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct HistoryPoint {
    /// Updates made.
    pub iteration: u64,
    /// What is minimised, in the last pass. All optimizers but L-BFGS take it before the last update, with
    /// mini-batches on the last batch.
    pub loss: f64,
    /// The loss on the held-out samples, if there are any.
    pub validation: Option<f64>,
}

/// Beyond this number of points every other one is dropped.
const MOST: usize = 400;

/// Points in order of their iterations, at least `stride` apart.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub(super) struct History {
    pub(super) points: Vec<HistoryPoint>,
    stride: u64,
}

impl History {
    pub(super) fn new() -> Self {
        Self {
            points: Vec::new(),
            stride: 1,
        }
    }

    /// Adds the losses of `progress`, the last pass of which saw the parameters after `iteration` updates, unless the
    /// last point is too near.
    pub(super) fn push(&mut self, progress: &Progress, iteration: u64) {
        let next = self.points.last().map(|last| last.iteration + self.stride);
        if next.is_some_and(|next| iteration < next) {
            return;
        }
        self.points.push(HistoryPoint {
            iteration,
            loss: progress.loss,
            validation: progress.validation,
        });
        if self.points.len() > MOST {
            self.points = self.points.iter().step_by(2).copied().collect();
            self.stride *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{History, MOST, Progress};

    #[test]
    fn points_are_thinned_evenly() {
        let mut history = History::new();
        for iteration in 0..100_000 {
            history.push(&Progress::default(), iteration);
        }
        let points = &history.points;
        assert!(
            (MOST / 2..=MOST).contains(&points.len()),
            "{}",
            points.len()
        );
        assert_eq!(points[0].iteration, 0, "the start is kept");
        for pair in points.windows(2) {
            let apart = pair[1].iteration - pair[0].iteration;
            assert_eq!(apart, history.stride, "{pair:?}");
        }
    }
}
