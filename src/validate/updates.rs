//! Updates of a device: one by one and two at once, and the checks of what they reach and report.

use super::Check;
use super::bound::update;
use crate::backend::{Backend, Seen, Summary};
use crate::error::Result;
use crate::optimizer::UpdateRule;
use std::iter::zip;
use std::ops::Range;

/// Parameters before updates and after them.
#[derive(Debug)]
pub(super) struct Updates {
    pub(super) before: Vec<f64>,
    after: Vec<f64>,
    /// After two updates, one after the other.
    pub(super) one_by_one: Vec<f64>,
    /// After two updates in one submission.
    at_once: Vec<f64>,
    /// What the first update reports of its pass.
    reported: Summary,
    learning_rate: f64,
}

impl Updates {
    /// Makes `candidate` update its parameters by `learning_rate`, as updates number `first` and the next, and brings them
    /// back. An evaluation must not come before: the sums that it leaves could stand in for those of the updates.
    pub(super) fn of(
        candidate: &mut (impl Backend + ?Sized),
        learning_rate: f64,
        first: u64,
    ) -> Result<Self> {
        let before = candidate.parameters()?;
        candidate.follow(&UpdateRule::gradient_descent(learning_rate))?;
        let reported = make(candidate, first..first + 1)?.summary;
        let after = candidate.parameters()?;
        make(candidate, first + 1..first + 2)?;
        let one_by_one = candidate.parameters()?;
        candidate.set_parameters(&before)?;
        make(candidate, first..first + 2)?;
        let at_once = candidate.parameters()?;
        candidate.set_parameters(&before)?;
        Ok(Self {
            before,
            after,
            one_by_one,
            at_once,
            reported,
            learning_rate,
        })
    }

    /// The checks, from the gradient before the updates, whose components are known to within `errors`, and from what
    /// an evaluation there sees. Two promises are exact, so their bound is 0: two updates at once are the same as one
    /// after the other, and an update reports the loss and slope that an evaluation finds.
    pub(super) fn checks(
        &self,
        gradient: &[f64],
        errors: impl IntoIterator<Item = f64>,
        seen: Summary,
    ) -> [Check; 3] {
        let rate = self.learning_rate;
        let steps = zip(zip(&self.before, &self.after), zip(gradient, errors));
        let steps = steps.map(|((before, after), (gradient, error))| {
            let bound = update(*before, rate, *gradient, error);
            [*after, before - rate * gradient, bound]
        });
        let both = zip(&self.at_once, &self.one_by_one);
        let both = both.map(|(at_once, one_by_one)| [*at_once, *one_by_one, 0.0]);
        let reported = [
            [self.reported.loss, seen.loss, 0.0],
            [self.reported.mean_slope, seen.mean_slope, 0.0],
        ];
        [
            Check::of("updated parameters", steps),
            Check::of("two updates at once", both),
            Check::of("progress", reported),
        ]
    }
}

/// Makes `updates`, and gives what the last one saw.
pub(super) fn make(candidate: &mut (impl Backend + ?Sized), updates: Range<u64>) -> Result<Seen> {
    candidate.submit(updates)?;
    Ok(*candidate.wait()?.last().expect("one at least"))
}
