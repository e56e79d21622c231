//! The innermost products: tiles of M rows and N columns, whose sums stay in registers. N columns are two of the widest
//! vectors.

use crate::cpu::float::Float;

/// The tile of `a b`, from M rows of `a`, (K, M) as they lie, and the columns of `b` (K, N).
#[inline(always)]
pub(super) fn multiply<T: Float, const FUSED: bool, const M: usize, const N: usize>(
    a: &[T],
    b: &[T],
) -> [[T; N]; M] {
    let mut sums = [[T::default(); N]; M];
    for (a, b) in a.as_chunks::<M>().0.iter().zip(b.as_chunks::<N>().0) {
        add::<T, FUSED, M, N>(a, b, &mut sums);
    }
    sums
}

/// Adds the outer products of the first M and N numbers of each pair of `rows` to the tile `sums`.
#[inline(always)]
pub(super) fn outer<'a, T: Float, const FUSED: bool, const M: usize, const N: usize>(
    rows: impl Iterator<Item = (&'a [T], &'a [T])>,
    sums: &mut [[T; N]; M],
) {
    let mut tile = *sums;
    for (e, x) in rows {
        if let (Some(e), Some(x)) = (e.first_chunk::<M>(), x.first_chunk::<N>()) {
            add::<T, FUSED, M, N>(e, x, &mut tile);
        }
    }
    *sums = tile;
}

#[inline(always)]
fn add<T: Float, const FUSED: bool, const M: usize, const N: usize>(
    a: &[T; M],
    b: &[T; N],
    sums: &mut [[T; N]; M],
) {
    for r in 0..M {
        for j in 0..N {
            sums[r][j] = T::mul_add::<FUSED>(a[r], b[j], sums[r][j]);
        }
    }
}
