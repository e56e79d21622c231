//! Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, Algorithms 7.4 and 7.5).

use super::wolfe::{self, LinePoint};
use super::{Iterate, difference, dot, norm, owlqn};
use crate::error::Result;
use crate::optimizer::Penalty;
use crate::train::curvature::Curvature;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The number of pairs that approximate the curvature.
const MAX_PAIRS: usize = 10;

/// The number of iterations without progress after which the search ends: noise may hide progress for a few.
const PATIENCE: u32 = 10;

/// A step between two iterates, and how the gradient changed with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pair {
    #[serde(skip)]
    step: Vec<f64>,
    #[serde(skip)]
    change: Vec<f64>,
}

/// L-BFGS between two iterations.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::train) struct LBfgs {
    /// The last pairs, oldest first.
    pairs: VecDeque<Pair>,
    /// Losses that differ by less than this share may differ by rounding alone.
    resolution: f64,
    /// The lowest objective and the lowest norm of its gradient so far.
    lowest: Option<[f64; 2]>,
    /// Iterations since one of them fell.
    stalled: u32,
}

impl LBfgs {
    /// Before the first iteration.
    pub(in crate::train) fn new(resolution: f64) -> Self {
        Self {
            pairs: VecDeque::with_capacity(MAX_PAIRS),
            resolution,
            lowest: None,
            stalled: 0,
        }
    }

    pub(in crate::train) fn vectors_mut(&mut self) -> Vec<(String, &mut Vec<f64>)> {
        let pairs = self.pairs.iter_mut().enumerate();
        pairs
            .flat_map(|(at, Pair { step, change })| {
                [
                    (format!("step.{at}"), step),
                    (format!("change.{at}"), change),
                ]
            })
            .collect()
    }

    /// Keeps the pairs and forgets the lowest values, which are those of another loss after a warm start.
    pub(in crate::train) fn forget_lowest(&mut self) {
        (self.lowest, self.stalled) = (None, 0);
    }

    /// The decrease of the loss that the step along `gradient` promises; `None` while no pair tells of the curvature.
    pub(in crate::train) fn promised(
        &self,
        curvature: &Curvature,
        gradient: &[f64],
    ) -> Option<f64> {
        self.pairs.back()?;
        Some(-0.5 * dot(&self.direction(curvature, gradient), gradient))
    }

    /// One iteration from `current`; `None` if no lower loss is found.
    pub(in crate::train) fn step(
        &mut self,
        penalty: &Penalty,
        curvature: &Curvature,
        current: &Iterate,
        evaluate: &mut dyn FnMut(Vec<f64>) -> Result<Iterate>,
    ) -> Result<Option<Iterate>> {
        let gradient = current.pseudo_gradient(penalty);
        if self.lowest.is_none() {
            self.progress(penalty, current);
        }
        loop {
            let found = self.search(penalty, curvature, current, &gradient, evaluate)?;
            if let Some(next) = found
                && self.progress(penalty, &next)
            {
                self.remember(current, &next);
                return Ok(Some(next));
            }
            // Either the pairs mislead, or nothing lower exists: steepest descent tells which.
            if self.pairs.is_empty() || self.stalled > PATIENCE {
                return Ok(None);
            }
            self.pairs.clear();
        }
    }

    /// A lower iterate along the quasi-Newton direction.
    fn search(
        &self,
        penalty: &Penalty,
        curvature: &Curvature,
        current: &Iterate,
        gradient: &[f64],
        evaluate: &mut dyn FnMut(Vec<f64>) -> Result<Iterate>,
    ) -> Result<Option<Iterate>> {
        let mut direction = self.direction(curvature, gradient);
        if penalty.l1 > 0.0 {
            owlqn::align(penalty, gradient, &mut direction);
        }
        let slope = dot(&direction, gradient);
        // Rejects NaN too.
        if !(slope < 0.0 && slope.is_finite()) {
            return Ok(None);
        }
        let slack = self.resolution * current.objective.abs();
        if penalty.l1 > 0.0 {
            return owlqn::search(penalty, current, gradient, &direction, slack, evaluate);
        }
        let start = LinePoint {
            step: 0.0,
            loss: current.loss,
            slope,
        };
        wolfe::search(start, slack, &mut |step| {
            let next = std::iter::zip(&current.parameters, &direction)
                .map(|(parameter, direction)| parameter + step * direction);
            let next = evaluate(next.collect())?;
            let point = LinePoint {
                step,
                loss: next.loss,
                slope: dot(&direction, &next.gradient),
            };
            Ok((point, next))
        })
    }

