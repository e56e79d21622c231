//! The forward pass over a block: pre-activations.

use super::block::{Block, OUTPUTS_AT_ONCE, PartialSums};
use super::float::Float;
use super::layer::{PaddedLayer, ROWS, WIDTH};
use crate::simd::prefetch;

/// Writes `z = x Wᵀ + b` of all rows and outputs into `z` (O, ROWS). Several outputs share one reading of a row.
#[inline(always)]
pub(super) fn forward_all<T: Float, const FUSED: bool>(
    block: Block<'_>,
    layer: &PaddedLayer<T>,
    partial_sums: &mut [PartialSums<T>; OUTPUTS_AT_ONCE],
    z: &mut [f64],
) {
    let width = layer.width();
    let (mut weight, mut bias, mut z) = (&layer.weight[..], &layer.bias[..], z);
    while !weight.is_empty() {
        let n_outputs = match weight.len() / width {
            1 => {
                forward::<T, FUSED, 1, 2>(block, width, weight, bias, partial_sums, z);
                1
            }
            2 | 3 => {
                forward::<T, FUSED, 2, 2>(block, width, weight, bias, partial_sums, z);
                2
            }
            _ => {
                forward::<T, FUSED, OUTPUTS_AT_ONCE, 1>(
                    block,
                    width,
                    weight,
                    bias,
                    partial_sums,
                    z,
                );
                OUTPUTS_AT_ONCE
            }
        };
        weight = &weight[n_outputs * width..];
        bias = &bias[n_outputs..];
        z = &mut z[n_outputs * ROWS..];
    }
}

/// Writes the pre-activations of `OUTPUTS` outputs, each summed in `CHAINS` vectors side by side: one addition need
/// not wait for the one before it.
#[inline(always)]
fn forward<T: Float, const FUSED: bool, const OUTPUTS: usize, const CHAINS: usize>(
    block: Block<'_>,
    width: usize,
    weight: &[T],
    bias: &[T],
    partial_sums: &mut [PartialSums<T>; OUTPUTS_AT_ONCE],
    z: &mut [f64],
) {
    let weights: [&[[T; WIDTH]]; OUTPUTS] =
        std::array::from_fn(|o| weight[o * width..][..width].as_chunks().0);
    let n_rows = block.n_rows.min(ROWS);
    let mut row = 0;
    // Two rows share one reading of the weights, where the registers of AVX2 hold the sums of both.
    if OUTPUTS == 1 || size_of::<T>() == size_of::<f32>() {
        while row + 1 < n_rows {
            let sums = dot_products::<T, FUSED, 2, OUTPUTS, CHAINS>(block, row, width, weights);
            store_partial_sums(&sums, row, partial_sums);
            row += 2;
        }
    }
    while row < n_rows {
        let sums = dot_products::<T, FUSED, 1, OUTPUTS, CHAINS>(block, row, width, weights);
        store_partial_sums(&sums, row, partial_sums);
        row += 1;
    }
    let z = z.chunks_exact_mut(ROWS);
    for ((partial_sums, bias), z) in partial_sums[..OUTPUTS].iter().zip(bias).zip(z) {
        for ([a, b, c, d], z) in partial_sums[..n_rows].iter().zip(z) {
            *z = ((*a + *c) + (*b + *d) + *bias).into();
        }
    }
}

/// The dot products of the `AT_ONCE` rows from number `first` on with each of `weights`, as vectors whose numbers
/// have yet to be added.
#[inline(always)]
fn dot_products<
    T: Float,
    const FUSED: bool,
    const AT_ONCE: usize,
    const OUTPUTS: usize,
    const CHAINS: usize,
>(
    block: Block<'_>,
    first: usize,
    width: usize,
    weights: [&[[T; WIDTH]]; OUTPUTS],
) -> [[[T; WIDTH]; OUTPUTS]; AT_ONCE] {
    let at = first * block.stride;
    let rows: [&[[f32; WIDTH]]; AT_ONCE] = std::array::from_fn(|row| {
        let x = &block.inputs[at + row * block.stride..][..width];
        x.as_chunks().0
    });
    let rows = rows.map(|x| x.as_chunks::<CHAINS>());
    let weights = weights.map(|w| w.as_chunks::<CHAINS>());
    // Slices of one length, so that the compiler drops the checks of every index.
    let (n_groups, n_rest) = (rows[0].0.len(), rows[0].1.len());
    let groups = rows.map(|(x, _)| &x[..n_groups]);
    let weight_groups = weights.map(|(w, _)| &w[..n_groups]);
    let mut chains = [[[[T::default(); WIDTH]; CHAINS]; OUTPUTS]; AT_ONCE];
    for group in 0..n_groups {
        // One output at a time: with several, a row takes so long that the hardware fetches the next by itself.
        if OUTPUTS == 1 && AT_ONCE == 2 {
            let ahead = at + block.ahead * block.stride + group * CHAINS * WIDTH;
            prefetch(block.inputs, ahead);
            if block.forward_asks_for_all() {
                prefetch(block.inputs, ahead + block.stride);
            }
        }
        for row in 0..AT_ONCE {
            let x = &groups[row][group];
            for o in 0..OUTPUTS {
                let w = &weight_groups[o][group];
                for c in 0..CHAINS {
                    add_products::<T, FUSED>(&w[c], &x[c], &mut chains[row][o][c]);
                }
            }
        }
    }
    let rests = rows.map(|(_, x)| &x[..n_rest]);
    let weight_rests = weights.map(|(_, w)| &w[..n_rest]);
    for at in 0..n_rest {
        for row in 0..AT_ONCE {
            for o in 0..OUTPUTS {
                add_products::<T, FUSED>(
                    &weight_rests[o][at],
                    &rests[row][at],
                    &mut chains[row][o][0],
                );
            }
        }
    }
    let mut sums = [[[T::default(); WIDTH]; OUTPUTS]; AT_ONCE];
    for row in 0..AT_ONCE {
        for o in 0..OUTPUTS {
            for chain in chains[row][o] {
                for i in 0..WIDTH {
                    sums[row][o][i] += chain[i];
                }
            }
        }
    }
    sums
}

#[inline(always)]
fn add_products<T: Float, const FUSED: bool>(
    w: &[T; WIDTH],
    x: &[f32; WIDTH],
    sums: &mut [T; WIDTH],
) {
    for i in 0..WIDTH {
        sums[i] = T::mul_add::<FUSED>(w[i], T::from(x[i]), sums[i]);
    }
}

/// Writes the sums of both halves of each vector. They end here because the compiler would otherwise add across
/// neighbouring rows, and lay out everything before it for that.
#[inline(always)]
fn store_partial_sums<T: Float, const AT_ONCE: usize, const OUTPUTS: usize>(
    sums: &[[[T; WIDTH]; OUTPUTS]; AT_ONCE],
    first: usize,
    partial_sums: &mut [PartialSums<T>; OUTPUTS_AT_ONCE],
) {
    for row in 0..AT_ONCE {
        for o in 0..OUTPUTS {
            for i in 0..WIDTH / 2 {
                partial_sums[o][first + row][i] = sums[row][o][i] + sums[row][o][i + WIDTH / 2];
            }
        }
    }
}
