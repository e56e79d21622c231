//! Penalties on the weights, never on a bias.

use crate::network::{Activation, Network};
use std::iter::repeat_n;
use std::ops::Range;
use std::sync::Arc;

/// The penalty `l1 ‖W‖₁ + ½ l2 ‖W‖²` that is added to the loss.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Penalty {
    pub(crate) l1: f64,
    pub(crate) l2: f64,
    /// The numbers of the parameters that are weights, layer by layer; the others are biases.
    weights: Arc<[Range<usize>]>,
    /// Features of a network of one layer, if what is added to the weights of all outputs for one of them changes no prediction, as of a softmax.
    invariant: Option<usize>,
}

impl Penalty {
    pub(crate) fn new(l1: f64, l2: f64, network: &Network) -> Self {
        let of_layers = network.parts();
        let weights = of_layers.map(|(layer, it)| it.start..it.start + layer.n_weights());
        let is_softmax = network.output_layer().activation == Activation::Softmax;
        Self {
            l1,
            l2,
            weights: weights.collect(),
            invariant: (is_softmax && !network.has_hidden()).then_some(network.n_inputs()),
        }
    }

    /// Of `of_parameters`, which has one for each parameter, those that belong to a weight.
    pub(crate) fn of_weights<T>(
        &self,
        of_parameters: impl IntoIterator<Item = T>,
    ) -> impl Iterator<Item = T> {
        let mut end = 0;
        let is_weight = self.weights.iter().flat_map(move |weights| {
            let n_biases = weights.start - end;
            end = weights.end;
            repeat_n(false, n_biases).chain(repeat_n(true, weights.len()))
        });
        let pairs = of_parameters.into_iter().zip(is_weight);
        pairs.filter_map(|(of_parameter, is_weight)| is_weight.then_some(of_parameter))
    }

    /// Where weights are among `length` parameters, the first of which is number `first`.
    fn places(&self, first: usize, length: usize) -> impl Iterator<Item = Range<usize>> {
        let places = self.weights.iter().map(move |weights| {
            let [start, end] = [weights.start, weights.end].map(|it| it.saturating_sub(first));
            start.min(length)..end.min(length)
        });
        places.filter(|places| !places.is_empty())
    }

    /// With an L1 penalty, moves the weights to those of the least penalty that give the same predictions, and the
    /// gradient there: the loss has no curvature in that direction, so that OWL-QN would crawl along it.
    pub(crate) fn center(&self, parameters: &mut [f64], gradient: &mut [f64]) {
        let Some(n_inputs) = self.invariant.filter(|_| self.l1 > 0.0) else {
            return;
        };
        let n_weights = self.of_weights(&*parameters).count();
        let weights = &mut parameters[..n_weights];
        for j in 0..n_inputs {
            let of_outputs: Vec<f64> = weights.iter().skip(j).step_by(n_inputs).copied().collect();
            let center = self.center_of(&of_outputs);
            let outputs = weights.iter_mut().zip(&mut *gradient);
            for (weight, gradient) in outputs.skip(j).step_by(n_inputs) {
                *weight -= center;
                *gradient -= self.l2 * center;
            }
        }
    }

    /// The m of the least `l1 Σ |w − m| + ½ l2 Σ (w − m)²`: a median, moved towards the mean.
    fn center_of(&self, weights: &[f64]) -> f64 {
        let mut sorted = weights.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let sum: f64 = sorted.iter().sum();
        // The derivative by m between two neighbours, where k are below; it rises from one gap to the next.
        let slope = |k: usize, m: f64| {
            self.l1 * (2.0 * k as f64 - n as f64) + self.l2 * (n as f64 * m - sum)
        };
        for (k, w) in sorted.iter().enumerate() {
            if slope(k, *w) >= 0.0 {
                // Within the gap below this one.
                return (sum - self.l1 / self.l2 * (2.0 * k as f64 - n as f64)) / n as f64;
            }
            if slope(k + 1, *w) >= 0.0 {
                return *w;
            }
        }
        sorted[n - 1]
    }

    /// `l1 ‖W‖₁`
    pub(crate) fn l1_loss(&self, parameters: &[f64]) -> f64 {
        if self.l1 == 0.0 {
            return 0.0;
        }
        let magnitudes = self.of_weights(parameters).map(|weight| weight.abs());
        self.l1 * magnitudes.sum::<f64>()
    }

