//! The part of a training that makes iterations, apart from held-out samples and checkpoints.

use super::divergence;
use super::history::{History, HistoryPoint};
use super::host::HostOptimizer;
use super::host::OptimizerState;
use super::quasi_newton::Iterate;
use super::{Progress, StopReason, TrainConfig};
use crate::backend::{Backend, Problem};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::network::Network;
use crate::optimizer::{Optimizer, UpdateRule};
use crate::submission_size::SubmissionSize;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

pub(super) struct TrainingRun<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) network: Network,
    pub(super) config: TrainConfig,
    pub(super) backend: Box<dyn Backend + 'a>,
    /// Updates the parameters; `None` if the backend does so by itself.
    pub(super) optimizer: Option<HostOptimizer>,
    pub(super) progress: Progress,
    /// Seconds of the training before it was resumed.
    pub(super) seconds_before: f64,
    pub(super) history: History,
    pub(super) stop: Option<StopReason>,
    /// The parameters that the training ends with, if they are not those of its last update.
    pub(super) kept: Option<Vec<f64>>,
    pub(super) submission_size: SubmissionSize,
}

impl<'a> TrainingRun<'a> {
    pub(super) fn new(
        problem: &Problem<'a>,
        config: &TrainConfig,
        mut backend: Box<dyn Backend + 'a>,
    ) -> Result<Self> {
        let start = problem.network.parameters_from(config.seed, config.init);
        backend.set_parameters(&start)?;
        let by_itself = config.stays_on_device();
        if by_itself {
            backend.follow(&config.rule())?;
        }
        // Not the time in which a driver compiles kernels; that of a pass for the curvature is.
        let since = Instant::now();
        let optimizer = (!by_itself)
            .then(|| HostOptimizer::new(config, problem, start, backend.precision().resolution()));
        Ok(Self {
            dataset: problem.dataset,
            network: problem.network.clone(),
            config: config.clone(),
            backend,
            optimizer,
            progress: Progress {
                loss: f64::NAN,
                seconds: since.elapsed().as_secs_f64(),
                ..Progress::default()
            },
            seconds_before: 0.0,
            history: History::default(),
            stop: None,
            kept: None,
            submission_size: SubmissionSize::ONE,
        })
    }

    /// Waits for the end of the `iterations` iterations that were submitted first, or makes them on the host. Stops
    /// early if a tolerance is reached.
    pub(super) fn complete(&mut self, iterations: NonZeroU32) -> Result<()> {
        let completed = self.complete_all(iterations);
        completed.or_else(|error| {
            let rule = self.config.rule();
            Err(self.with_layer(error, Some(&rule))?)
        })
    }

    fn complete_all(&mut self, iterations: NonZeroU32) -> Result<()> {
        let Some(optimizer) = &mut self.optimizer else {
            let seen = self.backend.wait()?;
            let end = self.progress.iteration + u64::from(iterations.get());
            for (update, seen) in (end - seen.len() as u64..end).zip(seen) {
                let progress = &mut self.progress;
                progress.summary = seen.summary;
                progress.loss = seen.objective();
                progress.iteration = update;
                self.config.check_loss(progress)?;
                progress.iteration += 1;
                progress.evaluations = progress.iteration;
                self.history.push(update, progress.loss);
            }
            return Ok(());
        };
        for _ in 0..iterations.get() {
            let backend = self.backend.as_mut();
            self.stop = optimizer.make_iteration(&self.config, backend, &mut self.progress)?;
            if self.stop.is_some() {
                break;
            }
            let is_evaluated_at_end = self.config.optimizer == Optimizer::LBfgs;
            let evaluated_at = self.progress.iteration + u64::from(is_evaluated_at_end);
            self.progress.iteration += 1;
            self.history.push(evaluated_at, self.progress.loss);
        }
        Ok(())
    }

    /// Whether all iterations are made.
    pub(super) fn is_complete(&self) -> bool {
        self.progress.iteration >= self.config.iterations
    }

    /// Adds the time that a submission took, and stops if the training has lasted long enough since it began or was resumed.
    /// Learns from it how many iterations to submit, except of L-BFGS, whose iterations are few and long: one at a time.
    pub(super) fn add_time(&mut self, iterations: NonZeroU32, time: Duration) {
        self.progress.seconds += time.as_secs_f64();
        if self.config.optimizer != Optimizer::LBfgs {
            self.submission_size.observe(iterations, time);
        }
        let seconds = self.progress.seconds - self.seconds_before;
        let is_over = seconds >= self.config.max_seconds.unwrap_or(f64::INFINITY);
        if is_over && !self.is_complete() {
            self.stop.get_or_insert(StopReason::Seconds);
        }
    }

    /// The parameters as they are trained: for features and targets as they are scaled, and in float64 if the host updates them.
    pub(super) fn raw_parameters(&mut self) -> Result<Vec<f64>> {
        match &self.optimizer {
            Some(optimizer) => Ok(optimizer.parameters().to_vec()),
            None => self.backend.parameters(),
        }
    }

