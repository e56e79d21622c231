//! The curvature of the objective as far as the features tell it: where L-BFGS begins, and what a gradient is held
//! against.
//!
//! The Hessian of the loss of one layer is `Σ h x xᵀ` for each output, over the samples, h being the curvature of the
//! loss by the pre-activation. With the most that h can be it bounds the Hessian of a sigmoid's cross-entropy from
//! above (Böhning and Lindsay, Monotonicity of quadratic-approximation algorithms, 1988), and of a linear output's
//! squared error it is the Hessian. The penalty adds `l2` for each weight.
//!
//! The loss of a softmax does not change if the same is added to all outputs, so along the mean over the outputs there
//! is the curvature of the penalty alone.
//!
//! Of a network with hidden layers the features tell no curvature: there it is taken as 1 for every parameter.

mod cholesky;
mod sums;

use crate::backend::Problem;
use crate::network::{Activation, Layer};
use crate::objective::Loss;
use crate::optimizer::{Penalty, dot};
use cholesky::{factored, substitute};
use sums::{standardised_squares, sum_products, sum_squares};

/// Up to this many multiplications the products of all pairs of features are summed; a pass of training takes less time
/// than more of them, so beyond it the squares alone are.
const MAX_PRODUCTS: usize = 1 << 29;
/// Most features whose products make a matrix.
const MAX_FEATURES: usize = 1 << 10;
/// A feature that others make up for but for this share of its square, for each of them, is taken as their sum:
/// features are f32, so what is left of it is rounding. Its parameter stays where it is.
const DEPENDENT: f64 = 1.0 / (1_u64 << 48) as f64;
/// A gradient shows less the coarser it is: a share of a square below that of its rounding, times this, is taken so
/// too.
const COARSE: f64 = (1_u64 << 20) as f64;
/// A loss of this share of that of predicting 0 is what rounding the targets to f32 makes.
const ROUNDED: f64 = 1.0 / (1_u64 << 44) as f64;

/// The curvature, the same for each output.
#[derive(Clone, Debug)]
pub(super) struct Curvature {
    layer: Layer,
    loss: Loss,
    l2: f64,
    /// Whether the mean over the outputs has a curvature of its own. OWL-QN, which moves each weight by itself, wants
    /// no direction that mixes them.
    splits_mean: bool,
    /// A loss that is hardly to be told from 0.
    pub(super) least_loss: f64,
    inverse: Inverse,
}

#[derive(Clone, Debug)]
enum Inverse {
    /// The Cholesky factor L (I + bias, I + bias) of the curvature, its lower triangle row by row.
    Factor(Vec<f64>),
    /// The inverse of its diagonal (I + bias).
    Diagonal(Vec<f64>),
    /// The inverse of a curvature of 1 for every parameter.
    Unit,
}

impl Curvature {
    /// Of what is minimised for `problem`, whose losses can be told apart if they differ by the share `resolution`.
    /// Takes a pass over the data.
    pub(super) fn new(problem: &Problem<'_>, penalty: &Penalty, resolution: f64) -> Self {
        // The features, as if they were multiplied by the weights of the outputs.
        let layer = Layer {
            n_inputs: problem.network.n_inputs(),
            ..problem.network.output_layer()
        };
        let has_hidden = problem.network.has_hidden();
        let width = layer.n_inputs + usize::from(layer.bias);
        let products = width.pow(2).saturating_mul(problem.dataset.n_samples());
        let may_mix = penalty.l1 <= 0.0;
        let is_whole = width <= MAX_FEATURES && products <= MAX_PRODUCTS && may_mix && !has_hidden;
        let mut sums = match problem.dataset.scaling() {
            _ if is_whole => sum_products(problem.dataset, layer),
            Some(scaling) if layer.bias && !has_hidden => {
                standardised_squares(problem.dataset, scaling)
            }
            _ => sum_squares(problem.dataset, layer),
        };
        let squares = sums.pop().expect("the squares of the targets");
        let loss = problem.objective.loss;
        let factor = loss.curvature(layer.activation.most_slope()) * problem.scale();
        sums.iter_mut().for_each(|sum| *sum *= factor);
        let stride = if is_whole { width + 1 } else { 1 };
        for (j, sum) in sums.iter_mut().step_by(stride).enumerate() {
            if j < layer.n_inputs {
                *sum += penalty.l2;
            }
            // A feature that is 0 in every row has no curvature, and no gradient either.
            if *sum <= 0.0 {
                *sum = 1.0;
            }
        }
        // The rounding of the backend is half a unit in the last place, of which its resolution is four.
        let rounding = resolution / 8.0;
        let dependent = width as f64 * DEPENDENT.max(COARSE * rounding * rounding);
        let inverse = match is_whole {
            _ if has_hidden => Inverse::Unit,
            true => Inverse::Factor(factored(sums, width, dependent)),
            false => Inverse::Diagonal(sums.iter().map(|sum| 1.0 / sum).collect()),
        };
        Self {
            layer,
            loss,
            l2: penalty.l2,
            splits_mean: layer.activation == Activation::Softmax && may_mix,
            least_loss: ROUNDED * 0.5 * squares * problem.scale(),
            inverse,
        }
    }

