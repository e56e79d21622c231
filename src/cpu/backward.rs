//! The backward pass over a block: the gradient of the weight.

use super::block::Block;
use super::layer::{ROWS, WIDTH};
use crate::simd::{mul_add, prefetch};

/// Columns of the tile that several outputs share.
pub(super) const TILE: usize = 2 * WIDTH;

/// Adds `dloss/dzᵀ x` to the gradient of the weight (O, I padded), from dloss/dz (O, ROWS).
#[inline(always)]
pub(super) fn backward_all<const FUSED: bool>(
    block: Block<'_, f32>,
    grad_z: &[f64],
    grad_weight: &mut [f64],
) {
    let n_outputs = grad_z.len() / ROWS;
    let width = grad_weight.len() / n_outputs;
    if n_outputs == 1 {
        backward::<FUSED, f32>(block, grad_z, grad_weight);
        return;
    }
    let tile = &mut Tile([[0.0; TILE]; ROWS]);
    for at in (0..width).step_by(TILE) {
        let columns = TILE.min(width - at);
        for (row, wide) in tile.0[..block.n_rows].iter_mut().enumerate() {
            let x = &block.inputs[row * block.stride + at..][..columns];
            for (wide, x) in wide.iter_mut().zip(x) {
                *wide = f64::from(*x);
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
            backward::<FUSED, f64>(block, grad_z, &mut grad_weight[at..][..columns]);
        }
    }
}

/// Columns of a block in float64, converted once for all outputs. The alignment makes them whole cache lines.
#[repr(align(64))]
struct Tile([[f64; TILE]; ROWS]);

/// Adds the gradient of one output, two vectors of columns at a time.
#[inline(always)]
fn backward<const FUSED: bool, T: Copy + Into<f64>>(
    block: Block<'_, T>,
    grad_z: &[f64],
    grad_weight: &mut [f64],
) {
    let (pairs, rest) = grad_weight.as_chunks_mut::<WIDTH>().0.as_chunks_mut::<2>();
    for (pair, grad) in pairs.iter_mut().enumerate() {
        columns::<FUSED, T, 2>(block, pair * 2 * WIDTH, grad_z, grad);
    }
    for grad in rest {
        let at = pairs.len() * 2 * WIDTH;
        columns::<FUSED, T, 1>(block, at, grad_z, std::array::from_mut(grad));
    }
}

/// Adds the gradient of `N` vectors of columns from number `at` on. Even and odd rows are summed apart, so that an
/// addition need not wait for the one before it.
#[inline(always)]
fn columns<const FUSED: bool, T: Copy + Into<f64>, const N: usize>(
    block: Block<'_, T>,
    at: usize,
    grad_z: &[f64],
    grad: &mut [[f64; WIDTH]; N],
) {
    let mut chains = [[[0.0; WIDTH]; N]; 2];
    let (pairs, rest) = grad_z[..block.n_rows].as_chunks::<2>();
    let mut rows = block.inputs[at..].chunks(2 * block.stride);
    for (pair, (grad_z, rows)) in pairs.iter().zip(&mut rows).enumerate() {
        // Blocks of f32 lie in the data, and rows follow them; a tile of f64 is a copy.
        if size_of::<T>() == size_of::<f32>() && !block.forward_asks_for_all() {
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
                    chains[odd][n][i] =
                        mul_add::<FUSED>(grad_z[odd], x[n][i].into(), chains[odd][n][i]);
                }
            }
        }
    }
    for (grad_z, row) in rest.iter().zip(&mut rows) {
        let x = row[..N * WIDTH].as_chunks::<WIDTH>().0;
        for n in 0..N {
            for i in 0..WIDTH {
                chains[0][n][i] = mul_add::<FUSED>(*grad_z, x[n][i].into(), chains[0][n][i]);
            }
        }
    }
    for n in 0..N {
        for i in 0..WIDTH {
            grad[n][i] += chains[0][n][i] + chains[1][n][i];
        }
    }
}
