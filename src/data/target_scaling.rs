//! Standardised targets: each less its mean, over their deviation.

use super::Dataset;
use crate::moments::Moments;
use serde::{Deserialize, Serialize};

/// How targets (O) are scaled: a target t becomes `(t − center) / scale`, with one scale for all of them.
/// [`Network::unscale_outputs`](crate::network::Network::unscale_outputs) undoes that in the parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetScaling {
    /// The means; 0 if no bias could make up for them.
    center: Vec<f64>,
    /// The roots of the mean squared differences from the centers.
    deviation: Vec<f64>,
}

impl TargetScaling {
    /// What is taken from each target (O).
    #[must_use]
    pub fn center(&self) -> &[f64] {
        &self.center
    }

    /// The root of the mean squared difference of each target (O) from its center.
    #[must_use]
    pub fn deviation(&self) -> &[f64] {
        &self.deviation
    }

    /// The root of the mean square of the deviations. It is one for all targets, so that their squared error is that of the
    /// targets as they were, over its square.
    #[must_use]
    pub fn scale(&self) -> f64 {
        let squares = self.deviation.iter().map(|deviation| deviation * deviation);
        (squares.sum::<f64>() / self.deviation.len() as f64).sqrt()
    }

    /// Whether it is one of `n_outputs` targets, and finite.
    pub(crate) fn is_of(&self, n_outputs: usize) -> bool {
        let [center, deviation] = [&self.center, &self.deviation].map(|all| all.iter());
        self.center.len() == n_outputs
            && self.deviation.len() == n_outputs
            && center.chain(deviation).all(|number| number.is_finite())
    }

    /// Whether a mean is taken from any target.
    pub(crate) fn is_centered(&self) -> bool {
        self.center.iter().any(|center| center.abs() > 0.0)
    }

    /// `None` if no target differs from its center.
    fn new(targets: &[Moments], centered: bool) -> Option<Self> {
        let center = |target: &Moments| if centered { target.mean } else { 0.0 };
        let deviation = |target: &Moments| {
            let variance = match target.is_constant() {
                // Of equal numbers the mean is rounded.
                true => 0.0,
                false => target.variance(),
            };
            let distance = target.mean - center(target);
            (variance + distance * distance).sqrt()
        };
        let scaling = Self {
            center: targets.iter().map(center).collect(),
            deviation: targets.iter().map(deviation).collect(),
        };
        (scaling.scale() > 0.0).then_some(scaling)
    }

    /// Scales `targets`, whose rows are `width` long: O of them, and a weight if there is one.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to f32 is the purpose"
    )]
    pub(super) fn apply(&self, targets: &mut [f32], width: usize) {
        let inverse = 1.0 / self.scale();
        for row in targets.chunks_exact_mut(width) {
            for (t, center) in row.iter_mut().zip(&self.center) {
                *t = ((f64::from(*t) - center) * inverse) as f32;
            }
        }
    }
}

impl Dataset {
    /// These samples with their targets, which are numbers that an identity predicts, standardised: scaled to a mean square
    /// of 1 over all of them and, if `centered`, moved to means of 0, which a layer needs a bias to make up for. Optimizers
    /// whose steps are about as long as their rate, such as Adam, need that. Takes one pass over the data, and keeps no copy.
    /// Samples count by their weights. Losses that a training tells stay those of the targets as they are here. Classes,
    /// and targets that do not differ, stay as they are.
    #[must_use]
    pub fn targets_standardised(&self, centered: bool) -> Self {
        if self.classes.is_some() || self.n_outputs() == 0 {
            return self.clone();
        }
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

    /// These samples, with features and targets scaled like those of `other`, and not rounded to a storage.
    pub(crate) fn scaled_like(&self, other: &Self) -> Self {
        Self {
            target_scaling: other.target_scaling.clone(),
            ..self.scaled(other.scaling())
        }
    }

    /// What a loss of these samples is multiplied by to be that of the targets as they were before they were scaled.
    pub(crate) fn loss_unit(&self) -> f64 {
        self.target_scaling().map_or(1.0, |it| it.scale().powi(2))
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
    fn targets_are_moved_and_divided_and_weights_are_not() {
        // Means of 1000 and −6, deviations of 7 and 1, whose squares have the mean 25.
        let targets = [993.0, -7.0, 1007.0, -5.0, 993.0, -5.0, 1007.0, -7.0];
        let raw = Dataset::from_rows("rows", 1, 2, vec![0.0; 4], targets.into()).unwrap();
        let raw = raw.with_weights(&[3.0; 4]).unwrap();
        let scaled = raw.targets_standardised(true);
        let scaling = scaled.target_scaling().unwrap();
        assert_eq!(
            (scaling.center(), scaling.scale()),
            (&[1000.0, -6.0][..], 5.0)
        );
        let expected = [
            [-1.4, -0.2, 3.0],
            [1.4, 0.2, 3.0],
            [-1.4, 0.2, 3.0],
            [1.4, -0.2, 3.0],
        ];
        assert_eq!(read(&scaled), expected.concat());
        // Without a bias their size is what has to be reached.
        let divided = read(&raw.targets_standardised(false));
        let squares = divided
            .chunks(3)
            .map(|row| row[0] * row[0] + row[1] * row[1]);
        let mean = squares.sum::<f32>() / 8.0;
        assert!((mean - 1.0).abs() <= 1e-6, "{mean}");
        assert!(
            (divided[1] / divided[0] + 7.0 / 993.0).abs() <= 1e-6,
            "{divided:?}"
        );
        assert_eq!(read(&scaled.raw()), read(&raw), "the rows as they were");
    }

    #[test]
    fn targets_that_do_not_differ_stay() {
        // Of weights like these the mean is not 0.1 to the last bit.
        let weights: Vec<f32> = (1_u8..=100).map(|row| f32::from(row) / 7.0).collect();
        let raw = Dataset::from_rows("rows", 1, 1, vec![0.0; 100], vec![0.1; 100]).unwrap();
        let weighted = raw.with_weights(&weights).unwrap();
        for raw in [raw, weighted] {
            let scaled = raw.targets_standardised(true);
            assert_eq!(scaled.target_scaling(), None);
            assert_eq!(read(&scaled), read(&raw));
        }
    }

    #[test]
    fn what_is_done_first_makes_no_difference() {
        let targets = vec![1.0, 5.0, 9.0];
        let raw = Dataset::from_rows("rows", 1, 1, vec![3.0, 4.0, 8.0], targets).unwrap();
        let features_first = raw.standardised(true).targets_standardised(true);
        let targets_first = raw.targets_standardised(true).standardised(true);
        assert_eq!(features_first.fingerprint(), targets_first.fingerprint());
        assert_ne!(
            features_first.fingerprint(),
            raw.standardised(true).fingerprint()
        );
        // Data sets that differ by the unit of their targets alone hold the same numbers once these are scaled.
        let doubled = vec![2.0, 10.0, 18.0];
        let doubled = Dataset::from_rows("rows", 1, 1, vec![3.0, 4.0, 8.0], doubled).unwrap();
        let doubled = doubled.standardised(true).targets_standardised(true);
        assert_eq!(read(&doubled), read(&features_first));
        assert_ne!(doubled.fingerprint(), features_first.fingerprint());
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
