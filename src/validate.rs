//! Proof on the user's own data: two backends at the same parameters, the measured error of one
//! beside an a-priori bound.

mod bound;

use crate::backend::{Backend, Evaluation};
use crate::cpu::Cpu;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::gpu::{Gpu, GpuOptions, Software};
use crate::train::{TrainConfig, problem};
use bound::Bounds;
use std::num::NonZeroU32;

/// Pre-activations compared at a time.
const BLOCK_VALUES: usize = 1 << 22;

/// The worst of the values of one quantity at one iteration: the one whose error is the largest
/// part of its bound.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Check {
    /// Updates made before.
    pub iteration: u64,
    /// What was compared.
    pub quantity: &'static str,
    /// How many values were compared.
    pub n_values: u64,
    /// `|value − reference|` of the worst.
    pub error: f64,
    /// Its bound.
    pub bound: f64,
    /// `error / bound`; infinite where a value is not finite.
    pub ratio: f64,
    /// Whether every error is within its bound.
    pub within: bool,
}

impl Check {
    fn new(iteration: u64, quantity: &'static str) -> Self {
        Self {
            iteration,
            quantity,
            n_values: 0,
            error: 0.0,
            bound: 0.0,
            ratio: 0.0,
            within: true,
        }
    }

    /// Takes one value in. What is not finite is never within.
    fn value(&mut self, value: f64, reference: f64, bound: f64) {
        let error = (value - reference).abs();
        let ratio = match (error, bound) {
            (error, _) if !error.is_finite() || !bound.is_finite() => f64::INFINITY,
            (error, _) if error == 0.0 => 0.0,
            _ => error / bound,
        };
        // Written so that NaN, were one to arise, fails.
        self.within &= ratio.is_finite() && error <= bound;
        if self.n_values == 0 || ratio > self.ratio || (ratio == self.ratio && error > self.error) {
            (self.error, self.bound, self.ratio) = (error, bound, ratio);
        }
        self.n_values += 1;
    }
}

/// How far apart two trainings end that start from the same parameters. Errors compound over the
/// iterations, so there is no bound beside it.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Distance {
    /// Updates both made.
    pub iterations: u64,
    /// Largest difference of a parameter.
    pub absolute: f64,
    /// … over the largest parameter of the reference.
    pub relative: f64,
}

/// The result of a validation.
#[derive(Clone, Debug)]
pub struct Validation {
    /// The hardware that was validated.
    pub adapter: String,
    /// The hardware of the reference.
    pub reference: String,
    /// Each quantity at each iteration looked at.
    pub checks: Vec<Check>,
    /// After all iterations.
    pub distance: Distance,
}

impl Validation {
    /// Whether every error is within its bound, and both trainings ended with finite parameters.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.within) && self.distance.absolute.is_finite()
    }
}

/// Trains on the GPU for `config.iterations` updates and compares it with the float64 CPU reference:
/// at several iterations, from the GPU's own parameters, and after all of them.
///
/// # Errors
/// Where a setting cannot be used, or the hardware cannot hold the data or fails.
pub fn validate(
    dataset: &Dataset,
    config: &TrainConfig,
    gpu: GpuOptions,
    threads: Option<usize>,
) -> Result<Validation> {
    let problem = problem(dataset, config)?;
    let start = problem.network.initial_parameters(config.seed);
    let mut reference = Cpu::new(problem.clone(), threads)?;
    let mut candidate = Gpu::new(problem.clone(), Software::Allowed, gpu)?;
    candidate.set_parameters(&start)?;
    let mut comparison = Comparison {
        bounds: Bounds::new(&problem, candidate.rounding(), config.learning_rate),
        candidate: &mut candidate,
        reference: &mut reference,
        learning_rate: config.learning_rate,
        checks: Vec::new(),
    };
    let mut done = 0;
    for iteration in looks(config.iterations) {
        advance(comparison.candidate, iteration - done, config.learning_rate)?;
        done = iteration;
        // The look itself makes an update when one is left to be made.
        if iteration < config.iterations {
            comparison.update_and_look(iteration)?;
            done += 1;
        } else {
            comparison.look(iteration)?;
        }
    }
    let checks = comparison.checks;
    reference.set_parameters(&start)?;
    advance(&mut reference, config.iterations, config.learning_rate)?;
    Ok(Validation {
        adapter: candidate.adapter(),
        reference: reference.adapter(),
        checks,
        distance: distance(
            config.iterations,
            &candidate.parameters()?,
            &reference.parameters()?,
        ),
    })
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
    while let Some(batch) = NonZeroU32::new(u32::try_from(iterations).unwrap_or(u32::MAX)) {
        backend.advance(batch, learning_rate)?;
        iterations -= u64::from(batch.get());
    }
    Ok(())
}