    pub(super) fn set_raw_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        match &mut self.optimizer {
            Some(optimizer) => optimizer.set_parameters(parameters),
            None => self.backend.set_parameters(parameters)?,
        }
        Ok(())
    }

    /// What the next iterations depend on, beside the parameters.
    pub(super) fn optimizer_state(&mut self) -> Result<OptimizerState> {
        Ok(match &self.optimizer {
            Some(optimizer) => optimizer.state(),
            None => OptimizerState::of_memory(self.backend.memory()?),
        })
    }

    pub(super) fn set_optimizer_state(&mut self, state: OptimizerState) -> Result<()> {
        match (&mut self.optimizer, &state.memory) {
            (Some(optimizer), _) => {
                if let Some(summary) = optimizer.set_state(state) {
                    self.progress.summary = summary;
                }
            }
            (None, Some(memory)) => self.backend.set_memory(memory)?,
            (None, None) => {}
        }
        Ok(())
    }

    /// Sets the parameters to `parameters`, which are for unscaled features and targets.
    pub(super) fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        let parameters = (self.dataset).scaled_parameters(&self.network, parameters);
        self.set_raw_parameters(&parameters)
    }

    /// What the training would end with now, as [`TrainingRun::raw_parameters`] are: the parameters that are kept, or the
    /// running mean of them, or the last ones.
    pub(super) fn reached(&mut self) -> Result<Vec<f64>> {
        if let Some(kept) = &self.kept {
            return Ok(kept.clone());
        }
        if self.config.average_decay.is_some() {
            let (rule, updates) = (self.config.rule(), self.progress.iteration);
            let memory = self.optimizer_state()?.memory.unwrap_or_default();
            if let Some(average) = rule.average(&memory, updates) {
                return Ok(average);
            }
        }
        self.raw_parameters()
    }

    /// Those of [`TrainingRun::reached`] as the backend rounds them, for unscaled features and targets.
    pub(super) fn parameters(&mut self) -> Result<Vec<f64>> {
        let trained = self.raw_parameters()?;
        let reached = self.reached()?;
        self.backend.set_parameters(&reached)?;
        let parameters = self.backend.parameters()?;
        self.backend.set_parameters(&trained)?;
        if !parameters.iter().all(|parameter| parameter.is_finite()) {
            let what = divergence::weight(&self.network, &parameters);
            return Err(self.config.diverged(self.progress.iteration, what));
        }
        Ok((self.dataset).unscaled_parameters(&self.network, &parameters))
    }

    /// How far the training has come, with the losses of unscaled targets.
    pub(super) fn told(&self) -> Progress {
        let mut told = self.progress;
        let unit = self.dataset.loss_unit();
        told.loss *= unit;
        told.summary.loss *= unit;
        told
    }

    /// The course of the loss of unscaled targets.
    pub(super) fn told_history(&self) -> Vec<HistoryPoint> {
        let unit = self.dataset.loss_unit();
        let points = self.history.points.iter();
        let points = points.map(|point| HistoryPoint {
            loss: point.loss * unit,
            ..*point
        });
        points.collect()
    }

    /// Evaluates the loss at the parameters that the training ends with unless it is known. This is not one of the
    /// counted evaluations.
    pub(super) fn evaluate_end(&mut self) -> Result<()> {
        let are_last = self.kept.is_none() && self.config.average_decay.is_none();
        let is_known =
            are_last && matches!(&self.optimizer, Some(optimizer) if optimizer.is_evaluated);
        if !is_known {
            let parameters = self.reached()?;
            self.backend.set_parameters(&parameters)?;
            let penalty = self.config.rule().penalty(&self.network);
            let end = Iterate::new(&penalty, parameters, self.backend.evaluate()?);
            (self.progress.loss, self.progress.summary) = (end.objective, end.summary);
        }
        let checked = self.config.check_loss(&self.progress);
        checked.or_else(|error| Err(self.with_layer(error, None)?))
    }

    /// An error of a network that diverged, told with the first layer of which something is not finite. That is looked for
    /// in the last pass: in the rows and units of an update by `rule`, or in all of them without one. Any other error
    /// stays as it is.
    fn with_layer(&mut self, error: Error, rule: Option<&UpdateRule>) -> Result<Error> {
        let Error::Diverged { iteration, .. } = error else {
            return Ok(error);
        };
        if !self.network.has_hidden() {
            return Ok(error);
        }
        // No backend updates them from a loss that is not finite.
        let parameters = self.backend.parameters()?;
        let (precision, n_samples) = (self.backend.precision(), self.dataset.n_samples());
        let (dataset, network) = (self.dataset, &self.network);
        let dropout = rule.and_then(|_| self.config.unit_dropout());
        let mask = dropout.map(|dropout| dropout.mask(iteration));
        let rows = rule.and_then(|rule| rule.rows(iteration, n_samples));
        let rows = rows.unwrap_or_else(|| (0..n_samples).collect());
        let what = divergence::place(dataset, network, &parameters, &rows, mask, precision);
        Ok(what.map_or(error, |what| self.config.diverged(iteration, what)))
    }

    /// Bytes of inputs and targets, counted once an evaluation; `None` without an iteration.
    pub(super) fn bytes_per_second(&self) -> Option<f64> {
        let n_samples = self.dataset.n_samples();
        let updates_an_epoch = self.config.updates_an_epoch(n_samples) as f64;
        let passes = self.progress.evaluations as f64 / updates_an_epoch;
        let warm_start = self.optimizer.as_ref().and_then(HostOptimizer::warm_start);
        let warm_start_rows = warm_start.map_or(0.0, |warm_start| {
            warm_start.evaluations as f64 * warm_start.rows as f64
        });
        let bytes = self.dataset.bytes() as f64 * (passes + warm_start_rows / n_samples as f64);
        (self.progress.iteration > 0).then(|| bytes / self.progress.seconds)
    }
}
