//! The units that an update goes without, in a block of rows.

use super::activation::{activate, multiply_by_slopes};
use super::values::Values;
use crate::cpu::float::Float;
use crate::network::{Layer, Mask};

/// The mask of an update, for rows from one place of a batch on.
#[derive(Clone, Copy)]
pub(super) struct Dropped {
    pub(super) mask: Mask,
    /// The place of the first row in the batch.
    pub(super) place: usize,
}

impl Dropped {
    /// Multiplies the activations of layer `at` by their factors.
    #[inline(always)]
    pub(super) fn activations<T: Float, const M: usize, const N: usize>(
        self,
        at: usize,
        layer: Layer,
        n_rows: usize,
        values: &mut Values<T, M, N>,
    ) {
        let mut factors = vec![0.0; layer.n_outputs];
        let rows = values.a.chunks_exact_mut(values.width).take(n_rows);
        for (place, a) in (self.place..).zip(rows) {
            self.mask.factors(at, place, &mut factors);
            multiply(a, &factors);
        }
    }

    /// Multiplies the errors of layer `at` by its slopes, those of the activations before they were multiplied, and by
    /// their factors.
    #[inline(always)]
    pub(super) fn errors<T: Float, const M: usize, const N: usize>(
        self,
        at: usize,
        layer: Layer,
        n_rows: usize,
        values: &mut Values<T, M, N>,
    ) {
        let (width, n_units) = (values.width, layer.n_outputs);
        let (mut in_f64, mut a) = (vec![0.0; n_units], vec![T::default(); n_units]);
        let rows = values.e.chunks_exact_mut(width);
        let rows = rows.zip(values.z.chunks_exact(width)).take(n_rows);
        for (place, (e, z)) in (self.place..).zip(rows) {
            let (e, z) = (&mut e[..n_units], &z[..n_units]);
            activate(layer.activation, z, &mut a, &mut in_f64);
            multiply_by_slopes(layer.activation, z, &a, e);
            let factors = &mut in_f64;
            self.mask.factors(at, place, factors);
            multiply(e, factors);
        }
    }
}

/// Multiplies the numbers of a row by `factors`.
#[inline(always)]
fn multiply<T: Float>(numbers: &mut [T], factors: &[f64]) {
    for (number, factor) in numbers.iter_mut().zip(factors) {
        let in_f64: f64 = (*number).into();
        *number = T::rounded(in_f64 * factor);
    }
}
