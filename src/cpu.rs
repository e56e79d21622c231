//! The reference: float64 arithmetic on the f32 data, with the same bits for any number of threads.
//!
//! Threads take whole leaves; a leaf is summed by one of them in the order of its rows, and the
//! leaf sums are folded in the one fixed tree of [`crate::leaves`].

use crate::backend::{Backend, Evaluation, Pass, Predictions, Problem};
use crate::error::{Error, Result};
use crate::leaves::{Leaves, sum_leaves};
use rayon::prelude::*;
use std::borrow::Cow;
use std::num::NonZeroU32;
use std::ops::Range;

/// A problem held in host memory.
#[derive(Debug)]
pub struct Cpu<'a> {
    problem: Problem<'a>,
    /// (N, I)
    inputs: Cow<'a, [f32]>,
    /// (N, O)
    targets: Cow<'a, [f32]>,
    leaves: Leaves,
    parameters: Vec<f64>,
    threads: rayon::ThreadPool,
}

impl<'a> Cpu<'a> {
    /// Holds `problem`, with every parameter 0; `threads` of `None` takes every core.
    ///
    /// # Errors
    /// Where the data do not fit into memory, or no thread can be started.
    pub fn new(problem: Problem<'a>, threads: Option<usize>) -> Result<Self> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0))
            .build()
            .map_err(|error| Error::Setting {
                flag: "--threads",
                problem: format!("the threads could not be started: {error}"),
            })?;
        let leaves = problem.dataset.leaves();
        let (inputs, targets) = match problem.dataset.stored() {
            Some(stored)
                if stored.input_stride == problem.dataset.n_inputs()
                    && stored.target_stride == problem.dataset.n_outputs() =>
            {
                (stored.inputs.into(), stored.targets.into())
            }
            _ => {
                let (inputs, targets) = threads.install(|| made(&problem, leaves))?;
                (inputs.into(), targets.into())
            }
        };
        Ok(Self {
            parameters: vec![0.0; problem.network.n_parameters()],
            problem,
            inputs,
            targets,
            leaves,
            threads,
        })
    }

    fn rows(&self, rows: &Range<usize>) -> (&[f32], &[f32]) {
        let layer = self.problem.network.layer();
        (
            &self.inputs[rows.start * layer.n_inputs..rows.end * layer.n_inputs],
            &self.targets[rows.start * layer.n_outputs..rows.end * layer.n_outputs],
        )
    }

    /// Leaf `leaf` in the order of its rows: `gradient` as the flat parameters, `loss` and
    /// `saturation` summed over the outputs.
    fn leaf_sums(&self, leaf: usize) -> Evaluation {
        let layer = self.problem.network.layer();
        let loss = self.problem.objective.loss;
        let (inputs, targets) = self.rows(&self.leaves.rows(leaf));
        let mut sums = Evaluation::zero(self.parameters.len());
        let (grad_weight, grad_bias) = sums.gradient.split_at_mut(layer.n_weights());
        let rows = inputs
            .chunks_exact(layer.n_inputs)
            .zip(targets.chunks_exact(layer.n_outputs));
        for (x, targets) in rows {
            for (o, t) in targets.iter().map(|t| f64::from(*t)).enumerate() {
                let z = layer.pre_activation(&self.parameters, x, o);
                let y = layer.activation.value(z);
                sums.pass.loss += loss.value(z, y, t);
                sums.pass.saturation += y * (1.0 - y);
                let grad_z = loss.grad_z(y, t);
                let span = o * layer.n_inputs..(o + 1) * layer.n_inputs;
                for (grad, x) in grad_weight[span].iter_mut().zip(x) {
                    *grad += grad_z * f64::from(*x);
                }
                if let Some(grad) = grad_bias.get_mut(o) {
                    *grad += grad_z;
                }
            }
        }
        sums
    }

    /// The sums over all samples.
    fn sums(&self) -> Evaluation {
        let (count, floats) = (self.leaves.count(), self.parameters.len());
        let sum = || sum_leaves(count, floats, |leaf| self.leaf_sums(leaf), Evaluation::add);
        // A single leaf is not worth waking a thread for.
        if count == 1 {
            sum()
        } else {
            self.threads.install(sum)
        }
    }
}

impl Backend for Cpu<'_> {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn adapter(&self) -> String {
        match self.threads.current_num_threads() {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads"),
        }
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.parameters.copy_from_slice(parameters);
        Ok(())
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        Ok(self.parameters.clone())
    }

    fn evaluate(&mut self) -> Result<Evaluation> {
        Ok(self.problem.reduced(self.sums()))
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        let reduced = |leaf| self.problem.reduced(self.leaf_sums(leaf));
        Ok(self
            .threads
            .install(|| leaves.into_par_iter().map(reduced).collect()))
    }

    fn advance(&mut self, iterations: NonZeroU32, learning_rate: f64) -> Result<Pass> {
        let rate = learning_rate * self.problem.scale();
        let mut sums = self.sums();
        gradient_descent(rate, &sums.gradient, &mut self.parameters);
        for _ in 1..iterations.get() {
            sums = self.sums();
            gradient_descent(rate, &sums.gradient, &mut self.parameters);
        }
        Ok(self.problem.reduced_pass(sums.pass))
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        let layer = self.problem.network.layer();
        let (inputs, _) = self.rows(&rows);
        let parameters = &self.parameters;
        let pre_activation: Vec<f64> = self.threads.install(|| {
            inputs
                .par_chunks_exact(layer.n_inputs)
                .flat_map_iter(|x| {
                    (0..layer.n_outputs).map(move |o| layer.pre_activation(parameters, x, o))
                })
                .collect()
        });
        Ok(Predictions {
            prediction: pre_activation
                .iter()
                .map(|z| layer.activation.value(*z))
                .collect(),
            pre_activation,
        })
    }
}

/// Inputs (N, I) and targets (N, O), made in parallel.
fn made(problem: &Problem<'_>, leaves: Leaves) -> Result<(Vec<f32>, Vec<f32>)> {
    let dataset = problem.dataset;
    let (n_samples, n_inputs, n_outputs) =
        (dataset.n_samples(), dataset.n_inputs(), dataset.n_outputs());
    let mut inputs = Vec::new();
    let mut targets = Vec::new();
    let granted = inputs
        .try_reserve_exact(n_samples * n_inputs)
        .and_then(|()| targets.try_reserve_exact(n_samples * n_outputs));
    if granted.is_err() {
        return Err(Error::HostMemory {
            what: dataset.source().to_owned(),
            needed: dataset.bytes(),
        });
    }
    inputs.resize(n_samples * n_inputs, 0.0);
    targets.resize(n_samples * n_outputs, 0.0);
    inputs
        .par_chunks_mut(leaves.rows_per_leaf() * n_inputs)
        .zip(targets.par_chunks_mut(leaves.rows_per_leaf() * n_outputs))
        .enumerate()
        .for_each(|(leaf, (inputs, targets))| dataset.read(leaves.rows(leaf), inputs, targets));
    Ok((inputs, targets))
}

/// `parameters -= rate · gradient`
pub fn gradient_descent(rate: f64, gradient: &[f64], parameters: &mut [f64]) {
    for (parameter, gradient) in parameters.iter_mut().zip(gradient) {
        *parameter -= rate * gradient;
    }
}
