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
    block: Block<'_>,
    grad_z: &[f64],
    scratch: &mut BackwardScratch<T>,
    grad_weight: &mut [f64],
) {
    for (to, grad_z) in scratch.grad_z.iter_mut().zip(grad_z.as_chunks().0) {
        *to = grad_z.map(T::rounded);
    }
    match &scratch.grad_z[..] {
        [grad_z] => backward::<T, FUSED>(block, &grad_z[..block.n_rows], grad_weight),
        _ => backward_by_tiles::<T, FUSED>(block, scratch, grad_weight),
    }
}

/// Memory for the backward pass.
#[derive(Debug)]
pub(super) struct BackwardScratch<T> {
    /// (O): dloss/dz of each output.
    grad_z: Vec<[T; ROWS]>,
    /// (O): the products of a tile, summed over its rows.
    sums: Vec<[T; TILE]>,
}

/// Columns of a block, converted once for all outputs. The alignment makes them whole cache lines.
#[repr(align(64))]
struct Tile<T>([[T; TILE]; ROWS]);

impl<T: Float> BackwardScratch<T> {
    pub(super) fn new(n_outputs: usize) -> Self {
        Self {
            grad_z: vec![[T::default(); ROWS]; n_outputs],
            sums: vec![[T::default(); TILE]; n_outputs],
        }
    }
}

/// Adds the gradients of several outputs, tile by tile.
#[inline(always)]
fn backward_by_tiles<T: Float, const FUSED: bool>(
    block: Block<'_>,
    scratch: &mut BackwardScratch<T>,
    grad_weight: &mut [f64],
) {
    let BackwardScratch { grad_z, sums } = scratch;
    let tile = &mut Tile([[T::default(); TILE]; ROWS]);
    let rows = &mut tile.0[..block.n_rows];
    let width = grad_weight.len() / grad_z.len();
    for at in (0..width).step_by(TILE) {
        let columns = TILE.min(width - at);
        for (row, wide) in rows.iter_mut().enumerate() {
            let x = &block.inputs[row * block.stride + at..][..columns];
            for (wide, x) in wide.iter_mut().zip(x) {
                *wide = T::from(*x);
            }
        }
        let (grad_z_pairs, grad_z_rest) = grad_z.as_chunks::<2>();
        let (sums_pairs, sums_rest) = sums.as_chunks_mut::<2>();
        for (grad_z, sums) in grad_z_pairs.iter().zip(sums_pairs) {
            // The sums of one loop fit into the registers of AVX2.
            if size_of::<T>() == size_of::<f32>() {
                sum_tile::<T, FUSED, 2, TILE, 0>(rows, grad_z, sums);
            } else {
                sum_tile::<T, FUSED, 2, WIDTH, 0>(rows, grad_z, sums);
                sum_tile::<T, FUSED, 2, WIDTH, WIDTH>(rows, grad_z, sums);
            }
        }
        if let ([grad_z], [sums]) = (grad_z_rest, sums_rest) {
            let (grad_z, sums) = (std::array::from_ref(grad_z), std::array::from_mut(sums));
            sum_tile::<T, FUSED, 1, TILE, 0>(rows, grad_z, sums);
        }
        // The sums come from memory, so that the compiler lays them out for their own kind of number.
        for (grad, sums) in grad_weight.chunks_exact_mut(width).zip(&*sums) {
            for (grad, sum) in grad[at..][..columns].iter_mut().zip(sums) {
                let sum: f64 = (*sum).into();
                *grad += sum;
            }
        }
    }
}

/// Writes the sums of `COLUMNS` columns of a tile from number `AT` on, for `OUTPUTS` outputs that share one reading of
/// them. Even and odd rows are summed apart, so that an addition need not wait for the one before it.
#[inline(always)]
fn sum_tile<
    T: Float,
    const FUSED: bool,
    const OUTPUTS: usize,
    const COLUMNS: usize,
    const AT: usize,
>(
    rows: &[[T; TILE]],
    grad_z: &[[T; ROWS]; OUTPUTS],
    sums: &mut [[T; TILE]; OUTPUTS],
) {
    let mut chains = [[[T::default(); COLUMNS]; OUTPUTS]; 2];
    let (pairs, rest) = rows.as_chunks::<2>();
    let grad_z_pairs: [&[[T; 2]]; OUTPUTS] =
        std::array::from_fn(|o| &grad_z[o].as_chunks().0[..pairs.len()]);
    for (pair, rows) in pairs.iter().enumerate() {
        for odd in 0..2 {
            for o in 0..OUTPUTS {
                let grad_z = grad_z_pairs[o][pair][odd];
                for i in 0..COLUMNS {
                    let x = rows[odd][AT + i];
                    chains[odd][o][i] = T::mul_add::<FUSED>(grad_z, x, chains[odd][o][i]);
                }
            }
        }
    }
    if let [row] = rest {
        for o in 0..OUTPUTS {
            let grad_z = grad_z[o][rows.len() - 1];
            for i in 0..COLUMNS {
                chains[0][o][i] = T::mul_add::<FUSED>(grad_z, row[AT + i], chains[0][o][i]);
            }
        }
    }
    for o in 0..OUTPUTS {
        for i in 0..COLUMNS {
            sums[o][AT + i] = chains[0][o][i] + chains[1][o][i];
        }
    }
}

/// Adds the gradient of one output, two vectors of columns at a time.
#[inline(always)]
fn backward<T: Float, const FUSED: bool>(block: Block<'_>, grad_z: &[T], grad_weight: &mut [f64]) {
    let (pairs, rest) = grad_weight.as_chunks_mut::<WIDTH>().0.as_chunks_mut::<2>();
    for (pair, grad) in pairs.iter_mut().enumerate() {
        columns::<T, FUSED, 2>(block, pair * 2 * WIDTH, grad_z, grad);
    }
    for grad in rest {
        let at = pairs.len() * 2 * WIDTH;
        columns::<T, FUSED, 1>(block, at, grad_z, std::array::from_mut(grad));
    }
}

/// Adds the gradient of `N` vectors of columns from number `at` on. Even and odd rows are summed apart, so that an
/// addition need not wait for the one before it.
#[inline(always)]
fn columns<T: Float, const FUSED: bool, const N: usize>(
    block: Block<'_>,
    at: usize,
    grad_z: &[T],
    grad: &mut [[f64; WIDTH]; N],
) {
    let mut chains = [[[T::default(); WIDTH]; N]; 2];
    let (pairs, rest) = grad_z.as_chunks::<2>();
    let mut rows = block.inputs[at..].chunks(2 * block.stride);
    for (pair, (grad_z, rows)) in pairs.iter().zip(&mut rows).enumerate() {
        if !block.forward_asks_for_all() {
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
                    let x = T::from(x[n][i]);
                    chains[odd][n][i] = T::mul_add::<FUSED>(grad_z[odd], x, chains[odd][n][i]);
                }
            }
        }
    }
    for (grad_z, row) in rest.iter().zip(&mut rows) {
        let x = row[..N * WIDTH].as_chunks::<WIDTH>().0;
        for n in 0..N {
            for i in 0..WIDTH {
                let x = T::from(x[n][i]);
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
