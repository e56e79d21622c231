//! Training: settings checked once, a backend chosen once, and a loop of updates over it.

mod advance;
mod checkpoint;
mod config;
mod curvature;
pub(crate) mod divergence;
mod hardware;
mod history;
mod holdout;
mod host;
mod quasi_newton;
mod run;
mod stop;
mod trained;
mod warm_start;

pub use config::TrainConfig;
pub use hardware::{BackendChoice, Hardware};
pub use history::HistoryPoint;
pub use stop::StopReason;
pub use trained::Trained;
pub use warm_start::WarmStart;

use crate::backend::{Backend, Summary};
use crate::data::{self, Dataset};
use crate::error::{LEAVE_OUT, Result};
use crate::network::Network;
use checkpoint::{Checkpoints, RunKey, TellFailure};
use config::check::require;
use holdout::HoldoutLoss;
#[cfg(test)]
pub(crate) use host::tests::update_on_host;
use run::TrainingRun;
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::ops::ControlFlow;

/// How far a training has come.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Iterations done.
    pub iteration: u64,
    /// Evaluations for these iterations, each a pass over the samples, or over those of a mini-batch.
    pub evaluations: u64,
    /// What is minimised, the penalties included, in the last pass; NaN before the first one.
    #[serde(deserialize_with = "number_or_nan")]
    pub loss: f64,
    /// Loss of the data alone and mean slope in the last pass, zeros before the first one. All optimizers
    /// but L-BFGS take that pass before their update.
    #[serde(skip)]
    pub summary: Summary,
    /// The last loss on the held-out samples.
    pub validation: Option<f64>,
    /// Seconds spent on iterations so far.
    pub seconds: f64,
}

/// Reads a number from JSON, which has `null` instead of NaN.
fn number_or_nan<'de, D: serde::Deserializer<'de>>(json: D) -> std::result::Result<f64, D::Error> {
    Ok(Option::deserialize(json)?.unwrap_or(f64::NAN))
}

/// Below this mean of y(1−y) a layer counts as saturated: its predictions are within about 10⁻³ of 0
/// or 1, and a squared error's gradient, which has y(1−y) as a factor, all but vanishes.
pub const SATURATED_SLOPE: f64 = 1e-3;

/// A training under way.
pub struct Training<'a> {
    run: TrainingRun<'a>,
    notices: Vec<String>,
    holdout: Option<HoldoutLoss<'a>>,
    checkpoints: Option<Checkpoints>,
    /// Tells why a checkpoint cannot be written.
    tell_failure: Option<TellFailure>,
    /// The fingerprint of the parameters that the training begins with, unless the seed gives them.
    start: Option<u64>,
    /// What tells this run from others, once a checkpoint asks for it.
    key: OnceCell<RunKey>,
}

impl<'a> Training<'a> {
    /// Checks the settings, opens a backend, and sets the parameters to their start.
    ///
    /// # Errors
    /// If a setting cannot be used on the data, or the hardware cannot hold them.
    pub fn start(dataset: &'a Dataset, config: &TrainConfig, hardware: &Hardware) -> Result<Self> {
        let problem = config.problem(dataset)?;
        let (backend, notices) = hardware.open(problem.clone())?;
        Ok(Self {
            run: TrainingRun::new(&problem, config, backend)?,
            notices,
            holdout: None,
            checkpoints: None,
            tell_failure: None,
            start: None,
            key: OnceCell::new(),
        })
    }

    /// Begins with `parameters`, in the layout of the network, for unscaled features and targets, and not with those that the seed
    /// gives. To be called before the first iteration.
    ///
    /// # Errors
    /// If the network has more or fewer parameters, one is not finite, or an iteration was made.
    pub fn set_start(&mut self, parameters: &[f64]) -> Result<()> {
        let reason = "is where a training begins, and this one has begun";
        require(self.iteration() == 0, "init", reason, &[LEAVE_OUT])?;
        let (n, wanted) = (parameters.len(), self.network().n_parameters());
        let reason = format_args!("has {n} parameters, and the network has {wanted}");
        require(n == wanted, "init", reason, &[LEAVE_OUT])?;
        let is_finite = parameters.iter().all(|parameter| parameter.is_finite());
        let reason = "has a parameter that is not finite";
        require(is_finite, "init", reason, &[LEAVE_OUT])?;
        self.run.set_parameters(parameters)?;
        self.start = Some(data::fingerprint(parameters.iter().map(|it| it.to_bits())));
        self.key = OnceCell::new();
        Ok(())
    }

