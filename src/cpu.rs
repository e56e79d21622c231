//! The CPU: float64 arithmetic on the f32 data, with the same bits for any number of threads.
//!
//! [`Cpu`] is as fast as the memory can be read. [`Reference`] computes the same by the definition, in plain loops,
//! and is what `Cpu` is held against.
//!
//! Threads take whole leaves; a leaf is summed by one of them in a fixed order, and the leaf sums are
//! folded in the one fixed tree of [`crate::leaves`].

mod activation;
mod backward;
mod block;
mod dense;
mod descent;
mod exp;
mod fma;
mod forward;
mod layer;
mod leaf;
mod read;
mod reference;
mod rows;
mod small_batch;

pub use fma::Multiplier;
pub use read::{Reader, cache_bytes};
pub use reference::Reference;

use crate::backend::{Backend, BackendKind, Evaluation, Predictions, Problem, Seen, Summary};
use crate::error::{Error, Remedy, Result};
use crate::leaves::{Leaves, sum_leaves};
use crate::optimizer::{UpdateRule, gradient_descent};
use crate::simd::{self, Arithmetic, Instructions};
use block::{Rows, Scratch};
use dense::DenseNetwork;
use descent::GradientDescent;
use layer::{PaddedLayer, Sums};
use rayon::prelude::*;
use rows::RowSource;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

/// A problem held in host memory.
#[derive(Debug)]
pub struct Cpu<'a> {
    problem: Problem<'a>,
    data: RowSource<'a>,
    leaves: Leaves,
    parameters: Vec<f64>,
    /// That of plain gradient descent, which alone is followed.
    learning_rate: Option<f64>,
    /// One for each [`Backend::submit`] that was not waited for yet.
    seen: VecDeque<Seen>,
    threads: rayon::ThreadPool,
    instructions: Instructions,
}

impl<'a> Cpu<'a> {
    /// Holds `problem`, with every parameter 0; `threads` of `None` takes every core.
    ///
    /// # Errors
    /// Where the data do not fit into memory, or no thread can be started.
    pub fn new(problem: Problem<'a>, threads: Option<usize>) -> Result<Self> {
        let (dataset, threads) = (problem.dataset, pool(threads)?);
        let data = match (dataset.unscaled(), dataset.scaling()) {
            // A single leaf is updated many times in one call, which knows no scaling: it is copied, scaled.
            (Some(stored), Some(scaling)) if dataset.leaves().count() > 1 => {
                RowSource::Unscaled(stored, scaling)
            }
            _ => RowSource::rounded(dataset, &threads)?,
        };
        Ok(Self::on(problem, data, threads))
    }

    /// Like [`Cpu::new`], but on the numbers that the data set gives a GPU: scaled features rounded to f32. A
    /// comparison with a GPU needs them.
    ///
    /// # Errors
    /// Where the data do not fit into memory, or no thread can be started.
    pub fn rounded(problem: Problem<'a>, threads: Option<usize>) -> Result<Self> {
        let threads = pool(threads)?;
        let data = RowSource::rounded(problem.dataset, &threads)?;
        Ok(Self::on(problem, data, threads))
    }

    fn on(problem: Problem<'a>, data: RowSource<'a>, threads: rayon::ThreadPool) -> Self {
        Self {
            leaves: problem.leaves(),
            parameters: vec![0.0; problem.network.n_parameters()],
            learning_rate: None,
            seen: VecDeque::new(),
            problem,
            data,
            threads,
            instructions: Instructions::detect(),
        }
    }

    /// The parameters by which the rows are multiplied, which differ from the trained ones where the rows are not
    /// scaled.
    fn parameters_of_rows(&self) -> Cow<'_, [f64]> {
        match self.data {
            RowSource::Unscaled(_, scaling) => {
                let (center, inverse_scale) = (scaling.center(), scaling.inverse_scale());
                let network = &self.problem.network;
                let parameters = &self.parameters;
                network
                    .unscale_parameters(center, &inverse_scale, parameters)
                    .into()
            }
            _ => Cow::from(&self.parameters),
        }
    }

    fn padded_layer(&self) -> PaddedLayer {
        let Problem {
            network,
            objective,
            dataset,
        } = &self.problem;
        PaddedLayer::new(
            network.layer(),
            objective.loss,
            dataset.is_weighted(),
            &self.parameters_of_rows(),
        )
    }

    /// The network as the arithmetic wants it, at the parameters.
    fn prepared(&self) -> Prepared {
        match self.problem.network.has_hidden() {
            true => Prepared::Network(DenseNetwork::new(&self.problem, &self.parameters_of_rows())),
            false => Prepared::Layer(self.padded_layer()),
        }
    }

    /// Gradient, loss and dy/dz summed over the rows of leaf `leaf`.
    fn leaf_sums(&self, prepared: &Prepared, leaf: usize) -> Evaluation {
        let (dataset, rows) = (self.problem.dataset, self.leaves.rows(leaf));
        self.data
            .with_rows(dataset, rows, |rows| self.sums_of(prepared, rows))
    }

    fn sums_of(&self, prepared: &Prepared, rows: Rows<'_>) -> Evaluation {
        let mut sums = match prepared {
            Prepared::Network(network) => network.sums(rows, self.instructions),
            Prepared::Layer(layer) => {
                let sums = self.instructions.run(LeafSums { layer, rows });
                Evaluation {
                    summary: sums.summary(),
                    gradient: layer.flat(&sums.grad_weight, &sums.grad_bias),
                }
            }
        };
        if let RowSource::Unscaled(_, scaling) = self.data {
            let first = self.problem.network.layers()[0];
            let of_first = &mut sums.gradient[..first.n_parameters()];
            first.scale_gradient(scaling.center(), &scaling.inverse_scale(), of_first);
        }
        sums
    }

    /// The sums over all samples.
    fn sums(&self) -> Evaluation {
        let prepared = self.prepared();
        self.folded(self.leaves, |leaf| self.leaf_sums(&prepared, leaf))
    }

    /// The sums over all `leaves`, from those of each, folded in their fixed tree.
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

