//! The reference: float64 arithmetic on the f32 data, with the same bits for any number of threads.
//!
//! Threads take whole leaves; a leaf is summed by one of them in a fixed order, and the leaf sums are
//! folded in the one fixed tree of [`crate::leaves`].

mod backward;
mod data;
mod descent;
mod few;
mod forward;
mod functions;
mod leaf;
mod neurons;
mod read;

pub use read::{Reader, cache_bytes};

use crate::backend::{Backend, Evaluation, Predictions, Problem, Summary};
use crate::error::{Error, Result};
use crate::instructions::{Arithmetic, Instructions};
use crate::leaves::{Leaves, sum_leaves};
use data::Data;
use descent::Descent;
use leaf::{Rows, Scratch};
use neurons::{Neurons, Sums};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::ops::Range;

/// A problem held in host memory.
#[derive(Debug)]
pub struct Cpu<'a> {
    problem: Problem<'a>,
    data: Data<'a>,
    leaves: Leaves,
    parameters: Vec<f64>,
    /// Of updates that are made and not yet finished.
    passes: VecDeque<Summary>,
    threads: rayon::ThreadPool,
    instructions: Instructions,
}

impl<'a> Cpu<'a> {
    /// Holds `problem`, with every parameter 0; `threads` of `None` takes every core.
    ///
    /// # Errors
    /// Where the data do not fit into memory, or no thread can be started.
    pub fn new(problem: Problem<'a>, threads: Option<usize>) -> Result<Self> {
        let dataset = problem.dataset;
        match (dataset.unscaled(), dataset.scaling()) {
            // Of one leaf the updates follow each other without a look at the scaling.
            (Some(stored), Some(scaling)) if dataset.leaves().count() > 1 => {
                let threads = pool(threads)?;
                Ok(Self::on(problem, Data::Unscaled(stored, scaling), threads))
            }
            _ => Self::reference(problem, threads),
        }
    }

    /// As [`Cpu::new`], on the very numbers that the data set gives a GPU, which are rounded to f32 where
    /// features are scaled.
    ///
    /// # Errors
    /// As there.
    pub fn reference(problem: Problem<'a>, threads: Option<usize>) -> Result<Self> {
        let threads = pool(threads)?;
        let data = Data::rounded(problem.dataset, &threads)?;
        Ok(Self::on(problem, data, threads))
    }

    fn on(problem: Problem<'a>, data: Data<'a>, threads: rayon::ThreadPool) -> Self {
        Self {
            leaves: problem.dataset.leaves(),
            parameters: vec![0.0; problem.network.n_parameters()],
            passes: VecDeque::new(),
            problem,
            data,
            threads,
            instructions: Instructions::detect(),
        }
    }

    /// The parameters by which the rows are multiplied.
    fn parameters_of_rows(&self) -> Cow<'_, [f64]> {
        match self.data {
            Data::Unscaled(_, scaling) => {
                let layer = self.problem.network.layer();
                scaling.undone(layer, &self.parameters).into()
            }
            _ => Cow::from(&self.parameters),
        }
    }

    fn neurons(&self) -> Neurons {
        let Problem {
            network,
            objective,
            dataset,
        } = &self.problem;
        Neurons::new(
            network.layer(),
            objective.loss,
            dataset.is_weighted(),
            &self.parameters_of_rows(),
        )
    }

    /// Gradient, loss and mean slope summed over the rows of leaf `leaf`.
    fn leaf_sums(&self, neurons: &Neurons, leaf: usize) -> Evaluation {
        let (dataset, rows) = (self.problem.dataset, self.leaves.rows(leaf));
        self.data
            .with_rows(dataset, rows, |rows| self.sums_of(neurons, rows))
    }

    fn sums_of(&self, neurons: &Neurons, rows: Rows<'_>) -> Evaluation {
        let sums = self.instructions.run(LeafSums { neurons, rows });
        let mut gradient = neurons.flat(&sums.grad_weight, &sums.grad_bias);
        if let Data::Unscaled(_, scaling) = self.data {
            scaling.chain(neurons.layer, &mut gradient);
        }
        Evaluation {
            summary: Summary {
                loss: sums.loss(),
                mean_slope: sums.mean_slope(),
            },
            gradient,
        }
    }

    /// The sums over all samples.
    fn sums(&self) -> Evaluation {
        let neurons = self.neurons();
        self.folded(self.leaves, |leaf| self.leaf_sums(&neurons, leaf))
    }

    /// The sums over `leaves`, of which `leaf_sums` gives each one's.
    fn folded(&self, leaves: Leaves, leaf_sums: impl Fn(usize) -> Evaluation + Sync) -> Evaluation {
        let (count, floats) = (leaves.count(), self.parameters.len());
        let sum = || sum_leaves(count, floats, &leaf_sums, Evaluation::add);
        // A single leaf is not worth waking a thread for.
        if count == 1 {
            sum()
        } else {
            self.threads.install(sum)
        }
    }
}

