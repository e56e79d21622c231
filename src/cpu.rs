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
mod one_layer;
mod pool;
mod predictor;
mod prepared;
mod read;
mod reference;
mod rows;
mod scratch;
mod small_batch;
mod tiny;
mod updates;

pub use fma::Multiplier;
pub(crate) use predictor::Predictor;
pub use read::{Reader, cache_bytes};
pub use reference::Reference;

use crate::backend::{
    Backend, BackendKind, Evaluation, Holdout, Predictions, Problem, Summary, UpdateSummary,
};
use crate::data::TargetScaling;
use crate::error::Result;
use crate::leaves::{Leaves, sum_leaves};
use crate::network::Mask;
use crate::optimizer::{Memory, UpdateRule};
use crate::parts::{self, PART};
use crate::precision::Precision;
use crate::simd::Instructions;
use block::Rows;
use one_layer::{OneLayer, padded_layer};
use prepared::{PassSums, Prepared};
use rayon::prelude::*;
use rows::RowSource;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use updates::RuleState;

/// A problem held in host memory.
#[derive(Debug)]
pub struct Cpu<'a> {
    problem: Problem<'a>,
    data: RowSource<'a>,
    leaves: Leaves,
    parameters: Vec<f64>,
    /// The rule of the updates with what it keeps; `None` before [`Backend::follow`].
    rule_state: Option<RuleState>,
    /// One for each [`Backend::submit`] that was not waited for yet.
    summaries: VecDeque<Vec<UpdateSummary>>,
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
            // Data of a single leaf may be updated from many times in one call, which knows no scaling: they are copied, scaled.
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

    /// Like [`Cpu::new`], but on the numbers that the data set gives a GPU: scaled features and targets rounded to
    /// f32. A comparison with a GPU needs them.
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
            rule_state: None,
            summaries: VecDeque::new(),
            problem,
            data,
            threads,
            instructions: Instructions::detect(),
            precision: Precision::F64,
            mask: None,
        }
    }

    /// What the rows are multiplied by at `parameters`: others where the rows are not scaled.
    fn parameters_of_rows<'p>(&self, parameters: &'p [f64]) -> Cow<'p, [f64]> {
        match self.data {
            RowSource::Unscaled(..) => {
                let Problem {
                    dataset, network, ..
                } = &self.problem;
                dataset.unscaled_parameters(network, parameters).into()
            }
            _ => Cow::from(parameters),
        }
    }

    /// The scaling of the targets if it is folded into the parameters, as that of the features is.
    fn folded_targets(&self) -> Option<&TargetScaling> {
        match self.data {
            RowSource::Unscaled(..) => self.problem.dataset.target_scaling(),
            _ => None,
        }
    }

    /// The loss of scaled targets, from that of the rows as they are read.
    fn scaled_loss(&self, loss: f64) -> f64 {
        match self.folded_targets() {
            Some(_) => loss / self.problem.dataset.loss_unit(),
            None => loss,
        }
    }

    /// The network as the arithmetic wants it, at `parameters`.
    fn prepared(&self, parameters: &[f64]) -> Box<dyn Prepared> {
        let parameters = self.parameters_of_rows(parameters);
        let (problem, instructions) = (&self.problem, self.instructions);
        let (precision, mask) = (self.precision, self.mask);
        if problem.network.has_hidden() {
            return dense::prepare(problem, precision, instructions, &parameters, mask);
        }
        match precision {
            Precision::F64 => Box::new(OneLayer {
                layer: padded_layer::<f64>(problem, &parameters),
                instructions,
            }),
            Precision::F32 => Box::new(OneLayer {
                layer: padded_layer::<f32>(problem, &parameters),
                instructions,
            }),
        }
    }

    /// The sums over the rows at `places`, in all or in `rows`, by `threads` threads.
    fn leaf_sums(
        &self,
        prepared: &dyn Prepared,
        rows: Option<&[usize]>,
        places: Range<usize>,
        threads: usize,
    ) -> Box<dyn PassSums> {
        let (dataset, place) = (self.problem.dataset, places.start);
        let sums = |rows: Rows<'_>| prepared.sums((place, rows), threads);
        let sums = match rows {
            None => self.data.with_rows(dataset, places, sums),
            Some(rows) => self.data.with_gathered(dataset, &rows[places], sums),
        };
        let RowSource::Unscaled(_, scaling) = self.data else {
            return sums;
        };
        let mut sums = sums.laid_out();
        let first = self.problem.network.layers()[0];
        let of_first = &mut sums.gradient[..first.n_parameters()];
        first.scale_gradient(scaling.center(), &scaling.inverse_scale(), of_first);
        if let Some(targets) = self.folded_targets() {
            let (network, scale) = (&self.problem.network, targets.scale());
            network.scale_output_gradient(scale, &mut sums.gradient);
            sums.summary.loss = self.scaled_loss(sums.summary.loss);
        }
        Box::new(sums)
    }

    /// The sums over all rows, or over `rows`: those of their leaves, folded in the fixed tree.
    fn sums(&self, prepared: &dyn Prepared, rows: Option<&[usize]>) -> Box<dyn PassSums> {
        let leaves = rows.map_or(self.leaves, |rows| self.problem.leaves_of(rows.len()));
        let count = leaves.count();
        let threads = self.threads_of_leaf(prepared, leaves);
        let leaf_sums = |leaf| self.leaf_sums(prepared, rows, leaves.rows(leaf), threads);
        match (count, threads) {
            // A small leaf alone is not worth waking a thread for.
            (1, 1) => leaf_sums(0),
            (1, _) => self.threads.install(|| leaf_sums(0)),
            _ => Box::new(self.threads.install(|| {
                let laid_out = |leaf| leaf_sums(leaf).laid_out();
                sum_leaves(count, laid_out, Evaluation::add)
            })),
        }
    }

    /// The loss of all rows at the parameters: bit for bit that of [`Backend::evaluate`], without its gradient.
    pub(crate) fn loss(&mut self) -> f64 {
        self.mask = None;
        let (problem, leaves) = (&self.problem, self.leaves);
        let prepared = self.prepared(&self.parameters);
        let threads = self.threads_of_leaf(&*prepared, leaves);
        let of_leaf = |leaf| {
            let summary = |rows: Rows<'_>| prepared.summary(rows, threads);
            let mut summary = (self.data).with_rows(problem.dataset, leaves.rows(leaf), summary);
            summary.loss = self.scaled_loss(summary.loss);
            summary
        };
        let sums = (self.threads).install(|| sum_leaves(leaves.count(), of_leaf, Summary::add));
        sums.reduced(problem, problem.dataset.total_weight()).loss
    }

    /// The threads that share each of `leaves`.
    fn threads_of_leaf(&self, prepared: &dyn Prepared, leaves: Leaves) -> usize {
        let threads = (self.threads.current_num_threads()).div_ceil(leaves.count());
        prepared.worthwhile_threads(leaves.rows(0).len(), threads)
    }

    /// Calls `work` on the threads, if what is done for each parameter is worth waking them.
    fn share<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let n_parameters = self.problem.network.n_parameters();
        pool::share(&self.threads, n_parameters, work)
    }
}