    /// The decrease of the loss that a step against `gradient` promises: `½ gᵀ H⁻¹ g`. The curvature is taken to have
    /// fallen as `mean_slope`, the mean of `dy/dz`, fell from the largest slope that there is.
    pub(super) fn promised(&self, gradient: &[f64], mean_slope: f64) -> f64 {
        let most = self.loss.curvature(self.layer.activation.most_slope());
        let share = match self.inverse {
            Inverse::Unit => 1.0,
            _ => self.loss.curvature(mean_slope) / most,
        };
        let decrease = 0.5 * dot(&self.solve(gradient), gradient);
        // Of a saturated layer without a gradient both are 0.
        if decrease <= 0.0 {
            0.0
        } else {
            decrease / share
        }
    }

    /// The size of a gradient at a loss of `loss`, from the decrease that a step against it promises. All units cancel,
    /// and it does not depend on the start.
    pub(super) fn relative_gradient(&self, promised: f64, loss: f64) -> f64 {
        (2.0 * promised / loss.abs().max(self.least_loss)).sqrt()
    }

    /// The inverse of the curvature times `gradient`: minus the step to the minimum, if that were all there is to it.
    pub(super) fn solve(&self, gradient: &[f64]) -> Vec<f64> {
        let Layer {
            n_inputs,
            n_outputs,
            bias,
            ..
        } = self.layer;
        let mut solved = gradient.to_vec();
        if let Inverse::Unit = self.inverse {
            return solved;
        }
        let (weight, of_bias) = gradient.split_at(n_inputs * n_outputs);
        let means = self.means_over_outputs(gradient);
        for (o, weight) in weight.chunks_exact(n_inputs).enumerate() {
            let mut block = weight.to_vec();
            block.extend(bias.then(|| of_bias[o]));
            block
                .iter_mut()
                .zip(&means)
                .for_each(|(term, mean)| *term -= mean);
            match &self.inverse {
                Inverse::Unit => {}
                Inverse::Factor(factor) => substitute(factor, &mut block),
                Inverse::Diagonal(inverse) => {
                    let pairs = block.iter_mut().zip(inverse);
                    pairs.for_each(|(term, inverse)| *term *= inverse);
                }
            }
            // The bias has no penalty, so it has no curvature along its mean.
            for (term, mean) in block[..n_inputs].iter_mut().zip(&means) {
                *term += if self.l2 > 0.0 { mean / self.l2 } else { 0.0 };
            }
            solved[o * n_inputs..][..n_inputs].copy_from_slice(&block[..n_inputs]);
            if bias {
                solved[n_inputs * n_outputs + o] = block[n_inputs];
            }
        }
        solved
    }

    /// The means over the outputs (I + bias) of a gradient that is split into them and the rest; empty if it is not.
    fn means_over_outputs(&self, gradient: &[f64]) -> Vec<f64> {
        let Layer {
            n_inputs,
            n_outputs,
            ..
        } = self.layer;
        if !self.splits_mean {
            return Vec::new();
        }
        let (weight, of_bias) = gradient.split_at(n_inputs * n_outputs);
        let mean =
            |j: usize| weight.iter().skip(j).step_by(n_inputs).sum::<f64>() / n_outputs as f64;
        let of_weights = (0..n_inputs).map(mean);
        let of_bias = of_bias.iter().sum::<f64>() / n_outputs as f64;
        of_weights.chain([of_bias]).collect()
    }

