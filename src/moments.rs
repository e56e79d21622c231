//! Mean, spread and range of numbers that come in pieces.

/// Weight, mean, sum of squared distances from the mean, and range of weighted numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moments {
    /// The sum of the weights.
    pub(crate) weight: f64,
    pub(crate) mean: f64,
    /// `Σ weight (x − mean)²`
    pub(crate) squares: f64,
    pub(crate) least: f64,
    pub(crate) largest: f64,
}

impl Default for Moments {
    /// The moments of no numbers.
    fn default() -> Self {
        Self {
            weight: 0.0,
            mean: 0.0,
            squares: 0.0,
            least: f64::INFINITY,
            largest: f64::NEG_INFINITY,
        }
    }
}

impl Moments {
    /// Adds one number; one that weighs nothing is ignored (West, "Updating mean and variance estimates: an improved
    /// method", 1979).
    pub(crate) fn push(&mut self, value: f64, weight: f64) {
        if weight > 0.0 {
            let distance = value - self.mean;
            self.weight += weight;
            self.mean += distance * (weight / self.weight);
            self.squares += weight * distance * (value - self.mean);
            self.least = self.least.min(value);
            self.largest = self.largest.max(value);
        }
    }

    /// Adds the numbers of `other` (Chan, Golub and `LeVeque`, "Updating formulae and a pairwise algorithm for
    /// computing sample variances", 1979).
    pub(crate) fn add(&mut self, other: &Self) {
        let weight = self.weight + other.weight;
        if weight > 0.0 {
            let distance = other.mean - self.mean;
            self.mean += distance * other.weight / weight;
            self.squares +=
                other.squares + distance * distance * self.weight * other.weight / weight;
            self.weight = weight;
            self.least = self.least.min(other.least);
            self.largest = self.largest.max(other.largest);
        }
    }

    /// Whether all numbers are the same.
    pub(crate) fn is_constant(&self) -> bool {
        self.least >= self.largest
    }

    /// The mean squared distance from the mean: the divisor is the weight, not one less.
    pub(crate) fn variance(&self) -> f64 {
        self.squares / self.weight
    }

    /// The standard deviation, the root of [`Moments::variance`].
    pub(crate) fn deviation(&self) -> f64 {
        self.variance().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::Moments;

    /// Far from 0, where a difference of sums of squares would have no digit left; in any two pieces.
    #[test]
    fn pieces_have_the_moments_of_the_whole() {
        let numbers = [(1e9 + 4.0, 1.0), (1e9 + 7.0, 2.0), (1e9 + 13.0, 0.0)];
        let numbers = [&numbers[..], &[(1e9 + 16.0, 1.0), (1e9 + 20.0, 0.0)]].concat();
        for cut in 0..=numbers.len() {
            let (mut left, mut right) = (Moments::default(), Moments::default());
            numbers[..cut].iter().for_each(|(x, w)| left.push(*x, *w));
            numbers[cut..].iter().for_each(|(x, w)| right.push(*x, *w));
            left.add(&right);
            // Weights 1, 2, 1: mean 8.5, variance (4.5² + 2 · 1.5² + 7.5²) / 4.
            let error = (left.mean - 1e9 - 8.5).abs() + (left.variance() - 20.25).abs();
            assert!(error <= 1e-6, "cut at {cut}: {left:?}");
            // What weighs nothing does not count.
            let error = (left.least - 1e9 - 4.0).abs() + (left.largest - 1e9 - 16.0).abs();
            assert!(error <= 0.0, "cut at {cut}: {left:?}");
        }
    }
}
