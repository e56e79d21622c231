//! How fast passes over data are, beside how fast the same hardware can read its memory, and multiply and add.
//!
//! Machines are shared and clocks drift, so all are measured in turn, and medians are compared.

mod multiplier;
mod network;
mod reader;
mod shape;

pub(crate) use network::{ArithmeticCeiling, NetworkTimes};
pub(crate) use shape::Shape;

use crate::cli::BatchSize;
use multiplier::Multiplier;
use network::Ceilings;
use neuralnet::backend::Problem;
use neuralnet::network::Activation;
use neuralnet::objective::Objective;
use neuralnet::{Dataset, Error, Hardware, Loss, Network, Reduction, Result, Storage, TrainConfig};
use reader::Reader;
use serde::Serialize;
use std::num::NonZeroU32;
use std::time::Instant;

/// One repetition takes about this long, or one iteration where that takes longer.
const REPETITION_SECONDS: f64 = 0.2;
/// So that a long batch of the article's iterations counts as one measurement.
const ARTICLE_ITERATIONS: NonZeroU32 = NonZeroU32::new(10_000).expect("not 0");

/// What is measured.
#[derive(Clone, Debug)]
pub(crate) struct BenchConfig {
    /// One after the other.
    pub shapes: Vec<Shape>,
    /// Measurements of each, of which the median counts.
    pub repeats: NonZeroU32,
    /// The loss of one prediction; `None` for the squared error, the article's, of one layer, and cross-entropy of
    /// networks with hidden layers.
    pub loss: Option<Loss>,
    /// The activation of hidden layers.
    pub hidden_activation: Activation,
    /// The rows of an update of networks with hidden layers, if they are given.
    pub batch_size: Option<BatchSize>,
    /// How the inputs are stored.
    pub storage: Storage,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bench {
    /// `cpu` or `gpu`.
    pub backend: &'static str,
    /// The hardware.
    pub adapter: String,
    /// The loss of the shapes of one layer.
    pub loss: Loss,
    /// How the inputs of the shapes are stored.
    pub storage: Storage,
    /// Whether shaders kept their loops.
    pub keep_loops: bool,
    /// Of reading memory and nothing else.
    pub ceiling: Ceiling,
    /// Of multiplying and adding, if there are networks with hidden layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arithmetic_ceiling: Option<ArithmeticCeiling>,
    /// Each shape of one layer.
    pub shapes: Vec<ShapeTimes>,
    /// Each shape with hidden layers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<NetworkTimes>,
    /// The article's 10,000 iterations on its three samples.
    pub article: ArticleTimes,
}

/// Reading memory and nothing else.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ceiling {
    /// Read each time.
    pub bytes: u64,
    /// Of each time.
    pub seconds: Vec<f64>,
    /// The median.
    pub bytes_per_second: f64,
}

/// The iterations of one shape.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ShapeTimes {
    /// The name given on the command line.
    pub shape: String,
    /// N
    pub n_samples: usize,
    /// I
    pub n_inputs: usize,
    /// O
    pub n_outputs: usize,
    /// Inputs and targets, counted once.
    pub bytes: u64,
    /// Whether the largest cache may hold them: then it is not the memory that is measured.
    pub fits_in_cache: bool,
    /// Of one repetition.
    pub iterations: u32,
    /// Of one iteration, in each repetition.
    pub seconds: Vec<f64>,
    /// Their median.
    pub median: f64,
    /// By the median.
    pub bytes_per_second: f64,
    /// By the median of what was read between the repetitions.
    pub ceiling_bytes_per_second: f64,
    /// The one over the other.
    pub share_of_ceiling: f64,
}

/// The article's iterations.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ArticleTimes {
    /// Of one repetition.
    pub iterations: u32,
    /// Of all of them, in each repetition.
    pub seconds: Vec<f64>,
    /// Their median.
    pub median: f64,
}

