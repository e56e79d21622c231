//! The CPU: float64 arithmetic on the f32 data, or float32 arithmetic, with the same bits for any number of threads.
//!
//! [`Cpu`] is as fast as the memory can be read. [`Reference`] computes the same by the definition, in plain loops,
//! and is what `Cpu` is held against.
//!
//! Threads take whole leaves, which are summed in a fixed order, and the leaf sums are folded in the one fixed tree of
//! [`crate::leaves`]. Where there are fewer leaves than threads, the products of a leaf of a network with hidden layers
//! are shared out too.

mod activation;
mod backward;
mod block;
mod dense;
mod descent;
mod exp;
mod float;
mod fma;
mod forward;
mod layer;
mod leaf;
mod pool;
mod predictor;
mod prepared;
mod read;
mod reference;
mod rows;
mod small_batch;
mod tiny;

pub use fma::Multiplier;
pub(crate) use predictor::Predictor;
pub use read::{Reader, cache_bytes};
pub use reference::Reference;

use crate::backend::{
    Backend, BackendKind, Evaluation, Precision, Predictions, Problem, Seen, Summary,
};
use crate::error::Result;
use crate::leaves::{Leaves, sum_leaves};
use crate::network::Mask;
use crate::optimizer::{UpdateRule, gradient_descent};
use crate::parts::{self, PART};
use crate::simd::Instructions;
use block::Rows;
use descent::GradientDescent;
use prepared::{Prepared, padded_layer};
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
    seen: VecDeque<Vec<Seen>>,
    threads: rayon::ThreadPool,
    instructions: Instructions,
    precision: Precision,
    /// The units that the last evaluation went without.
    mask: Option<Mask>,
}

impl<'a> Cpu<'a> {
    /// Holds `problem`, with every parameter 0; `threads` of `None` takes every core.
    ///
    /// # Errors
    /// Where the data do not fit into memory, or no thread can be started.
    pub fn new(problem: Problem<'a>, threads: Option<usize>) -> Result<Self> {
        let (dataset, threads) = (problem.dataset, pool::of(threads)?);
        let data = match (dataset.unscaled(), dataset.scaling()) {
            // A single leaf is updated many times in one call, which knows no scaling: it is copied, scaled.
            (Some(stored), Some(scaling)) if dataset.leaves().count() > 1 => {
                RowSource::Unscaled(stored, scaling)
            }
            _ => RowSource::rounded(dataset, &threads)?,
        };
        Ok(Self::on(problem, data, threads))
    }

    /// Like [`Cpu::rounded`], in `precision`: in f32 the parameters are rounded to it, and so is every number of a pass;
    /// the leaf sums are folded in float64.
    ///
    /// # Errors
    /// Like [`Cpu::new`].
    pub fn in_precision(
        problem: Problem<'a>,
        threads: Option<usize>,
        precision: Precision,
    ) -> Result<Self> {
        if precision == Precision::F64 {
            return Self::new(problem, threads);
        }
        Ok(Self {
            precision,
            ..Self::rounded(problem, threads)?
        })
    }

