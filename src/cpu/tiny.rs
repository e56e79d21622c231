//! Gradient descent on a few rows, with one vector for each feature and unit that holds it for all rows. An update of a
//! small network then takes about as long as the chain of operations that depend on each other: nothing is copied,
//! packed or allocated between updates.

#[cfg(test)]
mod tests;

use super::block::{Rows, column};
use super::exp::exp_of_short_chain;
use crate::backend::{Problem, Summary};
use crate::network::{Activation, Layer};
use crate::objective::Loss;
use crate::simd::{Arithmetic, Instructions, mul_add};

/// The most rows.
const MOST_ROWS: usize = 8;
/// The most parameters of a network with hidden layers: with more, tiles of matrices are faster.
const MOST_PARAMETERS: usize = 1 << 12;

/// Makes `iterations` updates of `parameters`, and returns the sums of loss and slope before the last. `None` if there
/// are more than a few rows, the network is large, or its outputs depend on each other as those of a softmax do.
pub(super) fn descend(
    problem: &Problem<'_>,
    rows: Rows<'_>,
    iterations: u64,
    rate: f64,
    parameters: &mut [f64],
) -> Option<Summary> {
    let network = &problem.network;
    let independent = network.output_layer().activation != Activation::Softmax;
    let small = !network.has_hidden() || parameters.len() <= MOST_PARAMETERS;
    if !independent || !small || rows.n_rows > MOST_ROWS {
        return None;
    }
    // Wider vectors gain nothing: the updates wait for each operation, not for its breadth.
    let instructions = Instructions::detect().narrow();
    Some(match rows.n_rows <= MOST_ROWS / 2 {
        true => instructions.run(Descent::<{ MOST_ROWS / 2 }>::new(
            problem, rows, iterations, rate, parameters,
        )),
        false => instructions.run(Descent::<MOST_ROWS>::new(
            problem, rows, iterations, rate, parameters,
        )),
    })
}

/// A number of each of at most W rows.
type Lanes<const W: usize> = [f64; W];

/// A layer with its values.
struct TinyLayer<const W: usize> {
    shape: Layer,
    /// (O, I)
    weight: Vec<f64>,
    /// (O), 0 without a bias.
    bias: Vec<f64>,
    /// (I): the features, or the activations of the layer below.
    inputs: Vec<Lanes<W>>,
    /// (O): the pre-activations of a hidden layer.
    z: Vec<Lanes<W>>,
    /// (O): of a hidden layer dloss/da times the negative rate, as far as the layer above has added to it.
    e: Vec<Lanes<W>>,
}

impl<const W: usize> TinyLayer<W> {
    /// The pre-activations of output `o`.
    #[inline(always)]
    fn pre_activation<const FUSED: bool>(&self, o: usize) -> Lanes<W> {
        let n_inputs = self.inputs.len();
        let mut z = [self.bias[o]; W];
        for (x, w) in self.inputs.iter().zip(&self.weight[o * n_inputs..]) {
            for i in 0..W {
                z[i] = mul_add::<FUSED>(*w, x[i], z[i]);
            }
        }
        z
    }

    /// Adds `e W` of output `o`, whose step is `e`, to the sums of the layer below, `hidden`.
    #[inline(always)]
    fn add_error_below<const FUSED: bool>(&self, o: usize, e: &Lanes<W>, hidden: &mut Self) {
        let weight = &self.weight[o * hidden.e.len()..];
        for (sums, w) in hidden.e.iter_mut().zip(weight) {
            for i in 0..W {
                sums[i] = mul_add::<FUSED>(*w, e[i], sums[i]);
            }
        }
    }

    /// Updates the weight and the bias of output `o` by the steps `e` of its pre-activations.
    #[inline(always)]
    fn descend(&mut self, o: usize, e: &Lanes<W>) {
        let n_inputs = self.inputs.len();
        for (w, x) in self.weight[o * n_inputs..].iter_mut().zip(&self.inputs) {
            *w += sum::<W>(std::array::from_fn(|i| e[i] * x[i]));
        }
        if self.shape.bias {
            self.bias[o] += sum(*e);
        }
    }
}

/// dloss/dz of an output times the factors of the rows.
#[inline(always)]
fn step<const FUSED: bool, const W: usize>(
    activation: Activation,
    loss: Loss,
    z: &Lanes<W>,
    t: &Lanes<W>,
    factors: &Lanes<W>,
) -> Lanes<W> {
    if activation != Activation::Sigmoid {
        let mut y = *z;
        activation.apply(&mut y);
        return std::array::from_fn(|i| factors[i] * loss.grad_z(activation, z[i], y[i], t[i]));
    }
    // The prediction is 1 / (1 + q), or q / (1 + q), of slope q / (1 + q)², from q = exp(−|z|).
    let q: Lanes<W> = std::array::from_fn(|i| exp_of_short_chain::<FUSED>(-z[i].abs()));
    std::array::from_fn(|i| {
        let r = 1.0 / (1.0 + q[i]);
        // For both signs of z, so that none has to wait for the prediction.
        let (positive, negative) = (r - t[i], mul_add::<FUSED>(q[i], r, -t[i]));
        let difference = if z[i] >= 0.0 { positive } else { negative };
        match loss {
            Loss::SquaredError => difference * factors[i] * (q[i] * r * r),
            Loss::CrossEntropy => difference * factors[i],
        }
    })
}

/// Updates of a network; lanes without a row have the weight and the factor 0.
struct Descent<'a, const W: usize> {
    layers: Vec<TinyLayer<W>>,
    loss: Loss,
    /// (O)
    targets: Vec<Lanes<W>>,
    /// The weight of each row.
    weights: Lanes<W>,
    /// The weight of each row times the negative rate: with it an error is a step.
    factors: Lanes<W>,
    iterations: u64,
    parameters: &'a mut [f64],
}

