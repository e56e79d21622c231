//! How fast networks with hidden layers are trained, beside how fast the same hardware can multiply and add, and read.

use super::meter::Meter;
use super::{Shape, WARM_UP, median, repetitions};
use crate::cli::{BatchSize, BenchArgs};
use neuralnet::backend::BackendKind;
use neuralnet::network::{Activation, Hidden, Network};
use neuralnet::{Hardware, Loss, Optimizer, Result, TrainConfig, Training};
use serde::Serialize;
use std::num::NonZeroU32;
use std::ops::ControlFlow;

/// Multiply-adds in registers and nothing else.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ArithmeticCeiling {
    /// Of the numbers, `float64` or `float32`.
    pub precision: &'static str,
    /// Floating-point operations each time, two for a multiply-add.
    pub flop: u64,
    /// Of each time.
    pub seconds: Vec<f64>,
    /// By the median.
    pub flop_per_second: f64,
}

/// Below this share of both ceilings neither bounds an update.
const LEAST_SHARE: f64 = 0.2;

/// What takes the most of an update's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bound {
    /// Multiply-adds.
    Arithmetic,
    /// Reading memory.
    Reading,
    /// Neither: the calls of a pass and of the optimizer, and threads that wait for each other.
    Overhead,
}

impl Bound {
    /// By the shares that an update has of the ceilings.
    fn of(share_of_arithmetic: f64, share_of_reading: f64) -> Self {
        match share_of_arithmetic.max(share_of_reading) {
            ..LEAST_SHARE => Self::Overhead,
            _ if share_of_arithmetic >= share_of_reading => Self::Arithmetic,
            _ => Self::Reading,
        }
    }
}

/// The updates of one network.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NetworkTimes {
    /// The name given on the command line.
    pub shape: String,
    /// N
    pub n_samples: usize,
    /// I
    pub n_inputs: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Their activation.
    pub hidden_activation: Activation,
    /// O
    pub n_outputs: usize,
    /// Weights and biases.
    pub n_parameters: usize,
    /// The loss.
    pub loss: Loss,
    /// What makes the updates.
    pub optimizer: Optimizer,
    /// Rows of an update.
    pub batch_size: usize,
    /// Floating-point operations of an update, in the products of matrices; the mean where the last batch of an epoch is
    /// shorter.
    pub flop: f64,
    /// What an update has to read: inputs and targets of its rows, the parameters and their two moments, each once.
    pub bytes: f64,
    /// Whether the largest cache may hold all rows, the parameters and their moments: then no memory has to be read.
    pub fits_in_cache: bool,
    /// Of one repetition.
    pub updates: u32,
    /// Of one update, in each repetition.
    pub seconds: Vec<f64>,
    /// Their median.
    pub median: f64,
    /// By the median.
    pub flop_per_second: f64,
    /// By the median of what was multiplied between the repetitions.
    pub ceiling_flop_per_second: f64,
    /// The one over the other.
    pub share_of_arithmetic: f64,
    /// By the median.
    pub bytes_per_second: f64,
    /// By the median of what was read between the repetitions.
    pub ceiling_bytes_per_second: f64,
    /// The one over the other.
    pub share_of_reading: f64,
    /// The ceiling of which it has the larger share, if that is large enough.
    pub bound_by: Bound,
}

pub(super) fn measure(
    shape: &Shape,
    args: &BenchArgs,
    hardware: &Hardware,
    [reader, multiplier]: [&mut Meter; 2],
    cache_bytes: u64,
) -> Result<NetworkTimes> {
    let dataset = shape.dataset()?.stored_as(args.storage())?;
    let n_samples = dataset.n_samples();
    let settings = settings(shape, args, n_samples, dataset.n_outputs());
    let mut training = Training::start(&dataset, &settings, hardware)?;
    let advance = |updates: NonZeroU32| {
        let until = training.iteration() + u64::from(updates.get());
        training.advance_to(until, &mut |_| ControlFlow::Continue(()))
    };
    let (updates, seconds) = repetitions(args, &mut [&mut *reader, &mut *multiplier], advance)?;

    let batch_size = settings.batch_size.unwrap_or(n_samples);
    let first = u64::from(WARM_UP.get()) + 1;
    let rows = mean_rows(n_samples, batch_size, first..training.iteration());
    let network = training.network();
    let number = match training.backend().kind() {
        BackendKind::Cpu => size_of::<f64>(),
        BackendKind::Gpu => size_of::<f32>(),
    };
    // AdamW has two moments.
    let state_bytes = (3 * network.n_parameters() * number) as f64;
    let flop = rows * flop_a_row(network) as f64;
    let bytes = rows * dataset.bytes() as f64 / n_samples as f64 + state_bytes;
    let median = median(&seconds);
    let (flop_per_second, bytes_per_second) = (flop / median, bytes / median);
    let ceiling_flop_per_second = multiplier.rate(seconds.len());
    let ceiling_bytes_per_second = reader.rate(seconds.len());
    let share_of_arithmetic = flop_per_second / ceiling_flop_per_second;
    let share_of_reading = bytes_per_second / ceiling_bytes_per_second;
    Ok(NetworkTimes {
        shape: shape.to_string(),
        n_samples,
        n_inputs: dataset.n_inputs(),
        n_outputs: dataset.n_outputs(),
        n_parameters: network.n_parameters(),
        loss: settings.loss,
        optimizer: settings.optimizer,
        batch_size,
        flop,
        bytes,
        fits_in_cache: dataset.bytes() as f64 + state_bytes <= cache_bytes as f64,
        updates,
        median,
        flop_per_second,
        ceiling_flop_per_second,
        share_of_arithmetic,
        bytes_per_second,
        ceiling_bytes_per_second,
        share_of_reading,
        bound_by: Bound::of(share_of_arithmetic, share_of_reading),
        seconds,
        hidden_activation: settings.hidden.activation,
        hidden: settings.hidden.widths,
    })
}

