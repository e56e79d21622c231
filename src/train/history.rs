//! The course of the loss.

/// A loss, and the parameters it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct HistoryPoint {
    /// The number of updates that led to them.
    pub iteration: u64,
    /// The loss at them.
    pub loss: f64,
}

/// Beyond this number of points every other one is dropped.
const MOST: usize = 400;

/// Points in order of their iterations, at least `stride` apart.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub(super) struct History {
    pub(super) points: Vec<HistoryPoint>,
    stride: u64,
}

impl Default for History {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            stride: 1,
        }
    }
}

impl History {
    /// Adds the loss at the parameters after `iteration` updates, unless the last point is too near.
    pub(super) fn push(&mut self, iteration: u64, loss: f64) {
        let next = self.points.last().map(|last| last.iteration + self.stride);
        if next.is_some_and(|next| iteration < next) {
            return;
        }
        self.points.push(HistoryPoint { iteration, loss });
        if self.points.len() > MOST {
            self.points = self.points.iter().step_by(2).copied().collect();
            self.stride *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{History, MOST};

    #[test]
    fn points_are_thinned_evenly() {
        let mut history = History::default();
        for iteration in 0..100_000 {
            history.push(iteration, 0.5);
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
