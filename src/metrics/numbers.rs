//! Metrics of targets that are numbers.

use super::pass::{self, OutputSums, PredictedLeaf, SampleSums};
use super::{CURVES, Measured};
use crate::backend::Problem;
use crate::engine::Engine;
use crate::error::Result;
use crate::leaves::Fold;
use serde::Serialize;

/// Bins of a histogram; odd, so that one is around 0.
const BINS: usize = 41;
/// A histogram reaches at most this many times the root of the mean squared error.
const REACH: f64 = 4.0;
/// Cells of a grid in each direction.
const CELLS: usize = 40;

/// The quality of predictions of a number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NumberMetrics {
    /// The target.
    pub target: String,
    /// The root of the mean squared error.
    pub rmse: f64,
    /// The mean absolute error.
    pub mae: f64,
    /// 1 − Σ (t − y)² / Σ (t − mean t)²; `None` if the target is constant.
    pub r2: Option<f64>,
    /// The same metrics without a model.
    pub baseline: NumberBaseline,
    /// Distribution of `t − y`; `None` past the first outputs.
    #[serde(skip)]
    pub residuals: Option<Histogram>,
    /// Joint distribution of targets (across) and predictions (up); `None` past the first outputs.
    #[serde(skip)]
    pub grid: Option<Histogram2d>,
}

/// The metrics of always predicting the mean of the target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NumberBaseline {
    /// The mean.
    pub mean: f64,
    /// The root of the mean squared error.
    pub rmse: f64,
    /// The mean absolute error.
    pub mae: f64,
}

/// How numbers are distributed around 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The bins cover `−reach` to `reach`.
    pub reach: f64,
    /// Weights in bins of equal width.
    pub bins: Vec<f64>,
    /// Weight of the values beyond `reach`, which are counted in the first and the last bin.
    pub beyond: f64,
}

/// How pairs of numbers are distributed.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram2d {
    /// Both directions cover this range.
    pub range: [f64; 2],
    /// Cells in each direction.
    pub size: usize,
    /// Weights (size, size) in cells of equal size: rows by prediction, columns by target.
    pub cells: Vec<f64>,
}

impl NumberMetrics {
    /// The metrics of targets from which `offset` was taken, as those of the targets themselves.
    fn shifted(mut self, offset: f64) -> Self {
        self.baseline.mean += offset;
        if let Some(grid) = &mut self.grid {
            grid.range = grid.range.map(|end| end + offset);
        }
        self
    }
}

impl Histogram {
    fn new(sums: &OutputSums) -> Self {
        let above = (sums.targets.largest - sums.least_prediction).abs();
        let below = (sums.largest_prediction - sums.targets.least).abs();
        let reach = above.max(below).min(REACH * sums.rmse());
        Self {
            // If every residual is 0, any width will do.
            reach: if reach > 0.0 { reach } else { 1.0 },
            bins: vec![0.0; BINS],
            beyond: 0.0,
        }
    }

    fn push(&mut self, value: f64, weight: f64) {
        self.bins[place(value, [-self.reach, self.reach], BINS)] += weight;
        if value.abs() > self.reach {
            self.beyond += weight;
        }
    }

    fn add(&mut self, other: &Self) {
        add(&mut self.bins, &other.bins);
        self.beyond += other.beyond;
    }
}

impl Histogram2d {
    fn new(sums: &OutputSums) -> Self {
        let least = sums.targets.least.min(sums.least_prediction);
        let largest = sums.targets.largest.max(sums.largest_prediction);
        Self {
            range: [least, largest],
            size: CELLS,
            cells: vec![0.0; CELLS * CELLS],
        }
    }

    fn push(&mut self, target: f64, prediction: f64, weight: f64) {
        let place = |value| place(value, self.range, CELLS);
        self.cells[place(prediction) * CELLS + place(target)] += weight;
    }
}

/// Sums that need the mean and the range, and so a second pass.
struct SecondPass {
    /// `Σ |t − mean t|`
    absolute: f64,
    curves: Option<(Histogram, Histogram2d)>,
}