/// The settings of `train` for a network like this: AdamW in batches, a softmax for several outputs.
fn settings(shape: &Shape, args: &BenchArgs, n_samples: usize, n_outputs: usize) -> TrainConfig {
    let loss = args.loss.unwrap_or(Loss::CrossEntropy);
    TrainConfig {
        iterations: u64::MAX,
        hidden: Hidden {
            widths: shape.hidden().to_vec(),
            activation: args.hidden_activation.unwrap_or(Activation::Relu),
        },
        activation: match loss {
            Loss::CrossEntropy if n_outputs > 1 => Activation::Softmax,
            _ => Activation::Sigmoid,
        },
        loss,
        batch_size: BatchSize::or_usual(args.batch_size, n_samples),
        ..TrainConfig::adamw()
    }
}

/// Floating-point operations of one row in the products of an update: 2 O I of each layer for `x Wᵀ`, as many for the
/// gradient `eᵀ x`, and as many for the errors `e W` of the layer below, which the first layer has not.
fn flop_a_row(network: &Network) -> u64 {
    let of_layers = network.layers().iter().map(|layer| layer.n_weights());
    let first = network.layers()[0].n_weights();
    (6 * of_layers.sum::<usize>() - 2 * first) as u64
}

/// Rows that an update sees in the mean over the updates `updates`, counted from 0, if the last batch of an epoch is what
/// remains.
fn mean_rows(n_samples: usize, batch_size: usize, updates: std::ops::Range<u64>) -> f64 {
    let (n_samples, batch_size) = (n_samples as u64, batch_size as u64);
    let an_epoch = n_samples.div_ceil(batch_size);
    let rows_before = |update: u64| {
        let (epochs, batches) = (update / an_epoch, update % an_epoch);
        epochs as f64 * n_samples as f64 + (batches * batch_size) as f64
    };
    let n_rows = rows_before(updates.end) - rows_before(updates.start);
    n_rows / (updates.end - updates.start) as f64
}

#[cfg(test)]
mod tests {
    use super::{Bound, flop_a_row, mean_rows};
    use neuralnet::network::{Hidden, Network};

    /// 784·128 and 128·10 weights; by hand 203,264 operations forward, as many for the gradient, and 2,560 for the
    /// errors of the hidden layer. Of 5-4-2-3 2·34 forward, 68 for the gradient, 2·(8 + 6) backward.
    #[test]
    fn operations_of_a_row_are_those_of_the_products() {
        for (n_inputs, widths, n_outputs, flop) in [
            (784, &[128][..], 10, 203_264 + 203_264 + 2_560),
            (5, &[4, 2], 3, 68 + 68 + 28),
        ] {
            let hidden = Hidden {
                widths: widths.to_vec(),
                ..Hidden::default()
            };
            let network = Network::single_layer(n_inputs, n_outputs, true).with_hidden(&hidden);
            assert_eq!(flop_a_row(&network), flop, "{widths:?}");
        }
    }

    #[test]
    fn what_reaches_neither_ceiling_is_bound_by_neither() {
        for (arithmetic, reading, bound) in [
            (0.3, 0.2, Bound::Arithmetic),
            (0.1, 0.2, Bound::Reading),
            (0.02, 0.01, Bound::Overhead),
        ] {
            assert_eq!(
                Bound::of(arithmetic, reading),
                bound,
                "{arithmetic}, {reading}"
            );
        }
    }

    /// Epochs of 4, 4 and 2 rows.
    #[test]
    #[expect(
        clippy::float_cmp,
        reason = "sums and quotients of small numbers are exact"
    )]
    fn the_last_batch_of_an_epoch_counts_as_it_is() {
        for (updates, rows) in [
            (0..2, 4.0),
            (2..3, 2.0),
            (2..4, 3.0),
            (1..5, 3.5),
            (3..12, 30.0 / 9.0),
        ] {
            assert_eq!(mean_rows(10, 4, updates.clone()), rows, "{updates:?}");
        }
        assert_eq!(mean_rows(10, 10, 3..7), 10.0, "all rows");
    }
}
