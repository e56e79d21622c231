//! Proof on the user's own data: two backends are compared at the same parameters, and the measured error of one is
//! held against an a-priori bound.

mod bound;
mod check;
mod end_to_end;
mod gathered;
mod pass;
mod range;
mod stages;
mod steps;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use bound::running;
pub use check::{Check, Distance, Proof, StorageEffect, Vacuous};

use crate::backend::{ArithmeticRounding, Backend, Problem};
use crate::cpu::{Cpu, Reference};
use crate::data::{Dataset, Storage};
use crate::error::{Error, Remedy, Result};
use crate::gpu::{Gpu, GpuOptions, Software};
use crate::optimizer::{Memory, Optimizer, UpdateRule};
use crate::submission_size::SubmissionSize;
use crate::train::{TrainConfig, divergence};
use bound::Bounds;
use range::beyond_f32;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;
use steps::State;

/// The backend that the GPU is compared with: float64 on the CPU, on the numbers that the GPU gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceChoice {
    /// The backend that also trains: [`Cpu`].
    #[default]
    Fast,
    /// Plain loops over the definition, many times slower: [`Reference`].
    Plain,
}

impl ReferenceChoice {
    fn open<'a>(
        self,
        problem: Problem<'a>,
        threads: Option<usize>,
    ) -> Result<Box<dyn Backend + 'a>> {
        Ok(match self {
            Self::Fast => Box::new(Cpu::rounded(problem, threads)?),
            Self::Plain => Box::new(Reference::new(problem, threads)?),
        })
    }
}

/// Trains on the GPU for `config.iterations` updates, by any optimizer but L-BFGS, and compares it with the float64
/// reference that `reference` chooses: at several iterations, from the GPU's own parameters, and after all of them.
///
/// # Errors
/// If a setting cannot be used, or the hardware cannot hold the data or fails. [`Error::Diverged`] if the training does, and
/// [`Error::BeyondF32`] if values of the data or of the training may leave the range of f32.
pub fn validate(
    dataset: &Dataset,
    config: &TrainConfig,
    gpu: GpuOptions,
    threads: Option<usize>,
    reference: ReferenceChoice,
) -> Result<Proof> {
    let choice = reference;
    let problem = config.problem(dataset)?;
    let rule = config.rule();
    require_first_order(&rule)?;
    let parameters = problem.network.parameters_from(config.seed, config.init);
    let start = State {
        memory: Memory::new(&rule, parameters.len()),
        parameters,
    };
    let mut candidate = Gpu::new(problem.clone(), Software::Allowed, gpu)?;
    let device = candidate.device();
    let mut reference = choice.open(problem.clone(), threads)?;
    candidate.set_parameters(&start.parameters)?;
    candidate.follow(&rule)?;
    reference.follow(&rule)?;
    let evaluate_alone = |problem: Problem<'_>, parameters: &[f64], update| {
        let mut other = Gpu::on(Arc::clone(&device), problem.clone(), gpu)?;
        let seen = gathered::evaluation(&mut other, parameters, update)?;
        let mut reference = choice.open(problem.clone(), threads)?;
        let bounds = bounds_of(&problem, &other);
        let (checks, _) = check_data(
            &problem,
            bounds.as_ref(),
            (&mut other, reference.as_mut()),
            update,
        )?;
        Ok((seen, checks))
    };
    let bounds = bounds_of(&problem, &candidate);
    let (mut checks, mut vacuous) = (Vec::<Check>::new(), Vec::new());
    let mut done = 0;
    for iteration in compared_iterations(config.iterations) {
        submit(&mut candidate, done..iteration)?;
        done = iteration;
        let reached = State::of(&mut candidate)?;
        // A device that is found wrong is not to be excused.
        if !reached.is_finite() && checks.iter().all(|check| check.within) {
            let of_training = (&start, &reached, iteration);
            let bounds = bounds.as_ref();
            check_training(&problem, bounds, config, reference.as_mut(), of_training)?;
        }
        let of_update = steps::check(
            &problem,
            bounds.as_ref(),
            (&mut candidate, reference.as_mut()),
            (&rule, iteration),
            &evaluate_alone,
        );
        let of_pass = check_data(
            &problem,
            bounds.as_ref(),
            (&mut candidate, reference.as_mut()),
            iteration,
        )
        .map(|(checks, without_promise)| {
            let at = |it| Vacuous { iteration, ..it };
            vacuous.extend(without_promise.into_iter().map(at));
            checks
        });
        // What leaves f32 in a pass is told before what leaves it in an update.
        for found in [of_pass, of_update] {
            match found {
                Ok(found) => {
                    checks.extend(found.into_iter().map(|check| Check { iteration, ..check }))
                }
                // A device already found wrong may have taken the parameters anywhere.
                Err(Error::BeyondF32 { .. }) if checks.iter().any(|check| !check.within) => {}
                Err(error) => return Err(error),
            }
        }
    }
    start.restore(reference.as_mut())?;
    submit(reference.as_mut(), 0..config.iterations)?;
    let (reached, expected) = (candidate.parameters()?, reference.parameters()?);
    let (adapter, adapter_of_reference) = (candidate.adapter(), reference.adapter());
    let rounding = if dataset.storage() == Storage::F32 {
        None
    } else {
        reference.set_parameters(&reached)?;
        let unit = dataset.loss_unit();
        let loss_of_stored = reference.evaluate()?.summary.loss * unit;
        // The memory of the backends may be needed for the unrounded data.
        drop((candidate, reference));
        Some(StorageEffect {
            inputs: dataset.storage_rounding(),
            loss_of_original: loss(&dataset.unrounded(), config, choice, threads, &reached)? * unit,
            loss_of_stored,
        })
    };
    Ok(Proof {
        adapter,
        reference: adapter_of_reference,
        checks,
        vacuous,
        distance: Distance::new(config.iterations, &reached, &expected),
        rounding,
    })
}

