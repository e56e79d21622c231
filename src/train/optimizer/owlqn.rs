//! What an L1 penalty adds to L-BFGS (Andrew and Gao, Scalable Training of L1-Regularized Log-Linear Models,
//! ICML 2007): the smooth rest is minimised within one orthant at a time.

use super::{Point, dot};
use crate::error::Result;
use crate::train::penalty::Penalty;

/// A step must lower the loss by this share of what the pseudo-gradient promises.
const DECREASE: f64 = 1e-4;
/// A step too long becomes this many times as long.
const CONTRACTION: f64 = 0.5;
/// A search gives up after this many evaluations.
const MAX_EVALUATIONS: usize = 40;

/// Leaves of `direction` what goes against the pseudo-gradient (the paper's projection of the direction).
pub(super) fn align(penalty: &Penalty, pseudo: &[f64], direction: &mut [f64]) {
    let pairs = direction.iter_mut().zip(pseudo);
    for (direction, pseudo) in pairs.take(penalty.n_weights) {
        if *direction * pseudo >= 0.0 {
            *direction = 0.0;
        }
    }
}

/// A step along `direction`, kept in the orthant of `here`, by backtracking from the step `first`; `None` where
/// no step lowers what is minimised.
pub(super) fn search(
    penalty: &Penalty,
    here: &Point,
    pseudo: &[f64],
    direction: &[f64],
    first: f64,
    slack: f64,
    evaluate: &mut dyn FnMut(Vec<f64>) -> Result<Point>,
) -> Result<Option<Point>> {
    let before = here.loss + penalty.l1_loss(&here.parameters);
    let mut step = first;
    for _ in 0..MAX_EVALUATIONS {
        let there = within_orthant(penalty, here, pseudo, direction, step);
        if there == here.parameters {
            return Ok(None);
        }
        let there = evaluate(there)?;
        let moved: Vec<f64> = std::iter::zip(&there.parameters, &here.parameters)
            .map(|(there, here)| there - here)
            .collect();
        let after = there.loss + penalty.l1_loss(&there.parameters);
        if after <= before + DECREASE * dot(pseudo, &moved) + slack {
            return Ok(Some(there));
        }
        step *= CONTRACTION;
    }
    Ok(None)
}

/// `here + step · direction`; a weight that would change its sign becomes 0, and one that is 0 goes against the
/// pseudo-gradient or stays.
fn within_orthant(
    penalty: &Penalty,
    here: &Point,
    pseudo: &[f64],
    direction: &[f64],
    step: f64,
) -> Vec<f64> {
    let mut there = here.parameters.clone();
    for (at, there) in there.iter_mut().enumerate() {
        let from = *there;
        *there += step * direction[at];
        let sign = if from == 0.0 { -pseudo[at] } else { from };
        if at < penalty.n_weights && *there * sign <= 0.0 {
            *there = 0.0;
        }
    }
    there
}
