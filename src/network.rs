//! The network: a list of dense layers, and one flat vector of parameters.

mod activation;
mod dropout;
mod forward;
mod init;

pub use activation::{Activation, Meaning};
pub(crate) use activation::{GELU_CUBIC, GELU_SCALE, LEAK, sigmoid};
pub use dropout::Dropout;
pub(crate) use dropout::Mask;
pub(crate) use forward::NetworkValues;
use forward::dot;
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

    /// Turns the gradient by the parameters for features x into that by the parameters for the features
    /// `(x − center) · inverse_scale`: the chain rule through [`Network::unscale_parameters`].
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
    /// One layer with the sigmoid as its activation, like the article's network.
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

    /// Parameters for features x, from parameters for the features `(x − center) · inverse_scale`: those of the first layer
    /// become `w · inverse_scale` and `b − Σ center · w · inverse_scale`, the others stay. Both slices are (I).
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
        let (weight, bias, others) = self.split_first(parameters);
        let scaled = weight.iter().zip(inverse_scale.iter().cycle());
        let mut unscaled: Vec<f64> = scaled.map(|(w, inverse)| w * inverse).collect();
        let rows = unscaled.chunks_exact(self.n_inputs());
        let shift = |w: &[f64]| zip(w, center).map(|(w, center)| w * center).sum::<f64>();
        let bias: Vec<f64> = zip(rows, bias).map(|(w, b)| b - shift(w)).collect();
        unscaled.extend(bias);
        unscaled.extend_from_slice(others);
        unscaled
    }

    /// Parameters for the features `(x − center) / scale`, from parameters for features x: what
    /// [`Network::unscale_parameters`] undoes. Both slices are (I).
    pub(crate) fn scale_parameters(
        &self,
        center: &[f64],
        scale: &[f64],
        parameters: &[f64],
    ) -> Vec<f64> {
        let (weight, bias, others) = self.split_first(parameters);
        let rows = weight.chunks_exact(self.n_inputs());
        let bias = zip(rows, bias).map(|(w, b)| b + dot(w, center));
        let weight = weight.iter().zip(scale.iter().cycle());
        let own = weight.map(|(w, scale)| w * scale).chain(bias);
        own.chain(others.iter().copied()).collect()
    }

    /// Turns parameters for the targets `(t − center) / scale` into those for targets t. The last layer, whose activation is
    /// the identity, changes alone: its weights become `scale · w`, its biases `scale · b + center`. `center` is (O).
    ///
    /// # Panics
    /// If `parameters` is not `n_parameters` long, `center` not as long as there are outputs, or not 0 without a bias.
    pub fn unscale_outputs(&self, center: &[f64], scale: f64, parameters: &mut [f64]) {
        let last = self.output_layer();
        assert_eq!(center.len(), last.n_outputs, "a center for each output");
        let has_center = center.iter().any(|center| center.abs() > 0.0);
        assert!(last.bias || !has_center, "a bias for the centers");
        let (weight, bias) = self.split_last(parameters);
        weight.iter_mut().for_each(|w| *w *= scale);
        zip(bias, center).for_each(|(b, center)| *b = scale * *b + center);
    }

    /// Turns parameters for targets t into those for the targets `(t − center) / scale`, which [`Network::unscale_outputs`]
    /// undoes.
    pub(crate) fn scale_outputs(&self, center: &[f64], scale: f64, parameters: &mut [f64]) {
        let (weight, bias) = self.split_last(parameters);
        weight.iter_mut().for_each(|w| *w /= scale);
        zip(bias, center).for_each(|(b, center)| *b = (*b - center) / scale);
    }

    /// Turns the gradient for targets t into that for targets over `scale`: the loss is divided by the square of `scale`, and
    /// the parameters of the last layer count `scale` times in it, which is the chain rule through
    /// [`Network::unscale_outputs`].
    pub(crate) fn scale_output_gradient(&self, scale: f64, gradient: &mut [f64]) {
        let end = gradient.len() - self.output_layer().n_parameters();
        let (hidden, last) = gradient.split_at_mut(end);
        hidden.iter_mut().for_each(|grad| *grad /= scale * scale);
        last.iter_mut().for_each(|grad| *grad /= scale);
    }

    /// The weight (O, I) and the bias (O) of the last layer, which is empty if there is none.
    fn split_last<'a>(&self, parameters: &'a mut [f64]) -> (&'a mut [f64], &'a mut [f64]) {
        assert_eq!(parameters.len(), self.n_parameters(), "parameters");
        let last = self.output_layer();
        let (_, own) = parameters.split_at_mut(parameters.len() - last.n_parameters());
        own.split_at_mut(last.n_weights())
    }

    /// The weight (O, I) and the bias (O) of the first layer, which is empty if there is none, and the parameters of the
    /// others.
    fn split_first<'a>(&self, parameters: &'a [f64]) -> (&'a [f64], &'a [f64], &'a [f64]) {
        let (own, others) = parameters.split_at(self.layers[0].n_parameters());
        let (weight, bias) = self.layers[0].split(own);
        (weight, bias.unwrap_or_default(), others)
    }

    /// Length of the flat vector of parameters: layer by layer, the weight (O, I), then the bias (O).
    #[must_use]
    pub fn n_parameters(&self) -> usize {
        self.layers.iter().map(Layer::n_parameters).sum()
    }
}
