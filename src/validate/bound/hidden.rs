//! The bounds of the activations of hidden layers.

use super::{Bounded, Neuron};
use crate::network::{Activation, GELU_CUBIC, GELU_SCALE, LEAK};

/// The activation and the slope of a hidden unit whose pre-activation is `z`, with the bounds of their f32 counterparts.
pub(in crate::validate) fn hidden(activation: Activation, z: f64) -> (Bounded, Bounded) {
    let exact = Bounded::exact(z);
    let one = Bounded::exact(1.0);
    // z times a gate, whose slope by z is `inner` times that of the sigmoid.
    let gated = |gate: Bounded, inner: Bounded| {
        let rest = one.plus(gate.negated());
        let slope = gate.plus(exact.times(gate).times(rest).times(inner));
        (exact.times(gate), slope)
    };
    match activation {
        Activation::Sigmoid => {
            let neuron = Neuron::sigmoid(exact);
            (neuron.y, neuron.slope())
        }
        Activation::Tanh => {
            let neuron = Neuron::tanh(exact);
            (neuron.y, neuron.slope())
        }
        Activation::Relu => {
            let slope = Bounded::exact(f64::from(u8::from(z > 0.0)));
            (Bounded::flushed(z.max(0.0)), slope)
        }
        Activation::LeakyRelu if z > 0.0 => (Bounded::flushed(z), one),
        Activation::LeakyRelu => {
            let leak = Bounded::rounded(LEAK);
            (exact.times(leak), leak)
        }
        Activation::Silu => gated(Neuron::sigmoid(exact).y, one),
        Activation::Gelu => {
            let scale = Bounded::rounded(2.0 * GELU_SCALE);
            let square = |factor: f64| {
                Bounded::rounded(factor * GELU_CUBIC)
                    .times(exact)
                    .times(exact)
            };
            let argument = scale.times(exact).times(one.plus(square(1.0)));
            let inner = scale.times(one.plus(square(3.0)));
            gated(Neuron::sigmoid(argument).y, inner)
        }
        other => unreachable!("{other:?} is no activation of hidden layers"),
    }
}
