//! The network: a list of dense layers, and one flat vector of parameters.

mod activation;
mod dropout;
mod init;

pub use activation::{Activation, Meaning};
pub(crate) use activation::{GELU_CUBIC, GELU_SCALE, LEAK, sigmoid};
pub use dropout::Dropout;
pub(crate) use dropout::Mask;
pub use init::Init;

use std::iter::zip;
use std::ops::Range;

/// Most outputs of a layer that is taken to have its gradient in registers.
const MAX_OUTPUTS_IN_REGISTERS: usize = 16;

/// A dense layer: `y = activation(x Wᵀ + b)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// I: the length of the row `x`.
    pub n_inputs: usize,
    /// O: the length of `y`.
    pub n_outputs: usize,
    /// Whether there is a bias.
    pub bias: bool,
    /// The function of the pre-activations.
    pub activation: Activation,
}

impl Layer {
    /// Number of weights, O·I.
    #[must_use]
    pub fn n_weights(&self) -> usize {
        self.n_outputs * self.n_inputs
    }

    /// Number of parameters: O·I weights, and O biases if there is a bias.
    #[must_use]
    pub fn n_parameters(&self) -> usize {
        self.n_weights() + if self.bias { self.n_outputs } else { 0 }
    }

    /// `z = x Wᵀ + b` and `a = activation(z)` for one sample `x` (I), with `parameters` of this layer.
    fn forward<X: Copy + Into<f64>>(&self, parameters: &[f64], x: &[X], out: &mut LayerValues) {
        assert_eq!(x.len(), self.n_inputs, "features of a sample");
        let (weight, bias) = self.split(parameters);
        for (o, z) in out.z.iter_mut().enumerate() {
            let weight = &weight[o * self.n_inputs..(o + 1) * self.n_inputs];
            *z = dot(weight, x) + bias.map_or(0.0, |bias| bias[o]);
        }
        out.a.copy_from_slice(&out.z);
        self.activation.apply(&mut out.a);
    }

    /// Parameters for features x, from parameters for the features `(x − center) · inverse_scale`: `w · inverse_scale`
    /// and `b − Σ center · w · inverse_scale`. Both slices are (I).
    ///
    /// # Panics
    /// If `parameters` is not `n_parameters` long.
    #[must_use]
    pub fn unscale_parameters(
        &self,
        center: &[f64],
        inverse_scale: &[f64],
        parameters: &[f64],
    ) -> Vec<f64> {
        let (weight, bias) = self.split(parameters);
        let scaled = weight.iter().zip(inverse_scale.iter().cycle());
        let mut unscaled: Vec<f64> = scaled.map(|(w, inverse)| w * inverse).collect();
        let rows = unscaled.chunks_exact(self.n_inputs);
        let shift = |w: &[f64]| zip(w, center).map(|(w, center)| w * center).sum::<f64>();
        let bias = zip(rows, bias.unwrap_or_default()).map(|(w, b)| b - shift(w));
        let bias: Vec<f64> = bias.collect();
        unscaled.extend(bias);
        unscaled
    }

    /// Parameters for the features `(x − center) / scale`, from parameters for features x: what
    /// [`Layer::unscale_parameters`] undoes. Both slices are (I).
    pub(crate) fn scale_parameters(
        &self,
        center: &[f64],
        scale: &[f64],
        parameters: &[f64],
    ) -> Vec<f64> {
        let (weight, bias) = self.split(parameters);
        let rows = weight.chunks_exact(self.n_inputs);
        let bias = zip(rows, bias.unwrap_or_default()).map(|(w, b)| b + dot(w, center));
        let weight = weight.iter().zip(scale.iter().cycle());
        weight.map(|(w, scale)| w * scale).chain(bias).collect()
    }

    /// Turns the gradient by the parameters for features x into that by the parameters for the features
    /// `(x − center) · inverse_scale`: the chain rule through [`Layer::unscale_parameters`].
    pub(crate) fn scale_gradient(
        &self,
        center: &[f64],
        inverse_scale: &[f64],
        gradient: &mut [f64],
    ) {
        let (weight, bias) = gradient.split_at_mut(self.n_weights());
        for (o, weight) in weight.chunks_exact_mut(self.n_inputs).enumerate() {
            let grad_bias = bias.get(o).copied().unwrap_or(0.0);
            for ((grad, center), inverse) in weight.iter_mut().zip(center).zip(inverse_scale) {
                *grad = inverse * (*grad - center * grad_bias);
            }
        }
    }

