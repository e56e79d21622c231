//! The warm start of L-BFGS: a sample of the rows on which it begins. The minimum of a sample lies near that of all rows, and
//! so does the curvature, for a fraction of what passes over all of them take.

use super::config::TrainConfig;
use super::optimizer::Optimizer;
use crate::backend::{Backend, BackendKind};

/// Consecutive rows that are drawn together, since memory gives neighbours at once.
const BLOCK: usize = 64;
/// By default one of so many rows is drawn …
const SHARE: usize = 16;
/// … where that makes as many, since fewer are passed over in no time …
const ENOUGH: usize = 1 << 12;
/// … and as many for each parameter, since the minimum of fewer is one of its own.
const ROWS_A_PARAMETER: usize = 32;
/// The iterations end here at the latest; each is a fraction of one.
pub(super) const ITERATIONS: usize = 64;

/// What a training began on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct WarmStart {
    /// Rows of the sample.
    pub rows: usize,
    /// Evaluations of them.
    pub evaluations: u64,
}

/// The rows of the warm start, where there is to be one: blocks spread evenly over all `n_samples`.
pub(super) fn rows(
    config: &TrainConfig,
    backend: &dyn Backend,
    n_samples: usize,
    n_parameters: usize,
) -> Option<Vec<usize>> {
    let wanted = match config.warm_start_rows {
        _ if config.optimizer != Optimizer::LBfgs => 0,
        Some(rows) => rows,
        // A GPU passes over all rows in the time that the host takes to ask for it.
        None if backend.kind() == BackendKind::Gpu => 0,
        None => {
            let rows = n_samples / SHARE;
            let enough = ENOUGH.max(ROWS_A_PARAMETER.saturating_mul(n_parameters));
            if rows >= enough { rows } else { 0 }
        }
    };
    (wanted > 0).then(|| spread(wanted, n_samples))
}

/// About `wanted` of `n_samples` rows.
fn spread(wanted: usize, n_samples: usize) -> Vec<usize> {
    let n_blocks = wanted.div_ceil(BLOCK);
    let (each, rest) = (n_samples / n_blocks, n_samples % n_blocks);
    let first = |block: usize| block * each + block * rest / n_blocks;
    let blocks = (0..n_blocks).map(|block| first(block)..first(block + 1));
    let rows = blocks.flat_map(|block| block.take(BLOCK.min(wanted)));
    rows.take(wanted).collect()
}

/// The share to which each component of the gradient is to fall. A mean over `n_rows` rows tells that over all of them
/// to about 1/√n of what it is for one row; the iterations go a little past that, since they show the curvature.
pub(super) fn tolerance(n_rows: usize) -> f64 {
    0.1 / (n_rows as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn rows_are_spread_over_all_and_drawn_once() {
        for (wanted, n_samples) in [
            (1, 1),
            (5, 7),
            (64, 65),
            (100, 101),
            (128, 10_000),
            (6_250, 100_003),
        ] {
            let rows = spread(wanted, n_samples);
            assert!(
                rows.len() <= wanted && 2 * rows.len() > wanted,
                "{} of {wanted}",
                rows.len()
            );
            assert!(rows.is_sorted_by(|a, b| a < b), "{rows:?}");
            assert!(rows[rows.len() - 1] < n_samples, "{rows:?}");
            if wanted >= 128 {
                let (half, n) = (n_samples / 2, rows.len());
                let early = rows.iter().filter(|row| **row < half).count();
                assert!(
                    early.abs_diff(n / 2) <= 64,
                    "{early} of {n} in the first half"
                );
            }
        }
    }
}