fn distance(iterations: u64, candidate: &[f64], reference: &[f64]) -> Distance {
    // f64::max passes over NaN, so a difference that is not a number is made infinite first.
    let absolute = std::iter::zip(candidate, reference)
        .map(|(a, b)| (a - b).abs())
        .map(|error| if error.is_nan() { f64::INFINITY } else { error })
        .fold(0.0, f64::max);
    let largest = reference.iter().map(|b| b.abs()).fold(0.0, f64::max);
    Distance {
        iterations,
        absolute,
        relative: absolute / largest,
    }
}

struct Comparison<'c> {
    candidate: &'c mut dyn Backend,
    reference: &'c mut dyn Backend,
    bounds: Bounds<'c>,
    learning_rate: f64,
    checks: Vec<Check>,
}

impl Comparison<'_> {
    /// Checks one update, then everything else at the parameters before it. The update comes first:
    /// had an evaluation come before, sums left over from it could stand in for those of the update.
    fn update_and_look(&mut self, iteration: u64) -> Result<()> {
        let before = self.candidate.parameters()?;
        self.candidate
            .advance(NonZeroU32::MIN, self.learning_rate)?;
        let after = self.candidate.parameters()?;
        self.candidate.set_parameters(&before)?;
        let gradient = self.look(iteration)?;
        let mut check = Check::new(iteration, "updated parameters");
        for ((before, after), gradient) in std::iter::zip(&before, &after).zip(&gradient) {
            let step = self.learning_rate * gradient.value;
            let bound = self.bounds.update(*before, gradient);
            check.value(*after, before - step, bound);
        }
        self.checks.push(check);
        self.candidate.set_parameters(&after)
    }

    /// Checks pre-activations, predictions, gradient, loss and saturation at the candidate's parameters.
    fn look(&mut self, iteration: u64) -> Result<Vec<bound::Bounded>> {
        let parameters = self.candidate.parameters()?;
        self.reference.set_parameters(&parameters)?;
        let sums = self.bounds.sums(&parameters);
        self.look_at_rows(iteration, &parameters)?;
        let Evaluation { pass, gradient } = self.candidate.evaluate()?;
        let reference = self.reference.evaluate()?;
        let mut gradients = Vec::with_capacity(gradient.len());
        for span in self.bounds.spans() {
            let mut check = Check::new(iteration, span.quantity);
            for at in span.parameters {
                let bound = sums.gradient[at];
                check.value(gradient[at], reference.gradient[at], bound);
                gradients.push(bound::Bounded {
                    value: reference.gradient[at],
                    bound,
                });
            }
            self.checks.push(check);
        }
        for (quantity, value, reference, bound) in [
            ("loss", pass.loss, reference.pass.loss, sums.loss),
            (
                "mean y(1-y)",
                pass.saturation,
                reference.pass.saturation,
                sums.saturation,
            ),
        ] {
            let mut check = Check::new(iteration, quantity);
            check.value(value, reference, bound);
            self.checks.push(check);
        }
        Ok(gradients)
    }

    fn look_at_rows(&mut self, iteration: u64, parameters: &[f64]) -> Result<()> {
        let mut z = Check::new(iteration, "pre-activation z");
        let mut y = Check::new(iteration, "prediction y");
        let (n_samples, n_outputs) = self.bounds.shape();
        let rows_per_block = (BLOCK_VALUES / n_outputs).max(1);
        for first in (0..n_samples).step_by(rows_per_block) {
            let rows = first..(first + rows_per_block).min(n_samples);
            let candidate = self.candidate.predict(rows.clone())?;
            let reference = self.reference.predict(rows.clone())?;
            let bounds = self.bounds.rows(rows, parameters);
            for (i, bound) in bounds.iter().enumerate() {
                z.value(
                    candidate.pre_activation[i],
                    reference.pre_activation[i],
                    bound.pre_activation,
                );
                y.value(
                    candidate.prediction[i],
                    reference.prediction[i],
                    bound.prediction,
                );
            }
        }
        self.checks.extend([z, y]);
        Ok(())
    }
}