    /// `−H · gradient` by Algorithm 7.4, H starting from the inverse of `curvature`, scaled as equation 7.20 scales
    /// `I`.
    fn direction(&self, curvature: &Curvature, gradient: &[f64]) -> Vec<f64> {
        let mut direction: Vec<f64> = gradient.iter().map(|gradient| -gradient).collect();
        let mut shares = Vec::with_capacity(self.pairs.len());
        for Pair { step, change } in self.pairs.iter().rev() {
            let share = dot(step, &direction) / dot(step, change);
            add(-share, change, &mut direction);
            shares.push(share);
        }
        direction = curvature.solve(&direction);
        if let Some(Pair { step, change }) = self.pairs.back() {
            let scale = dot(step, change) / dot(change, &curvature.solve(change));
            direction.iter_mut().for_each(|term| *term *= scale);
        }
        for (Pair { step, change }, share) in self.pairs.iter().zip(shares.iter().rev()) {
            let rest = share - dot(change, &direction) / dot(step, change);
            add(rest, step, &mut direction);
        }
        direction
    }

    /// Keeps the pair of two iterates if the curvature between them is positive beyond rounding.
    fn remember(&mut self, current: &Iterate, next: &Iterate) {
        let step = difference(&next.parameters, &current.parameters);
        let change = difference(&next.gradient, &current.gradient);
        if dot(&step, &change) > f64::EPSILON * norm(&step) * norm(&change) {
            if self.pairs.len() == MAX_PAIRS {
                self.pairs.pop_front();
            }
            self.pairs.push_back(Pair { step, change });
        }
    }

    /// Whether one of the last iterates had the lowest objective yet, or the lowest norm of the gradient, which decides
    /// if rounding hides differences of the objective.
    fn progress(&mut self, penalty: &Penalty, next: &Iterate) -> bool {
        let gradient = next.pseudo_gradient(penalty);
        let found = [next.objective, norm(&gradient)];
        let Some(lowest) = &mut self.lowest else {
            self.lowest = Some(found);
            return true;
        };
        let better = std::iter::zip(found, *lowest).any(|(found, lowest)| found < lowest);
        *lowest = [lowest[0].min(found[0]), lowest[1].min(found[1])];
        self.stalled = if better { 0 } else { self.stalled + 1 };
        self.stalled <= PATIENCE
    }
}

/// `to += factor · terms`
fn add(factor: f64, terms: &[f64], to: &mut [f64]) {
    for (to, term) in to.iter_mut().zip(terms) {
        *to += factor * term;
    }
}

#[cfg(test)]
mod tests {
    use super::super::wolfe::{CURVATURE, DECREASE, MAX_EVALUATIONS};
    use super::{Curvature, Iterate, LBfgs, Penalty, difference, dot, norm};
    use crate::backend::{Evaluation, Summary};
    use crate::network::Network;
    use crate::random::random_state;
    use rand::Rng;

    const RESOLUTION: f64 = 4.0 * f64::EPSILON;

    /// No penalty.
    fn free(n_parameters: usize) -> Penalty {
        Penalty::new(0.0, 0.0, &Network::single_layer(n_parameters, 1, false))
    }