impl Holdout for Cpu<'_> {
    fn loss_at(&mut self, parameters: &[f64]) -> Result<f64> {
        self.set_parameters(parameters)?;
        Ok(self.loss())
    }
}

impl Backend for Cpu<'_> {
    fn kind(&self) -> BackendKind {
        BackendKind::Cpu
    }

    fn adapter(&self) -> String {
        let instructions = self.instructions.name();
        let arithmetic = match self.precision {
            Precision::F64 => instructions,
            Precision::F32 => &format!("{instructions}, float32"),
        };
        pool::described(self.threads.current_num_threads(), arithmetic)
    }

    /// The instructions: the bits do not depend on the threads.
    fn identity(&self) -> String {
        self.instructions.name().to_owned()
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
        if let Some(state) = &mut self.rule_state {
            state.diverged = None;
        }
        Ok(())
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        Ok(self.parameters.clone())
    }

    fn evaluate_for(&mut self, update: Option<u64>, rows: Option<&[usize]>) -> Result<Evaluation> {
        self.mask = self.problem.mask(update);
        let total_weight = self.problem.weight_of(rows);
        Ok(self.share(|| {
            let sums = self
                .sums(&*self.prepared(&self.parameters), rows)
                .laid_out();
            sums.reduced(&self.problem, total_weight)
        }))
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        let prepared = self.prepared(&self.parameters);
        let total_weight = self.problem.dataset.total_weight();
        let reduced = |leaf| {
            let sums = self.leaf_sums(&*prepared, None, self.leaves.rows(leaf), 1);
            let sums = sums.laid_out();
            sums.reduced(&self.problem, total_weight)
        };
        Ok(self
            .threads
            .install(|| leaves.into_par_iter().map(reduced).collect()))
    }

    fn follow(&mut self, rule: &UpdateRule) -> Result<()> {
        rule.assert_first_order();
        self.rule_state = Some(RuleState::new(&self.problem, rule));
        Ok(())
    }

    fn submit(&mut self, updates: Range<u64>) -> Result<()> {
        assert!(!updates.is_empty(), "updates {updates:?}");
        let summaries = self.make(updates);
        self.summaries.push_back(summaries);
        Ok(())
    }

    fn wait(&mut self) -> Result<Vec<UpdateSummary>> {
        Ok(self.summaries.pop_front().expect("updates were submitted"))
    }

    fn memory(&mut self) -> Result<Memory> {
        let state = self.rule_state.as_ref();
        Ok(state.map_or_else(Memory::default, |it| it.memory.clone()))
    }

    fn set_memory(&mut self, memory: &Memory) -> Result<()> {
        if let Some(state) = &mut self.rule_state {
            let held = state.memory.lengths();
            assert_eq!(memory.lengths(), held, "vectors of the rule");
            state.memory.clone_from(memory);
        }
        Ok(())
    }

    /// The updates are finished when [`Backend::submit`] returns.
    fn queue_depth(&self) -> usize {
        1
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        assert!(
            rows.end <= self.problem.dataset.n_samples(),
            "rows that exist"
        );
        let predictor = Predictor::new(&self.problem, &self.parameters_of_rows(&self.parameters));
        let predict = |piece| {
            let dataset = self.problem.dataset;
            (self.data).with_rows(dataset, piece, |rows| predictor.predict_rows(rows))
        };
        let mut predictions = self.threads.install(|| predictor.pieces(rows, predict));
        if let Some(targets) = self.folded_targets() {
            // An identity's predictions are its pre-activations.
            for all in [&mut predictions.pre_activation, &mut predictions.prediction] {
                for (number, center) in all.iter_mut().zip(targets.center().iter().cycle()) {
                    *number = (*number - center) / targets.scale();
                }
            }
        }
        Ok(predictions)
    }
}
