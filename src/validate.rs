//! Proof on the user's own data: two backends at the same parameters, the measured error of one
//! beside an a-priori bound.

mod bound;
mod check;

pub use check::{Check, DataRounding, Distance, Validation};

use crate::backend::{Backend, Evaluation, Problem, Rounding};
use crate::cpu::{Cpu, Reference};
use crate::data::{Dataset, Storage};
use crate::error::{Error, Result};
use crate::gpu::{Gpu, GpuOptions, Software};
use crate::leaves::Fold;
use crate::train::{SubmissionSize, TrainConfig};
use bound::Bounds;
use std::num::NonZeroU32;
use std::time::Instant;

const TWO: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);

/// Pre-activations compared at a time.
const BLOCK_VALUES: usize = 1 << 22;

/// What the GPU is held against: float64 on the CPU, on the numbers that the GPU gets.
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

/// Trains on the GPU for `config.iterations` updates and compares it with the float64 CPU reference that
/// `reference` chooses: at several iterations, from the GPU's own parameters, and after all of them.
///
/// # Errors
/// Where a setting cannot be used, or the hardware cannot hold the data or fails.
pub fn validate(
    dataset: &Dataset,
    config: &TrainConfig,
    gpu: GpuOptions,
    threads: Option<usize>,
    reference: ReferenceChoice,
) -> Result<Validation> {
    let choice = reference;
    let problem = config.problem(dataset)?;
    let start = problem.network.initial_parameters(config.seed);
    let mut candidate = Gpu::new(problem.clone(), Software::Allowed, gpu)?;
    let mut reference = choice.open(problem.clone(), threads)?;
    candidate.set_parameters(&start)?;
    let mut checks = Vec::new();
    let mut done = 0;
    for iteration in looks(config.iterations) {
        advance(&mut candidate, iteration - done, config.learning_rate)?;
        done = iteration;
        let rounding = candidate.rounding();
        let rate = config.learning_rate;
        match check(&problem, &mut candidate, rounding, reference.as_mut(), rate) {
            Ok(looked_at) => {
                let at = |check| Check { iteration, ..check };
                checks.extend(looked_at.into_iter().map(at));
            }
            // A device already found wrong may have taken the parameters anywhere.
            Err(Error::BeyondF32 { .. }) if checks.iter().any(|check| !check.within) => {}
            Err(error) => return Err(error),
        }
    }
    reference.set_parameters(&start)?;
    advance(reference.as_mut(), config.iterations, config.learning_rate)?;
    let (reached, expected) = (candidate.parameters()?, reference.parameters()?);
    let (adapter, adapter_of_reference) = (candidate.adapter(), reference.adapter());
    let rounding = if dataset.storage() == Storage::F32 {
        None
    } else {
        reference.set_parameters(&reached)?;
        let loss_of_stored = reference.evaluate()?.summary.loss;
        // Their memory may be needed for the data as they came.
        drop((candidate, reference));
        Some(DataRounding {
            inputs: dataset.change(),
            loss_of_original: loss(&dataset.unrounded(), config, choice, threads, &reached)?,
            loss_of_stored,
        })
    };
    Ok(Validation {
        adapter,
        reference: adapter_of_reference,
        checks,
        distance: Distance::new(config.iterations, &reached, &expected),
        rounding,
    })
}

/// The loss by the reference.
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

/// The iterations looked at: the start, powers of ten, the end.
fn looks(iterations: u64) -> Vec<u64> {
    let powers = std::iter::successors(Some(1_u64), |power| power.checked_mul(10));
    let mut looks = vec![0];
    looks.extend(powers.take_while(|power| *power < iterations));
    looks.push(iterations);
    looks.dedup();
    looks
}

fn advance(backend: &mut dyn Backend, mut iterations: u64, learning_rate: f64) -> Result<()> {
    let mut size = SubmissionSize::ONE;
    while let Some(submitted) = size.iterations(iterations) {
        let start = Instant::now();
        backend.advance(submitted, learning_rate)?;
        size.observe(submitted, start.elapsed());
        iterations -= u64::from(submitted.get());
    }
    Ok(())
}