    fn iterate(parameters: Vec<f64>, function: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> Iterate {
        let (loss, gradient) = function(&parameters);
        let mean_slope = 0.25;
        let summary = Summary { loss, mean_slope };
        let evaluation = Evaluation { summary, gradient };
        Iterate::new(&free(parameters.len()), parameters, evaluation)
    }

    /// All iterates from `start` until rounding ends the search, and the number of evaluations.
    fn minimised(
        start: Vec<f64>,
        function: impl Fn(&[f64]) -> (f64, Vec<f64>),
    ) -> (Vec<Iterate>, usize) {
        let penalty = free(start.len());
        let curvature = Curvature::unit(start.len());
        let mut lbfgs = LBfgs::new(RESOLUTION);
        let mut evaluations = 1;
        let mut points = vec![iterate(start, &function)];
        loop {
            assert!(points.len() < 500, "it does not end");
            let current = points.last().unwrap();
            let mut evaluate = |parameters| {
                evaluations += 1;
                Ok(iterate(parameters, &function))
            };
            match lbfgs
                .step(&penalty, &curvature, current, &mut evaluate)
                .unwrap()
            {
                Some(next) => points.push(next),
                None => return (points, evaluations),
            }
        }
    }

    /// Rosenbrock's valley, from its usual start.
    #[test]
    fn rosenbrocks_minimum_is_found() {
        let (points, evaluations) = minimised(vec![-1.2, 1.0], |x| {
            let (a, b) = (x[1] - x[0] * x[0], 1.0 - x[0]);
            let gradient = vec![-400.0 * x[0] * a - 2.0 * b, 200.0 * a];
            (100.0 * a * a + b * b, gradient)
        });
        let end = points.last().unwrap();
        for x in &end.parameters {
            assert!((x - 1.0).abs() <= 1e-9, "{:?}", end.parameters);
        }
        assert!(evaluations < 80, "{evaluations} evaluations");
    }

    /// A logistic loss of random samples and an L2 term, with scales far apart: smooth and strictly convex.
    fn random_problem(seed: u32) -> impl Fn(&[f64]) -> (f64, Vec<f64>) {
        let mut random = random_state(seed);
        let mut uniform = move || f64::from(random.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0;
        let n = 2 + seed as usize % 9;
        let scales: Vec<f64> = (0..n).map(|_| 10_f64.powf(uniform())).collect();
        let rows: Vec<(Vec<f64>, f64)> = (0..60)
            .map(|_| {
                let x = scales.iter().map(|scale| scale * uniform()).collect();
                (x, f64::from(uniform() > 0.0))
            })
            .collect();
        move |w| {
            let mut gradient: Vec<f64> = w.iter().map(|w| 1e-3 * w).collect();
            let mut loss = 0.5e-3 * dot(w, w);
            for (x, t) in &rows {
                let z = dot(x, w);
                loss += (z.max(0.0) - z * t + (-z.abs()).exp().ln_1p()) / 60.0;
                super::add((crate::network::sigmoid(z) - t) / 60.0, x, &mut gradient);
            }
            (loss, gradient)
        }
    }

    /// Every step satisfies both conditions, the first up to the roundings of the loss; the gradient ends at 0.
    #[test]
    fn steps_satisfy_the_strong_wolfe_conditions() {
        for seed in 0..50 {
            let n = 2 + seed as usize % 9;
            let start = vec![f64::from(seed % 5) - 2.0; n];
            let (points, evaluations) = minimised(start, random_problem(seed));
            for pair in points.windows(2) {
                let (here, there) = (&pair[0], &pair[1]);
                let step = difference(&there.parameters, &here.parameters);
                let (before, after) = (dot(&here.gradient, &step), dot(&there.gradient, &step));
                let slack = 2.0 * RESOLUTION * here.loss;
                // At the very end the parameters themselves are too coarse for a step or a slope.
                let coarse = before.abs() <= f64::EPSILON * slack;
                assert!(coarse || before < 0.0, "seed {seed}: no descent");
                assert!(
                    there.loss <= here.loss + DECREASE * before + slack,
                    "seed {seed}: {} after {}",
                    there.loss,
                    here.loss
                );
                assert!(
                    coarse || after.abs() <= CURVATURE * before.abs() * (1.0 + 1e-6),
                    "seed {seed}: slope {after:e} after {before:e}"
                );
            }
            let (first, last) = (&points[0], &points[points.len() - 1]);
            let share = norm(&last.gradient) / norm(&first.gradient);
            assert!(share <= 1e-7, "seed {seed}: gradient {share:e}");
            // Near the end a search that rounding defeats takes all it may, with the history and without, once or
            // twice.
            assert!(
                evaluations <= 2 * points.len() + 4 * MAX_EVALUATIONS,
                "seed {seed}: {evaluations} evaluations of {} points",
                points.len()
            );
        }
    }

    /// Losses that are not finite, beyond a wall, only shorten a step.
    #[test]
    fn a_wall_is_stepped_back_from() {
        let (points, _) = minimised(vec![5.0], |x| {
            if x[0] <= 0.0 {
                return (f64::NAN, vec![f64::NAN]);
            }
            (x[0] - x[0].ln(), vec![1.0 - 1.0 / x[0]])
        });
        let end = points.last().unwrap().parameters[0];
        assert!((end - 1.0).abs() <= 1e-9, "{end}");
    }

    /// Already there: no step, and no endless search.
    #[test]
    fn a_minimum_is_left_alone() {
        let (points, evaluations) = minimised(vec![0.0, 0.0], |x| (dot(x, x), vec![0.0, 0.0]));
        assert_eq!((points.len(), evaluations), (1, 1), "points, evaluations");
    }
}
