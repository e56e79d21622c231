//! Sums of products of the features over all samples, in the fixed tree.

use crate::data::{Dataset, RowsRead, Scaling};
use crate::leaves::sum_leaves;
use crate::network::{Activation, Layer, Network};

/// `Σ w x xᵀ` (I + bias, I + bias) over the samples, x ending in 1 for a bias; the lower triangle of a square.
pub(super) fn sum_products(dataset: &Dataset, layer: Layer) -> Vec<f64> {
    let width = layer.n_inputs + usize::from(layer.bias);
    sum_rows(dataset, layer, width * width, |weight, x, sums| {
        for (i, sums) in sums.chunks_exact_mut(width).enumerate() {
            let factor = weight * x[i];
            for (sum, x) in sums.iter_mut().zip(&x[..=i]) {
                *sum += factor * x;
            }
        }
    })
}

/// `Σ w S ⊗ x xᵀ` (O (I + bias), O (I + bias)) over the samples of a layer with cross-entropy at `parameters`: S (O, O) has
/// the second derivatives of the loss of one by its pre-activations, which are `y(1−y)` and, of a softmax, `−y yᵀ` beside
/// the diagonal. The lower triangle of a square.
pub(super) fn sum_hessian(dataset: &Dataset, network: &Network, parameters: &[f64]) -> Vec<f64> {
    let layer = network.layer();
    let (width, n_outputs) = (layer.n_inputs + usize::from(layer.bias), layer.n_outputs);
    let is_softmax = layer.activation == Activation::Softmax;
    let all = width * n_outputs;
    sum_rows(dataset, layer, all * all, |weight, x, sums| {
        let mut values = network.values();
        network.forward(parameters, &x[..layer.n_inputs], &mut values);
        let y = values.prediction();
        for (at, sums) in sums.chunks_exact_mut(all).enumerate() {
            let (o, i) = (at / width, at % width);
            for other in (0..=o).filter(|other| is_softmax || *other == o) {
                let second = match other == o {
                    true => y[o] * (1.0 - y[o]),
                    false => -y[o] * y[other],
                };
                let (factor, end) = (
                    weight * second * x[i],
                    if other == o { i + 1 } else { width },
                );
                let sums = &mut sums[other * width..][..end];
                sums.iter_mut()
                    .zip(x)
                    .for_each(|(sum, x)| *sum += factor * x);
            }
        }
    })
}

/// `Σ w x²` (I + bias) over the samples.
pub(super) fn sum_squares(dataset: &Dataset, layer: Layer) -> Vec<f64> {
    let width = layer.n_inputs + usize::from(layer.bias);
    sum_rows(dataset, layer, width, |weight, x, sums| {
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum += weight * x * x;
        }
    })
}

/// What [`sum_squares`] gives for features with the mean 0 and the standard deviation 1, without a pass over the data,
/// and so without the squares of the targets.
pub(super) fn standardised_squares(dataset: &Dataset, scaling: &Scaling) -> Vec<f64> {
    let weight = dataset.total_weight();
    let square = |scale: &f64| if *scale > 0.0 { weight } else { 0.0 };
    let squares = scaling.scale().iter().map(square);
    squares.chain([weight, 0.0]).collect()
}

/// Sums over all samples what `add` adds for the weight and the features of one, a 1 behind them for a bias; behind
/// these sums stands `Σ w t²`.
fn sum_rows(
    dataset: &Dataset,
    layer: Layer,
    n_sums: usize,
    add: impl Fn(f64, &[f64], &mut [f64]) + Sync,
) -> Vec<f64> {
    let leaves = dataset.leaves();
    let (n_outputs, width) = (dataset.n_outputs(), dataset.target_width());
    let of_rows = |read: RowsRead<'_>| {
        let mut sums = vec![0.0; n_sums + 1];
        let mut x = vec![1.0; layer.n_inputs + usize::from(layer.bias)];
        let rows = read.inputs.chunks_exact(layer.n_inputs);
        for (row, targets) in rows.zip(read.targets.chunks_exact(width)) {
            for (x, input) in x.iter_mut().zip(row) {
                *x = f64::from(*input);
            }
            let weight = targets
                .get(n_outputs)
                .map_or(1.0, |weight| f64::from(*weight));
            add(weight, &x, &mut sums[..n_sums]);
            let squares = targets[..n_outputs].iter().map(|t| f64::from(*t).powi(2));
            sums[n_sums] += weight * squares.sum::<f64>();
        }
        sums
    };
    let of_leaf = |leaf| dataset.with_rows(leaves.rows(leaf), of_rows);
    let add_sums = |sums: &mut Vec<f64>, more: &Vec<f64>| {
        let pairs = sums.iter_mut().zip(more);
        pairs.for_each(|(sum, more)| *sum += more);
    };
    sum_leaves(leaves.count(), of_leaf, add_sums)
}
