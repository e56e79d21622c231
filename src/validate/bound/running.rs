//! The bound of the whole forward pass of a network, from the data on: what a layer inherits from the layer before it,
//! and its own roundings.

use super::hidden::activation;
use super::{Bounded, Neuron, gamma};
use crate::backend::{Predictions, Problem};
use crate::network::Layer;
use rayon::prelude::*;
use std::ops::Range;

/// Bounds of the pre-activations and predictions of the rows `rows` in f32, at parameters whose f32 counterparts are
/// off by `parameter_rounds` roundings. An infinite bound promises nothing.
pub(crate) fn running(
    problem: &Problem<'_>,
    parameters: &[f64],
    parameter_rounds: u8,
    rows: Range<usize>,
) -> Predictions {
    let (dataset, network) = (problem.dataset, &problem.network);
    let parts: Vec<(Layer, Range<usize>)> = network.parts().collect();
    let bounds_of = |x: &[f32]| {
        // Data that are decoded on the device are rounded once more.
        let mut rounds = u8::from(dataset.quantization().decoding_rounds());
        let mut inputs: Vec<Bounded> = x.iter().map(|x| Bounded::exact(f64::from(*x))).collect();
        let mut z = Vec::new();
        for (at, (layer, range)) in parts.iter().enumerate() {
            let parameters = &parameters[range.clone()];
            z = pre_activations(layer, parameters, rounds + parameter_rounds, &inputs);
            if at + 1 < parts.len() {
                let of_unit = |z: &Bounded| activation(layer.activation, *z);
                inputs = z.iter().map(of_unit).collect();
            }
            rounds = 0;
        }
        let neurons = Neuron::of_outputs(network.output_layer().activation, &z);
        Predictions {
            pre_activation: neurons.iter().map(|neuron| neuron.z.bound).collect(),
            prediction: neurons.iter().map(|neuron| neuron.y.bound).collect(),
        }
    };
    dataset.with_rows(rows, |read| {
        let samples = read.inputs.par_chunks_exact(network.n_inputs());
        Predictions::concat(samples.map(bounds_of).collect())
    })
}

/// `x Wᵀ + b` of inputs with bounds, where each term is rounded `rounds` times more than its product and its additions.
fn pre_activations(
    layer: &Layer,
    parameters: &[f64],
    rounds: u8,
    inputs: &[Bounded],
) -> Vec<Bounded> {
    let (weight, bias) = layer.split(parameters);
    // n terms are rounded n times at most: once each as products, n − 1 times as sums.
    let n_terms = (layer.n_inputs + usize::from(layer.bias)) as f64;
    let gamma_z = gamma(n_terms + f64::from(rounds));
    let is_bounded = inputs.iter().all(|x| x.bound.is_finite());
    let of_output = |(o, weight): (usize, &[f64])| {
        let bias = bias.map_or(0.0, |bias| bias[o]);
        let (mut value, mut inherited) = (bias, 0.0);
        let (mut magnitude, mut flushable) = (bias.abs(), bias.abs() + 2.0);
        for (w, x) in weight.iter().zip(inputs) {
            value += w * x.value;
            inherited += w.abs() * x.bound;
            magnitude += w.abs() * x.most();
            flushable += w.abs() + x.most() + 2.0;
        }
        let rounded = Bounded::sum(value, magnitude, gamma_z, flushable);
        match is_bounded {
            true => Bounded::new(value, inherited + rounded.bound),
            // A product with 0 would be NaN.
            false => Bounded::new(value, f64::INFINITY),
        }
    };
    let rows = weight.chunks_exact(layer.n_inputs).enumerate();
    rows.map(of_output).collect()
}
