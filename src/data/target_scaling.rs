//! Standardised targets: each less a number near its mean, over a number near their deviation.

use super::Dataset;
use crate::moments::Moments;
use serde::{Deserialize, Serialize};

/// How targets (O) are scaled: a target t becomes `(t − center) / scale`.
/// [`Network::unscale_outputs`](crate::network::Network::unscale_outputs) undoes that in the parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetScaling {
    /// The multiples of the scale that are nearest to the means: they have few digits, so that the difference of an integer
    /// from one is exact. 0 if no bias could make up for them.
    center: Vec<f64>,
    /// The power of two nearest to the deviation, so that a division by it rounds nothing. It is one for all targets, so
    /// that their squared error is that of the targets as they were, over its square.
    scale: f64,
}

impl TargetScaling {
    /// What is taken from each target (O).
    #[must_use]
    pub fn center(&self) -> &[f64] {
        &self.center
    }

    /// What the differences are divided by, a power of two.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// `None` if the targets do not differ.
    fn new(targets: &[Moments], centered: bool) -> Option<Self> {
        let variances = targets.iter().map(Moments::variance);
        let deviation = (variances.sum::<f64>() / targets.len() as f64).sqrt();
        let scale = deviation.log2().round().exp2();
        let center = |target: &Moments| match centered {
            true => (target.mean / scale).round() * scale,
            false => 0.0,
        };
        (deviation > 0.0).then(|| Self {
            center: targets.iter().map(center).collect(),
            scale,
        })
    }

    /// Scales `targets`, whose rows are `width` long: O of them, and a weight if there is one.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to f32 is the purpose"
    )]
    pub(super) fn apply(&self, targets: &mut [f32], width: usize) {
        let inverse = 1.0 / self.scale;
        for row in targets.chunks_exact_mut(width) {
            for (t, center) in row.iter_mut().zip(&self.center) {
                *t = ((f64::from(*t) - center) * inverse) as f32;
            }
        }
    }
}

impl Dataset {
    /// These samples with their targets, which are numbers that an identity predicts, standardised: in a unit near their
    /// deviation and, if `centered`, less a number near their mean, which a layer needs a bias to make up for. Optimizers
    /// whose steps are about as long as their rate, such as Adam, need that. Takes one pass over the data, and keeps no copy.
    /// Samples count by their weights. Losses that a training tells stay those of the targets as they are here. Targets
    /// that do not differ are left as they are.
    #[must_use]
    pub fn targets_standardised(&self, centered: bool) -> Self {
        let (raw, width) = (self.raw(), self.target_width());
        let targets = raw.moments(|read| read.targets, width, raw.n_outputs());
        Self {
            target_scaling: TargetScaling::new(&targets, centered).map(Into::into),
            ..self.clone()
        }
    }

    /// The scaling of the targets; `None` if they are not standardised.
    #[must_use]
    pub fn target_scaling(&self) -> Option<&TargetScaling> {
        self.target_scaling.as_deref()
    }

    /// What a loss of these samples is multiplied by to be that of the targets as they were before they were scaled.
    pub(crate) fn loss_unit(&self) -> f64 {
        self.target_scaling().map_or(1.0, |it| it.scale * it.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dataset;
    use crate::network::{Activation, Hidden, Network};

    fn read(dataset: &Dataset) -> Vec<f32> {
        let n = dataset.n_samples();
        let mut targets = vec![0.0; n * dataset.target_width()];
        dataset.read(0..n, &mut vec![0.0; n * dataset.n_inputs()], &mut targets);
        targets
    }

    #[test]
    fn targets_are_moved_and_divided_exactly_and_weights_are_not() {
        // Means of 1000 and −6, deviations of 8 and 2: their mean square is 34, of which the root is 5.83.
        let targets = [992.0, -8.0, 1008.0, -4.0, 992.0, -4.0, 1008.0, -8.0];
        let raw = Dataset::from_rows("rows", 1, 2, vec![0.0; 4], targets.into()).unwrap();
        let raw = raw.with_weights(&[3.0; 4]).unwrap();
        let scaled = raw.targets_standardised(true);
        let scaling = scaled.target_scaling().unwrap();
        assert_eq!(
            (scaling.center(), scaling.scale()),
            (&[1000.0, -8.0][..], 8.0)
        );
        let expected = [
            [-1.0, 0.0, 3.0],
            [1.0, 0.5, 3.0],
            [-1.0, 0.5, 3.0],
            [1.0, 0.0, 3.0],
        ];
        assert_eq!(read(&scaled), expected.concat());
        let divided = raw.targets_standardised(false);
        assert_eq!(read(&divided)[..3], [124.0, -1.0, 3.0]);
        assert_eq!(read(&scaled.raw()), read(&raw), "the rows as they were");
    }

    #[test]
    fn targets_that_do_not_differ_stay() {
        let raw = Dataset::from_rows("rows", 1, 1, vec![0.0; 3], vec![7.5; 3]).unwrap();
        let scaled = raw.targets_standardised(true);
        assert_eq!(scaled.target_scaling(), None);
        assert_eq!(read(&scaled), [7.5; 3]);
    }

    #[test]
    fn unscaled_parameters_predict_unscaled_targets() {
        for bias in [true, false] {
            let network = Network::single_layer(2, 2, bias).with_activation(Activation::Identity);
            let network = network.with_hidden(&Hidden {
                widths: vec![3],
                activation: Activation::Tanh,
            });
            let scaled = network.initial_parameters(5);
            let center = if bias { [24.0, -8.0] } else { [0.0; 2] };
            let mut unscaled = scaled.clone();
            network.unscale_outputs(&center, 4.0, &mut unscaled);
            let x = [0.25, -1.5];
            let pairs = network.predict(&unscaled, &x);
            let of_scaled = network.predict(&scaled, &x);
            for ((y, of_scaled), center) in pairs.iter().zip(&of_scaled).zip(center) {
                assert!((y - (4.0 * of_scaled + center)).abs() <= 1e-12, "{y}");
            }
            network.scale_outputs(&center, 4.0, &mut unscaled);
            for (back, there) in unscaled.iter().zip(&scaled) {
                assert!((back - there).abs() <= 1e-12, "{back} {there}");
            }
        }
    }
}