/// Measures `config.shapes` on `hardware`, and tells `observe` what comes next.
///
/// # Errors
/// Where a shape cannot be made or held, or the device fails.
pub(crate) fn bench(
    config: &BenchConfig,
    hardware: &Hardware,
    observe: &mut dyn FnMut(&str),
) -> Result<Bench> {
    observe("article");
    let article = Dataset::article();
    let settings = TrainConfig::article();
    let (mut backend, _) = hardware.open(settings.problem(&article)?)?;
    let start = Network::single_layer(3, 1, false).initial_parameters(settings.seed);
    let mut seconds = Vec::new();
    // The first one warms up.
    for _ in 0..=config.repeats.get() {
        backend.set_parameters(&start)?;
        let since = Instant::now();
        backend.advance(ARTICLE_ITERATIONS, settings.learning_rate)?;
        seconds.push(since.elapsed().as_secs_f64());
    }
    seconds.remove(0);
    let article = ArticleTimes {
        iterations: ARTICLE_ITERATIONS.get(),
        median: median(&seconds),
        seconds,
    };

    let mut reader = Reader::new(backend.as_ref(), hardware)?;
    let (kind, adapter) = (backend.kind(), backend.adapter());
    drop(backend);
    let mut reads = Vec::new();
    let (networks, layers): (Vec<_>, _) = config.shapes.iter().partition(|it| it.has_hidden());
    let mut shapes = Vec::new();
    for shape in layers {
        observe(&shape.to_string());
        shapes.push(measure(shape, config, hardware, &mut reader, &mut reads)?);
    }
    let (networks, arithmetic_ceiling) = match networks.is_empty() {
        true => (Vec::new(), None),
        false => {
            let mut ceilings = Ceilings {
                multiplier: Multiplier::new(kind, hardware)?,
                multiplied: Vec::new(),
                reader: &mut reader,
                reads: &mut reads,
            };
            let times = networks.into_iter().map(|shape| {
                observe(&shape.to_string());
                network::measure(shape, config, hardware, &mut ceilings)
            });
            let times = times.collect::<Result<_>>()?;
            (times, Some(ceilings.arithmetic()))
        }
    };
    if reads.is_empty() {
        reads.push(reader.seconds()?);
    }
    Ok(Bench {
        backend: kind.name(),
        adapter,
        loss: loss_of_layers(config),
        storage: config.storage,
        keep_loops: hardware.gpu.keep_loops,
        ceiling: Ceiling {
            bytes: reader.bytes,
            bytes_per_second: reader.bytes as f64 / median(&reads),
            seconds: reads,
        },
        arithmetic_ceiling,
        shapes,
        networks,
        article,
    })
}

fn loss_of_layers(config: &BenchConfig) -> Loss {
    config.loss.unwrap_or(Loss::SquaredError)
}

fn measure(
    shape: &Shape,
    config: &BenchConfig,
    hardware: &Hardware,
    reader: &mut Reader,
    ceilings: &mut Vec<f64>,
) -> Result<ShapeTimes> {
    // A step that no shape diverges with.
    const LEARNING_RATE: f64 = 0.1;
    let dataset = shape.dataset()?.stored_as(config.storage)?;
    let network = Network::single_layer(dataset.n_inputs(), dataset.n_outputs(), false);
    let start = network.initial_parameters(1);
    let (mut backend, _) = hardware.open(Problem {
        dataset: &dataset,
        network,
        objective: Objective {
            loss: loss_of_layers(config),
            reduction: Reduction::Mean,
        },
        dropout: None,
    })?;
    backend.set_parameters(&start)?;
    let mut timed = |iterations: NonZeroU32| {
        let since = Instant::now();
        backend.advance(iterations, LEARNING_RATE)?;
        Ok::<_, Error>(since.elapsed().as_secs_f64())
    };
    // Once for what is only done once, then once for the time.
    timed(NonZeroU32::MIN)?;
    let one = timed(NonZeroU32::MIN)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float becomes the nearest u32"
    )]
    let iterations = (REPETITION_SECONDS / one) as u32;
    let iterations = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
    let (mut seconds, mut reads) = (Vec::new(), Vec::new());
    for _ in 0..config.repeats.get() {
        reads.push(reader.seconds()?);
        seconds.push(timed(iterations)? / f64::from(iterations.get()));
    }
    let median_seconds = median(&seconds);
    let rate = dataset.bytes() as f64 / median_seconds;
    let ceiling = reader.bytes as f64 / median(&reads);
    ceilings.extend(reads);
    Ok(ShapeTimes {
        shape: shape.to_string(),
        n_samples: dataset.n_samples(),
        n_inputs: dataset.n_inputs(),
        n_outputs: dataset.n_outputs(),
        bytes: dataset.bytes(),
        fits_in_cache: dataset.bytes() <= reader.cache_bytes,
        iterations: iterations.get(),
        median: median_seconds,
        bytes_per_second: rate,
        ceiling_bytes_per_second: ceiling,
        share_of_ceiling: rate / ceiling,
        seconds,
    })
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = ((sorted.len() - 1) / 2, sorted.len() / 2);
    f64::midpoint(sorted[low], sorted[high])
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    #[expect(clippy::float_cmp, reason = "halves are exact")]
    fn the_median_is_in_the_middle() {
        for (values, expected) in [
            (&[3.0][..], 3.0),
            (&[4.0, 1.0], 2.5),
            (&[9.0, 1.0, 2.0], 2.0),
        ] {
            assert_eq!(median(values), expected, "{values:?}");
        }
    }
}
