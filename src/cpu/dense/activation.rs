//! Activations and their slopes for whole rows.

use crate::cpu::float::Float;
use crate::network::Activation;

/// Writes the activations of the pre-activations `z` of one row into `a`; `in_f64` is memory for them in float64.
#[inline(always)]
pub(super) fn activate<T: Float>(activation: Activation, z: &[T], a: &mut [T], in_f64: &mut [f64]) {
    for (in_f64, z) in in_f64.iter_mut().zip(z) {
        *in_f64 = (*z).into();
    }
    activation.apply(in_f64);
    for (a, in_f64) in a.iter_mut().zip(in_f64) {
        *a = T::rounded(*in_f64);
    }
}

/// Multiplies the errors `e` of one row by the slopes at its pre-activations `z` and activations `a`.
#[inline(always)]
pub(super) fn multiply_by_slopes<T: Float>(activation: Activation, z: &[T], a: &[T], e: &mut [T]) {
    // A loop of its own for the activations without an exponential, which then becomes one of vectors.
    match activation {
        Activation::Relu => multiply(Activation::Relu, z, a, e),
        Activation::LeakyRelu => multiply(Activation::LeakyRelu, z, a, e),
        other => multiply(other, z, a, e),
    }
}

#[inline(always)]
fn multiply<T: Float>(activation: Activation, z: &[T], a: &[T], e: &mut [T]) {
    for ((e, z), a) in e.iter_mut().zip(z).zip(a) {
        let error: f64 = (*e).into();
        *e = T::rounded(error * activation.slope((*z).into(), (*a).into()));
    }
}
