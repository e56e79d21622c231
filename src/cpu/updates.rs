//! Updates that the CPU makes by itself, by the rule that is followed.

#[cfg(test)]
mod tests;

use super::descent::GradientDescent;
use super::one_layer::padded_layer;
use super::rows::RowSource;
use super::{Cpu, tiny};
use crate::backend::{Problem, UpdateSummary};
use crate::optimizer::{Memory, Penalty, Step, UpdateRule};
use crate::precision::Precision;
use std::ops::Range;

/// The rule of the updates, with what it keeps from one to the next.
#[derive(Debug)]
pub(super) struct RuleState {
    /// Its learning rate reduces the sums over the rows if it is plain.
    rule: UpdateRule,
    /// Whether it is plain gradient descent by all units.
    is_plain: bool,
    penalty: Penalty,
    pub(super) memory: Memory,
    /// What the update saw whose loss is not finite: none is made after it.
    pub(super) diverged: Option<UpdateSummary>,
}

impl RuleState {
    pub(super) fn new(problem: &Problem<'_>, rule: &UpdateRule) -> Self {
        let is_plain = rule.is_plain() && problem.dropout.is_none();
        let reduction = if is_plain { problem.scale() } else { 1.0 };
        Self {
            rule: UpdateRule {
                learning_rate: rule.learning_rate * reduction,
                ..rule.clone()
            },
            is_plain,
            penalty: rule.penalty(&problem.network),
            memory: Memory::new(rule, problem.network.n_parameters()),
            diverged: None,
        }
    }
}

impl Cpu<'_> {
    /// Makes `updates`, and gives what each of them saw, or what the last one did.
    pub(super) fn make(&mut self, updates: Range<u64>) -> Vec<UpdateSummary> {
        let mut state = self.rule_state.take().expect("a rule is followed");
        let at_once = self.make_at_once(&state, &updates);
        let summaries = match at_once {
            Some(reported) if !self.has_diverged(reported) => vec![reported],
            _ => {
                let summaries = updates.map(|update| self.make_one(&mut state, update));
                let mut summaries: Vec<UpdateSummary> = summaries.collect();
                if let (Some(diverged), Some(last)) = (at_once, summaries.last_mut()) {
                    // Other roundings may just stay finite; that is no reason to go on.
                    *last = diverged;
                }
                summaries
            }
        };
        self.rule_state = Some(state);
        summaries
    }

    /// Whether the layer is to be found that made a loss other than finite.
    fn has_diverged(&self, reported: UpdateSummary) -> bool {
        self.problem.network.has_hidden() && !reported.objective().is_finite()
    }

    /// Makes update number `update`, unless its loss is not finite: what made it so is still to be found.
    fn make_one(&mut self, state: &mut RuleState, update: u64) -> UpdateSummary {
        if let Some(reported) = state.diverged {
            return reported;
        }
        let RuleState {
            rule,
            penalty,
            memory,
            ..
        } = state;
        let rows = rule.rows(update, self.problem.dataset.n_samples());
        let total_weight = self.problem.weight_of(rows.as_deref());
        self.mask = self.problem.mask(Some(update));
        let mut parameters = std::mem::take(&mut self.parameters);
        let reported = self.share(|| {
            let sums = self.sums(&*self.prepared(&parameters), rows.as_deref());
            let reported = UpdateSummary {
                summary: sums.summary().reduced(&self.problem, total_weight),
                penalty: penalty.l2_loss(&parameters) + penalty.l1_loss(&parameters),
            };
            if reported.objective().is_finite() {
                let scale = match state.is_plain || total_weight <= 0.0 {
                    true => 1.0,
                    false => self.problem.objective.reduction.scale(total_weight),
                };
                let gradient = |first, parameters: &[f64], part: &mut [f64]| {
                    sums.write(first, part);
                    part.iter_mut().for_each(|sum| *sum *= scale);
                    penalty.add_l2_gradient(first, parameters, part);
                };
                let step = Step {
                    rule,
                    penalty,
                    update,
                    precision: self.precision,
                };
                step.make(gradient, memory, &mut parameters);
            }
            reported
        });
        self.parameters = parameters;
        if !reported.objective().is_finite() {
            state.diverged = Some(reported);
        }
        reported
    }

    /// Makes `updates` by gradient descent on the only leaf in one call, and gives what the last one saw. `None` where they
    /// are made leaf by leaf and update by update; so they are too from the same parameters after a network has diverged, to
    /// stop at those that made the loss so.
    fn make_at_once(&mut self, state: &RuleState, updates: &Range<u64>) -> Option<UpdateSummary> {
        let by_itself = state.is_plain && state.diverged.is_none();
        // Updates in one call know no scaling that is folded into the parameters.
        let is_folded = matches!(self.data, RowSource::Unscaled(..));
        if !by_itself || is_folded || self.leaves.count() > 1 || self.precision != Precision::F64 {
            return None;
        }
        let (iterations, rate) = (updates.end - updates.start, state.rule.learning_rate);
        let (problem, rows) = (&self.problem, self.leaves.rows(0));
        let mut parameters = self.parameters.clone();
        let summary = self.data.with_rows(problem.dataset, rows, |rows| {
            let tiny = tiny::descend(problem, rows, iterations, rate, &mut parameters);
            if tiny.is_some() || !problem.network.reads_rows_once() {
                return tiny;
            }
            let mut layer = padded_layer(problem, &parameters);
            let summary = self.instructions.run(GradientDescent {
                layer: &mut layer,
                rows,
                iterations,
                rate,
            });
            parameters = layer.flat(&layer.weight, &layer.bias);
            Some(summary)
        })?;
        let reported = UpdateSummary {
            summary: summary.reduced(problem, problem.dataset.total_weight()),
            penalty: 0.0,
        };
        if !self.has_diverged(reported) {
            self.parameters = parameters;
        }
        Some(reported)
    }
}
