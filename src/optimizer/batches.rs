//! Mini-batches: which rows an update sees.

use crate::random::{all_permuted, epoch_key};

/// Each epoch visits all rows once, in an order that follows from the seed and the epoch: `size` rows an update, and the
/// remainder in the last one. Updates and epochs are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batches {
    /// The seed of the order.
    pub seed: u32,
    /// Rows of an update, at least one.
    pub size: usize,
}

/// The places in the order of an epoch that one update takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) epoch: u64,
    pub(crate) places: std::ops::Range<usize>,
}

impl Batches {
    /// Updates of an epoch of `n_samples` rows.
    pub(crate) fn an_epoch(self, n_samples: usize) -> u64 {
        n_samples.div_ceil(self.size) as u64
    }

    /// What update number `update` takes.
    pub(crate) fn batch(self, update: u64, n_samples: usize) -> Batch {
        let an_epoch = self.an_epoch(n_samples);
        let number = usize::try_from(update % an_epoch).expect("below a number of rows");
        let first = number * self.size;
        Batch {
            epoch: update / an_epoch,
            places: first..(first + self.size).min(n_samples),
        }
    }

    /// The key of the permutation of an epoch.
    pub(crate) fn key(self, epoch: u64) -> [u32; 2] {
        epoch_key(self.seed, epoch)
    }

    /// The rows of update number `update`.
    pub(crate) fn rows(self, update: u64, n_samples: usize) -> Vec<usize> {
        let Batch { epoch, places } = self.batch(update, n_samples);
        all_permuted(self.key(epoch), places, n_samples)
    }
}

#[cfg(test)]
mod tests {
    use super::Batches;
    use crate::random::row;

    #[test]
    fn an_epoch_sees_each_row_once_and_the_next_in_another_order() {
        let mut epochs = Vec::new();
        let [batches, other_seed] = [1, 2].map(|seed| Batches { seed, size: 4 });
        for epoch in 0..3 {
            let mut of_epoch = Vec::new();
            for (batch, length) in [4, 4, 2].into_iter().enumerate() {
                let of_batch = batches.rows(3 * epoch + batch as u64, 10);
                assert_eq!(of_batch.len(), length);
                of_epoch.extend(of_batch);
            }
            let order = (0..10).map(|place| row(1, epoch, place, 10));
            assert!(order.eq(of_epoch.iter().copied()), "epoch {epoch}");
            epochs.push(of_epoch);
        }
        assert_ne!(epochs[0], epochs[1], "another order");
        assert_ne!(other_seed.rows(0, 10), epochs[0][..4], "another seed");
        for mut rows in epochs {
            rows.sort_unstable();
            assert!(rows.into_iter().eq(0..10), "each row once");
        }
    }
}