    /// The weight (O, I), row-major, and the bias (O), if there is one, in this layer's parameters.
    ///
    /// # Panics
    /// If `parameters` is not `n_parameters` long.
    #[must_use]
    pub fn split<'a>(&self, parameters: &'a [f64]) -> (&'a [f64], Option<&'a [f64]>) {
        assert_eq!(
            parameters.len(),
            self.n_parameters(),
            "parameters of a layer"
        );
        let (weight, bias) = parameters.split_at(self.n_weights());
        (weight, self.bias.then_some(bias))
    }
}

/// The layers before the last one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Hidden {
    /// Their widths, first to last; empty for a network of one layer.
    pub widths: Vec<usize>,
    /// Their activation.
    pub activation: Activation,
}

impl Hidden {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.widths.is_empty()
    }
}

impl Default for Hidden {
    /// None; if widths are set, the activation is ReLU.
    fn default() -> Self {
        Self {
            widths: Vec::new(),
            activation: Activation::Relu,
        }
    }
}

/// A network: a list of dense layers, first to last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    layers: Vec<Layer>,
}

impl Network {
    /// The article's network: one layer with the sigmoid as its activation.
    #[must_use]
    pub fn single_layer(n_inputs: usize, n_outputs: usize, bias: bool) -> Self {
        Self {
            layers: vec![Layer {
                n_inputs,
                n_outputs,
                bias,
                activation: Activation::Sigmoid,
            }],
        }
    }

    /// The same network with another activation of its last layer.
    #[must_use]
    pub fn with_activation(mut self, activation: Activation) -> Self {
        if let Some(layer) = self.layers.last_mut() {
            layer.activation = activation;
        }
        self
    }

    /// A network with the layers `hidden` before the last layer of this one, each with a bias if that has one.
    #[must_use]
    pub fn with_hidden(self, hidden: &Hidden) -> Self {
        let last = self.output_layer();
        let mut n_inputs = self.n_inputs();
        let mut layers: Vec<Layer> = Vec::with_capacity(hidden.widths.len() + 1);
        for width in &hidden.widths {
            layers.push(Layer {
                n_inputs,
                n_outputs: *width,
                activation: hidden.activation,
                ..last
            });
            n_inputs = *width;
        }
        layers.push(Layer { n_inputs, ..last });
        Self { layers }
    }

    /// The layers, first to last.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The layer of a network of one layer.
    ///
    /// # Panics
    /// If the network has hidden layers.
    #[must_use]
    pub fn layer(&self) -> Layer {
        assert_eq!(self.layers.len(), 1, "layers");
        self.layers[0]
    }

    /// The last layer, whose activations are the predictions.
    #[must_use]
    pub fn output_layer(&self) -> Layer {
        self.layers[self.layers.len() - 1]
    }

    /// Whether there are layers before the last one.
    #[must_use]
    pub fn has_hidden(&self) -> bool {
        self.layers.len() > 1
    }

    /// Whether the network is one layer so narrow that a row is read once: those who share it hold it, and their part of
    /// its gradient, in registers.
    pub(crate) fn reads_rows_once(&self) -> bool {
        !self.has_hidden() && self.n_outputs() <= MAX_OUTPUTS_IN_REGISTERS
    }

    /// Features of a sample.
    #[must_use]
    pub fn n_inputs(&self) -> usize {
        self.layers[0].n_inputs
    }

    /// Predictions for a sample.
    #[must_use]
    pub fn n_outputs(&self) -> usize {
        self.output_layer().n_outputs
    }

