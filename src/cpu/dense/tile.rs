//! The innermost products: tiles of M rows and N columns, whose sums stay in registers.

use super::panels::Panels;
use crate::cpu::float::Float;

/// Writes `a b` to the rows of a matrix, `width` numbers each: `groups` are those of the rows of `a`.
#[inline(always)]
pub(super) fn multiply<'a, T: Float, const FUSED: bool, const M: usize, const N: usize>(
    groups: impl Iterator<Item = &'a [T]> + Clone,
    b: &Panels<T, N>,
    (to, width): (&mut [T], usize),
) {
    for (panel, b) in b.iter().enumerate() {
        for (group, a) in groups.clone().enumerate() {
            let mut tile = [[T::default(); N]; M];
            add_product::<T, FUSED, M, N>(a, b, &mut tile);
            let rows = to[group * M * width + panel * N..].chunks_mut(width);
            rows.zip(&tile)
                .for_each(|(row, sums)| row[..N].copy_from_slice(sums));
        }
    }
}

/// Adds the tile of `a b` to `sums`, from M rows of `a`, (K, M) as they lie, and N columns of `b`, (K, N). Each sum goes on
/// as one chain.
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
