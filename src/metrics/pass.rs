//! The passes over the data: sums over the samples and, for classifiers, every prediction.

use crate::backend::Problem;
use crate::error::{Error, Result};
use crate::leaves::Fold;
use crate::moments::Moments;
use crate::network::{Activation, Meaning};
use crate::objective::{Loss, log_sum_exp};
use rayon::prelude::*;
use std::mem::size_of;

/// Leaves predicted at a time.
const LEAVES: usize = 64;

/// The predictions and targets of a leaf.
pub(super) struct LeafPredictions {
    n_outputs: usize,
    target_width: usize,
    /// (rows, O)
    pre_activations: Vec<f64>,
    /// (rows, O)
    predictions: Vec<f64>,
    /// (rows, O), or (rows, O + 1) with the weights.
    targets: Vec<f32>,
}

/// One row: pre-activations, predictions and targets (O), and how much it counts.
pub(super) struct PredictedSample<'a> {
    pub(super) z: &'a [f64],
    pub(super) y: &'a [f64],
    pub(super) t: &'a [f32],
    pub(super) weight: f32,
}

impl LeafPredictions {
    fn read(problem: &Problem<'_>, parameters: &[f64], leaf: usize) -> Self {
        let (dataset, layer) = (problem.dataset, problem.network.layer());
        dataset.with_rows(dataset.leaves().rows(leaf), |rows| {
            let (mut pre_activations, mut predictions) = (Vec::new(), Vec::new());
            let mut values = problem.network.values();
            for x in rows.inputs.chunks_exact(layer.n_inputs) {
                problem.network.forward(parameters, x, &mut values);
                pre_activations.extend_from_slice(values.pre_activation());
                predictions.extend_from_slice(values.prediction());
            }
            Self {
                n_outputs: layer.n_outputs,
                target_width: dataset.target_width(),
                pre_activations,
                predictions,
                targets: rows.targets.to_vec(),
            }
        })
    }

    pub(super) fn samples(&self) -> impl Iterator<Item = PredictedSample<'_>> {
        let z = self.pre_activations.chunks_exact(self.n_outputs);
        let y = self.predictions.chunks_exact(self.n_outputs);
        let t = self.targets.chunks_exact(self.target_width);
        z.zip(y).zip(t).map(|((z, y), t)| {
            let (t, weight) = t.split_at(self.n_outputs);
            PredictedSample {
                z,
                y,
                t,
                weight: weight.first().copied().unwrap_or(1.0),
            }
        })
    }
}

/// Predicts each leaf, applies `use_leaf` in parallel, and passes the results to `take` in the order of the leaves.
pub(super) fn over<T: Send>(
    problem: &Problem<'_>,
    parameters: &[f64],
    use_leaf: impl Fn(LeafPredictions) -> T + Sync,
    mut take: impl FnMut(T),
) {
    let count = problem.dataset.leaves().count();
    for first in (0..count).step_by(LEAVES) {
        let leaves = first..(first + LEAVES).min(count);
        let made = leaves.into_par_iter();
        let made = made.map(|leaf| use_leaf(LeafPredictions::read(problem, parameters, leaf)));
        made.collect::<Vec<T>>().into_iter().for_each(&mut take);
    }
}

/// Weighted sums over the samples.
#[derive(Clone, Debug)]
pub(super) struct SampleSums {
    pub(super) weight: f64,
    /// Cross-entropy, summed over the outputs.
    pub(super) cross_entropy: f64,
    /// Whether every row of targets is one 1 among 0s.
    pub(super) one_hot: bool,
    pub(super) outputs: Vec<OutputSums>,
}

/// Weighted sums of one output.
#[derive(Clone, Debug)]
pub(super) struct OutputSums {
    pub(super) squared: f64,
    pub(super) absolute: f64,
    /// Cross-entropy of a sigmoid; 0 for other activations.
    pub(super) cross_entropy: f64,
    pub(super) targets: Moments,
    /// Smallest and largest target.
    pub(super) target_range: [f64; 2],
    /// Smallest and largest prediction.
    pub(super) prediction_range: [f64; 2],
    /// Whether every target is 0 or 1.
    pub(super) binary: bool,
}

impl OutputSums {
    fn push(&mut self, y: f64, t: f64, weight: f64) {
        self.squared += weight * (t - y) * (t - y);
        self.absolute += weight * (t - y).abs();
        self.targets.push(t, weight);
        if weight > 0.0 {
            widen(&mut self.target_range, t);
            widen(&mut self.prediction_range, y);
        }
        self.binary &= is(t, 0.0) || is(t, 1.0);
    }

    fn add(&mut self, other: &Self) {
        self.squared += other.squared;
        self.absolute += other.absolute;
        self.cross_entropy += other.cross_entropy;
        self.targets.add(&other.targets);
        for end in other.target_range {
            widen(&mut self.target_range, end);
        }
        for end in other.prediction_range {
            widen(&mut self.prediction_range, end);
        }
        self.binary &= other.binary;
    }

    /// The root of the mean squared error.
    pub(super) fn rmse(&self) -> f64 {
        (self.squared / self.targets.weight).sqrt()
    }
}

impl SampleSums {
    fn new(n_outputs: usize) -> Self {
        let nothing = OutputSums {
            squared: 0.0,
            absolute: 0.0,
            cross_entropy: 0.0,
            targets: Moments::default(),
            target_range: [f64::INFINITY, f64::NEG_INFINITY],
            prediction_range: [f64::INFINITY, f64::NEG_INFINITY],
            binary: true,
        };
        Self {
            weight: 0.0,
            cross_entropy: 0.0,
            one_hot: true,
            outputs: vec![nothing; n_outputs],
        }
    }

