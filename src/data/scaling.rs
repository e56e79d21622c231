//! Standardisation: each feature minus its mean, over its standard deviation.

use super::{Dataset, RowsRead};
use crate::leaves::sum_leaves;
use crate::moments::Moments;
use crate::network::Network;
use serde::{Deserialize, Serialize};

/// Centres and scales of the features (I): a feature x becomes `(x − center) / scale`.
/// [`Network::unscale_parameters`](crate::network::Network::unscale_parameters) undoes that in the parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// The means; 0 if no bias could make up for them.
    center: Vec<f64>,
    /// The standard deviations, from the weight of all samples, not one less; 0 for a constant feature, whose scaled
    /// value is 0.
    scale: Vec<f64>,
}

impl Scaling {
    /// The means (I).
    #[must_use]
    pub fn center(&self) -> &[f64] {
        &self.center
    }

    /// The standard deviations (I); 0 for a constant feature.
    #[must_use]
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    fn new(features: &[Moments], centered: bool) -> Self {
        let scale = |feature: &Moments| match feature.is_constant() {
            true => 0.0,
            false => feature.deviation(),
        };
        let center = |feature: &Moments| if centered { feature.mean } else { 0.0 };
        Self {
            center: features.iter().map(center).collect(),
            scale: features.iter().map(scale).collect(),
        }
    }

    /// Features less `center`, and no more than that.
    pub(crate) fn centered_at(center: &[f64]) -> Self {
        Self {
            center: center.to_vec(),
            scale: vec![1.0; center.len()],
        }
    }

    /// `1 / scale` of each feature (I); 0 for a constant one.
    #[must_use]
    pub fn inverse_scale(&self) -> Vec<f64> {
        let inverse = |scale: &f64| if *scale > 0.0 { 1.0 / scale } else { 0.0 };
        self.scale.iter().map(inverse).collect()
    }

    /// Whether a mean is taken from any feature.
    pub(crate) fn is_centered(&self) -> bool {
        self.center.iter().any(|center| center.abs() > 0.0)
    }

    /// Numbers of the constant features.
    pub fn constant(&self) -> impl Iterator<Item = usize> {
        (0..self.scale.len()).filter(|j| self.scale[*j] <= 0.0)
    }

    /// Scales `inputs` (rows, I).
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to f32 is the purpose"
    )]
    pub(super) fn apply(&self, inputs: &mut [f32]) {
        let inverse = self.inverse_scale();
        for row in inputs.chunks_exact_mut(self.center.len()) {
            for ((x, center), inverse) in row.iter_mut().zip(&self.center).zip(&inverse) {
                *x = ((f64::from(*x) - center) * inverse) as f32;
            }
        }
    }
}

/// The moments of the first `n_columns` numbers in each row of `values`, which is `width` long; row i counts by
/// `weight_of(i)`: first the means, then the squares about them, so that nothing cancels. Reads the rows twice, so they
/// should fit a cache.
fn moments_of_columns(
    values: &[f32],
    width: usize,
    n_columns: usize,
    weight_of: impl Fn(usize) -> f64,
) -> Vec<Moments> {
    let rows = || {
        let rows = values.chunks_exact(width).enumerate();
        let rows = rows.map(|(row, values)| (&values[..n_columns], weight_of(row)));
        rows.filter(|(_, weight)| *weight > 0.0)
    };
    let weight: f64 = rows().map(|(_, weight)| weight).sum();
    if weight <= 0.0 {
        return vec![Moments::default(); n_columns];
    }
    let (mut mean, mut squares) = (vec![0.0; n_columns], vec![0.0; n_columns]);
    let mut least = vec![f32::INFINITY; n_columns];
    let mut largest = vec![f32::NEG_INFINITY; n_columns];
    // A loop for each sum, and comparisons instead of `min`, so that compilers make vector instructions of them.
    for (row, weight) in rows() {
        for (mean, x) in mean.iter_mut().zip(row) {
            *mean += weight * f64::from(*x);
        }
        for (least, x) in least.iter_mut().zip(row) {
            *least = if x < least { *x } else { *least };
        }
        for (largest, x) in largest.iter_mut().zip(row) {
            *largest = if x > largest { *x } else { *largest };
        }
    }
    mean.iter_mut().for_each(|mean| *mean /= weight);
    for (row, weight) in rows() {
        for ((squares, mean), x) in squares.iter_mut().zip(&mean).zip(row) {
            let difference = f64::from(*x) - mean;
            *squares += weight * difference * difference;
        }
    }
    let column = |j: usize| Moments {
        weight,
        mean: mean[j],
        squares: squares[j],
        least: least[j].into(),
        largest: largest[j].into(),
    };
    (0..n_columns).map(column).collect()
}

