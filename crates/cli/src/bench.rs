//! How fast passes over data are, beside how fast the same hardware can read its memory, and multiply and add.
//!
//! Machines are shared and clocks drift, so all are measured in turn, and medians are compared.

mod meter;
mod network;
mod shape;

pub(crate) use network::{ArithmeticCeiling, NetworkTimes};
pub(crate) use shape::Shape;

use crate::cli::BenchArgs;
use meter::Meter;
use neuralnet::backend::Problem;
use neuralnet::objective::Objective;
use neuralnet::{Dataset, Error, Hardware, Loss, Network, Reduction, Result, Storage, TrainConfig};
use serde::Serialize;
use std::num::NonZeroU32;
use std::time::Instant;

/// One repetition takes about this long, or one iteration where that takes longer.
const REPETITION_SECONDS: f64 = 0.2;
/// Iterations for what is done only once, before any is timed.
const WARM_UP: NonZeroU32 = NonZeroU32::new(2).expect("not 0");
/// So that a long batch of the article's iterations counts as one measurement.
const ARTICLE_ITERATIONS: NonZeroU32 = NonZeroU32::new(10_000).expect("not 0");

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

/// Measures the shapes of `args` on `hardware`, and tells `observe` what comes next.
///
/// # Errors
/// Where a shape cannot be made or held, or the device fails.
pub(crate) fn bench(
    args: &BenchArgs,
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
    for _ in 0..=args.repeats.get() {
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

    let (kind, adapter) = (backend.kind(), backend.adapter());
    let (mut reader, cache_bytes) = meter::reader(kind, hardware)?;
    drop(backend);
    let (networks, layers): (Vec<_>, _) = args.shapes.iter().partition(|it| it.has_hidden());
    let mut shapes = Vec::new();
    for shape in layers {
        observe(&shape.to_string());
        shapes.push(measure(shape, args, hardware, (&mut reader, cache_bytes))?);
    }
    let (networks, arithmetic_ceiling) = match networks.is_empty() {
        true => (Vec::new(), None),
        false => {
            let (mut multiplier, precision) = meter::multiplier(kind, hardware)?;
            let times = networks.into_iter().map(|shape| {
                observe(&shape.to_string());
                let meters = [&mut reader, &mut multiplier];
                network::measure(shape, args, hardware, meters, cache_bytes)
            });
            let times = times.collect::<Result<_>>()?;
            let ceiling = ArithmeticCeiling {
                precision,
                flop: multiplier.amount,
                flop_per_second: multiplier.rate(multiplier.seconds.len()),
                seconds: multiplier.seconds,
            };
            (times, Some(ceiling))
        }
    };
    if reader.seconds.is_empty() {
        reader.measure()?;
    }
    Ok(Bench {
        backend: kind.name(),
        adapter,
        loss: loss_of_layers(args),
        storage: args.storage(),
        keep_loops: hardware.gpu.keep_loops,
        ceiling: Ceiling {
            bytes: reader.amount,
            bytes_per_second: reader.rate(reader.seconds.len()),
            seconds: reader.seconds,
        },
        arithmetic_ceiling,
        shapes,
        networks,
        article,
    })
}

fn loss_of_layers(args: &BenchArgs) -> Loss {
    args.loss.unwrap_or(Loss::SquaredError)
}

fn measure(
    shape: &Shape,
    args: &BenchArgs,
    hardware: &Hardware,
    (reader, cache_bytes): (&mut Meter, u64),
) -> Result<ShapeTimes> {
    // A step that no shape diverges with.
    const LEARNING_RATE: f64 = 0.1;
    let dataset = shape.dataset()?.stored_as(args.storage())?;
    let network = Network::single_layer(dataset.n_inputs(), dataset.n_outputs(), false);
    let start = network.initial_parameters(1);
    let (mut backend, _) = hardware.open(Problem {
        dataset: &dataset,
        network,
        objective: Objective {
            loss: loss_of_layers(args),
            reduction: Reduction::Mean,
        },
        dropout: None,
    })?;
    backend.set_parameters(&start)?;
    let advance = |iterations| backend.advance(iterations, LEARNING_RATE).map(drop);
    let (iterations, seconds) = repetitions(args, &mut [&mut *reader], advance)?;
    let median = median(&seconds);
    let rate = dataset.bytes() as f64 / median;
    let ceiling = reader.rate(seconds.len());
    Ok(ShapeTimes {
        shape: shape.to_string(),
        n_samples: dataset.n_samples(),
        n_inputs: dataset.n_inputs(),
        n_outputs: dataset.n_outputs(),
        bytes: dataset.bytes(),
        fits_in_cache: dataset.bytes() <= cache_bytes,
        iterations,
        median,
        bytes_per_second: rate,
        ceiling_bytes_per_second: ceiling,
        share_of_ceiling: rate / ceiling,
        seconds,
    })
}

/// Times `advance`, which makes as many iterations as it is told, in turn with `meters`. Returns the iterations of one
/// repetition, and the seconds of one iteration in each.
fn repetitions(
    args: &BenchArgs,
    meters: &mut [&mut Meter],
    mut advance: impl FnMut(NonZeroU32) -> Result<()>,
) -> Result<(u32, Vec<f64>)> {
    let mut timed = |iterations: NonZeroU32| {
        let since = Instant::now();
        advance(iterations)?;
        Ok::<_, Error>(since.elapsed().as_secs_f64())
    };
    timed(WARM_UP)?;
    let one = timed(NonZeroU32::MIN)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float becomes the nearest u32"
    )]
    let iterations = (REPETITION_SECONDS / one) as u32;
    let iterations = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
    let mut seconds = Vec::new();
    for _ in 0..args.repeats.get() {
        for meter in &mut *meters {
            meter.measure()?;
        }
        seconds.push(timed(iterations)? / f64::from(iterations.get()));
    }
    Ok((iterations.get(), seconds))
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