/// Compares two backends at the candidate's own parameters, the candidate rounding in f32 as `rounding`
/// says: the pre-activations and predictions of every row; the gradient, the loss and y(1−y) of every
/// leaf and over all samples; one update. What is promised bit for bit has a bound of 0: two updates
/// made at once are two made one by one, and the progress an update tells of is that of an evaluation.
/// The candidate keeps its parameters.
///
/// The sums of the leaves are looked at because the bound of a sum over all samples soon exceeds
/// what a single sample contributes: a lost row shows in its leaf.
///
/// # Errors
/// Where a device fails, or a value may leave the range of f32.
pub fn check(
    problem: &Problem<'_>,
    candidate: &mut dyn Backend,
    rounding: Rounding,
    reference: &mut dyn Backend,
    learning_rate: f64,
) -> Result<Vec<Check>> {
    let bounds = Bounds::new(problem, rounding);
    // The updates come first: had an evaluation at the same parameters come before, sums left over
    // from it could stand in for theirs.
    let before = candidate.parameters()?;
    let seen = candidate.advance(NonZeroU32::MIN, learning_rate)?;
    let after = candidate.parameters()?;
    candidate.advance(NonZeroU32::MIN, learning_rate)?;
    let one_by_one = candidate.parameters()?;
    candidate.set_parameters(&before)?;
    candidate.advance(TWO, learning_rate)?;
    let at_once = candidate.parameters()?;
    candidate.set_parameters(&before)?;
    reference.set_parameters(&before)?;

    let mut checks = check_rows(problem, &bounds, candidate, reference, &before)?;
    let measured = candidate.evaluate()?;
    let expected = reference.evaluate()?;
    let mut leaves = Check::new("sums of each leaf");
    let bound = check_leaves(problem, &bounds, candidate, reference, &mut leaves)?;
    if bound.is_beyond_f32() {
        return Err(beyond_f32(problem));
    }
    checks.push(leaves);

    let layer = problem.network.layer();
    let n_weights = layer.n_weights();
    let spans = [
        ("gradient of weight", 0..n_weights),
        ("gradient of bias", n_weights..layer.n_parameters()),
    ];
    for (quantity, span) in spans {
        let mut check = Check::new(quantity);
        for at in span {
            check.value(
                measured.gradient[at],
                expected.gradient[at],
                bound.gradient[at],
            );
        }
        checks.push(check);
    }
    let mut loss = Check::new("loss");
    loss.value(
        measured.summary.loss,
        expected.summary.loss,
        bound.summary.loss,
    );
    let mut mean_slope = Check::new("mean y(1-y)");
    mean_slope.value(
        measured.summary.mean_slope,
        expected.summary.mean_slope,
        bound.summary.mean_slope,
    );
    let mut update = Check::new("updated parameters");
    for (at, (before, after)) in std::iter::zip(&before, &after).enumerate() {
        let gradient = expected.gradient[at];
        let bound = bound::update(*before, learning_rate, gradient, bound.gradient[at]);
        update.value(*after, before - learning_rate * gradient, bound);
    }
    let mut two_updates = Check::new("two updates at once");
    for (at_once, one_by_one) in std::iter::zip(&at_once, &one_by_one) {
        two_updates.value(*at_once, *one_by_one, 0.0);
    }
    let mut progress = Check::new("progress");
    progress.value(seen.loss, measured.summary.loss, 0.0);
    progress.value(seen.mean_slope, measured.summary.mean_slope, 0.0);
    checks.extend([loss, mean_slope, update, two_updates, progress]);
    checks.retain(|check| check.n_values > 0);
    Ok(checks)
}

fn check_rows(
    problem: &Problem<'_>,
    bounds: &Bounds<'_>,
    candidate: &mut dyn Backend,
    reference: &mut dyn Backend,
    parameters: &[f64],
) -> Result<Vec<Check>> {
    let mut z = Check::new("pre-activation z");
    let mut y = Check::new("prediction y");
    let dataset = problem.dataset;
    let rows_per_block = (BLOCK_VALUES / dataset.n_outputs()).max(1);
    for first in (0..dataset.n_samples()).step_by(rows_per_block) {
        let rows = first..(first + rows_per_block).min(dataset.n_samples());
        let measured = candidate.predict(rows.clone())?;
        let expected = reference.predict(rows.clone())?;
        let bounds = bounds.rows(rows, parameters);
        if bounds
            .iter()
            .any(|bound| bound.pre_activation.is_infinite())
        {
            return Err(beyond_f32(problem));
        }
        for (i, bound) in bounds.iter().enumerate() {
            z.value(
                measured.pre_activation[i],
                expected.pre_activation[i],
                bound.pre_activation,
            );
            y.value(
                measured.prediction[i],
                expected.prediction[i],
                bound.prediction,
            );
        }
    }
    Ok(vec![z, y])
}

/// Checks the sums of every leaf, and gives the bounds of the sums over all of them.
fn check_leaves(
    problem: &Problem<'_>,
    bounds: &Bounds<'_>,
    candidate: &mut dyn Backend,
    reference: &mut dyn Backend,
    check: &mut Check,
) -> Result<Evaluation> {
    let parameters = candidate.parameters()?;
    let n_leaves = problem.dataset.leaves().count();
    let leaves_per_block = (BLOCK_VALUES / parameters.len()).max(1);
    let mut total = Fold::new(Evaluation::add);
    for first in (0..n_leaves).step_by(leaves_per_block) {
        let leaves = first..(first + leaves_per_block).min(n_leaves);
        let measured = candidate.leaf_evaluations(leaves.clone())?;
        let expected = reference.leaf_evaluations(leaves.clone())?;
        let bounds = bounds.leaves(leaves, &parameters);
        for ((measured, expected), bound) in measured.iter().zip(&expected).zip(bounds) {
            for (at, bound) in bound.gradient.iter().enumerate() {
                check.value(measured.gradient[at], expected.gradient[at], *bound);
            }
            check.value(
                measured.summary.loss,
                expected.summary.loss,
                bound.summary.loss,
            );
            check.value(
                measured.summary.mean_slope,
                expected.summary.mean_slope,
                bound.summary.mean_slope,
            );
            total.push(bound);
        }
    }
    Ok(total.finish().expect("a data set has at least one leaf"))
}

fn beyond_f32(problem: &Problem<'_>) -> Error {
    Error::BeyondF32 {
        source_name: problem.dataset.source().to_owned(),
    }
}
