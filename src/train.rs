//! Training: settings checked once, a backend chosen once, and the host loop over it.

mod advance;
mod batch;
mod checkpoint;
mod config;
mod hardware;
mod history;
mod host;
mod optimizer;
mod pace;
mod penalty;
mod resume;
mod schedule;
mod stop;
mod trained;
mod warm_start;
mod watch;

pub use config::TrainConfig;
pub use hardware::{BackendChoice, Hardware};
pub use history::Point;
pub use optimizer::Optimizer;
pub(crate) use pace::Pace;
pub use schedule::Schedule;
pub use stop::StopReason;
pub use trained::Trained;
pub use warm_start::WarmStart;

use crate::backend::{Backend, Problem, Summary};
use crate::data::Dataset;
use crate::error::{Error, LEAVE_OUT, Remedy, Result};
use crate::network::Network;
use crate::objective::Objective;
use checkpoint::{Checkpoints, Identity};
use history::History;
use host::Host;
use penalty::Penalty;
use std::ops::ControlFlow;
use watch::Watch;

/// The problem a configuration poses on a data set.
///
/// # Errors
/// Where a setting cannot be used on the data.
pub fn problem<'a>(dataset: &'a Dataset, config: &TrainConfig) -> Result<Problem<'a>> {
    config.check(dataset)?;
    Ok(Problem {
        dataset,
        network: Network::single_layer(dataset.n_inputs(), dataset.n_outputs(), config.bias)
            .with_activation(config.activation),
        objective: Objective {
            loss: config.loss,
            reduction: config.reduction,
        },
    })
}

/// Where a training stands.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Iterations done.
    pub iteration: u64,
    /// Evaluations that they took, each a pass over the samples.
    pub evaluations: u64,
    /// What is minimised, the penalties included, where the last pass looked.
    pub loss: f64,
    /// What the last pass saw of the data: of gradient descent, momentum and Adam before its update.
    pub summary: Summary,
    /// The loss on the samples held back, where they were last looked at.
    pub validation: Option<f64>,
    /// Seconds spent on iterations so far.
    pub seconds: f64,
}

/// Below this mean of y(1−y) a layer counts as saturated: its predictions are within about 10⁻³ of 0
/// or 1, and a squared error's gradient, which has y(1−y) as a factor, all but vanishes.
pub const SATURATED_SLOPE: f64 = 1e-3;

/// A training under way.
pub struct Training<'a> {
    network: Network,
    dataset: &'a Dataset,
    backend: Box<dyn Backend + 'a>,
    notice: Option<String>,
    config: TrainConfig,
    /// Makes the updates; `None` where the backend makes them by itself.
    host: Option<Host>,
    /// The samples held back.
    watch: Option<Watch<'a>>,
    history: History,
    checkpoints: Option<(Checkpoints, Identity)>,
    /// What is minimised, where the last pass looked.
    loss: f64,
    iteration: u64,
    evaluations: u64,
    seconds: f64,
    pace: Pace,
    stop: Option<StopReason>,
}

impl<'a> Training<'a> {
    /// Checks the settings, opens a backend, and sets the parameters to their start.
    ///
    /// # Errors
    /// Where a setting cannot be used on the data, or the hardware cannot hold them.
    pub fn start(dataset: &'a Dataset, config: &TrainConfig, hardware: &Hardware) -> Result<Self> {
        let problem = problem(dataset, config)?;
        if let Some(size) = config.batch_size.filter(|size| *size > dataset.n_samples()) {
            return Err(Error::Setting {
                setting: "batch_size",
                reason: format!(
                    "{size} rows are more than the {} there are",
                    dataset.n_samples()
                ),
                remedies: &[Remedy::Do("leave it out to train on all")],
            });
        }
        if let Some(rows) = config
            .warm_start_rows
            .filter(|rows| *rows > dataset.n_samples())
        {
            return Err(Error::Setting {
                setting: "warm_start_rows",
                reason: format!(
                    "{rows} rows are more than the {} there are",
                    dataset.n_samples()
                ),
                remedies: &[Remedy::Do("take fewer"), LEAVE_OUT],
            });
        }
        let network = problem.network.clone();
        let (mut backend, notice) = hardware.open(problem)?;
        let start = network.initial_parameters(config.seed);
        backend.set_parameters(&start)?;
        let host = (!config.stays_on_device()).then(|| {
            let penalty = Penalty::new(config.l1, config.l2, network.layer());
            let n_samples = dataset.n_samples();
            Host::new(config, penalty, start, backend.as_ref(), n_samples)
        });
        Ok(Self {
            network,
            dataset,
            backend,
            notice,
            config: config.clone(),
            host,
            watch: None,
            history: History::new(),
            checkpoints: None,
            loss: f64::NAN,
            iteration: 0,
            evaluations: 0,
            seconds: 0.0,
            pace: Pace::default(),
            stop: None,
        })
    }

