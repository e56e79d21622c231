//! The forward pass of one sample by its definition, in float64.

use super::{Layer, Mask, Network};
use std::iter::zip;

impl Network {
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

impl Layer {
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
pub(super) fn dot<X: Copy + Into<f64>>(w: &[f64], x: &[X]) -> f64 {
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
