//! The warm start of L-BFGS on a sample of the rows. The minimum for a sample lies near that for all rows, and so does
//! the curvature, for a fraction of the time that passes over all of them take.

use super::config::TrainConfig;
use crate::backend::BackendKind;

/// Consecutive rows of the sample: memory gives neighbours at once.
const BLOCK: usize = 64;
/// The default sample is all rows divided by this.
const SHARE: usize = 16;
/// The least rows of a default sample: with fewer a pass over all takes next to no time.
const MIN_ROWS: usize = 1 << 12;
/// The least rows of a default sample for each parameter: with fewer the minimum lies too far off.
const MIN_ROWS_A_PARAMETER: usize = 32;
/// The most iterations on the sample.
pub(super) const ITERATIONS: usize = 64;

/// The sample that a training began on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct WarmStart {
    /// Rows of the sample.
    pub rows: usize,
    /// Evaluations of these rows.
    pub evaluations: u64,
}

/// The rows of a warm start: blocks spread evenly over all `n_samples`. `None` for none.
pub(super) fn rows(
    config: &TrainConfig,
    backend: BackendKind,
    n_samples: usize,
    n_parameters: usize,
) -> Option<Vec<usize>> {
    let share = n_samples / SHARE;
    let enough = MIN_ROWS.max(MIN_ROWS_A_PARAMETER.saturating_mul(n_parameters));
    let wanted = match config.warm_start_rows {
        Some(rows) => rows,
        // A GPU passes over all rows in the time that the host takes to ask for it.
        None if backend == BackendKind::Cpu && share >= enough => share,
        None => 0,
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

/// The relative gradient at which the warm start ends. The mean gradient of `n_rows` rows differs from that of all rows
/// by about 1/√n of the gradient of one row; the iterations go a little further, since they show the curvature.
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
