//! Metrics of soft labels: targets between 0 and 1, such as shares of classes, and other targets of a sigmoid.

use super::pass::{OutputSums, SampleSums};
use crate::backend::Problem;
use crate::moments::Moments;
use serde::Serialize;

/// The quality of predictions of soft labels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SoftLabelMetrics {
    /// The names of the targets: one, or all of a softmax.
    pub targets: Vec<String>,
    /// The mean cross-entropy; `None` if a target lies outside [0, 1].
    pub log_loss: Option<f64>,
    /// The root of the mean squared error over samples and targets.
    pub rmse: f64,
    /// The same metrics without a model.
    pub baseline: SoftLabelBaseline,
}

/// The metrics of always predicting the mean of each target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SoftLabelBaseline {
    /// The mean of each target.
    pub means: Vec<f64>,
    /// The mean cross-entropy; `None` if a target lies outside [0, 1].
    pub log_loss: Option<f64>,
    /// The root of the mean squared error over samples and targets.
    pub rmse: f64,
}

impl SoftLabelMetrics {
    /// Metrics of the output `output`, a sigmoid.
    pub(super) fn alone(problem: &Problem<'_>, output: usize, sums: &SampleSums) -> Self {
        let targets = &problem.dataset.target_names()[output..=output];
        let own = &sums.outputs[output..=output];
        let mean = own[0].targets.mean;
        let entropy = 0.0 - (times_ln(mean) + times_ln(1.0 - mean));
        Self::new(targets, own, own[0].cross_entropy, entropy)
    }

    /// Metrics of all outputs of a softmax.
    pub(super) fn together(problem: &Problem<'_>, sums: &SampleSums) -> Self {
        let means = sums.outputs.iter().map(|own| own.targets.mean);
        let entropy = 0.0 - means.map(times_ln).sum::<f64>();
        let targets = problem.dataset.target_names();
        Self::new(targets, &sums.outputs, sums.cross_entropy, entropy)
    }

    /// Metrics of the targets `targets` with the sums `outputs`. Their cross-entropies sum to `cross_entropy`, and that
    /// of their means is `entropy`.
    fn new(targets: &[String], outputs: &[OutputSums], cross_entropy: f64, entropy: f64) -> Self {
        let of_targets = || outputs.iter().map(|own| &own.targets);
        let mean = |sum: f64| (sum / outputs.len() as f64).sqrt();
        let are_shares = of_targets().all(|targets| targets.least >= 0.0 && targets.largest <= 1.0);
        let log_loss = cross_entropy / outputs[0].targets.weight;
        Self {
            targets: targets.to_vec(),
            log_loss: are_shares.then_some(log_loss),
            rmse: mean(outputs.iter().map(|own| own.rmse().powi(2)).sum()),
            baseline: SoftLabelBaseline {
                means: of_targets().map(|targets| targets.mean).collect(),
                log_loss: are_shares.then_some(entropy),
                rmse: mean(of_targets().map(Moments::variance).sum()),
            },
        }
    }
}

/// `x ln x`, which is 0 at 0.
pub(super) fn times_ln(x: f64) -> f64 {
    if x > 0.0 { x * x.ln() } else { 0.0 }
}