/// The bounds of a network that reads each row once.
fn bounds_of<'a>(problem: &'a Problem<'a>, gpu: &Gpu<'_>) -> Option<Bounds<'a>> {
    let reads_rows_once = problem.network.reads_rows_once();
    reads_rows_once.then(|| Bounds::new(problem, gpu.rounding()))
}

/// The checks of what update number `update` sees of all rows, and what promises nothing.
fn check_data(
    problem: &Problem<'_>,
    bounds: Option<&Bounds<'_>>,
    (candidate, reference): (&mut Gpu<'_>, &mut dyn Backend),
    update: u64,
) -> Result<(Vec<Check>, Vec<Vacuous>)> {
    match bounds {
        Some(bounds) => {
            let checks = pass::check(problem, bounds, candidate, reference)?;
            Ok((checks, Vec::new()))
        }
        None => stages::check(problem, candidate, reference, update),
    }
}

/// Looks for what made the numbers `reached` after `iterations` updates from `start` other than finite: either the training
/// leaves f32, or the device is wrong.
///
/// # Errors
/// If the training leaves f32, and those of the reference.
fn check_training(
    problem: &Problem<'_>,
    bounds: Option<&Bounds<'_>>,
    config: &TrainConfig,
    reference: &mut dyn Backend,
    (start, reached, iterations): (&State, &State, u64),
) -> Result<()> {
    start.restore(reference)?;
    submit(reference, 0..iterations)?;
    let largest = f64::from(f32::MAX);
    let expected = reference.parameters()?;
    let is_in_f32 = expected.iter().all(|number| number.abs() <= largest);
    if !is_in_f32 && !is_finite(&reached.parameters) {
        let what = divergence::weight(&problem.network, &reached.parameters);
        return Err(config.diverged(iterations, what));
    }
    let of_updates = (&config.rule(), 0..iterations);
    steps::check_range(problem, bounds, reference, of_updates, start)
}

/// The loss that the reference computes.
fn loss(
    dataset: &Dataset,
    config: &TrainConfig,
    reference: ReferenceChoice,
    threads: Option<usize>,
    parameters: &[f64],
) -> Result<f64> {
    let mut reference = reference.open(config.problem(dataset)?, threads)?;
    reference.set_parameters(parameters)?;
    Ok(reference.evaluate()?.summary.loss)
}

/// The iterations at which the backends are compared: the start, powers of ten, the end.
fn compared_iterations(iterations: u64) -> Vec<u64> {
    let powers = std::iter::successors(Some(1_u64), |power| power.checked_mul(10));
    let mut all = vec![0];
    all.extend(powers.take_while(|power| *power < iterations));
    all.push(iterations);
    all.dedup();
    all
}

/// Refuses L-BFGS, whose steps a host searches: a device has none of its own to check.
fn require_first_order(rule: &UpdateRule) -> Result<()> {
    match rule.optimizer {
        Optimizer::LBfgs => Err(Error::Setting {
            setting: "optimizer",
            reason: "the host searches the steps of L-BFGS, so that the device makes none to check"
                .to_owned(),
            remedies: &[Remedy::Set("optimizer", "gradient-descent or adamw")],
        }),
        _ => Ok(()),
    }
}

/// Makes `updates` by the rule that the backend follows, in submissions of a size that suits it.
fn submit(backend: &mut dyn Backend, updates: Range<u64>) -> Result<()> {
    let mut size = SubmissionSize::ONE;
    let mut next = updates.start;
    while let Some(submitted) = size.iterations(updates.end - next) {
        let start = Instant::now();
        let end = next + u64::from(submitted.get());
        backend.submit(next..end)?;
        backend.wait()?;
        size.observe(submitted, start.elapsed());
        next = end;
    }
    Ok(())
}

/// Compares two backends at the candidate's own parameters, the candidate rounding in f32 like `rounding` describes:
/// the pre-activations and predictions of every row; the gradient, the loss and y(1−y) of every leaf and over all
/// samples; one update by plain gradient descent. Two promises are exact, so their bound is 0: two updates at once are the
/// same as one after the other, and an update reports the loss and slope that an evaluation finds. The candidate keeps its
/// parameters. Both backends follow plain gradient descent afterwards: what an optimizer kept for them before is lost.
///
/// The sums of the leaves are compared because the bound of a sum over all samples soon exceeds what a single sample
/// contributes: a lost row shows in its leaf.
///
/// # Errors
/// If a device fails, or a value may leave the range of f32.
///
/// # Panics
/// If the network has hidden layers, which [`validate`] checks stage by stage.
pub fn check(
    problem: &Problem<'_>,
    candidate: &mut dyn Backend,
    rounding: ArithmeticRounding,
    reference: &mut dyn Backend,
    learning_rate: f64,
) -> Result<Vec<Check>> {
    let bounds = Bounds::new(problem, rounding);
    let rule = UpdateRule::gradient_descent(learning_rate);
    candidate.follow(&rule)?;
    reference.follow(&rule)?;
    let of_update = steps::check(
        problem,
        Some(&bounds),
        (candidate, reference),
        (&rule, 0),
        &|_, _, _| unreachable!("an update of all rows"),
    );
    let mut checks = pass::check(problem, &bounds, candidate, reference)?;
    checks.extend(of_update?);
    Ok(checks)
}

fn is_finite(parameters: &[f64]) -> bool {
    parameters.iter().all(|number| number.is_finite())
}
