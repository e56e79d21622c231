//! Steps of the optimizer that trains: each against float64, from the gradient and from what the optimizer keeps, both
//! those of the device.

#[cfg(test)]
mod tests;

use super::Check;
use super::bound::{Before, Bounded, Bounds, StepBound, forward_is_beyond_f32, penalty};
use super::gathered::{self, EvaluateAlone};
use super::range::{self, beyond_f32};
use crate::backend::{Backend, Problem, UpdateSummary};
use crate::error::Result;
use crate::optimizer::{Memory, UpdateRule};
use std::iter::zip;
use std::ops::Range;
use std::sync::Arc;

/// What a backend goes on from after an update.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) parameters: Vec<f64>,
    pub(super) memory: Memory,
}

impl State {
    pub(super) fn of(backend: &mut (impl Backend + ?Sized)) -> Result<Self> {
        Ok(Self {
            parameters: backend.parameters()?,
            memory: backend.memory()?,
        })
    }

    /// The parameters and what is kept beside them.
    fn numbers(&self) -> impl Iterator<Item = f64> {
        let kept = self.memory.vectors().iter().flatten();
        self.parameters.iter().chain(kept).copied()
    }

    pub(super) fn is_finite(&self) -> bool {
        self.numbers().all(f64::is_finite)
    }

    /// Gives `backend` these parameters, and its rule what it kept at them.
    pub(super) fn restore(&self, backend: &mut (impl Backend + ?Sized)) -> Result<()> {
        backend.set_parameters(&self.parameters)?;
        backend.set_memory(&self.memory)
    }
}

/// Makes the updates `updates`, and gives what the last one of them saw.
fn make(backend: &mut (impl Backend + ?Sized), updates: Range<u64>) -> Result<UpdateSummary> {
    backend.submit(updates)?;
    Ok(*backend.wait()?.last().expect("one at least"))
}

/// Checks update number `update` of the first backend and the one after it, by `rule`, which it and the reference beside it
/// follow; and, of a mini-batch, what the update sees against what `evaluate_alone` sees of these rows. The first backend
/// keeps its parameters and what its optimizer keeps. `bounds` are those of a network that reads each row once; others have
/// none.
///
/// # Errors
/// If a device fails, or a value may leave the range of f32.
pub(super) fn check(
    problem: &Problem<'_>,
    bounds: Option<&Bounds<'_>>,
    (candidate, reference): (&mut (impl Backend + ?Sized), &mut dyn Backend),
    (rule, update): (&UpdateRule, u64),
    evaluate_alone: &EvaluateAlone<'_>,
) -> Result<Vec<Check>> {
    let before = State::of(candidate)?;
    // An evaluation must not come first: the sums that it leaves could stand in for those of the update.
    let reported = make(candidate, update..update + 1)?;
    let after = State::of(candidate)?;
    make(candidate, update + 1..update + 2)?;
    let one_by_one = State::of(candidate)?;
    before.restore(candidate)?;
    make(candidate, update..update + 2)?;
    let at_once = State::of(candidate)?;
    before.restore(candidate)?;
    let rows = rule.rows(update, problem.dataset.n_samples());
    let evaluation = candidate.evaluate_for(Some(update), rows.as_deref())?;
    let of_step = (rule, update, &evaluation.gradient[..]);
    let expected = expected(problem, of_step, &before);
    let (mut checks, is_bounded) = compared(&after, expected);
    let is_in_range = one_by_one.is_finite() && is_bounded;
    if before.is_finite() && !is_in_range {
        let of_updates = (rule, update..update + 2);
        check_range(problem, bounds, reference, of_updates, &before)?;
    }
    let penalty = penalty(rule, &problem.network, &before.parameters);
    if before.is_finite() && !penalty.bound.is_finite() {
        return Err(beyond_f32(problem, &before.parameters));
    }
    if rule.l1 > 0.0 || rule.l2 > 0.0 {
        let values = [reported.penalty, penalty.value, penalty.bound];
        checks.push(Check::of("penalty", [values]));
    }
    let of_progress = [
        [reported.summary.loss, evaluation.summary.loss, 0.0],
        [
            reported.summary.mean_slope,
            evaluation.summary.mean_slope,
            0.0,
        ],
    ];
    let twice = zip(at_once.numbers(), one_by_one.numbers());
    checks.extend([
        Check::of("two updates at once", twice.map(|(a, b)| [a, b, 0.0])),
        Check::of("progress", of_progress),
    ]);
    if let Some(rows) = rows {
        let parameters = &before.parameters;
        let of_batch = (update, &rows[..]);
        checks.extend(gathered::check(
            problem,
            evaluate_alone,
            parameters,
            of_batch,
            &evaluation,
        )?);
    }
    Ok(checks)
}

