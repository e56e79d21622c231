//! Training: settings checked once, a backend chosen once, and the host loop over it.

mod config;
mod hardware;
mod host;
mod optimizer;
mod pace;
mod penalty;
mod schedule;
mod stop;

pub use config::TrainConfig;
pub use hardware::{BackendChoice, Hardware};
pub use optimizer::Optimizer;
pub(crate) use pace::Pace;
pub use schedule::Schedule;
pub use stop::StopReason;

use crate::backend::{Backend, Pass, Problem};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::network::Network;
use crate::objective::Objective;
use host::Host;
use penalty::Penalty;
use std::collections::VecDeque;
use std::num::NonZeroU32;
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
    /// Evaluations that they took, each a pass over the samples.
    pub evaluations: u64,
    /// What is minimised, the penalties included, where the last pass looked.
    pub loss: f64,
    /// What the last pass saw of the data: of gradient descent, momentum and Adam before its update.
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
    /// Makes the updates; `None` where the backend makes them by itself.
    host: Option<Host>,
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
        let network = problem.network.clone();
        let (mut backend, notice) = hardware.open(problem)?;
        let start = network.initial_parameters(config.seed);
        backend.set_parameters(&start)?;
        let host = (!config.stays_on_device()).then(|| {
            let penalty = Penalty::new(config.l1, config.l2, network.layer());
            Host::new(config, penalty, start, backend.as_ref())
        });
        Ok(Self {
            network,
            dataset,
            backend,
            notice,
            config: config.clone(),
            host,
            iteration: 0,
            evaluations: 0,
            seconds: 0.0,
            pace: Pace::default(),
            stop: None,
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

    /// Trains up to iteration `iteration`, or to where the settings say that it is enough, and shows `observe` where
    /// it stands about ten times a second; up to where it stands then, or little further, where `observe` breaks
    /// off. The bits do not depend on how a training is cut into calls.
    ///
    /// # Errors
    /// Where the device fails, or the loss is no longer finite.
    pub fn advance_to(
        &mut self,
        iteration: u64,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        if self.stop.is_some() {
            return Ok(());
        }
        match self.host.take() {
            None => self.advance_on_device(iteration, observe)?,
            Some(mut host) => {
                let advanced = self.advance_on_host(&mut host, iteration, observe);
                self.host = Some(host);
                advanced?;
            }
        }
        if self.stop.is_none() && self.iteration >= self.config.iterations {
            self.stop = Some(StopReason::Iterations);
        }
        Ok(())
    }

    /// The host makes the updates, from one evaluation after the other.
    fn advance_on_host(
        &mut self,
        host: &mut Host,
        iteration: u64,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        while self.stop.is_none()
            && let Some(batch) = host.batch(self.pace, iteration.saturating_sub(self.iteration))
        {
            let since = Instant::now();
            let mut made = 0;
            while made < batch.get() && self.stop.is_none() {
                let backend = self.backend.as_mut();
                self.stop = host.iterate(&self.config, self.iteration, backend)?;
                if host.stands() {
                    break;
                }
                self.iteration += 1;
                made += 1;
            }
            self.evaluations = host.evaluations();
            let seconds = since.elapsed().as_secs_f64();
            self.took(batch, seconds);
            let (loss, pass) = host.seen();
            self.tell(loss, pass, observe)?;
        }
        Ok(())
    }

    /// The backend makes the updates by itself, many at a time, and goes on while the host looks at the last ones.
    fn advance_on_device(
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
            self.evaluations = self.iteration;
            self.took(batch, seconds);
            self.tell(pass.loss, pass, observe)?;
            if self.stop.is_some() {
                left = 0;
            }
        }
    }

    fn took(&mut self, batch: NonZeroU32, seconds: f64) {
        self.seconds += seconds;
        self.pace.took(batch, seconds);
        let most = self.config.max_seconds.unwrap_or(f64::INFINITY);
        if self.stop.is_none() && self.seconds >= most {
            self.stop = Some(StopReason::Seconds);
        }
    }

    fn tell(
        &mut self,
        loss: f64,
        pass: Pass,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        if !loss.is_finite() {
            return Err(self.diverged("loss"));
        }
        let told = observe(&Progress {
            iteration: self.iteration,
            evaluations: self.evaluations,
            loss,
            pass,
            seconds: self.seconds,
        });
        if told.is_break() && self.stop.is_none() {
            self.stop = Some(StopReason::Interrupted);
        }
        Ok(())
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
            Some(scaling) => scaling.undone(self.network.layer(), &parameters),
            None => parameters,
        })
    }

    /// Ends the training: one more pass gives the loss at the parameters reached, where none has looked there.
    ///
    /// # Errors
    /// Where the device fails, or the loss or a parameter is no longer finite.
    pub fn finish(mut self) -> Result<Trained> {
        let parameters = self.parameters()?;
        let (loss, pass) = match &mut self.host {
            Some(host) => {
                host.look(self.backend.as_mut())?;
                host.seen()
            }
            None => {
                let pass = self.backend.evaluate()?.pass;
                (pass.loss, pass)
            }
        };
        if !loss.is_finite() {
            return Err(self.diverged("loss"));
        }
        let bytes = self.dataset.bytes() as f64 * self.evaluations as f64;
        Ok(Trained {
            backend: self.backend.name(),
            adapter: self.backend.adapter(),
            network: self.network,
            parameters,
            iterations: self.iteration,
            evaluations: self.evaluations,
            stop: match self.stop {
                Some(stop) => stop,
                None if self.iteration >= self.config.iterations => StopReason::Iterations,
                None => StopReason::Interrupted,
            },
            loss,
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
    /// Passes over the data that these took.
    pub evaluations: u64,
    /// Why they were enough.
    pub stop: StopReason,
    /// What was minimised, at these parameters: the loss of the data and the penalties.
    pub loss: f64,
    /// Loss of the data alone and saturation at these parameters.
    pub pass: Pass,
    /// Seconds of the iterations alone.
    pub seconds: f64,
    /// Inputs and targets counted once an evaluation; `None` without an iteration.
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
