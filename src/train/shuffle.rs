//! Mini-batches: which rows an update sees.

use rand_mt::Mt;

/// The rows of every batch of an epoch, in an order that the seed and the epoch decide alone.
#[derive(Debug)]
pub(super) struct Batches {
    seed: u32,
    size: usize,
    /// The order of the epoch, once there is one.
    order: Vec<usize>,
    epoch: Option<u64>,
}

impl Batches {
    /// Batches of `size` of `n_samples` rows; the last of an epoch may be smaller.
    pub(super) fn new(seed: u32, size: usize, n_samples: usize) -> Self {
        Self {
            seed,
            size,
            order: (0..n_samples).collect(),
            epoch: None,
        }
    }

    /// The rows of update number `update`, counted from 0.
    pub(super) fn rows(&mut self, update: u64) -> &[usize] {
        let n_batches = self.order.len().div_ceil(self.size) as u64;
        let (epoch, batch) = (update / n_batches, update % n_batches);
        if self.epoch != Some(epoch) {
            self.epoch = Some(epoch);
            self.order.sort_unstable();
            let [_, _, _, _, a, b, c, d] = epoch.to_be_bytes();
            let epoch = u32::from_be_bytes([a, b, c, d]);
            let mut random = Mt::new_with_key([self.seed, epoch]);
            shuffle(&mut self.order, &mut random);
        }
        let batch = usize::try_from(batch).expect("it is below a number of rows");
        let first = batch * self.size;
        &self.order[first..(first + self.size).min(self.order.len())]
    }
}

/// Every order equally likely, but for a bias below n/2⁶⁴ (Durstenfeld, Algorithm 235, CACM 7, 1964).
pub(crate) fn shuffle(rows: &mut [usize], random: &mut Mt) {
    for last in (1..rows.len()).rev() {
        let word = u64::from(random.next_u32()) << 32 | u64::from(random.next_u32());
        let scaled = (u128::from(word) * (last as u128 + 1)) >> 64;
        let other = usize::try_from(scaled).expect("it is at most a number of rows");
        rows.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::Batches;

    #[test]
    fn an_epoch_sees_each_row_once_and_the_next_in_another_order() {
        let mut batches = Batches::new(1, 4, 10);
        let mut epochs = Vec::new();
        for epoch in 0..3 {
            let mut rows = Vec::new();
            for batch in 0..3 {
                let of_batch = batches.rows(3 * epoch + batch);
                assert_eq!(of_batch.len(), [4, 4, 2][usize::try_from(batch).unwrap()]);
                rows.extend_from_slice(of_batch);
            }
            epochs.push(rows);
        }
        assert_ne!(epochs[0], epochs[1], "another order");
        // From the middle on, as after a resumption.
        assert_eq!(Batches::new(1, 4, 10).rows(4), &epochs[1][4..8], "epoch 1");
        assert_ne!(Batches::new(2, 4, 10).rows(0), &epochs[0][..4], "a seed");
        for mut rows in epochs {
            rows.sort_unstable();
            assert!(rows.into_iter().eq(0..10), "each row once");
        }
    }
}