impl Dataset {
    /// These samples with their features standardised: scaled to a standard deviation of 1 and, if `centered`, moved
    /// to a mean of 0, which a layer needs a bias to make up for. A constant feature becomes 0. Takes one pass over the
    /// data, and keeps no copy. Samples count by their weights. A scaling of the features and a storage that these samples have give way.
    #[must_use]
    pub fn standardised(&self, centered: bool) -> Self {
        let raw = self.raw();
        let n_inputs = raw.n_inputs();
        let features = raw.moments(|read| read.inputs, n_inputs, n_inputs);
        Self {
            scaling: Some(Scaling::new(&features, centered).into()),
            target_scaling: self.target_scaling.clone(),
            ..raw
        }
    }

    /// These samples with features and targets that are neither scaled nor rounded: those that a trained network's weights
    /// expect.
    #[must_use]
    pub(crate) fn raw(&self) -> Self {
        Self {
            scaling: None,
            target_scaling: None,
            ..self.unrounded()
        }
    }

    /// These samples with their features scaled by `scaling`, their targets as they were, and not rounded to a storage.
    #[must_use]
    pub(crate) fn scaled(&self, scaling: Option<&Scaling>) -> Self {
        Self {
            scaling: scaling.cloned().map(Into::into),
            ..self.raw()
        }
    }

    /// The means of the features (I) in the first leaf, which are near their numbers, and take no pass over all rows.
    pub(crate) fn first_means(&self) -> Vec<f64> {
        let raw = self.raw();
        let n_inputs = raw.n_inputs();
        raw.with_rows(raw.leaves().rows(0), |read| {
            let features = moments_of_columns(read.inputs, n_inputs, n_inputs, raw.weights(&read));
            features.iter().map(|feature| feature.mean).collect()
        })
    }