    /// Like [`Cpu::new`], but on the numbers that the data set gives a GPU: scaled features rounded to f32. A
    /// comparison with a GPU needs them.
    ///
    /// # Errors
    /// Where the data do not fit into memory, or no thread can be started.
    pub fn rounded(problem: Problem<'a>, threads: Option<usize>) -> Result<Self> {
        let threads = pool::of(threads)?;
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
            precision: Precision::F64,
            mask: None,
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

    /// The network as the arithmetic wants it, at the parameters.
    fn prepared(&self) -> Prepared {
        let parameters = self.parameters_of_rows();
        let (problem, instructions) = (&self.problem, self.instructions);
        let (precision, mask) = (self.precision, self.mask);
        Prepared::new(problem, precision, instructions, &parameters, mask)
    }

    /// Gradient, loss and dy/dz summed over the rows of leaf `leaf`, by `threads` threads.
    fn leaf_sums(&self, prepared: &Prepared, leaf: usize, threads: usize) -> Evaluation {
        let (dataset, rows) = (self.problem.dataset, self.leaves.rows(leaf));
        let place = rows.start;
        self.data.with_rows(dataset, rows, |rows| {
            self.sums_of(prepared, (place, rows), threads)
        })
    }

    fn sums_of(&self, prepared: &Prepared, rows: (usize, Rows<'_>), threads: usize) -> Evaluation {
        let mut sums = prepared.sums(rows, self.instructions, threads);
        if let RowSource::Unscaled(_, scaling) = self.data {
            let first = self.problem.network.layers()[0];
            let of_first = &mut sums.gradient[..first.n_parameters()];
            first.scale_gradient(scaling.center(), &scaling.inverse_scale(), of_first);
        }
        sums
    }

    /// Makes updates by gradient descent on the only leaf in one call, and returns the sums before the last. `None`
    /// where they are made leaf by leaf and update by update.
    fn descend_in_one_leaf(&mut self, iterations: u64, rate: f64) -> Option<Summary> {
        if self.precision != Precision::F64 {
            return None;
        }
        let (problem, rows) = (&self.problem, self.leaves.rows(0));
        let mut parameters = std::mem::take(&mut self.parameters);
        let tiny = self.data.with_rows(problem.dataset, rows.clone(), |rows| {
            tiny::descend(problem, rows, iterations, rate, &mut parameters)
        });
        self.parameters = parameters;
        if tiny.is_some() || !problem.network.reads_rows_once() {
            return tiny;
        }
        let mut layer = padded_layer(problem, &self.parameters);
        let summary = self.data.with_rows(problem.dataset, rows, |rows| {
            self.instructions.run(GradientDescent {
                layer: &mut layer,
                rows,
                iterations,
                rate,
            })
        });
        self.parameters = layer.flat(&layer.weight, &layer.bias);
        Some(summary)
    }

    /// Calls `work` on the threads, if what is done for each parameter is worth waking them.
    fn share<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        pool::share(&self.threads, self.parameters.len(), work)
    }

    /// The sums over all samples.
    fn sums(&self) -> Evaluation {
        let prepared = self.prepared();
        self.folded(self.leaves, &prepared, |leaf, threads| {
            self.leaf_sums(&prepared, leaf, threads)
        })
    }

    /// The sums over all `leaves`, from those of each by the threads it is worth, folded in their fixed tree.
    fn folded(
        &self,
        leaves: Leaves,
        prepared: &Prepared,
        leaf_sums: impl Fn(usize, usize) -> Evaluation + Sync,
    ) -> Evaluation {
        let (count, floats) = (leaves.count(), self.parameters.len());
        let threads = self.threads.current_num_threads().div_ceil(count);
        let threads = prepared.worthwhile_threads(leaves.rows(0).len(), threads);
        let leaf_sums = |leaf| leaf_sums(leaf, threads);
        let sum = || sum_leaves(count, floats, leaf_sums, Evaluation::add);
        // A small leaf alone is not worth waking a thread for.
        if count == 1 && threads == 1 {
            sum()
        } else {
            self.threads.install(sum)
        }
    }
}

impl Backend for Cpu<'_> {
    fn kind(&self) -> BackendKind {
        BackendKind::Cpu
    }

    fn adapter(&self) -> String {
        pool::described(self.threads.current_num_threads(), &self.identity())
    }

    /// The instructions and the precision: the bits do not depend on the threads.
    fn identity(&self) -> String {
        let instructions = self.instructions.name();
        match self.precision {
            Precision::F64 => instructions.to_owned(),
            Precision::F32 => format!("{instructions}, float32"),
        }
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        assert_eq!(parameters.len(), self.parameters.len(), "parameters");
        let precision = self.precision;
        let mut own = std::mem::take(&mut self.parameters);
        self.share(|| {
            let parts = own.chunks_mut(PART).zip(parameters.chunks(PART));
            parts::for_each(parts, |(own, parameters)| {
                own.copy_from_slice(parameters);
                precision.round(own);
            });
        });
        self.parameters = own;
        Ok(())
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        Ok(self.parameters.clone())
    }