    /// Evaluates the loss on `holdout` from time to time: unscaled samples of the same columns that are not trained on.
    /// After which iterations depends on the settings and the number of samples alone. A GPU that trains predicts them in
    /// float32, and the host sums their losses in float64. If the CPU trains, it evaluates them in float64 by `threads`
    /// threads.
    ///
    /// # Errors
    /// If the samples are standardised or rounded, their columns differ from those of the training samples, or the
    /// hardware cannot hold them.
    pub fn set_holdout(&mut self, holdout: &'a Dataset, threads: Option<usize>) -> Result<()> {
        let holdout = HoldoutLoss::new(&self.run, holdout, threads)?;
        let why = holdout.notice.as_ref();
        let why = why.map(|why| format!("held-out samples are evaluated on the CPU: {why}"));
        self.notices.extend(why);
        self.holdout = Some(holdout);
        self.key = OnceCell::new();
        Ok(())
    }

    /// Why this backend trains, if it was chosen for the user or is not what its name suggests.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The backend that trains.
    #[must_use]
    pub fn backend(&self) -> &dyn Backend {
        self.run.backend.as_ref()
    }

    /// Iterations done.
    #[must_use]
    pub fn iteration(&self) -> u64 {
        self.run.progress.iteration
    }

    /// Why the training has ended; `None` while more iterations can follow.
    #[must_use]
    pub fn stop(&self) -> Option<StopReason> {
        self.run.stop
    }

    /// The network that is trained.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.run.network
    }

    /// The parameters reached, in the layout of the network, for unscaled features and targets.
    ///
    /// # Errors
    /// If the device fails, or a parameter is no longer finite.
    pub fn parameters(&mut self) -> Result<Vec<f64>> {
        self.run.parameters()
    }

    /// Completes what is known of the last parameters.
    fn evaluate_last(&mut self) -> Result<()> {
        if self.run.progress.loss.is_nan() {
            // Without an iteration nothing has evaluated the loss.
            self.run.evaluate_end()?;
            let (iteration, loss) = (self.iteration(), self.run.progress.loss);
            self.run.history.push(iteration, loss);
        }
        self.evaluate_holdout()
    }

    /// Ends the training: one more pass gives the loss at the parameters reached, unless it is known. A checkpoint that
    /// cannot be written costs no result, nor does a device that fails in that pass: [`Trained::checkpoint_failure`] and
    /// [`Trained::loss_failure`] say why.
    ///
    /// # Errors
    /// If the device fails before, or the loss or a parameter is no longer finite.
    pub fn finish(mut self) -> Result<Trained> {
        // Before the evaluation below, which a training that continues from here would not make.
        self.save_checkpoint()?;
        if self.run.stop != Some(StopReason::Diverged) {
            self.evaluate_last()?;
        }
        let best = self.return_to_best()?;
        let parameters = self.run.parameters()?;
        let evaluated = self.run.evaluate_end();
        let loss_failure = match evaluated {
            Err(error) if error.is_device() => Some(error.statement()),
            _ => evaluated.map(|()| None)?,
        };
        let run = self.run;
        let (progress, history) = (run.told(), run.told_history());
        let validation_history = self.holdout.map(|holdout| holdout.state.history.points);
        let stop = match run.stop {
            Some(stop) => stop,
            None if run.is_complete() => StopReason::Iterations,
            None => StopReason::Interrupted,
        };
        Ok(Trained {
            backend: run.backend.kind().name(),
            adapter: run.backend.adapter(),
            bytes_per_second: run.bytes_per_second(),
            network: run.network,
            parameters,
            iterations: progress.iteration,
            evaluations: progress.evaluations,
            promised_decrease: run.optimizer.as_ref().and_then(|it| it.promised),
            warm_start: run.optimizer.and_then(|it| it.warm_start()),
            stop,
            checkpoint_failure: self.checkpoints.and_then(|it| it.failure),
            kept: best.map(|(iteration, _)| iteration),
            loss: progress.loss,
            loss_failure,
            validation: best.map(|(_, loss)| loss).or(progress.validation),
            history,
            validation_history: validation_history.unwrap_or_default(),
            summary: progress.summary,
            seconds: progress.seconds,
        })
    }
}

impl std::fmt::Debug for Training<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Training")
            .field("backend", &self.backend().kind().name())
            .field("iteration", &self.iteration())
            .finish_non_exhaustive()
    }
}

/// Trains a network on `dataset` from its start to its last iteration.
///
/// # Errors
/// If a setting cannot be used, the hardware cannot hold the data or fails, or training diverges.
pub fn train(dataset: &Dataset, config: &TrainConfig, hardware: &Hardware) -> Result<Trained> {
    let mut training = Training::start(dataset, config, hardware)?;
    training.advance_to(config.iterations, &mut |_| ControlFlow::Continue(()))?;
    training.finish()
}
