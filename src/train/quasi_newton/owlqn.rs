//! OWL-QN, which is L-BFGS with an L1 penalty (Andrew and Gao, Scalable Training of L1-Regularized Log-Linear Models,
//! ICML 2007): the objective is smooth within one orthant at a time.

use super::{Iterate, difference, dot};
use crate::error::Result;
use crate::optimizer::Penalty;

/// A step must lower the loss by this share of what the pseudo-gradient promises.
const DECREASE: f64 = 1e-4;
/// The factor by which a step that is too long shrinks.
const CONTRACTION: f64 = 0.5;
/// A search gives up after this many evaluations.
const MAX_EVALUATIONS: usize = 40;

/// Sets to 0 all components of `direction` that do not descend by the pseudo-gradient (the paper's projection).
pub(super) fn align(penalty: &Penalty, pseudo: &[f64], direction: &mut [f64]) {
    let pairs = direction.iter_mut().zip(pseudo);
    for (direction, pseudo) in penalty.of_weights(pairs) {
        if *direction * pseudo >= 0.0 {
            *direction = 0.0;
        }
    }
}

/// Searches along a direction, within the orthant of `current`, by backtracking from a step of 1; `None` if no step
/// lowers the objective.
pub(super) fn search(
    penalty: &Penalty,
    current: &Iterate,
    pseudo: &[f64],
    direction: &[f64],
    slack: f64,
    evaluate: &mut dyn FnMut(Vec<f64>) -> Result<Iterate>,
) -> Result<Option<Iterate>> {
    let mut step = 1.0;
    for _ in 0..MAX_EVALUATIONS {
        let parameters = within_orthant(penalty, current, pseudo, direction, step);
        if parameters == current.parameters {
            return Ok(None);
        }
        let next = evaluate(parameters)?;
        let moved = difference(&next.parameters, &current.parameters);
        if next.objective <= current.objective + DECREASE * dot(pseudo, &moved) + slack {
            return Ok(Some(next));
        }
        step *= CONTRACTION;
    }
    Ok(None)
}

/// `current + step · direction`, but a weight that would change its sign becomes 0, and one that is 0 moves against its
/// pseudo-gradient or stays.
fn within_orthant(
    penalty: &Penalty,
    current: &Iterate,
    pseudo: &[f64],
    direction: &[f64],
    step: f64,
) -> Vec<f64> {
    let mut next = current.parameters.clone();
    for (next, direction) in next.iter_mut().zip(direction) {
        *next += step * direction;
    }
    let weights = next.iter_mut().zip(&current.parameters).zip(pseudo);
    for ((next, from), pseudo) in penalty.of_weights(weights) {
        let sign = if *from == 0.0 { -pseudo } else { *from };
        if *next * sign <= 0.0 {
            *next = 0.0;
        }
    }
    next
}