impl SecondPass {
    fn new(output: usize, sums: &OutputSums) -> Self {
        Self {
            absolute: 0.0,
            curves: (output < CURVES).then(|| (Histogram::new(sums), Histogram2d::new(sums))),
        }
    }

    fn push(&mut self, mean: f64, y: f64, t: f64, weight: f64) {
        self.absolute += weight * (t - mean).abs();
        if let Some((residuals, grid)) = &mut self.curves {
            residuals.push(t - y, weight);
            grid.push(t, y, weight);
        }
    }

    fn add(&mut self, other: &Self) {
        self.absolute += other.absolute;
        if let (Some((residuals, grid)), Some(others)) = (&mut self.curves, &other.curves) {
            residuals.add(&others.0);
            add(&mut grid.cells, &others.1.cells);
        }
    }
}

/// Metrics of each output.
pub(super) fn measure(
    problem: &Problem<'_>,
    engine: &mut Engine,
    sums: &SampleSums,
    notes: &mut Vec<String>,
) -> Result<Vec<Measured>> {
    let named = problem.dataset.target_names().iter().zip(&sums.outputs);
    let offsets = problem.dataset.target_offsets().iter().copied();
    let of = |(((target, sums), second), offset): (((&String, &OutputSums), SecondPass), f64)| {
        let metrics = metrics(target, sums, second).shifted(offset);
        if metrics.r2.is_none() {
            notes.push(format!(
                "`{target}` is {} in every row once it is rounded to f32: R² is left out, since there is nothing to explain",
                sums.targets.least + offset
            ));
        }
        Measured::Numbers(metrics)
    };
    let measured = named
        .zip(second(problem, engine, sums)?)
        .zip(offsets.chain(std::iter::repeat(0.0)))
        .map(of);
    Ok(measured.collect())
}

fn second(
    problem: &Problem<'_>,
    engine: &mut Engine,
    sums: &SampleSums,
) -> Result<Vec<SecondPass>> {
    let of_leaf = |leaf: &PredictedLeaf<'_>| {
        let outputs = sums.outputs.iter().enumerate();
        let mut all: Vec<_> = outputs.map(|(o, sums)| SecondPass::new(o, sums)).collect();
        leaf.each(|sample| {
            for (o, (second, sums)) in all.iter_mut().zip(&sums.outputs).enumerate() {
                let weight = f64::from(sample.weight);
                second.push(sums.targets.mean, sample.y[o], sample.t[o], weight);
            }
        });
        all
    };
    let mut fold = Fold::new(|all: &mut Vec<SecondPass>, others: &Vec<SecondPass>| {
        let both = all.iter_mut().zip(others);
        both.for_each(|(own, other)| own.add(other));
    });
    pass::each_leaf(problem, engine, of_leaf, |all| fold.push(all))?;
    Ok(fold.finish().expect("a data set has at least one leaf"))
}

fn metrics(target: &str, sums: &OutputSums, second: SecondPass) -> NumberMetrics {
    let targets = &sums.targets;
    let weight = targets.weight;
    let (residuals, grid) = second.curves.unzip();
    NumberMetrics {
        target: target.to_owned(),
        rmse: sums.rmse(),
        mae: sums.absolute / weight,
        r2: (!targets.is_constant()).then(|| 1.0 - sums.squared / weight / targets.variance()),
        baseline: NumberBaseline {
            mean: targets.mean,
            rmse: targets.deviation(),
            mae: second.absolute / weight,
        },
        residuals,
        grid,
    }
}

/// The bin of `value`; a value outside the range is in the first or the last.
fn place(value: f64, [from, to]: [f64; 2], n: usize) -> usize {
    let bin = (value - from) / (to - from) * n as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast should cut off the fraction, and make 0 of NaN, if all values are one"
    )]
    let bin = bin as usize;
    bin.min(n - 1)
}

fn add(sums: &mut [f64], others: &[f64]) {
    for (sum, other) in sums.iter_mut().zip(others) {
        *sum += other;
    }
}
