//! The passes over the data: sums over the samples and, for classifiers, every prediction.

use crate::backend::{Predictions, Problem};
use crate::cpu;
use crate::data::RowsRead;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::leaves::Fold;
use crate::moments::Moments;
use crate::network::{Activation, Meaning};
use crate::objective::Loss;
use rayon::prelude::*;
use std::iter::zip;
use std::mem::size_of;

/// Leaves summed at a time, and the floats that they may predict if a device does.
const LEAVES: usize = 64;
const PREDICTED_FLOATS: usize = 1 << 24;

/// One sample: pre-activations, predictions and targets (O), and its weight.
pub(super) struct PredictedSample<'a> {
    z: &'a [f64],
    pub(super) y: &'a [f64],
    pub(super) t: &'a [f64],
    pub(super) weight: f32,
}

/// The samples of a leaf, and their predictions.
pub(super) struct PredictedLeaf<'a> {
    /// Pre-activations and predictions (rows, O).
    z: &'a [f64],
    y: &'a [f64],
    read: &'a RowsRead<'a>,
    n_outputs: usize,
    target_width: usize,
}

impl PredictedLeaf<'_> {
    /// Passes each sample to `take`.
    pub(super) fn each(&self, mut take: impl FnMut(&PredictedSample<'_>)) {
        let mut own_targets = Vec::with_capacity(self.n_outputs);
        let targets = self.read.targets.chunks_exact(self.target_width);
        let values = zip(
            self.z.chunks_exact(self.n_outputs),
            self.y.chunks_exact(self.n_outputs),
        );
        for ((z, y), t) in values.zip(targets) {
            let (t, weight) = t.split_at(self.n_outputs);
            own_targets.clear();
            own_targets.extend(t.iter().map(|t| f64::from(*t)));
            take(&PredictedSample {
                z,
                y,
                t: &own_targets,
                weight: weight.first().copied().unwrap_or(1.0),
            });
        }
    }
}

/// Where the predictions of some leaves come from.
enum Source<'a> {
    /// The CPU predicts each leaf as it is read.
    Cpu(&'a cpu::Predictor),
    /// A device has predicted all of them.
    Predicted(Predictions),
}

/// Passes what `of_leaf` makes of each leaf to `take`, in the order of the leaves.
pub(super) fn each_leaf<T: Send>(
    problem: &Problem<'_>,
    engine: &mut Engine,
    of_leaf: impl Fn(&PredictedLeaf<'_>) -> T + Sync,
    mut take: impl FnMut(T),
) -> Result<()> {
    let dataset = problem.dataset;
    let (leaves, n_outputs) = (dataset.leaves(), problem.network.n_outputs());
    let at_once = PREDICTED_FLOATS / (leaves.rows_per_leaf() * n_outputs);
    let at_once = at_once.clamp(1, LEAVES);
    for first in (0..leaves.count()).step_by(at_once) {
        let group = first..(first + at_once).min(leaves.count());
        let start = leaves.rows(first).start;
        let source = match engine {
            Engine::Cpu(cpu) => Source::Cpu(cpu),
            Engine::Gpu(gpu) => {
                let rows = start..leaves.rows(group.end - 1).end;
                Source::Predicted(gpu.predict(dataset, rows)?)
            }
        };
        let of_leaf = |leaf| {
            dataset.with_rows(leaves.rows(leaf), |read| {
                let own;
                let (predictions, at) = match &source {
                    Source::Predicted(predictions) => (predictions, read.rows.start - start),
                    Source::Cpu(cpu) => {
                        own = cpu.predict_read(&read);
                        (&own, 0)
                    }
                };
                let span = at * n_outputs..(at + read.rows.len()) * n_outputs;
                of_leaf(&PredictedLeaf {
                    z: &predictions.pre_activation[span.clone()],
                    y: &predictions.prediction[span],
                    read: &read,
                    n_outputs,
                    target_width: dataset.target_width(),
                })
            })
        };
        let results: Vec<T> = group.into_par_iter().map(of_leaf).collect();
        results.into_iter().for_each(&mut take);
    }
    Ok(())
}

/// Weighted sums over the samples.
#[derive(Clone, Debug)]
pub(super) struct SampleSums {
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
    pub(super) least_prediction: f64,
    pub(super) largest_prediction: f64,
    /// Whether every target is 0 or 1.
    pub(super) binary: bool,
}

impl OutputSums {
    fn push(&mut self, y: f64, t: f64, weight: f64) {
        self.squared += weight * (t - y) * (t - y);
        self.absolute += weight * (t - y).abs();
        self.targets.push(t, weight);
        if weight > 0.0 {
            self.least_prediction = self.least_prediction.min(y);
            self.largest_prediction = self.largest_prediction.max(y);
        }
        self.binary &= is(t, 0.0) || is(t, 1.0);
    }

    fn add(&mut self, other: &Self) {
        self.squared += other.squared;
        self.absolute += other.absolute;
        self.cross_entropy += other.cross_entropy;
        self.targets.add(&other.targets);
        self.least_prediction = self.least_prediction.min(other.least_prediction);
        self.largest_prediction = self.largest_prediction.max(other.largest_prediction);
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
            least_prediction: f64::INFINITY,
            largest_prediction: f64::NEG_INFINITY,
            binary: true,
        };
        Self {
            cross_entropy: 0.0,
            one_hot: true,
            outputs: vec![nothing; n_outputs],
        }
    }

    fn push(&mut self, activation: Activation, sample: &PredictedSample<'_>) {
        let PredictedSample { z, y, t, weight } = sample;
        let weight = f64::from(*weight);
        for (o, sums) in self.outputs.iter_mut().enumerate() {
            sums.push(y[o], t[o], weight);
            if activation.meaning() == Meaning::Probabilities {
                let [z, y, t] = [z, y, t].map(|all| &all[o..=o]);
                let cross_entropy = weight * Loss::CrossEntropy.value(activation, z, y, t);
                sums.cross_entropy += cross_entropy;
                self.cross_entropy += cross_entropy;
            }
        }
        if activation.meaning() == Meaning::ClassProbabilities {
            self.cross_entropy += weight * Loss::CrossEntropy.value(activation, z, y, t);
        }
        let ones = t.iter().filter(|t| is(**t, 1.0)).count();
        let zeros = t.iter().filter(|t| is(**t, 0.0)).count();
        self.one_hot &= ones == 1 && zeros == t.len() - 1;
    }

    /// The total weight of the samples.
    pub(super) fn weight(&self) -> f64 {
        self.outputs[0].targets.weight
    }

    fn add(&mut self, other: &Self) {
        self.cross_entropy += other.cross_entropy;
        self.one_hot &= other.one_hot;
        for (sums, other) in self.outputs.iter_mut().zip(&other.outputs) {
            sums.add(other);
        }
    }
}