impl<'a, const W: usize> Descent<'a, W> {
    fn new(
        problem: &Problem<'_>,
        rows: Rows<'_>,
        iterations: u64,
        rate: f64,
        parameters: &'a mut [f64],
    ) -> Self {
        let n_rows = rows.n_rows;
        let target = |o| column(rows.targets, rows.target_stride, n_rows, o);
        let network = &problem.network;
        let weights = match problem.dataset.is_weighted() {
            true => target(network.n_outputs()),
            false => std::array::from_fn(|row| if row < n_rows { 1.0 } else { 0.0 }),
        };
        let mut layers: Vec<TinyLayer<W>> = Vec::new();
        for (shape, range) in network.parts() {
            let (weight, bias) = shape.split(&parameters[range]);
            layers.push(TinyLayer {
                weight: weight.to_vec(),
                bias: bias.map_or_else(|| vec![0.0; shape.n_outputs], <[f64]>::to_vec),
                inputs: vec![[0.0; W]; shape.n_inputs],
                z: vec![[0.0; W]; shape.n_outputs],
                e: vec![[0.0; W]; shape.n_outputs],
                shape,
            });
        }
        for (i, x) in layers[0].inputs.iter_mut().enumerate() {
            *x = column(rows.inputs, rows.input_stride, n_rows, i);
        }
        Self {
            layers,
            loss: problem.objective.loss,
            targets: (0..network.n_outputs()).map(target).collect(),
            weights,
            factors: weights.map(|weight| -rate * weight),
            iterations,
            parameters,
        }
    }

    /// Writes the values of the hidden layers.
    #[inline(always)]
    fn forward<const FUSED: bool>(&mut self) {
        for at in 1..self.layers.len() {
            let (before, from_here) = self.layers.split_at_mut(at);
            let (layer, above) = (&mut before[at - 1], &mut from_here[0]);
            for unit in 0..layer.shape.n_outputs {
                let z = layer.pre_activation::<FUSED>(unit);
                layer.z[unit] = z;
                above.inputs[unit] = z;
                layer.shape.activation.apply(&mut above.inputs[unit]);
            }
        }
    }

    /// Makes one update, from the values of the hidden layers. Each weight of the last layer is updated as soon as the
    /// error of its output is known.
    #[inline(always)]
    fn backward<const FUSED: bool>(&mut self) {
        let Some((last, mut below)) = self.layers.split_last_mut() else {
            return;
        };
        if let Some(hidden) = below.last_mut() {
            hidden.e.fill([0.0; W]);
        }
        for (o, t) in self.targets.iter().enumerate() {
            let z = last.pre_activation::<FUSED>(o);
            let e = step::<FUSED, W>(last.shape.activation, self.loss, &z, t, &self.factors);
            if let Some(hidden) = below.last_mut() {
                last.add_error_below::<FUSED>(o, &e, hidden);
            }
            last.descend(o, &e);
        }
        let mut inputs = &last.inputs;
        while let Some((layer, rest)) = below.split_last_mut() {
            below = rest;
            let activation = layer.shape.activation;
            if let Some(hidden) = below.last_mut() {
                hidden.e.fill([0.0; W]);
            }
            for (unit, a) in inputs.iter().enumerate() {
                let (z, e) = (&layer.z[unit], &layer.e[unit]);
                let e = std::array::from_fn(|i| e[i] * activation.slope(z[i], a[i]));
                if let Some(hidden) = below.last_mut() {
                    layer.add_error_below::<FUSED>(unit, &e, hidden);
                }
                layer.descend(unit, &e);
            }
            inputs = &layer.inputs;
        }
    }

    /// The sums of loss and slope at the values of the last layer.
    #[inline(always)]
    fn summary<const FUSED: bool>(&self) -> Summary {
        let last = &self.layers[self.layers.len() - 1];
        let activation = last.shape.activation;
        let mut summary = Summary::default();
        for (o, t) in self.targets.iter().enumerate() {
            let z = last.pre_activation::<FUSED>(o);
            let mut y = z;
            activation.apply(&mut y);
            for (row, weight) in self.weights.iter().enumerate() {
                let [z, y, t] = [&z[row..=row], &y[row..=row], &t[row..=row]];
                summary.loss += weight * self.loss.value(activation, z, y, t);
                summary.mean_slope += weight * activation.slope(z[0], y[0]);
            }
        }
        summary
    }
}

impl<const W: usize> Arithmetic for Descent<'_, W> {
    /// The sums of loss and slope before the last update.
    type Output = Summary;

    #[inline(always)]
    fn run<const FUSED: bool>(mut self) -> Summary {
        for _ in 1..self.iterations {
            self.forward::<FUSED>();
            self.backward::<FUSED>();
        }
        self.forward::<FUSED>();
        let summary = self.summary::<FUSED>();
        self.backward::<FUSED>();
        let mut rest = &mut *self.parameters;
        for layer in &self.layers {
            let (weight, others) = rest.split_at_mut(layer.weight.len());
            weight.copy_from_slice(&layer.weight);
            rest = others;
            if layer.shape.bias {
                let (bias, others) = rest.split_at_mut(layer.bias.len());
                bias.copy_from_slice(&layer.bias);
                rest = others;
            }
        }
        summary
    }
}

/// The sum of all lanes: the halves, then the quarters.
#[inline(always)]
fn sum<const W: usize>(mut lanes: Lanes<W>) -> f64 {
    let mut width = W / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}
