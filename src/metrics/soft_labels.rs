//! Metrics of soft labels: targets between 0 and 1, such as shares of classes, and other targets of a sigmoid.

use super::pass::SampleSums;
use crate::backend::Problem;
use serde::Serialize;

/// The quality of predictions of soft labels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SoftLabelMetrics {
    /// The targets: one, or all that share a softmax.
    pub targets: Vec<String>,
    /// The mean cross-entropy, where every target is a share.
    pub log_loss: Option<f64>,
    /// The root of the mean squared error, over the targets too.
    pub rmse: f64,
    /// Without a model.
    pub baseline: SoftLabelBaseline,
}

/// The metrics of always predicting the mean of each target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SoftLabelBaseline {
    /// The mean of each target.
    pub means: Vec<f64>,
    /// The mean cross-entropy, where every target is a share.
    pub log_loss: Option<f64>,
    /// The root of the mean squared error, over the targets too.
    pub rmse: f64,
}

impl SoftLabelMetrics {
    /// Metrics of the output `output`, a sigmoid.
    pub(super) fn alone(problem: &Problem<'_>, output: usize, sums: &SampleSums) -> Self {
        let own = &sums.outputs[output];
        let mean = own.targets.mean;
        let is_share = own.target_range[0] >= 0.0 && own.target_range[1] <= 1.0;
        let without = times_ln(mean) + times_ln(1.0 - mean);
        Self {
            targets: vec![problem.dataset.target_names()[output].clone()],
            log_loss: is_share.then_some(own.cross_entropy / sums.weight),
            rmse: own.rmse(),
            baseline: SoftLabelBaseline {
                means: vec![mean],
                log_loss: is_share.then_some(0.0 - without),
                rmse: own.targets.deviation(),
            },
        }
    }

    /// Metrics of all outputs of a softmax.
    pub(super) fn together(problem: &Problem<'_>, sums: &SampleSums) -> Self {
        let outputs = &sums.outputs;
        let mean = |of: f64| (of / outputs.len() as f64).sqrt();
        let mean_squares = outputs.iter().map(|own| own.rmse().powi(2)).sum();
        let variances = outputs.iter().map(|own| own.targets.variance()).sum();
        let is_share = |[least, most]: [f64; 2]| least >= 0.0 && most <= 1.0;
        let are_shares = outputs.iter().all(|own| is_share(own.target_range));
        let means: Vec<f64> = outputs.iter().map(|own| own.targets.mean).collect();
        let without: f64 = means.iter().map(|mean| times_ln(*mean)).sum();
        Self {
            targets: problem.dataset.target_names().to_vec(),
            log_loss: are_shares.then_some(sums.cross_entropy / sums.weight),
            rmse: mean(mean_squares),
            baseline: SoftLabelBaseline {
                means,
                log_loss: are_shares.then_some(0.0 - without),
                rmse: mean(variances),
            },
        }
    }
}

/// `x ln x`, which is 0 at 0.
pub(super) fn times_ln(x: f64) -> f64 {
    if x > 0.0 { x * x.ln() } else { 0.0 }
}
