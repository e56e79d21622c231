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
#[cfg(test)]
mod tests;

use crate::backend::Problem;
use crate::data::Dataset;
use crate::network::{Activation, Layer, Network};
use crate::objective::Loss;
use crate::optimizer::{Penalty, dot};
use cholesky::{factored, substitute};
use sums::{standardised_squares, sum_hessian, sum_products, sum_squares};

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
    /// Its data, if it is a bound that may be far above the curvature at some parameters.
    bounded: Option<Bounded>,
}

/// A problem whose Hessian is small enough to be summed.
#[derive(Clone, Debug)]
struct Bounded {
    dataset: Dataset,
    network: Network,
    /// What the sums of the losses are multiplied by.
    scale: f64,
    /// A pivot below this share of its square is rounding.
    dependent: f64,
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
        let all = width * layer.n_outputs;
        let products = all.pow(2).saturating_mul(problem.dataset.n_samples());
        let is_summed = is_whole && all <= MAX_FEATURES && products <= MAX_PRODUCTS;
        let bounded = is_summed && loss == Loss::CrossEntropy;
        Self {
            layer,
            loss,
            l2: penalty.l2,
            splits_mean: layer.activation == Activation::Softmax && may_mix,
            least_loss: ROUNDED * 0.5 * squares * problem.scale(),
            inverse,
            bounded: bounded.then(|| Bounded {
                dataset: problem.dataset.clone(),
                network: problem.network.clone(),
                scale: problem.scale(),
                dependent,
            }),
        }
    }

    /// The decrease that a step against `gradient` promises by the Hessian at `parameters` itself, which where outputs are
    /// saturated is far below its bound. Takes a pass over the data. `None` if the Hessian is not known, or too large.
    pub(super) fn promised_at(&self, parameters: &[f64], gradient: &[f64]) -> Option<f64> {
        let Bounded {
            dataset,
            network,
            scale,
            dependent,
        } = self.bounded.as_ref()?;
        let Layer {
            n_inputs,
            n_outputs,
            bias,
            ..
        } = self.layer;
        let width = n_inputs + usize::from(bias);
        let mut hessian = sum_hessian(dataset, network, parameters);
        hessian.iter_mut().for_each(|sum| *sum *= scale);
        for (at, sum) in hessian
            .iter_mut()
            .step_by(width * n_outputs + 1)
            .enumerate()
        {
            if at % width < n_inputs {
                *sum += self.l2;
            }
        }
        let (weight, of_bias) = gradient.split_at(n_inputs * n_outputs);
        let weights = weight.chunks_exact(n_inputs).enumerate();
        let blocks = weights.flat_map(|(o, weight)| weight.iter().chain(of_bias.get(o)));
        let blocks: Vec<f64> = blocks.copied().collect();
        let mut step = blocks.clone();
        substitute(&factored(hessian, width * n_outputs, *dependent), &mut step);
        Some(0.5 * dot(&step, &blocks))
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
            layer: Network::single_layer(n_parameters, 1, false).layer(),
            loss: Loss::SquaredError,
            l2: 0.0,
            splits_mean: false,
            least_loss: 0.0,
            inverse: Inverse::Unit,
            bounded: None,
        }
    }
}
