//! Training: settings checked once, a backend chosen once, and the host loop over it.

use crate::backend::{Backend, Pass, Problem};
use crate::cpu::Cpu;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::gpu::{AdapterKind, Gpu, GpuOptions, Software};
use crate::network::Network;
use crate::objective::{Loss, Objective, Reduction};
use std::num::NonZeroU32;
use std::time::Instant;

/// What is trained, and how. Every value may be set; [`Training::start`] checks them against the data.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct TrainConfig {
    /// Updates of the parameters; 0 leaves the start as it is.
    pub iterations: u64,
    /// Positive and finite.
    pub learning_rate: f64,
    /// The loss of one prediction.
    pub loss: Loss,
    /// Over the samples.
    pub reduction: Reduction,
    /// Whether the layer has a bias.
    pub bias: bool,
    /// As for `numpy.random.RandomState`.
    pub seed: u32,
}

impl TrainConfig {
    /// The article's settings: 10,000 iterations of learning rate 1 on the summed squared error, no bias, seed 1.
    #[must_use]
    pub fn article() -> Self {
        Self {
            iterations: 10_000,
            learning_rate: 1.0,
            loss: Loss::SquaredError,
            reduction: Reduction::Sum,
            bias: false,
            seed: 1,
        }
    }

    /// What to change where the updates are too large.
    #[must_use]
    pub fn smaller_steps(&self) -> &'static str {
        match self.reduction {
            Reduction::Sum => "take --reduction mean, or a smaller --learning-rate",
            Reduction::Mean => "take a smaller --learning-rate",
        }
    }

    fn check(&self, dataset: &Dataset) -> Result<()> {
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(Error::Setting {
                flag: "--learning-rate",
                problem: format!(
                    "{} is no learning rate; it must be positive and finite",
                    self.learning_rate
                ),
            });
        }
        if self.loss == Loss::CrossEntropy {
            check_targets(dataset)?;
        }
        Ok(())
    }
}

impl Default for TrainConfig {
    /// For data of the user's own: the article's rule saturates on large batches, so the mean of the
    /// cross-entropy, with a bias.
    fn default() -> Self {
        Self {
            iterations: 1000,
            learning_rate: 0.1,
            loss: Loss::CrossEntropy,
            reduction: Reduction::Mean,
            bias: true,
            seed: 1,
        }
    }
}

fn check_targets(dataset: &Dataset) -> Result<()> {
    // What is not stored is generated, with targets 0 and 1.
    let Some((_, targets)) = dataset.stored() else {
        return Ok(());
    };
    match targets.iter().position(|t| !(0.0..=1.0).contains(t)) {
        None => Ok(()),
        Some(at) => Err(Error::Target {
            place: dataset.target_place(at / dataset.n_outputs(), at % dataset.n_outputs()),
            value: targets[at],
        }),
    }
}

/// Which backend trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// A real GPU where there is one, otherwise the CPU.
    #[default]
    Auto,
    /// An adapter, a software one included where it is named or no other exists.
    Gpu,
    /// The float64 reference.
    Cpu,
}

/// What the work is done on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// Which backend trains.
    pub backend: BackendChoice,
    /// Threads of the CPU backend; `None` takes every core.
    pub threads: Option<usize>,
    /// How a GPU is used.
    pub gpu: GpuOptions,
}

impl Hardware {
    /// The CPU, on every core.
    #[must_use]
    pub fn cpu() -> Self {
        Self {
            backend: BackendChoice::Cpu,
            ..Self::default()
        }
    }

    /// Opens the backend for `problem`, and says why it is this one where that is not obvious.
    fn open<'a>(&self, problem: Problem<'a>) -> Result<(Box<dyn Backend + 'a>, Option<String>)> {
        let cpu = |problem| Ok::<_, Error>(Box::new(Cpu::new(problem, self.threads)?));
        match self.backend {
            BackendChoice::Cpu => Ok((cpu(problem)?, None)),
            BackendChoice::Gpu => {
                let gpu = Gpu::new(problem, Software::Allowed, self.gpu)?;
                let software = gpu.kind() == AdapterKind::Software;
                let why = "a software adapter: the CPU runs the shaders";
                Ok((Box::new(gpu), software.then(|| why.to_owned())))
            }
            BackendChoice::Auto => match Gpu::new(problem.clone(), Software::Refused, self.gpu) {
                Ok(gpu) => Ok((Box::new(gpu), Some("the first GPU there is".to_owned()))),
                Err(Error::NoAdapter(why)) => Ok((cpu(problem)?, Some(why))),
                Err(error) => Err(error),
            },
        }
    }
}

/// The problem a configuration poses on a data set.
pub(crate) fn problem<'a>(dataset: &'a Dataset, config: &TrainConfig) -> Result<Problem<'a>> {
    config.check(dataset)?;
    Ok(Problem {
        dataset,
        network: Network::single_layer(dataset.n_inputs(), dataset.n_outputs(), config.bias),
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

/// A backend does about this much between two looks at it: seldom enough to cost nothing, often enough
/// for a progress bar and for the watchdogs of drivers, which end what lasts for seconds.
const BATCH_SECONDS: f64 = 0.1;

/// Finds how many iterations to ask a backend for at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Iterations that take about [`BATCH_SECONDS`].
    batch: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { batch: 1 }
    }
}

impl Pace {
    /// The next batch where `left` iterations are left; `None` where none is.
    pub(crate) fn batch(self, left: u64) -> Option<NonZeroU32> {
        NonZeroU32::new(u32::try_from(left).unwrap_or(u32::MAX).min(self.batch))
    }

    /// Learns from a batch, at most eight times as many as before: one fast start says little.
    pub(crate) fn took(&mut self, batch: NonZeroU32, seconds: f64) {
        let factor = (BATCH_SECONDS / seconds).min(8.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float becomes the nearest u32"
        )]
        let next = (f64::from(batch.get()) * factor) as u32;
        self.batch = next.max(1);
    }
}

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

    /// The network that is trained.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Trains up to iteration `iteration`, and shows `observe` where it stands about ten times a second.
    /// The bits do not depend on how a training is cut into calls.
    ///
    /// # Errors
    /// Where the device fails, or the loss is no longer finite.
    pub fn advance_to(&mut self, iteration: u64, observe: &mut dyn FnMut(&Progress)) -> Result<()> {
        while let Some(batch) = self.pace.batch(iteration.saturating_sub(self.iteration)) {
            let start = Instant::now();
            let pass = self.backend.advance(batch, self.config.learning_rate)?;
            let seconds = start.elapsed().as_secs_f64();
            self.iteration += u64::from(batch.get());
            self.seconds += seconds;
            self.pace.took(batch, seconds);
            if !pass.loss.is_finite() {
                return Err(self.diverged("loss"));
            }
            observe(&Progress {
                iteration: self.iteration,
                pass,
                seconds: self.seconds,
            });
        }
        Ok(())
    }

    /// The parameters reached, in the layout of the network.
    ///
    /// # Errors
    /// Where the device fails, or a parameter is no longer finite.
    pub fn parameters(&mut self) -> Result<Vec<f64>> {
        let parameters = self.backend.parameters()?;
        if parameters.iter().all(|parameter| parameter.is_finite()) {
            Ok(parameters)
        } else {
            Err(self.diverged("weights"))
        }
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
    /// Its parameters, in the layout of the network.
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
    training.advance_to(config.iterations, &mut |_| {})?;
    training.finish()
}
