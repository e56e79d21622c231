//! How the loss went.

/// The loss at one iteration.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Point {
    /// Updates made.
    pub iteration: u64,
    /// What is minimised, as the last pass saw it: of gradient descent, momentum and Adam before the last update, of
    /// mini-batches on the last batch.
    pub loss: f64,
    /// The loss on the samples held back, where there are any.
    pub validation: Option<f64>,
}

/// More points than this become half as many.
const MOST: usize = 400;

/// Points in order, at least `stride` iterations apart.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub(super) struct History {
    pub(super) points: Vec<Point>,
    stride: u64,
}

impl History {
    pub(super) fn new() -> Self {
        Self {
            points: Vec::new(),
            stride: 1,
        }
    }

    /// Keeps the point, unless it is too near to the last one.
    pub(super) fn push(&mut self, point: Point) {
        let next = self.points.last().map(|last| last.iteration + self.stride);
        if next.is_some_and(|next| point.iteration < next) {
            return;
        }
        self.points.push(point);
        if self.points.len() > MOST {
            let mut at = 0..;
            self.points
                .retain(|_| at.next().is_some_and(|at: usize| at.is_multiple_of(2)));
            self.stride *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{History, MOST, Point};

    #[test]
    fn points_are_thinned_evenly() {
        let mut history = History::new();
        for iteration in 0..100_000 {
            let validation = None;
            history.push(Point {
                iteration,
                loss: 1.0,
                validation,
            });
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
