//! Training: settings checked once, a backend chosen once, and the host loop over it.

mod config;
mod hardware;
mod pace;

pub use config::TrainConfig;
pub use hardware::{BackendChoice, Hardware};
pub(crate) use pace::Pace;

use crate::backend::{Backend, Pass, Problem};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::network::Network;
use crate::objective::Objective;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Instant;

/// The problem a configuration poses on a data set.
pub(crate) fn problem<'a>(dataset: &'a Dataset, config: &TrainConfig) -> Result<Problem<'a>> {
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
    /// What the last pass saw, before its update.
    pub pass: Pass,
    /// Seconds spent on iterations so far.
    pub seconds: f64,
}

/// Below this mean of y(1−y) a layer counts as saturated: its predictions are within about 10⁻³ of 0
/// or 1, and a squared error's gradient, which has y(1−y) as a factor, all but vanishes.
pub const SATURATED: f64 = 1e-3;

/// A training under way.
pub struct Training<'a> {
    network: Network,
    dataset: &'a Dataset,
    backend: Box<dyn Backend + 'a>,
    notice: Option<String>,
    config: TrainConfig,
    iteration: u64,
    seconds: f64,
    pace: Pace,
}

impl<'a> Training<'a> {
    /// Checks the settings, opens a backend, and sets the parameters to their start.
    ///
    /// # Errors
    /// Where a setting cannot be used on the data, or the hardware cannot hold them.
    pub fn start(dataset: &'a Dataset, config: &TrainConfig, hardware: &Hardware) -> Result<Self> {
        let problem = problem(dataset, config)?;
        let network = problem.network.clone();
        let (mut backend, notice) = hardware.open(problem)?;
        backend.set_parameters(&network.initial_parameters(config.seed))?;
        Ok(Self {
            network,
            dataset,
            backend,
            notice,
            config: config.clone(),
            iteration: 0,
            seconds: 0.0,
            pace: Pace::default(),
        })
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

    /// The network that is trained.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Trains up to iteration `iteration`, and shows `observe` where it stands about ten times a second; up
    /// to where it stands then, or little further, where `observe` breaks off. The bits do not depend on
    /// how a training is cut into calls.
    ///
    /// # Errors
    /// Where the device fails, or the loss is no longer finite.
    pub fn advance_to(
        &mut self,
        iteration: u64,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut started = VecDeque::new();
        let mut left = iteration.saturating_sub(self.iteration);
        let mut since = Instant::now();
        loop {
            while started.len() < self.backend.starts_ahead()
                && let Some(batch) = self.pace.batch(left)
            {
                self.backend.start(batch, self.config.learning_rate)?;
                started.push_back(batch);
                left -= u64::from(batch.get());
            }
            let Some(batch) = started.pop_front() else {
                return Ok(());
            };
            let pass = self.backend.finish()?;
            let seconds = since.elapsed().as_secs_f64();
            since = Instant::now();
            self.iteration += u64::from(batch.get());
            self.seconds += seconds;
            self.pace.took(batch, seconds);
            if !pass.loss.is_finite() {
                return Err(self.diverged("loss"));
            }
            let told = observe(&Progress {
                iteration: self.iteration,
                pass,
                seconds: self.seconds,
            });
            if told.is_break() {
                left = 0;
            }
        }
    }

    /// The parameters reached, in the layout of the network, for features as they came, however they are scaled.
    ///
    /// # Errors
    /// Where the device fails, or a parameter is no longer finite.
    pub fn parameters(&mut self) -> Result<Vec<f64>> {
        let parameters = self.backend.parameters()?;
        if !parameters.iter().all(|parameter| parameter.is_finite()) {
            return Err(self.diverged("weights"));
        }
        Ok(match self.dataset.scaling() {
            Some(scaling) => scaling.undone(self.network.layer(), &parameters),
            None => parameters,
        })
    }

    /// Ends the training: one more pass gives the loss at the parameters reached.
    ///
    /// # Errors
    /// Where the device fails, or the loss or a parameter is no longer finite.
    pub fn finish(mut self) -> Result<Trained> {
        let parameters = self.parameters()?;
        let pass = self.backend.evaluate()?.pass;
        if !pass.loss.is_finite() {
            return Err(self.diverged("loss"));
        }
        let bytes = self.dataset.bytes() as f64 * self.iteration as f64;
        Ok(Trained {
            backend: self.backend.name(),
            adapter: self.backend.adapter(),
            network: self.network,
            parameters,
            iterations: self.iteration,
            pass,
            seconds: self.seconds,
            bytes_per_second: (self.iteration > 0).then(|| bytes / self.seconds),
        })
    }

    fn diverged(&self, what: &'static str) -> Error {
        Error::Diverged {
            iteration: self.iteration,
            what,
            remedy: self.config.smaller_steps(),
        }
    }
}

impl std::fmt::Debug for Training<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Training")
            .field("backend", &self.backend.name())
            .field("iteration", &self.iteration)
            .finish_non_exhaustive()
    }
}

/// A trained network.
#[derive(Clone, Debug)]
pub struct Trained {
    /// `cpu` or `gpu`.
    pub backend: &'static str,
    /// The hardware it was trained on.
    pub adapter: String,
    /// The network.
    pub network: Network,
    /// Its parameters, in the layout of the network, for features as they came.
    pub parameters: Vec<f64>,
    /// Updates that led to them.
    pub iterations: u64,
    /// Loss and saturation at these parameters.
    pub pass: Pass,
    /// Seconds of the iterations alone.
    pub seconds: f64,
    /// Inputs and targets counted once an iteration; `None` without an iteration.
    pub bytes_per_second: Option<f64>,
}

impl Trained {
    /// The predictions (O) for one sample `x` (I).
    ///
    /// # Panics
    /// Where `x` is not as long as the network has inputs.
    #[must_use]
    pub fn predict(&self, x: &[f32]) -> Vec<f64> {
        self.network.predict(&self.parameters, x)
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