    /// `½ l2 ‖W‖²`
    pub(crate) fn l2_loss(&self, parameters: &[f64]) -> f64 {
        if self.l2 == 0.0 {
            return 0.0;
        }
        let squares = self.of_weights(parameters).map(|weight| weight * weight);
        0.5 * self.l2 * squares.sum::<f64>()
    }

    /// `gradient += l2 W`, for `parameters`, the first of which is number `first`.
    pub(crate) fn add_l2_gradient(&self, first: usize, parameters: &[f64], gradient: &mut [f64]) {
        if self.l2 == 0.0 {
            return;
        }
        for places in self.places(first, parameters.len()) {
            let weights = &parameters[places.clone()];
            for (gradient, weight) in gradient[places].iter_mut().zip(weights) {
                *gradient += self.l2 * weight;
            }
        }
    }

    /// The subgradient of the objective nearest to 0 (Andrew and Gao, ICML 2007, equation 4), which is 0 at a minimum;
    /// without an L1 penalty the gradient.
    pub(crate) fn pseudo_gradient(&self, parameters: &[f64], gradient: &[f64]) -> Vec<f64> {
        let mut pseudo = gradient.to_vec();
        for (gradient, weight) in self.of_weights(pseudo.iter_mut().zip(parameters)) {
            *gradient = if *weight == 0.0 {
                soft_threshold(*gradient, self.l1)
            } else {
                *gradient + self.l1 * weight.signum()
            };
        }
        pseudo
    }

    /// `W ← W − share · W`, of `parameters`, the first of which is number `first`.
    pub(crate) fn decay(&self, share: f64, first: usize, parameters: &mut [f64]) {
        for places in self.places(first, parameters.len()) {
            for weight in &mut parameters[places] {
                *weight -= share * *weight;
            }
        }
    }

    /// The proximal step of `rate · l1 ‖W‖₁` (Parikh and Boyd, Proximal Algorithms, section 6.5.2): moves each weight
    /// towards 0 by `rate · l1`, but not beyond. The first of `parameters` is number `first`. Calls `use_taken` with the
    /// place of each weight among them and what is taken from it.
    pub(crate) fn soft_threshold(
        &self,
        rate: f64,
        first: usize,
        parameters: &mut [f64],
        mut use_taken: impl FnMut(usize, f64),
    ) {
        if self.l1 > 0.0 {
            let threshold = rate * self.l1;
            for at in self.places(first, parameters.len()).flatten() {
                let taken = parameters[at].clamp(-threshold, threshold);
                parameters[at] -= taken;
                use_taken(at, taken);
            }
        }
    }
}

/// `x`, nearer to 0 by `threshold`, but not beyond.
fn soft_threshold(x: f64, threshold: f64) -> f64 {
    x - x.clamp(-threshold, threshold)
}

#[cfg(test)]
mod tests {
    use super::Penalty;
    use crate::network::{Activation, Network};
    use crate::random::test_numbers;
    use rand::RngExt;

    /// No other centre has a lower penalty, for few and many outputs, ties, and either penalty alone.
    #[test]
    fn a_center_has_the_least_penalty() {
        let mut random = test_numbers(1);
        for n_outputs in 2..7 {
            for (l1, l2) in [(1.0, 0.0), (0.3, 2.0), (5.0, 0.1), (1e-6, 1.0)] {
                let network = Network::single_layer(1, n_outputs, false);
                let network = network.with_activation(Activation::Softmax);
                let penalty = Penalty::new(l1, l2, &network);
                let mut weights: Vec<f64> = Vec::new();
                for _ in 0..n_outputs {
                    weights.push(random.random_range(-3.0..3.0));
                }
                weights[1] = weights[0];
                let of = |center: f64| {
                    let moved: Vec<f64> = weights.iter().map(|w| w - center).collect();
                    penalty.l1_loss(&moved) + penalty.l2_loss(&moved)
                };
                let least = of(penalty.center_of(&weights));
                for step in -4000..4000 {
                    let other = of(1e-3 * f64::from(step));
                    assert!(least <= other + 1e-12, "{weights:?}: {least} and {other}");
                }
            }
        }
    }
}