    /// Each layer with the range of its parameters in the flat vector, first to last.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = (Layer, Range<usize>)> {
        let mut end = 0;
        let parts = self.layers.iter().map(move |layer| {
            let start = end;
            end += layer.n_parameters();
            (*layer, start..end)
        });
        parts.collect::<Vec<_>>().into_iter()
    }

    /// What [`Layer::unscale_parameters`] makes of the first layer; the others keep theirs.
    ///
    /// # Panics
    /// If `parameters` is not `n_parameters` long.
    #[must_use]
    pub fn unscale_parameters(
        &self,
        center: &[f64],
        inverse_scale: &[f64],
        parameters: &[f64],
    ) -> Vec<f64> {
        self.with_first(parameters, |layer, own| {
            layer.unscale_parameters(center, inverse_scale, own)
        })
    }

    /// What [`Layer::scale_parameters`] makes of the first layer; the others keep theirs.
    pub(crate) fn scale_parameters(
        &self,
        center: &[f64],
        scale: &[f64],
        parameters: &[f64],
    ) -> Vec<f64> {
        self.with_first(parameters, |layer, own| {
            layer.scale_parameters(center, scale, own)
        })
    }

    /// What `change` makes of the parameters of the first layer, and those of the others.
    fn with_first(
        &self,
        parameters: &[f64],
        change: impl FnOnce(&Layer, &[f64]) -> Vec<f64>,
    ) -> Vec<f64> {
        let (own, others) = parameters.split_at(self.layers[0].n_parameters());
        let mut changed = change(&self.layers[0], own);
        changed.extend_from_slice(others);
        changed
    }

    /// Length of the flat vector of parameters: layer by layer, the weight (O, I), then the bias (O).
    #[must_use]
    pub fn n_parameters(&self) -> usize {
        self.layers.iter().map(Layer::n_parameters).sum()
    }

    /// The predictions (O) for one sample `x` (I).
    ///
    /// # Panics
    /// If `x` is not as long as the network has inputs, or `parameters` not as long as it has parameters.
    #[must_use]
    pub fn predict(&self, parameters: &[f64], x: &[f32]) -> Vec<f64> {
        let mut values = self.values();
        self.forward(parameters, x, &mut values);
        values.prediction().to_vec()
    }

    /// Room for [`Network::forward`], all 0.
    pub(crate) fn values(&self) -> NetworkValues {
        let layers = self.layers.iter().map(|layer| LayerValues {
            z: vec![0.0; layer.n_outputs],
            a: vec![0.0; layer.n_outputs],
            factors: vec![1.0; layer.n_outputs],
        });
        NetworkValues {
            layers: layers.collect(),
        }
    }

    /// The forward pass of one sample `x` (I): writes the pre-activations and activations of every layer into
    /// `values`.
    ///
    /// # Panics
    /// If `x` is not as long as the network has inputs, or `parameters` not as long as it has parameters.
    pub(crate) fn forward<X: Copy + Into<f64>>(
        &self,
        parameters: &[f64],
        x: &[X],
        values: &mut NetworkValues,
    ) {
        self.forward_but(None, parameters, x, values);
    }

    /// Like [`Network::forward`], with the activations of hidden layers times their factors if there is a mask, for the
    /// row at this place of its batch.
    pub(crate) fn forward_but<X: Copy + Into<f64>>(
        &self,
        mask: Option<(Mask, usize)>,
        parameters: &[f64],
        x: &[X],
        values: &mut NetworkValues,
    ) {
        let mut rest = parameters;
        for (at, layer) in self.layers.iter().enumerate() {
            let (own, later) = rest.split_at(layer.n_parameters());
            let (before, from_here) = values.layers.split_at_mut(at);
            match before.last() {
                None => layer.forward(own, x, &mut from_here[0]),
                Some(before) => layer.forward(own, &before.a, &mut from_here[0]),
            }
            if let Some((mask, place)) = mask.filter(|_| at + 1 < self.layers.len()) {
                let here = &mut from_here[0];
                mask.factors(at, place, &mut here.factors);
                for (a, factor) in zip(&mut here.a, &here.factors) {
                    *a *= factor;
                }
            }
            rest = later;
        }
        assert!(rest.is_empty(), "parameters of a network");
    }
}

/// The values of one layer for one sample.
#[derive(Clone, Debug)]
pub(crate) struct LayerValues {
    /// The pre-activations `z = x Wᵀ + b` (O).
    pub(crate) z: Vec<f64>,
    /// The activations `a = f(z)` (O), times their factors.
    pub(crate) a: Vec<f64>,
    /// The factors of dropout (O), 1 without it.
    pub(crate) factors: Vec<f64>,
}

/// The values of every layer of a network for one sample.
#[derive(Clone, Debug)]
pub(crate) struct NetworkValues {
    /// The layers, first to last.
    pub(crate) layers: Vec<LayerValues>,
}

impl NetworkValues {
    /// The pre-activations (O) of the last layer.
    pub(crate) fn pre_activation(&self) -> &[f64] {
        &self.last().z
    }

    /// The predictions (O): the activations of the last layer.
    pub(crate) fn prediction(&self) -> &[f64] {
        &self.last().a
    }

    fn last(&self) -> &LayerValues {
        self.layers.last().expect("a network has a layer")
    }
}

/// `Σ w x` in float64: eight sums side by side, so that a compiler may use vector instructions,
/// then those in a fixed order.
fn dot<X: Copy + Into<f64>>(w: &[f64], x: &[X]) -> f64 {
    const WIDTH: usize = 8;
    let mut sums = [0.0; WIDTH];
    let (w_blocks, x_blocks) = (w.chunks_exact(WIDTH), x.chunks_exact(WIDTH));
    let rest: f64 = zip(w_blocks.remainder(), x_blocks.remainder())
        .map(|(w, x)| w * (*x).into())
        .sum();
    for (w, x) in w_blocks.zip(x_blocks) {
        for i in 0..WIDTH {
            sums[i] += w[i] * x[i].into();
        }
    }
    sums.iter().sum::<f64>() + rest
}