/// The predictions of all samples, for metrics that need their order.
#[derive(Debug, Default)]
pub(super) struct KeptPredictions {
    /// (N, O)
    predictions: Vec<f64>,
    /// Whether each target is 1 (N, O).
    is_one: Vec<bool>,
    /// (N)
    weights: Vec<f32>,
}

impl KeptPredictions {
    /// The predictions (O), whether each target is 1 (O), and the weight of each sample.
    pub(super) fn samples(&self) -> impl Iterator<Item = (&[f64], &[bool], f32)> {
        let n_outputs = self.predictions.len() / self.weights.len();
        let y = self.predictions.chunks_exact(n_outputs);
        let is_one = self.is_one.chunks_exact(n_outputs);
        let samples = y.zip(is_one).zip(&self.weights);
        samples.map(|((y, is_one), weight)| (y, is_one, *weight))
    }

    fn reserve(&mut self, n_samples: usize, n_outputs: usize) -> Result<()> {
        let n_predictions = n_samples * n_outputs;
        let reserved = self
            .predictions
            .try_reserve_exact(n_predictions)
            .and_then(|()| self.is_one.try_reserve_exact(n_predictions))
            .and_then(|()| self.weights.try_reserve_exact(n_samples));
        reserved.map_err(|_| Error::HostMemory {
            what: "the predictions, of which AUC needs the order,".to_owned(),
            needed: (n_predictions * (size_of::<f64>() + size_of::<bool>())
                + n_samples * size_of::<f32>()) as u64,
        })
    }

    fn push(&mut self, sample: &PredictedSample<'_>) {
        self.predictions.extend_from_slice(sample.y);
        self.is_one.extend(sample.t.iter().map(|t| is(*t, 1.0)));
        self.weights.push(sample.weight);
    }

    fn append(&mut self, mut later: Self) {
        self.predictions.append(&mut later.predictions);
        self.is_one.append(&mut later.is_one);
        self.weights.append(&mut later.weights);
    }
}

/// The sums over all samples and, for classifiers, every prediction (AUC needs their order).
pub(super) fn first(
    problem: &Problem<'_>,
    engine: &mut Engine,
) -> Result<(SampleSums, KeptPredictions)> {
    let (dataset, layer) = (problem.dataset, problem.network.output_layer());
    let keeps = layer.activation.meaning() != Meaning::Numbers;
    let mut kept = KeptPredictions::default();
    if keeps {
        kept.reserve(dataset.n_samples(), layer.n_outputs)?;
    }
    let of_leaf = |leaf: &PredictedLeaf<'_>| {
        let (mut sums, mut own) = (SampleSums::new(layer.n_outputs), KeptPredictions::default());
        leaf.each(|sample| {
            sums.push(layer.activation, sample);
            if keeps {
                own.push(sample);
            }
        });
        (sums, own)
    };
    let mut fold = Fold::new(SampleSums::add);
    each_leaf(problem, engine, of_leaf, |(sums, own)| {
        fold.push(sums);
        kept.append(own);
    })?;
    let sums = fold.finish().expect("a data set has at least one leaf");
    Ok((sums, kept))
}

/// The place of the largest number, the first if several are equal.
pub(super) fn largest(numbers: &[f64]) -> usize {
    let mut largest = 0;
    for (place, number) in numbers.iter().enumerate() {
        if *number > numbers[largest] {
            largest = place;
        }
    }
    largest
}

/// Whether both are the same number.
fn is(a: f64, b: f64) -> bool {
    a - b == 0.0
}
