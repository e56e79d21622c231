//! Mini-batches: which rows an update sees.

use crate::random::{epoch_key, permuted};

/// The rows of update number `update`, counted from 0. Each epoch visits all `n_samples` rows once, in an order that
/// follows from `seed` and the epoch: `size` rows an update, and the remainder in the last one.
pub(super) fn rows(seed: u32, size: usize, n_samples: usize, update: u64) -> Vec<usize> {
    let n_batches = n_samples.div_ceil(size) as u64;
    let (epoch, batch) = (update / n_batches, update % n_batches);
    let key = epoch_key(seed, epoch);
    let first = usize::try_from(batch).expect("below a number of rows") * size;
    let places = first..(first + size).min(n_samples);
    places
        .map(|place| permuted(key, place, n_samples))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::rows;
    use crate::random::row;

    #[test]
    fn an_epoch_sees_each_row_once_and_the_next_in_another_order() {
        let mut epochs = Vec::new();
        for epoch in 0..3 {
            let mut of_epoch = Vec::new();
            for (batch, length) in [4, 4, 2].into_iter().enumerate() {
                let of_batch = rows(1, 4, 10, 3 * epoch + batch as u64);
                assert_eq!(of_batch.len(), length);
                of_epoch.extend(of_batch);
            }
            let order = (0..10).map(|place| row(1, epoch, place, 10));
            assert!(order.eq(of_epoch.iter().copied()), "epoch {epoch}");
            epochs.push(of_epoch);
        }
        assert_ne!(epochs[0], epochs[1], "another order");
        assert_ne!(rows(2, 4, 10, 0), epochs[0][..4], "another seed");
        for mut rows in epochs {
            rows.sort_unstable();
            assert!(rows.into_iter().eq(0..10), "each row once");
        }
    }
}