    /// The moments of columns: of the first `n_columns` of the `width` in each row of `numbers`.
    pub(super) fn moments(
        &self,
        numbers: impl for<'r> Fn(&RowsRead<'r>) -> &'r [f32] + Sync,
        width: usize,
        n_columns: usize,
    ) -> Vec<Moments> {
        let leaves = self.leaves();
        let of_leaf = |leaf| {
            self.with_rows(leaves.rows(leaf), |read| {
                moments_of_columns(numbers(&read), width, n_columns, self.weights(&read))
            })
        };
        let add = |left: &mut Vec<Moments>, right: &Vec<Moments>| {
            left.iter_mut()
                .zip(right)
                .for_each(|(left, right)| left.add(right));
        };
        sum_leaves(leaves.count(), of_leaf, add)
    }

    /// What each of the rows that were read weighs, by its place among them.
    fn weights<'r>(&self, read: &RowsRead<'r>) -> impl Fn(usize) -> f64 + use<'r> {
        let (at, width, targets) = (self.n_outputs(), self.target_width(), read.targets);
        move |row| match at < width {
            true => f64::from(targets[row * width + at]),
            false => 1.0,
        }
    }

    /// The scaling of the features; `None` if they are not standardised.
    #[must_use]
    pub fn scaling(&self) -> Option<&Scaling> {
        self.scaling.as_deref()
    }

    /// Parameters for features and targets as they were before they were scaled, from parameters for these.
    pub(crate) fn unscaled_parameters(&self, network: &Network, parameters: &[f64]) -> Vec<f64> {
        let mut unscaled = match self.scaling() {
            Some(scaling) => {
                let (center, inverse_scale) = (scaling.center(), scaling.inverse_scale());
                network.unscale_parameters(center, &inverse_scale, parameters)
            }
            None => parameters.to_vec(),
        };
        if let Some(targets) = self.target_scaling() {
            network.unscale_outputs(targets.center(), targets.scale(), &mut unscaled);
        }
        unscaled
    }

    /// Parameters for these features and targets, from parameters for them as they were before they were scaled.
    pub(crate) fn scaled_parameters(&self, network: &Network, parameters: &[f64]) -> Vec<f64> {
        let mut scaled = match self.scaling() {
            Some(scaling) => {
                let (center, scale) = (scaling.center(), scaling.scale());
                network.scale_parameters(center, scale, parameters)
            }
            None => parameters.to_vec(),
        };
        if let Some(targets) = self.target_scaling() {
            network.scale_outputs(targets.center(), targets.scale(), &mut scaled);
        }
        scaled
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Dataset, Storage};
    use super::Network;

    /// 3,000 rows are several leaves of rows this wide: columns with a mean of a million deviations, of a
    /// common one, and a constant one.
    fn dataset() -> Dataset {
        let value = |i: usize| ((i * 7919) % 1013) as f32 / 1013.0 - 0.5;
        let inputs: Vec<f32> = (0..3000)
            .flat_map(|i| {
                let wide = (0..97).map(move |j| 3.0 + value(i * 97 + j));
                [1e6 + (i % 3) as f32, 7.5].into_iter().chain(wide)
            })
            .collect();
        let targets = (0..3000).map(|i| f32::from(i % 2 == 0)).collect();
        Dataset::from_rows("moments", 99, 1, inputs, targets).unwrap()
    }

    #[test]
    fn scaled_features_have_mean_0_and_deviation_1() {
        let raw = dataset();
        assert!(raw.leaves().count() > 2, "several leaves");
        let scaled = raw.standardised(true);
        let (mut inputs, mut targets) = (vec![0.0; 3000 * 99], vec![0.0; 3000]);
        scaled.read(0..3000, &mut inputs, &mut targets);
        for j in 0..99 {
            let column = || inputs.iter().skip(j).step_by(99).map(|x| f64::from(*x));
            let mean = column().sum::<f64>() / 3000.0;
            let variance = column().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 3000.0;
            let expected = if j == 1 { 0.0 } else { 1.0 };
            assert!(mean.abs() <= 1e-7, "mean {mean} of column {j}");
            assert!(
                (variance - expected).abs() <= 1e-6,
                "variance {variance} of column {j}"
            );
        }
        let constant: Vec<usize> = scaled.scaling().unwrap().constant().collect();
        assert_eq!(constant, [1], "constant columns");
        let deviation = scaled.scaling().unwrap().scale()[0];
        assert!(
            (deviation - (2.0_f64 / 3.0).sqrt()).abs() <= 1e-12,
            "{deviation}"
        );
    }

    #[test]
    fn whatever_was_done_before_the_features_are_standardised() {
        let (raw, n_values) = (dataset(), 3000 * 99);
        let read = |dataset: &Dataset| {
            let (mut inputs, mut targets) = (vec![0.0; n_values], vec![0.0; 3000]);
            dataset.read(0..3000, &mut inputs, &mut targets);
            inputs
        };
        let once = raw.standardised(true);
        let rounded = raw.stored_as(Storage::U8).unwrap();
        for again in [once.standardised(true), rounded.standardised(true)] {
            assert!(read(&again) == read(&once), "{:?}", again.storage());
        }
    }

    #[test]
    fn unscaled_parameters_predict_the_same() {
        let raw = dataset();
        for (bias, centered) in [(true, true), (false, false)] {
            let network = Network::single_layer(99, 2, bias);
            let parameters: Vec<f64> = network
                .initial_parameters(3)
                .iter()
                .map(|w| w / 9.0)
                .collect();
            let scaled = raw.standardised(centered);
            let scaling = scaled.scaling().unwrap();
            let unscaled =
                network.unscale_parameters(scaling.center(), &scaling.inverse_scale(), &parameters);
            for row in [0, 1, 2999] {
                let read = |dataset: &Dataset| {
                    let (mut x, mut t) = (vec![0.0; 99], [0.0]);
                    dataset.read(row..row + 1, &mut x, &mut t);
                    x
                };
                let of_scaled = network.predict(&parameters, &read(&scaled));
                let of_raw = network.predict(&unscaled, &read(&raw));
                for (a, b) in of_scaled.iter().zip(&of_raw) {
                    assert!((a - b).abs() <= 1e-6, "row {row}: {a} and {b}");
                }
            }
        }
    }
}
