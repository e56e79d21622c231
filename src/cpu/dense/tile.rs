//! The innermost products: tiles of M rows and [`COLUMNS`] columns, whose sums stay in registers.

use crate::simd::mul_add;

/// Columns of a tile: two of the widest vectors.
pub(super) const COLUMNS: usize = 16;

/// The tile of `a b`, from M rows of `a`, (K, M) as they lie, and the columns of `b` (K, COLUMNS).
#[inline(always)]
pub(super) fn multiply<const FUSED: bool, const M: usize>(
    a: &[f64],
    b: &[f64],
) -> [[f64; COLUMNS]; M] {
    let mut sums = [[0.0; COLUMNS]; M];
    for (a, b) in a.as_chunks::<M>().0.iter().zip(b.as_chunks::<COLUMNS>().0) {
        add::<FUSED, M>(a, b, &mut sums);
    }
    sums
}

/// Adds the outer products of the first M and COLUMNS numbers of each pair of `rows` to the tile `sums`.
#[inline(always)]
pub(super) fn outer<'a, const FUSED: bool, const M: usize>(
    rows: impl Iterator<Item = (&'a [f64], &'a [f64])>,
    sums: &mut [[f64; COLUMNS]; M],
) {
    let mut tile = *sums;
    for (e, x) in rows {
        if let (Some(e), Some(x)) = (e.first_chunk::<M>(), x.first_chunk::<COLUMNS>()) {
            add::<FUSED, M>(e, x, &mut tile);
        }
    }
    *sums = tile;
}

#[inline(always)]
fn add<const FUSED: bool, const M: usize>(
    a: &[f64; M],
    b: &[f64; COLUMNS],
    sums: &mut [[f64; COLUMNS]; M],
) {
    for r in 0..M {
        for j in 0..COLUMNS {
            sums[r][j] = mul_add::<FUSED>(a[r], b[j], sums[r][j]);
        }
    }
}