/// The sums of one leaf.
struct LeafSums<'a> {
    neurons: &'a Neurons,
    rows: Rows<'a>,
}

impl Arithmetic for LeafSums<'_> {
    type Output = Sums;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Sums {
        let mut sums = Sums::zero(self.neurons);
        let mut scratch = Scratch::new(self.neurons);
        leaf::add_rows::<FUSED>(self.neurons, self.rows, &mut scratch, &mut sums);
        sums
    }
}

impl Backend for Cpu<'_> {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn adapter(&self) -> String {
        let instructions = self.instructions.name();
        match self.threads.current_num_threads() {
            1 => format!("1 thread, {instructions}"),
            threads => format!("{threads} threads, {instructions}"),
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
        let total_weight = self.problem.dataset.total_weight();
        Ok(self.sums().reduced(&self.problem, total_weight))
    }

    fn evaluate_rows(&mut self, rows: &[usize]) -> Result<Evaluation> {
        let dataset = self.problem.dataset;
        let leaves = Leaves::new(rows.len(), dataset.n_inputs(), dataset.n_outputs());
        let neurons = self.neurons();
        let sums = self.folded(leaves, |leaf| {
            let numbers = &rows[leaves.rows(leaf)];
            self.data
                .with_gathered(dataset, numbers, |rows| self.sums_of(&neurons, rows))
        });
        Ok(sums.reduced(&self.problem, dataset.weight_of(rows)))
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        let neurons = self.neurons();
        let total_weight = self.problem.dataset.total_weight();
        let reduced = |leaf| {
            let sums = self.leaf_sums(&neurons, leaf);
            sums.reduced(&self.problem, total_weight)
        };
        Ok(self
            .threads
            .install(|| leaves.into_par_iter().map(reduced).collect()))
    }

    fn submit(&mut self, iterations: NonZeroU32, learning_rate: f64) -> Result<()> {
        let rate = learning_rate * self.problem.scale();
        let total_weight = self.problem.dataset.total_weight();
        if self.leaves.count() == 1 {
            let mut neurons = self.neurons();
            let (dataset, rows) = (self.problem.dataset, self.leaves.rows(0));
            let summary = self.data.with_rows(dataset, rows, |rows| {
                self.instructions.run(Descent {
                    neurons: &mut neurons,
                    rows,
                    iterations,
                    rate,
                })
            });
            self.parameters = neurons.flat(&neurons.weight, &neurons.bias);
            self.passes
                .push_back(summary.reduced(&self.problem, total_weight));
            return Ok(());
        }
        let mut sums = self.sums();
        gradient_descent(rate, &sums.gradient, &mut self.parameters);
        for _ in 1..iterations.get() {
            sums = self.sums();
            gradient_descent(rate, &sums.gradient, &mut self.parameters);
        }
        self.passes
            .push_back(sums.summary.reduced(&self.problem, total_weight));
        Ok(())
    }

    fn wait(&mut self) -> Result<Summary> {
        Ok(self.passes.pop_front().expect("updates were started"))
    }

    /// The updates are made where they are started.
    fn queue_depth(&self) -> usize {
        1
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        let (layer, dataset) = (self.problem.network.layer(), self.problem.dataset);
        let parameters = self.parameters_of_rows();
        let piece_of = |first: usize| first..(first + self.leaves.rows_per_leaf()).min(rows.end);
        let pieces = rows
            .clone()
            .into_par_iter()
            .step_by(self.leaves.rows_per_leaf());
        let predicted = pieces.flat_map_iter(|first| {
            self.data.with_rows(dataset, piece_of(first), |rows| {
                let mut z = Vec::with_capacity(rows.n_rows * layer.n_outputs);
                for x in rows.inputs.chunks(rows.input_stride).take(rows.n_rows) {
                    let x = &x[..layer.n_inputs];
                    let outputs = 0..layer.n_outputs;
                    z.extend(outputs.map(|o| layer.pre_activation(&parameters, x, o)));
                }
                z
            })
        });
        let pre_activation: Vec<f64> = self.threads.install(|| predicted.collect());
        let mut prediction = pre_activation.clone();
        for row in prediction.chunks_exact_mut(layer.n_outputs) {
            layer.activation.apply(row);
        }
        Ok(Predictions {
            prediction,
            pre_activation,
        })
    }
}

/// Threads of their own; `None` takes every core.
fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build()
        .map_err(|error| Error::Setting {
            flag: "--threads",
            reason: format!("the threads could not be started: {error}"),
        })
}

/// `parameters -= rate · gradient`
#[inline]
pub fn gradient_descent(rate: f64, gradient: &[f64], parameters: &mut [f64]) {
    for (parameter, gradient) in parameters.iter_mut().zip(gradient) {
        *parameter -= rate * gradient;
    }
}