    fn evaluate_for(&mut self, update: Option<u64>, rows: Option<&[usize]>) -> Result<Evaluation> {
        let Problem {
            dataset, dropout, ..
        } = self.problem;
        self.mask = dropout
            .zip(update)
            .map(|(dropout, update)| dropout.mask(update));
        Ok(self.share(|| match rows {
            None => self.sums().reduced(&self.problem, dataset.total_weight()),
            Some(rows) => {
                let leaves = self.problem.leaves_of(rows.len());
                let prepared = self.prepared();
                let sums = self.folded(leaves, &prepared, |leaf, threads| {
                    let places = leaves.rows(leaf);
                    let place = places.start;
                    self.data.with_gathered(dataset, &rows[places], |rows| {
                        self.sums_of(&prepared, (place, rows), threads)
                    })
                });
                sums.reduced(&self.problem, dataset.weight_of(rows))
            }
        }))
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        let prepared = self.prepared();
        let total_weight = self.problem.dataset.total_weight();
        let reduced = |leaf| {
            let sums = self.leaf_sums(&prepared, leaf, 1);
            sums.reduced(&self.problem, total_weight)
        };
        Ok(self
            .threads
            .install(|| leaves.into_par_iter().map(reduced).collect()))
    }

    /// The host makes all updates but those of plain gradient descent, which need not leave the arithmetic.
    fn follow(&mut self, rule: &UpdateRule) -> Result<bool> {
        let by_itself = rule.is_plain() && self.problem.dropout.is_none();
        self.learning_rate = by_itself.then_some(rule.learning_rate);
        Ok(by_itself)
    }

    fn submit(&mut self, updates: Range<u64>) -> Result<()> {
        let rate = self.learning_rate.expect("a rule is followed") * self.problem.scale();
        let total_weight = self.problem.dataset.total_weight();
        let iterations = updates.end - updates.start;
        let start = match self.problem.network.has_hidden() {
            true => self.parameters.clone(),
            false => Vec::new(),
        };
        let in_one_leaf = (self.leaves.count() == 1)
            .then(|| self.descend_in_one_leaf(iterations, rate))
            .flatten();
        let diverged = in_one_leaf.filter(|it| !start.is_empty() && !it.loss.is_finite());
        if diverged.is_some() {
            // Update by update, to stop at the parameters that made the loss so.
            self.parameters = start;
        }
        let seen = |summary: Summary| Seen {
            summary: summary.reduced(&self.problem, total_weight),
            penalty: 0.0,
        };
        let mut all = Vec::new();
        if let (Some(summary), None) = (in_one_leaf, diverged) {
            all.push(seen(summary));
        } else {
            let n_updates = updates.count();
            while all.len() < n_updates {
                let sums = self.sums();
                let seen = seen(sums.summary);
                if !seen.summary.loss.is_finite() {
                    // The parameters stay: what made it so is still to be found.
                    all.resize(n_updates, seen);
                    break;
                }
                all.push(seen);
                gradient_descent(rate, &sums.gradient, &mut self.parameters);
                self.precision.round(&mut self.parameters);
            }
            if let (Some(summary), Some(last)) = (diverged, all.last_mut()) {
                // Other roundings may just stay finite; that is no reason to go on.
                *last = seen(summary);
            }
        }
        self.seen.push_back(all);
        Ok(())
    }

    fn wait(&mut self) -> Result<Vec<Seen>> {
        Ok(self.seen.pop_front().expect("updates were submitted"))
    }

    fn share_out(&self, work: &mut (dyn FnMut() + Send)) {
        self.share(work);
    }

    /// The updates are finished when [`Backend::submit`] returns.
    fn queue_depth(&self) -> usize {
        1
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        let predictor = Predictor::new(&self.problem, &self.parameters_of_rows());
        let predict = |piece| {
            let dataset = self.problem.dataset;
            (self.data).with_rows(dataset, piece, |rows| predictor.predict_rows(rows))
        };
        Ok(self.threads.install(|| predictor.pieces(rows, predict)))
    }
}
