//! The innermost products: tiles of M rows and N columns, whose sums stay in registers.

use crate::cpu::float::Float;

/// The tile of `a b`, from M rows of `a`, (K, M) as they lie, and N columns of `b`, (K, N).
#[inline(always)]
pub(super) fn multiply<T: Float, const FUSED: bool, const M: usize, const N: usize>(
    a: &[T],
    b: &[T],
) -> [[T; N]; M] {
    let mut sums = [[T::default(); N]; M];
    add_product::<T, FUSED, M, N>(a, b, &mut sums);
    sums
}

/// Adds the tile of `a b` to `sums`, each number of which goes on as one chain.
#[inline(always)]
pub(super) fn add_product<T: Float, const FUSED: bool, const M: usize, const N: usize>(
    a: &[T],
    b: &[T],
    sums: &mut [[T; N]; M],
) {
    // A copy, so that nothing else can refer to it, and registers may hold it.
    let mut tile = *sums;
    for (a, b) in a.as_chunks::<M>().0.iter().zip(b.as_chunks::<N>().0) {
        for r in 0..M {
            for j in 0..N {
                tile[r][j] = T::mul_add::<FUSED>(a[r], b[j], tile[r][j]);
            }
        }
    }
    *sums = tile;
}