/// Checks that the updates `updates` of the reference, from `before` on, stay in the range of f32: a device whose numbers do
/// not is wrong then. With `bounds` every sum over the rows of an update is checked, and every partial one; of a network
/// without, the forward pass of each row, the gradient and what the update makes of it, but neither the errors of hidden layers
/// nor partial sums.
///
/// # Errors
/// If a value may leave that range, and those of the reference.
pub(super) fn check_range(
    problem: &Problem<'_>,
    bounds: Option<&Bounds<'_>>,
    reference: &mut dyn Backend,
    (rule, updates): (&UpdateRule, Range<u64>),
    before: &State,
) -> Result<()> {
    before.restore(reference)?;
    for update in updates {
        let state = State::of(reference)?;
        let rows = rule.rows(update, problem.dataset.n_samples());
        let alone = rows.as_ref().map(|rows| problem.dataset.rows_alone(rows));
        let of_rows = &Problem {
            dataset: alone.as_ref().unwrap_or(problem.dataset),
            ..problem.clone()
        };
        let is_beyond = match bounds {
            Some(bounds) => bounds.of(of_rows).total(&state.parameters).is_beyond_f32(),
            None => forward_is_beyond_f32(of_rows, &state.parameters),
        };
        if is_beyond {
            return Err(beyond_f32(problem, &state.parameters));
        }
        let evaluation = reference.evaluate_for(Some(update), rows.as_deref())?;
        let of_step = (rule, update, &evaluation.gradient[..]);
        let expected = expected(problem, of_step, &state);
        if !expected.clone().all(|it| it.is_bounded()) {
            let to: Vec<f64> = expected.map(|it| it.parameter.value).collect();
            let way = (&state.parameters[..], &to[..]);
            return Err(range::of_step(problem, of_step, way));
        }
        make(reference, update..update + 1)?;
    }
    Ok(())
}

/// One parameter after a step, and what the optimizer keeps of it then.
#[derive(Clone, Debug)]
struct Expected {
    parameter: Bounded,
    /// In the order of the memory, then 0.
    kept: [Bounded; 3],
}

impl Expected {
    fn is_bounded(&self) -> bool {
        let kept = self.kept.iter().all(|kept| kept.bound.is_finite());
        kept && self.parameter.bound.is_finite()
    }
}

/// What update number `update` by `rule` makes of each parameter and of what the optimizer keeps of it, along `gradient`: one
/// after the other, since all together may take several times the memory of the training.
fn expected<'s>(
    problem: &Problem<'_>,
    (rule, update, gradient): (&'s UpdateRule, u64, &'s [f64]),
    before: &'s State,
) -> impl Iterator<Item = Expected> + Clone + use<'s> {
    let of_layers = problem.network.parts();
    let is_weight: Arc<[bool]> = of_layers
        .flat_map(|(layer, range)| (0..range.len()).map(move |at| at < layer.n_weights()))
        .collect();
    let n_own = rule.optimizer.memory().len();
    let (own, average) = before.memory.vectors().split_at(n_own);
    let at = move |number: usize| Before {
        parameter: before.parameters[number],
        gradient: gradient[number],
        kept: [0, 1].map(|vector| own.get(vector).map_or(0.0, |kept| kept[number])),
        is_weight: is_weight[number],
    };
    let bound = StepBound::new(rule, update, (0..gradient.len()).map(&at));
    let of_parameter = move |number| {
        let (parameter, kept) = bound.after(at(number));
        let mean = average
            .first()
            .map(|mean| bound.average(mean[number], parameter));
        let mut kept = kept.into_iter().take(n_own).chain(mean);
        let kept = [(); 3].map(|()| kept.next().unwrap_or(Bounded::exact(0.0)));
        Expected { parameter, kept }
    };
    (0..gradient.len()).map(of_parameter)
}

/// The numbers of a device after an update against those expected, and whether all of these have bounds.
fn compared(after: &State, expected: impl Iterator<Item = Expected>) -> (Vec<Check>, bool) {
    let mut parameters = Check::of("updated parameters", []);
    let mut memory = Check::of("optimizer memory", []);
    let mut is_bounded = true;
    for (number, expected) in expected.enumerate() {
        is_bounded &= expected.is_bounded();
        let Bounded { value, bound } = expected.parameter;
        parameters.extend([[after.parameters[number], value, bound]]);
        for (found, kept) in zip(after.memory.vectors(), &expected.kept) {
            memory.extend([[found[number], kept.value, kept.bound]]);
        }
    }
    let mut checks = vec![parameters, memory];
    checks.retain(|check| check.n_values > 0);
    (checks, is_bounded)
}
