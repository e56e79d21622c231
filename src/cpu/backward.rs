//! The backward pass over a block: the gradient of the weight.

use super::block::Block;
use super::float::Float;
use super::layer::{ROWS, WIDTH};
use crate::simd::prefetch;

/// Columns of the tile that several outputs share.
pub(super) const TILE: usize = 2 * WIDTH;

/// Adds `dloss/dzᵀ x` to the gradient of the weight (O, I padded), from dloss/dz (O, ROWS). The products are summed over
/// the block in numbers of the kind T.
#[inline(always)]
pub(super) fn backward_all<T: Float, const FUSED: bool>(
    block: Block<'_, f32>,
    grad_z: &[f64],
    grad_weight: &mut [f64],
) {
    let n_outputs = grad_z.len() / ROWS;
    let width = grad_weight.len() / n_outputs;
    if n_outputs == 1 {
        backward::<T, FUSED, f32>(block, grad_z, grad_weight);
        return;
    }
    let tile = &mut Tile([[T::default(); TILE]; ROWS]);
    for at in (0..width).step_by(TILE) {
        let columns = TILE.min(width - at);
        for (row, wide) in tile.0[..block.n_rows].iter_mut().enumerate() {
            let x = &block.inputs[row * block.stride + at..][..columns];
            for (wide, x) in wide.iter_mut().zip(x) {
                *wide = T::from(*x);
            }
        }
        let block = Block {
            inputs: tile.0.as_flattened(),
            stride: TILE,
            n_rows: block.n_rows,
            ahead: 0,
        };
        let outputs = grad_z
            .chunks_exact(ROWS)
            .zip(grad_weight.chunks_exact_mut(width));
        for (grad_z, grad_weight) in outputs {
            backward::<T, FUSED, T>(block, grad_z, &mut grad_weight[at..][..columns]);
        }
    }
}

/// Columns of a block, converted once for all outputs. The alignment makes them whole cache lines.
#[repr(align(64))]
struct Tile<T>([[T; TILE]; ROWS]);

/// Adds the gradient of one output, two vectors of columns at a time.
#[inline(always)]
fn backward<T: Float + From<X>, const FUSED: bool, X: Copy>(
    block: Block<'_, X>,
    grad_z: &[f64],
    grad_weight: &mut [f64],
) {
    let mut rounded = [T::default(); ROWS];
    for (to, grad_z) in rounded.iter_mut().zip(grad_z) {
        *to = T::rounded(*grad_z);
    }
    let grad_z = &rounded[..block.n_rows];
    let (pairs, rest) = grad_weight.as_chunks_mut::<WIDTH>().0.as_chunks_mut::<2>();
    for (pair, grad) in pairs.iter_mut().enumerate() {
        columns::<T, FUSED, X, 2>(block, pair * 2 * WIDTH, grad_z, grad);
    }
    for grad in rest {
        let at = pairs.len() * 2 * WIDTH;
        columns::<T, FUSED, X, 1>(block, at, grad_z, std::array::from_mut(grad));
    }
}

/// Adds the gradient of `N` vectors of columns from number `at` on. Even and odd rows are summed apart, so that an
/// addition need not wait for the one before it.
#[inline(always)]
fn columns<T: Float + From<X>, const FUSED: bool, X: Copy, const N: usize>(
    block: Block<'_, X>,
    at: usize,
    grad_z: &[T],
    grad: &mut [[f64; WIDTH]; N],
) {
    let mut chains = [[[T::default(); WIDTH]; N]; 2];
    let (pairs, rest) = grad_z.as_chunks::<2>();
    let mut rows = block.inputs[at..].chunks(2 * block.stride);
    for (pair, (grad_z, rows)) in pairs.iter().zip(&mut rows).enumerate() {
        // What lies in the data, where rows follow it; a tile is a copy.
        if block.ahead > 0 && !block.forward_asks_for_all() {
            prefetch(
                block.inputs,
                at + (2 * pair + 1 + block.ahead) * block.stride,
            );
        }
        for odd in 0..2 {
            let x = rows[odd * block.stride..][..N * WIDTH]
                .as_chunks::<WIDTH>()
                .0;
            for n in 0..N {
                for i in 0..WIDTH {
                    let x = <T as From<X>>::from(x[n][i]);
                    chains[odd][n][i] = T::mul_add::<FUSED>(grad_z[odd], x, chains[odd][n][i]);
                }
            }
        }
    }
    for (grad_z, row) in rest.iter().zip(&mut rows) {
        let x = row[..N * WIDTH].as_chunks::<WIDTH>().0;
        for n in 0..N {
            for i in 0..WIDTH {
                let x = <T as From<X>>::from(x[n][i]);
                chains[0][n][i] = T::mul_add::<FUSED>(*grad_z, x, chains[0][n][i]);
            }
        }
    }
    for n in 0..N {
        for i in 0..WIDTH {
            let sum: f64 = (chains[0][n][i] + chains[1][n][i]).into();
            grad[n][i] += sum;
        }
    }
}
