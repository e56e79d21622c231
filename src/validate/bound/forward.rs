//! Whether the forward pass of a network stays in the range of f32.

use super::hidden::{activation, slope};
use super::{Bounded, gamma, outputs, pre_activation};
use crate::backend::Problem;
use crate::network::NetworkValues;
use rayon::prelude::*;
use std::iter::zip;

/// Whether a value of the forward pass of some row of `problem`, with all units, or what the backward pass starts from, may
/// leave f32. Each is taken from those of the layer before in float64: errors that are handed on may be wider than the values
/// and say nothing.
pub(in crate::validate) fn forward_is_beyond_f32(
    problem: &Problem<'_>,
    parameters: &[f64],
) -> bool {
    let (dataset, network) = (problem.dataset, &problem.network);
    let of_leaves = dataset.map_leaves(|leaf| {
        let mut values = network.values();
        let targets = leaf.targets.chunks_exact(dataset.target_width());
        let mut rows = zip(leaf.inputs.chunks_exact(dataset.n_inputs()), targets);
        rows.any(|(x, t)| {
            network.forward(parameters, x, &mut values);
            layers_are_beyond_f32(problem, parameters, x, &values)
                || outputs_are_beyond_f32(problem, t, &values)
        })
    });
    of_leaves.any(|is_beyond| is_beyond)
}

fn is_beyond_f32(number: Bounded) -> bool {
    !number.bound.is_finite()
}

/// Whether a pre-activation, or the activation or slope of a hidden unit, may leave f32.
fn layers_are_beyond_f32(
    problem: &Problem<'_>,
    parameters: &[f64],
    x: &[f32],
    values: &NetworkValues,
) -> bool {
    let mut inputs: Vec<Bounded> = x.iter().map(|x| Bounded::exact(f64::from(*x))).collect();
    let n_layers = values.layers.len();
    let mut parts = problem.network.parts().zip(&values.layers).enumerate();
    parts.any(|(at, ((layer, range), values))| {
        let (weight, bias) = layer.split(&parameters[range]);
        let gamma_z = gamma((layer.n_inputs + usize::from(layer.bias)) as f64);
        let mut units = weight.chunks_exact(layer.n_inputs).enumerate();
        let is_beyond = units.any(|(o, weight)| {
            let bias = bias.map_or(0.0, |bias| bias[o]);
            let z = pre_activation(weight, bias, inputs.iter().copied(), gamma_z);
            let of_hidden = |z: f64| {
                is_beyond_f32(activation(layer.activation, Bounded::exact(z)))
                    || is_beyond_f32(slope(layer.activation, z))
            };
            is_beyond_f32(z) || (at + 1 < n_layers && of_hidden(values.z[o]))
        });
        inputs = values.a.iter().copied().map(Bounded::exact).collect();
        is_beyond
    })
}

/// Whether a loss, or its derivative by the last pre-activations, may leave f32.
fn outputs_are_beyond_f32(problem: &Problem<'_>, t: &[f32], values: &NetworkValues) -> bool {
    let loss = problem.objective.loss;
    let (t, weight) = t.split_at(problem.dataset.n_outputs());
    let weight = Bounded::exact(f64::from(*weight.first().unwrap_or(&1.0)));
    let z = values.pre_activation().iter().copied().map(Bounded::exact);
    let z: Vec<Bounded> = z.collect();
    let neurons = outputs(problem.network.output_layer().activation, &z);
    zip(neurons, t).any(|(neuron, t)| {
        let numbers = [
            neuron.loss(loss, f64::from(*t)),
            neuron.grad_z(loss, f64::from(*t)),
        ];
        numbers
            .into_iter()
            .any(|number| is_beyond_f32(number.times(weight)))
    })
}