    /// A curvature of 1 for each of `n_parameters` weights.
    #[cfg(test)]
    pub(super) fn unit(n_parameters: usize) -> Self {
        Self {
            layer: crate::network::Network::single_layer(n_parameters, 1, false).layer(),
            loss: Loss::SquaredError,
            l2: 0.0,
            splits_mean: false,
            least_loss: 0.0,
            inverse: Inverse::Unit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Curvature;
    use crate::backend::Problem;
    use crate::cpu::Cpu;
    use crate::data::Dataset;
    use crate::network::{Activation, Network};
    use crate::objective::{Loss, Objective, Reduction};
    use crate::optimizer::{Penalty, dot};
    use crate::random::test_numbers;
    use crate::train::quasi_newton::Iterate;
    use rand::RngExt;

    const RESOLUTION: f64 = 4.0 * f64::EPSILON;

    #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
    fn rounded(number: f64) -> f32 {
        number as f32
    }

    /// Columns with units and means far apart, the third nearly the sum of the first two; targets of two outputs.
    fn dataset(units: [f64; 3]) -> Dataset {
        let mut random = test_numbers(5);
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            let a: f64 = random.random_range(-1.0..1.0);
            let b: f64 = random.random_range(1.0..3.0);
            let noise: f64 = random.random_range(-1e-2..1e-2);
            let row = [a, b, a + b + noise];
            inputs.extend(row.iter().zip(units).map(|(x, unit)| rounded(x * unit)));
            targets.extend([rounded(a - b + 30.0 * noise), random.random()]);
        }
        Dataset::from_rows("random", 3, 2, inputs, targets).unwrap()
    }

    fn problem(dataset: &Dataset, activation: Activation) -> Problem<'_> {
        Problem {
            dataset,
            network: Network::single_layer(3, 2, true).with_activation(activation),
            objective: Objective {
                loss: Loss::usual(activation),
                reduction: Reduction::Mean,
            },
            dropout: None,
        }
    }

    fn evaluated(problem: &Problem<'_>, penalty: &Penalty, parameters: Vec<f64>) -> Iterate {
        use crate::backend::Backend;
        let mut cpu = Cpu::new(problem.clone(), Some(1)).unwrap();
        cpu.set_parameters(&parameters).unwrap();
        Iterate::new(penalty, parameters, cpu.evaluate().unwrap())
    }

    /// Of a square the step is that to the minimum, and the promise is the whole distance, penalties included.
    #[test]
    fn a_square_is_known_exactly() {
        for l2 in [0.0, 0.3] {
            let dataset = dataset([1.0, 1.0, 1.0]);
            let problem = problem(&dataset, Activation::Identity);
            let penalty = Penalty::new(0.0, l2, &problem.network);
            let curvature = Curvature::new(&problem, &penalty, RESOLUTION);
            let start = evaluated(&problem, &penalty, problem.network.initial_parameters(1));
            let step = curvature.solve(&start.gradient);
            let moved = start.parameters.iter().zip(&step).map(|(p, step)| p - step);
            let end = evaluated(&problem, &penalty, moved.collect());
            let largest = end.gradient.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            assert!(largest <= 1e-10, "l2 {l2}: gradient {largest:e}");
            let promised = curvature.promised(&start.gradient, 1.0);
            let decrease = start.loss - end.loss;
            assert!(
                (promised / decrease - 1.0).abs() <= 1e-9,
                "l2 {l2}: {promised} of {decrease}"
            );
        }
    }

    /// In other units the same predictions have the same promise; the diagonal alone, which an L1 penalty asks for,
    /// too.
    #[test]
    fn units_have_no_influence() {
        for l1 in [0.0, 1e-3] {
            let promises = [[1.0, 1.0, 1.0], [1e-6, 1e6, 1e3]].map(|units| {
                let dataset = dataset(units);
                let problem = problem(&dataset, Activation::Sigmoid);
                let penalty = Penalty::new(l1, 0.0, &problem.network);
                let curvature = Curvature::new(&problem, &penalty, RESOLUTION);
                let mut parameters = problem.network.initial_parameters(1);
                for (weight, unit) in parameters[..6].iter_mut().zip(units.iter().cycle()) {
                    *weight /= unit;
                }
                let at = evaluated(&problem, &penalty, parameters);
                curvature.promised(&at.gradient, at.summary.mean_slope)
            });
            let [one, other] = promises;
            assert!((one / other - 1.0).abs() <= 1e-3, "{one} and {other}");
        }
    }