/// A network at its parameters, as its arithmetic wants it.
enum Prepared {
    /// The layer of a network that has one.
    Layer(PaddedLayer),
    /// A network with hidden layers.
    Network(DenseNetwork),
}

/// The sums of one leaf, for a network of one layer.
struct LeafSums<'a> {
    layer: &'a PaddedLayer,
    rows: Rows<'a>,
}

impl Arithmetic for LeafSums<'_> {
    type Output = Sums;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Sums {
        let mut sums = Sums::zero(self.layer);
        let mut scratch = Scratch::new(self.layer);
        leaf::add_rows::<FUSED>(self.layer, self.rows, &mut scratch, &mut sums);
        sums
    }
}

impl Backend for Cpu<'_> {
    fn kind(&self) -> BackendKind {
        BackendKind::Cpu
    }

    fn adapter(&self) -> String {
        described(&self.threads, self.instructions.name())
    }

    /// The instructions alone: the bits do not depend on the threads.
    fn identity(&self) -> String {
        self.instructions.name().to_owned()
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
        let leaves = self.problem.leaves_of(rows.len());
        let prepared = self.prepared();
        let sums = self.folded(leaves, |leaf| {
            let numbers = &rows[leaves.rows(leaf)];
            self.data
                .with_gathered(dataset, numbers, |rows| self.sums_of(&prepared, rows))
        });
        Ok(sums.reduced(&self.problem, dataset.weight_of(rows)))
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        let prepared = self.prepared();
        let total_weight = self.problem.dataset.total_weight();
        let reduced = |leaf| {
            let sums = self.leaf_sums(&prepared, leaf);
            sums.reduced(&self.problem, total_weight)
        };
        Ok(self
            .threads
            .install(|| leaves.into_par_iter().map(reduced).collect()))
    }

    /// The host makes all updates but those of plain gradient descent, which need not leave the arithmetic.
    fn follow(&mut self, rule: &UpdateRule) -> Result<bool> {
        self.learning_rate = rule.is_plain().then_some(rule.learning_rate);
        Ok(rule.is_plain())
    }

    fn submit(&mut self, updates: Range<u64>) -> Result<()> {
        let rate = self.learning_rate.expect("a rule is followed") * self.problem.scale();
        let total_weight = self.problem.dataset.total_weight();
        let iterations = updates.end - updates.start;
        let mut summary = Summary::default();
        if self.leaves.count() == 1 && self.problem.network.reads_rows_once() {
            let mut layer = self.padded_layer();
            let (dataset, rows) = (self.problem.dataset, self.leaves.rows(0));
            summary = self.data.with_rows(dataset, rows, |rows| {
                self.instructions.run(GradientDescent {
                    layer: &mut layer,
                    rows,
                    iterations,
                    rate,
                })
            });
            self.parameters = layer.flat(&layer.weight, &layer.bias);
        } else {
            for _ in updates {
                let sums = self.sums();
                gradient_descent(rate, &sums.gradient, &mut self.parameters);
                summary = sums.summary;
            }
        }
        self.seen.push_back(Seen {
            summary: summary.reduced(&self.problem, total_weight),
            penalty: 0.0,
        });
        Ok(())
    }

    fn wait(&mut self) -> Result<Vec<Seen>> {
        Ok(vec![self.seen.pop_front().expect("updates were submitted")])
    }

    /// The updates are finished when [`Backend::submit`] returns.
    fn queue_depth(&self) -> usize {
        1
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        let (network, dataset) = (&self.problem.network, self.problem.dataset);
        let parameters = self.parameters_of_rows();
        let rows_per_leaf = self.leaves.rows_per_leaf();
        let pieces = rows.clone().into_par_iter().step_by(rows_per_leaf);
        let predicted = pieces.map(|first| {
            let piece = first..(first + rows_per_leaf).min(rows.end);
            self.data.with_rows(dataset, piece, |rows| {
                let mut predictions = Predictions::default();
                let mut values = network.values();
                for x in rows.inputs.chunks(rows.input_stride).take(rows.n_rows) {
                    network.forward(&parameters, &x[..dataset.n_inputs()], &mut values);
                    predictions.push(&values);
                }
                predictions
            })
        });
        let pieces: Vec<Predictions> = self.threads.install(|| predicted.collect());
        Ok(Predictions::concat(pieces))
    }
}

/// A pool of `threads` threads; `None` takes every core.
fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build()
        .map_err(|error| Error::Setting {
            setting: "threads",
            reason: format!("the threads could not be started: {error}"),
            remedies: &[Remedy::Do("take fewer")],
        })
}

/// The CPU for people to read: how many `threads` compute, and with `what`.
fn described(threads: &rayon::ThreadPool, what: &str) -> String {
    match threads.current_num_threads() {
        1 => format!("1 thread, {what}"),
        n => format!("{n} threads, {what}"),
    }
}
