//! The bounds of the activations of hidden layers.

use super::{Bounded, FLUSHED, Neuron, gamma};
use crate::network::{Activation, GELU_CUBIC, GELU_SCALE, LEAK};

/// The activation of a hidden unit whose pre-activation is `z`, with the bound of its f32 counterpart.
pub(in crate::validate) fn activation(activation: Activation, z: Bounded) -> Bounded {
    match activation {
        Activation::Sigmoid => Neuron::sigmoid(z).y,
        Activation::Tanh => Neuron::tanh(z).y,
        // They move by no more than z does.
        Activation::Relu => Bounded::new(z.value.max(0.0), z.bound + FLUSHED),
        Activation::LeakyRelu => {
            let value = z.value.max(LEAK * z.value);
            // The constant and its product are rounded; nothing is if the f32 value is above 0.
            let leaked = LEAK * (z.bound - z.value).max(0.0);
            Bounded::new(value, z.bound + gamma(2.0) * leaked + FLUSHED)
        }
        Activation::Silu => z.times(Neuron::sigmoid(z).y),
        Activation::Gelu => z.times(gelu_gate(z)),
        other => unreachable!("{other:?} is no activation of hidden layers"),
    }
}

/// The slope of a hidden unit whose f32 pre-activation is `z`, with the bound of its f32 counterpart.
pub(in crate::validate) fn slope(activation: Activation, z: f64) -> Bounded {
    let exact = Bounded::exact(z);
    let one = Bounded::exact(1.0);
    // That of z times a gate, whose slope by z is `inner` times that of the sigmoid.
    let gated = |gate: Bounded, inner: Bounded| {
        let rest = one.plus(gate.negated());
        gate.plus(exact.times(gate).times(rest).times(inner))
    };
    match activation {
        Activation::Sigmoid => Neuron::sigmoid(exact).slope(),
        Activation::Tanh => Neuron::tanh(exact).slope(),
        Activation::Relu => Bounded::exact(f64::from(u8::from(z > 0.0))),
        Activation::LeakyRelu if z > 0.0 => one,
        Activation::LeakyRelu => Bounded::rounded(LEAK),
        Activation::Silu => gated(Neuron::sigmoid(exact).y, one),
        Activation::Gelu => {
            let inner = gelu_scale().times(one.plus(cubic(exact, 3.0)));
            gated(gelu_gate(exact), inner)
        }
        other => unreachable!("{other:?} is no activation of hidden layers"),
    }
}

/// What a GELU multiplies z by.
fn gelu_gate(z: Bounded) -> Bounded {
    let cubed = Bounded::exact(1.0).plus(cubic(z, 1.0));
    Neuron::sigmoid(gelu_scale().times(z).times(cubed)).y
}

fn gelu_scale() -> Bounded {
    Bounded::rounded(2.0 * GELU_SCALE)
}

/// `factor` times the cubic term of a GELU over z.
fn cubic(z: Bounded, factor: f64) -> Bounded {
    Bounded::rounded(factor * GELU_CUBIC).times(z).times(z)
}
