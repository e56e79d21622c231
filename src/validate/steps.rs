//! Steps of the optimizer that trains: each against float64, from the gradient and from what the optimizer keeps, both
//! those of the device.

#[cfg(test)]
mod tests;

use super::Check;
use super::bound::{Before, StepBound};
use super::gathered::{self, Elsewhere};
use super::updates::make;
use crate::backend::{Backend, Problem};
use crate::error::Result;
use crate::optimizer::{Memory, UpdateRule};
use std::iter::zip;

/// What a device holds between two updates.
#[derive(Clone, Debug)]
struct Held {
    parameters: Vec<f64>,
    memory: Memory,
}

impl Held {
    fn of(candidate: &mut (impl Backend + ?Sized)) -> Result<Self> {
        Ok(Self {
            parameters: candidate.parameters()?,
            memory: candidate.memory()?,
        })
    }

    fn numbers(&self) -> impl Iterator<Item = f64> {
        let kept = self.memory.vectors().iter().flatten();
        self.parameters.iter().chain(kept).copied()
    }

    fn restore(&self, candidate: &mut (impl Backend + ?Sized)) -> Result<()> {
        candidate.set_parameters(&self.parameters)?;
        candidate.set_memory(&self.memory)
    }
}

/// Checks update number `update` of `candidate`, which follows `rule`, and the one after it; and, of a mini-batch, what the
/// update sees against what it sees `elsewhere` of these rows alone. The candidate keeps its parameters and what
/// its optimizer keeps.
///
/// # Errors
/// If a device fails.
pub(super) fn check(
    problem: &Problem<'_>,
    candidate: &mut (impl Backend + ?Sized),
    (rule, update): (&UpdateRule, u64),
    elsewhere: &Elsewhere<'_>,
) -> Result<Vec<Check>> {
    let before = Held::of(candidate)?;
    // An evaluation must not come first: the sums that it leaves could stand in for those of the update.
    let seen = make(candidate, update..update + 1)?;
    let after = Held::of(candidate)?;
    make(candidate, update + 1..update + 2)?;
    let one_by_one = Held::of(candidate)?;
    before.restore(candidate)?;
    make(candidate, update..update + 2)?;
    let at_once = Held::of(candidate)?;
    before.restore(candidate)?;
    let rows = rule.rows(update, problem.dataset.n_samples());
    let evaluation = candidate.evaluate_for(Some(update), rows.as_deref())?;
    let reported = [
        [seen.summary.loss, evaluation.summary.loss, 0.0],
        [seen.summary.mean_slope, evaluation.summary.mean_slope, 0.0],
    ];
    let twice = zip(at_once.numbers(), one_by_one.numbers());
    let mut checks = stepped(
        problem,
        (rule, update),
        &evaluation.gradient,
        &before,
        &after,
    );
    checks.push(Check::of(
        "two steps at once",
        twice.map(|(a, b)| [a, b, 0.0]),
    ));
    checks.push(Check::of("progress of steps", reported));
    if let Some(rows) = rows {
        let parameters = &before.parameters;
        let of_batch = (update, &rows[..]);
        checks.extend(gathered::check(
            problem,
            elsewhere,
            parameters,
            of_batch,
            &evaluation,
        )?);
    }
    Ok(checks)
}

/// The parameters and what the optimizer keeps, after a step along `gradient` against what the rule makes of those
/// before.
fn stepped(
    problem: &Problem<'_>,
    (rule, update): (&UpdateRule, u64),
    gradient: &[f64],
    before: &Held,
    after: &Held,
) -> Vec<Check> {
    let of_layers = problem.network.parts();
    let is_weight: Vec<bool> = of_layers
        .flat_map(|(layer, range)| (0..range.len()).map(move |at| at < layer.n_weights()))
        .collect();
    let n_own = rule.optimizer.memory().len();
    let (own, average) = before.memory.vectors().split_at(n_own);
    let at = |number: usize| Before {
        parameter: before.parameters[number],
        gradient: gradient[number],
        kept: [0, 1].map(|vector| own.get(vector).map_or(0.0, |kept| kept[number])),
        is_weight: is_weight[number],
    };
    let bound = StepBound::new(rule, update, (0..gradient.len()).map(at));
    let mut parameters = Check::of("stepped parameters", []);
    let mut memory = Check::of("optimizer memory", []);
    for (number, found) in after.parameters.iter().enumerate() {
        let (expected, kept) = bound.after(at(number));
        parameters.extend([[*found, expected.value, expected.bound]]);
        let average = average
            .first()
            .map(|mean| bound.average(mean[number], expected));
        let expected = kept.into_iter().take(n_own).chain(average);
        for (found, expected) in zip(after.memory.vectors(), expected) {
            memory.extend([[found[number], expected.value, expected.bound]]);
        }
    }
    [parameters, memory]
        .into_iter()
        .filter(|check| check.n_values > 0)
        .collect()
}