    /// A column that is another one in f32 keeps its parameter; the rest reaches the minimum without it.
    #[test]
    fn what_depends_on_others_stays_where_it_is() {
        let from = dataset([1.0, 1.0, 1.0]);
        let (mut inputs, mut targets) = (vec![0.0; 600], vec![0.0; 400]);
        from.read(0..200, &mut inputs, &mut targets);
        for row in inputs.chunks_exact_mut(3) {
            row[2] = 2.0 * row[0];
        }
        let dataset = Dataset::from_rows("twice", 3, 2, inputs, targets).unwrap();
        let problem = problem(&dataset, Activation::Identity);
        let penalty = Penalty::new(0.0, 0.0, &problem.network);
        let curvature = Curvature::new(&problem, &penalty, RESOLUTION);
        let start = evaluated(&problem, &penalty, problem.network.initial_parameters(1));
        let step = curvature.solve(&start.gradient);
        assert!(step[2].abs() <= 0.0 && step[5].abs() <= 0.0, "{step:?}");
        let moved = start.parameters.iter().zip(&step).map(|(p, step)| p - step);
        let end = evaluated(&problem, &penalty, moved.collect());
        assert!(
            dot(&end.gradient, &end.gradient) <= 1e-24,
            "{:?}",
            end.gradient
        );
    }

    /// Copies of a row and its weight are the same, and so is what a step of a linear output reaches: the minimum.
    #[test]
    fn a_step_knows_the_weights_of_the_samples() {
        let weights: Vec<f32> = (0..200_u8).map(|row| f32::from(row % 4)).collect();
        let dataset = dataset([1.0, 1e3, 1e-3]).with_weights(&weights).unwrap();
        let problem = problem(&dataset, Activation::Identity);
        let penalty = Penalty::new(0.0, 0.0, &problem.network);
        let curvature = Curvature::new(&problem, &penalty, RESOLUTION);
        let start = evaluated(&problem, &penalty, problem.network.initial_parameters(1));
        let step = curvature.solve(&start.gradient);
        let moved = start.parameters.iter().zip(&step).map(|(p, step)| p - step);
        let end = evaluated(&problem, &penalty, moved.collect());
        let share = dot(&end.gradient, &end.gradient) / dot(&start.gradient, &start.gradient);
        assert!(share <= 1e-16, "{share:e} is left");
    }

    #[test]
    fn squares_of_standardised_features_are_known() {
        use super::{standardised_squares, sum_squares};
        let dataset = dataset([1.0, 1e3, 1e-3]).standardised(true);
        let problem = problem(&dataset, Activation::Identity);
        let known = standardised_squares(&dataset, dataset.scaling().unwrap());
        let summed = sum_squares(&dataset, problem.network.layer());
        for (known, summed) in known[..4].iter().zip(&summed) {
            assert!((known / summed - 1.0).abs() <= 1e-6, "{known} and {summed}");
        }
    }

    /// The mean of the weights over the outputs of a softmax costs its penalty alone, so one step takes it away, however
    /// large the features are.
    #[test]
    fn a_step_of_a_softmax_takes_the_mean_of_its_outputs_away() {
        let from = dataset([1e4, 1.0, 1e-3]);
        let (mut inputs, mut targets) = (vec![0.0; 600], vec![0.0; 400]);
        from.read(0..200, &mut inputs, &mut targets);
        for row in targets.chunks_exact_mut(2) {
            row[0] = 1.0 - row[1];
        }
        let dataset = Dataset::from_rows("shares", 3, 2, inputs, targets).unwrap();
        let problem = problem(&dataset, Activation::Softmax);
        let penalty = Penalty::new(0.0, 1e-3, &problem.network);
        let curvature = Curvature::new(&problem, &penalty, RESOLUTION);
        let start = evaluated(&problem, &penalty, problem.network.initial_parameters(1));
        let step = curvature.solve(&start.gradient);
        for j in 0..3 {
            let mean = |of: &[f64]| 0.5 * (of[j] + of[3 + j]);
            let (before, moved) = (mean(&start.parameters), mean(&step));
            assert!(
                (moved / before - 1.0).abs() <= 1e-6,
                "{j}: {moved} of {before}"
            );
        }
    }
}
