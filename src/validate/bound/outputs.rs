//! The outputs of one sample, with their bounds.

use super::softmax::softmax;
use super::{Bounded, Neuron};
use crate::network::Activation;

/// The outputs of one sample, whose pre-activations are `z`.
pub(in crate::validate) fn outputs(activation: Activation, z: &[Bounded]) -> Vec<Neuron> {
    let each = |neuron: fn(Bounded) -> Neuron| z.iter().copied().map(neuron).collect();
    match activation {
        Activation::Sigmoid => each(Neuron::sigmoid),
        Activation::Identity => each(Neuron::identity),
        Activation::Tanh => each(Neuron::tanh),
        Activation::Softmax => softmax(z),
        hidden => unreachable!("{hidden:?} is no activation of outputs"),
    }
}