    /// Looks, from time to time, at the loss on `held`: samples of the same columns, as they came, that are not trained on.
    /// The CPU does that. Which iterations are looked at depends on the settings alone.
    ///
    /// # Errors
    /// Where the columns are not those that are trained on, or the CPU cannot hold the samples.
    pub fn watch(&mut self, held: &'a Dataset, threads: Option<usize>) -> Result<()> {
        self.watch = Some(Watch::new(self.dataset, held, &self.config, threads)?);
        Ok(())
    }

    /// Why this backend trains, where it was chosen for the user or is not what its name suggests.
    #[must_use]
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// The backend that trains.
    #[must_use]
    pub fn backend(&self) -> &dyn Backend {
        self.backend.as_ref()
    }

    /// Iterations done.
    #[must_use]
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// Why no more iterations will be made, once that is so.
    #[must_use]
    pub fn stop(&self) -> Option<StopReason> {
        self.stop
    }

    /// The network that is trained.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The parameters reached, in the layout of the network, for features as they came, however they are scaled.
    ///
    /// # Errors
    /// Where the device fails, or a parameter is no longer finite.
    pub fn parameters(&mut self) -> Result<Vec<f64>> {
        if let Some(host) = &self.host {
            self.backend.set_parameters(host.parameters())?;
        }
        let parameters = self.backend.parameters()?;
        if !parameters.iter().all(|parameter| parameter.is_finite()) {
            return Err(self.diverged("weights"));
        }
        Ok(match self.dataset.scaling() {
            Some(scaling) => {
                let layer = self.network.layer();
                layer.unscale_parameters(scaling.center(), &scaling.inverse_scale(), &parameters)
            }
            None => parameters,
        })
    }

    /// Ends the training: one more pass gives the loss at the parameters reached, where none has looked there.
    ///
    /// # Errors
    /// Where the device fails, or the loss or a parameter is no longer finite.
    pub fn finish(mut self) -> Result<Trained> {
        // Before a last look, which would not be one of a training that goes on.
        self.save_checkpoint()?;
        self.look()?;
        let kept = self.keep_best()?;
        let parameters = self.parameters()?;
        let (loss, summary) = match &mut self.host {
            Some(host) => {
                if self.config.batch_size.is_some() {
                    // What was seen last is one batch.
                    host.forget();
                }
                host.look(self.backend.as_mut())?;
                host.seen()
            }
            None => {
                let summary = self.backend.evaluate()?.summary;
                (summary.loss, summary)
            }
        };
        if !loss.is_finite() {
            return Err(self.diverged("loss"));
        }
        let n_samples = self.dataset.n_samples();
        let passes = self.evaluations as f64 / self.config.updates_an_epoch(n_samples) as f64;
        let warm_start = self.host.as_ref().and_then(Host::warm_start);
        let warm_start_rows_read = warm_start.map_or(0.0, |warm_start| {
            warm_start.evaluations as f64 * warm_start.rows as f64
        });
        let bytes =
            self.dataset.bytes() as f64 * (passes + warm_start_rows_read / n_samples as f64);
        let validation = match (&kept, &self.watch) {
            (Some((_, loss)), _) => Some(*loss),
            (None, Some(watch)) => watch.last.map(|(_, loss)| loss),
            (None, None) => None,
        };
        Ok(Trained {
            backend: self.backend.kind().name(),
            adapter: self.backend.adapter(),
            network: self.network,
            parameters,
            iterations: self.iteration,
            evaluations: self.evaluations,
            warm_start,
            stop: match self.stop {
                Some(stop) => stop,
                None if self.iteration >= self.config.iterations => StopReason::Iterations,
                None => StopReason::Interrupted,
            },
            kept: kept.map(|(iteration, _)| iteration),
            loss,
            validation,
            history: self.history.points,
            summary,
            seconds: self.seconds,
            bytes_per_second: (self.iteration > 0).then(|| bytes / self.seconds),
        })
    }

    fn diverged(&self, what: &'static str) -> Error {
        Error::Diverged {
            iteration: self.iteration,
            what,
            remedies: self.config.smaller_steps(),
        }
    }
}

impl std::fmt::Debug for Training<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Training")
            .field("backend", &self.backend.kind().name())
            .field("iteration", &self.iteration)
            .finish_non_exhaustive()
    }
}

/// Trains a network on `dataset` from its start to its last iteration.
///
/// # Errors
/// Where a setting cannot be used, the hardware cannot hold the data or fails, or training diverges.
pub fn train(dataset: &Dataset, config: &TrainConfig, hardware: &Hardware) -> Result<Trained> {
    let mut training = Training::start(dataset, config, hardware)?;
    training.advance_to(config.iterations, &mut |_| ControlFlow::Continue(()))?;
    training.finish()
}
