//! The bound of the whole forward pass of a network, from the data on: what a layer inherits from the layer before it,
//! and its own roundings.

use super::hidden::activation;
use super::{Bounded, gamma, outputs, pre_activation};
use crate::backend::{Predictions, Problem};
use crate::network::Layer;
use rayon::prelude::*;
use std::ops::Range;

/// Bounds of the pre-activations and predictions of the rows `rows` in f32, at parameters whose f32 counterparts are
/// off by `parameter_rounds` roundings. A bound that is infinite or NaN promises nothing.
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
        let neurons = outputs(network.output_layer().activation, &z);
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
    let of_output = |(o, weight): (usize, &[f64])| {
        let bias = bias.map_or(0.0, |bias| bias[o]);
        pre_activation(weight, bias, inputs.iter().copied(), gamma_z)
    };
    let rows = weight.chunks_exact(layer.n_inputs).enumerate();
    rows.map(of_output).collect()
}
