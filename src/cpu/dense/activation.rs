//! Activations and their slopes for whole rows.

use crate::cpu::float::Float;
use crate::network::Activation;

/// Writes the activations of the pre-activations `z` of one row into `a`; `wide` is memory of the same length.
#[inline(always)]
pub(super) fn activate<T: Float>(activation: Activation, z: &[T], a: &mut [T], wide: &mut [f64]) {
    for (wide, z) in wide.iter_mut().zip(z) {
        *wide = (*z).into();
    }
    activation.apply(wide);
    for (a, wide) in a.iter_mut().zip(wide) {
        *a = T::rounded(*wide);
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
