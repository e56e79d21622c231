//! Mean and spread of numbers that come in pieces.

/// Weight, mean, and sum of squared distances from the mean, of weighted numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Moments {
    pub(super) weight: f64,
    pub(super) mean: f64,
    squares: f64,
}

impl Moments {
    /// One number more (West, "Updating mean and variance estimates", 1979).
    pub(super) fn push(&mut self, value: f64, weight: f64) {
        if weight > 0.0 {
            let distance = value - self.mean;
            self.weight += weight;
            self.mean += distance * (weight / self.weight);
            self.squares += weight * distance * (value - self.mean);
        }
    }

    /// The numbers of both (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983).
    pub(super) fn add(&mut self, other: &Self) {
        let weight = self.weight + other.weight;
        if weight > 0.0 {
            let (distance, share) = (other.mean - self.mean, other.weight / weight);
            self.squares += other.squares + distance * distance * self.weight * share;
            self.mean += distance * share;
            self.weight = weight;
        }
    }

    /// The standard deviation: what a constant prediction of the mean is off by, as a root of a mean square.
    pub(super) fn deviation(&self) -> f64 {
        self.variance().sqrt()
    }

    pub(super) fn variance(&self) -> f64 {
        self.squares / self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::Moments;

    /// Far from 0, where a difference of sums of squares would have no digit left; in any two pieces.
    #[test]
    fn pieces_have_the_moments_of_the_whole() {
        let numbers = [(1e9 + 4.0, 1.0), (1e9 + 7.0, 2.0), (1e9 + 13.0, 0.0)];
        let numbers = [&numbers[..], &[(1e9 + 16.0, 1.0)]].concat();
        for cut in 0..=numbers.len() {
            let (mut left, mut right) = (Moments::default(), Moments::default());
            numbers[..cut].iter().for_each(|(x, w)| left.push(*x, *w));
            numbers[cut..].iter().for_each(|(x, w)| right.push(*x, *w));
            left.add(&right);
            // Weights 1, 2, 1: mean 8.5, variance (4.5² + 2 · 1.5² + 7.5²) / 4.
            let error = (left.mean - 1e9 - 8.5).abs() + (left.variance() - 20.25).abs();
            assert!(error <= 1e-6, "cut at {cut}: {left:?}");
        }
    }
}
