//! How fast passes over data are, beside how fast the same hardware can read its memory.
//!
//! Machines are shared and clocks drift, so the two are measured in turn, and medians are compared.

mod reader;
mod shape;

pub(crate) use shape::Shape;

use neuralnet::backend::Problem;
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
    /// The loss of one prediction; the squared error is the article's.
    pub loss: Loss,
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
    /// The loss.
    pub loss: Loss,
    /// How the inputs of the shapes are stored.
    pub storage: Storage,
    /// Whether shaders kept their loops.
    pub keep_loops: bool,
    /// Of reading memory and nothing else.
    pub ceiling: Ceiling,
    /// Each shape.
    pub shapes: Vec<ShapeTimes>,
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
    let (name, adapter) = (backend.kind().name(), backend.adapter());
    drop(backend);
    let mut ceilings = Vec::new();
    let mut shapes = Vec::new();
    for shape in &config.shapes {
        observe(&shape.to_string());
        let times = measure(*shape, config, hardware, &mut reader, &mut ceilings)?;
        shapes.push(times);
    }
    if ceilings.is_empty() {
        ceilings.push(reader.seconds()?);
    }
    Ok(Bench {
        backend: name,
        adapter,
        loss: config.loss,
        storage: config.storage,
        keep_loops: hardware.gpu.keep_loops,
        ceiling: Ceiling {
            bytes: reader.bytes,
            bytes_per_second: reader.bytes as f64 / median(&ceilings),
            seconds: ceilings,
        },
        shapes,
        article,
    })
}

fn measure(
    shape: Shape,
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
            loss: config.loss,
            reduction: Reduction::Mean,
        },
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