    fn push(&mut self, activation: Activation, sample: &PredictedSample<'_>) {
        let PredictedSample { z, y, t, weight } = sample;
        let weight = f64::from(*weight);
        self.weight += weight;
        for (o, sums) in self.outputs.iter_mut().enumerate() {
            let t = f64::from(t[o]);
            sums.push(y[o], t, weight);
            if activation.meaning() == Meaning::Probabilities {
                let loss = Loss::CrossEntropy.value(activation, &z[o..=o], &y[o..=o], &[t]);
                let cross_entropy = weight * loss;
                sums.cross_entropy += cross_entropy;
                self.cross_entropy += cross_entropy;
            }
        }
        if activation.meaning() == Meaning::Shares {
            let log_sum = log_sum_exp(z);
            let of_one = |(z, t): (&f64, &f32)| f64::from(*t) * (log_sum - z);
            self.cross_entropy += weight * std::iter::zip(*z, *t).map(of_one).sum::<f64>();
        }
        let ones = t.iter().filter(|t| is(f64::from(**t), 1.0)).count();
        let zeros = t.iter().filter(|t| is(f64::from(**t), 0.0)).count();
        self.one_hot &= ones == 1 && zeros == t.len() - 1;
    }

    fn add(&mut self, other: &Self) {
        self.weight += other.weight;
        self.cross_entropy += other.cross_entropy;
        self.one_hot &= other.one_hot;
        for (sums, other) in self.outputs.iter_mut().zip(&other.outputs) {
            sums.add(other);
        }
    }
}

/// The predictions and classes of all samples, for metrics that need their order.
#[derive(Debug, Default)]
pub(super) struct KeptPredictions {
    /// (N, O)
    pub(super) predictions: Vec<f64>,
    /// For exclusive classes the class of each sample (N); otherwise whether each target is 1 (N, O).
    pub(super) actual: Vec<u32>,
    /// (N); empty if the samples have no weights.
    weights: Vec<f32>,
}

impl KeptPredictions {
    pub(super) fn weight(&self, row: usize) -> f32 {
        self.weights.get(row).copied().unwrap_or(1.0)
    }

    fn reserve(&mut self, problem: &Problem<'_>, exclusive: bool) -> Result<()> {
        let (n_samples, n_outputs) = (problem.dataset.n_samples(), problem.dataset.n_outputs());
        let n_actual = n_samples * if exclusive { 1 } else { n_outputs };
        let n_weights = n_samples * usize::from(problem.dataset.is_weighted());
        let reserved = self
            .predictions
            .try_reserve_exact(n_samples * n_outputs)
            .and_then(|()| self.actual.try_reserve_exact(n_actual))
            .and_then(|()| self.weights.try_reserve_exact(n_weights));
        let bytes = n_samples * n_outputs * size_of::<f64>()
            + n_actual * size_of::<u32>()
            + n_weights * size_of::<f32>();
        reserved.map_err(|_| Error::HostMemory {
            what: "the predictions, of which AUC needs the order,".to_owned(),
            needed: bytes as u64,
        })
    }

    fn push(&mut self, piece: &LeafPredictions, exclusive: bool) {
        self.predictions.extend_from_slice(&piece.predictions);
        for sample in piece.samples() {
            if exclusive {
                let own = largest(sample.t.iter().map(|t| f64::from(*t)));
                self.actual.push(own);
            } else {
                let ones = sample.t.iter().map(|t| u32::from(is(f64::from(*t), 1.0)));
                self.actual.extend(ones);
            }
            if piece.target_width > piece.n_outputs {
                self.weights.push(sample.weight);
            }
        }
    }
}

/// The sums over all samples and, for classifiers, every prediction (AUC needs their order).
pub(super) fn first(
    problem: &Problem<'_>,
    parameters: &[f64],
    exclusive: bool,
) -> Result<(SampleSums, KeptPredictions)> {
    let layer = problem.network.layer();
    let keeps = layer.activation.meaning() != Meaning::Numbers;
    let mut kept = KeptPredictions::default();
    if keeps {
        kept.reserve(problem, exclusive)?;
    }
    let mut fold = Fold::new(SampleSums::add);
    let summed = |piece: LeafPredictions| {
        let mut sums = SampleSums::new(layer.n_outputs);
        for sample in piece.samples() {
            sums.push(layer.activation, &sample);
        }
        (sums, piece)
    };
    over(problem, parameters, summed, |(sums, piece)| {
        fold.push(sums);
        if keeps {
            kept.push(&piece, exclusive);
        }
    });
    let sums = fold.finish().expect("a data set has at least one leaf");
    Ok((sums, kept))
}

/// The place of the largest number, the first if several are equal.
pub(super) fn largest(numbers: impl Iterator<Item = f64>) -> u32 {
    let mut best = (0, f64::NEG_INFINITY);
    for (place, number) in (0..).zip(numbers) {
        if number > best.1 {
            best = (place, number);
        }
    }
    best.0
}

fn widen([least, most]: &mut [f64; 2], value: f64) {
    *least = least.min(value);
    *most = most.max(value);
}

/// Whether both are the same number.
fn is(a: f64, b: f64) -> bool {
    a - b == 0.0
}
