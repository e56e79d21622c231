//! The outputs of one sample, with their bounds.

use super::softmax::softmax;
use super::{Bounded, Neuron};
use crate::network::Activation;

/// The outputs of one sample, whose pre-activations are `z`.
pub(in crate::validate) fn outputs(activation: Activation, z: &[Bounded]) -> Vec<Neuron> {
    match activation {
        Activation::Softmax => softmax(z),
        of_each => z.iter().map(|z| Neuron::new(of_each, *z)).collect(),
    }
}
