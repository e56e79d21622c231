//! The order of an epoch: a permutation of 0..n chosen by a key, any place of it computed by itself.
//!
//! The permutation is a balanced Feistel network (Luby and Rackoff, SIAM J. Comput. 17, 1988) on the smallest even
//! number of bits that can hold n − 1, with Threefry-2x32 as its round function. Places that it sends to n or beyond
//! are sent on until they come back (cycle walking: Black and Rogaway, CT-RSA 2002, section 3), which takes fewer
//! than four turns on average, since the network permutes fewer than 4n numbers.
//!
//! Luby and Rackoff prove that four rounds suffice where the halves are wide. Here they may be a bit or two wide, and
//! then four rounds visibly prefer some orders, which the tests of this file show. Eight is what NIST gives FF3
//! (SP 800-38G, 2016), a Feistel network for small domains.
//!
//! [`permuted`] is written to be repeated in a shader: each half fits a u32 whatever n is, and for n up to 2³² so
//! does the place itself.

use super::{LANES, threefry2x32, threefry2x32_lanes, words};
use crate::simd::{Arithmetic, Instructions};
use std::ops::Range;

/// Rounds of the Feistel network.
const ROUNDS: u32 = 8;

/// The second word of Threefry's key for the keys of epochs; synthetic data use 0 and 1.
const EPOCH_KEYS: u32 = 2;

/// The row at place `place` of epoch `epoch`, of `n` rows: what mini-batches are cut from on every backend.
///
/// For each `seed` and `epoch` this is a permutation of `0..n`.
///
/// # Panics
/// Where `place` is not below `n`.
///
/// # Examples
/// ```
/// use neuralnet::random::row;
///
/// let mut rows: Vec<usize> = (0..10).map(|place| row(1, 0, place, 10)).collect();
/// assert_ne!(rows, Vec::from_iter(0..10));
/// rows.sort_unstable();
/// assert_eq!(rows, Vec::from_iter(0..10));
/// ```
#[must_use]
pub fn row(seed: u32, epoch: u64, place: usize, n: usize) -> usize {
    permuted(epoch_key(seed, epoch), place, n)
}

/// The key of an epoch's permutation.
pub(crate) fn epoch_key(seed: u32, epoch: u64) -> [u32; 2] {
    threefry2x32([seed, EPOCH_KEYS], words(epoch))
}

/// Bits of each half of the Feistel network that permutes 0..n.
pub(crate) fn half_bits(n: usize) -> u32 {
    (usize::BITS - (n - 1).leading_zeros()).div_ceil(2).max(1)
}

/// The number at place `place` of the permutation of `0..n` that belongs to `key`.
///
/// # Panics
/// Where `place` is not below `n`.
pub(crate) fn permuted(key: [u32; 2], place: usize, n: usize) -> usize {
    assert!(place < n, "place {place} of {n}");
    let network = Feistel::new(key, n);
    let mut numbers = [place];
    loop {
        network.permute(&mut numbers);
        if numbers[0] < n {
            return numbers[0];
        }
    }
}

/// The numbers at the places `places`, as [`permuted`] gives them one by one.
///
/// # Panics
/// Where a place is not below `n`.
pub(crate) fn all_permuted(key: [u32; 2], places: Range<usize>, n: usize) -> Vec<usize> {
    assert!(places.end <= n, "places {places:?} of {n}");
    let network = Feistel::new(key, n);
    Instructions::detect().run(AllPermuted { network, places, n })
}

/// The numbers at the places `places` of the permutation of `0..n` that walks along `network`.
struct AllPermuted {
    network: Feistel,
    places: Range<usize>,
    n: usize,
}

impl Arithmetic for AllPermuted {
    type Output = Vec<usize>;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Vec<usize> {
        let mut numbers: Vec<usize> = self.places.collect();
        // Where the numbers are that have yet to come below n.
        let mut walking: Vec<usize> = (0..numbers.len()).collect();
        while !walking.is_empty() {
            for at in walking.chunks(LANES) {
                let mut lanes = [0; LANES];
                for (lane, at) in lanes.iter_mut().zip(at) {
                    *lane = numbers[*at];
                }
                self.network.permute(&mut lanes);
                for (lane, at) in lanes.iter().zip(at) {
                    numbers[*at] = *lane;
                }
            }
            walking.retain(|at| numbers[*at] >= self.n);
        }
        numbers
    }
}

/// A Feistel network on numbers of two halves.
#[derive(Clone, Copy)]
struct Feistel {
    key: [u32; 2],
    half_bits: u32,
}

impl Feistel {
    /// The one that belongs to `key`, of the fewest bits that hold 0..n.
    fn new(key: [u32; 2], n: usize) -> Self {
        let half_bits = half_bits(n);
        Self { key, half_bits }
    }

    /// Replaces each of `numbers` by the one that the network sends it to.
    #[inline(always)]
    fn permute<const N: usize>(self, numbers: &mut [usize; N]) {
        let Self { key, half_bits } = self;
        let mask = u32::MAX >> (u32::BITS - half_bits);
        let half = |bits: usize| u32::try_from(bits).expect("half of the bits") & mask;
        let mut left = numbers.map(|number| half(number >> half_bits));
        let mut right = numbers.map(|number| half(number & mask as usize));
        for round in 0..ROUNDS {
            let [words, _] = threefry2x32_lanes(key, [right, [round; N]]);
            for i in 0..N {
                (left[i], right[i]) = (right[i], left[i] ^ (words[i] & mask));
            }
        }
        *numbers = std::array::from_fn(|i| (left[i] as usize) << half_bits | right[i] as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_numbers;
    use super::{all_permuted, epoch_key, permuted, row};
    use rand::RngExt;
    use rand::seq::SliceRandom;

    fn order(seed: u32, epoch: u64, n: usize) -> Vec<usize> {
        let key = epoch_key(seed, epoch);
        (0..n).map(|place| permuted(key, place, n)).collect()
    }

    /// By a second implementation, in Python's whole numbers.
    #[test]
    fn the_order_of_an_epoch_never_changes() {
        assert_eq!(order(1, 0, 10), [7, 2, 9, 6, 3, 8, 1, 5, 0, 4]);
        let far = [(0, 1_000_003), (1, 1_000_003), (1_000_002, 1_000_003)];
        assert_eq!(
            far.map(|(place, n)| row(7, 1 << 40, place, n)),
            [303089, 709996, 450934]
        );
    }

    #[test]
    fn every_row_has_one_place() {
        for n in (1..=2000).chain([65_536, 65_537, 1_000_003, 10_000_000]) {
            let mut seen = vec![false; n];
            for row in order(3, n as u64, n) {
                assert!(!seen[row], "{row} of {n} twice");
                seen[row] = true;
            }
        }
    }

    /// In lanes that are full and not, where few places are sent on and where most are.
    #[test]
    fn all_places_have_the_rows_that_each_has_alone() {
        for n in [1, 2, 15, 17, 64, 65, 256, 257, 1000, 4097, usize::MAX] {
            for places in [0..n.min(700), n - n.min(3)..n, n / 2..n / 2] {
                let key = epoch_key(5, n as u64);
                let alone: Vec<usize> = places.clone().map(|at| permuted(key, at, n)).collect();
                assert_eq!(
                    all_permuted(key, places.clone(), n),
                    alone,
                    "{places:?} of {n}"
                );
            }
        }
    }

    /// Where a place takes more than 32 bits.
    #[cfg(target_pointer_width = "64")]
    #[test]
    fn rows_beyond_2_to_the_32_have_one_place_too() {
        for n in [(1 << 32) + 1, (1 << 40) - 7, usize::MAX] {
            let key = epoch_key(1, 0);
            let places = (0..1000).chain(n - 1000..n);
            let mut rows: Vec<usize> = places.map(|place| permuted(key, place, n)).collect();
            rows.sort_unstable();
            assert!(rows.iter().all(|row| *row < n), "beyond {n}");
            assert!(rows.is_sorted_by(|a, b| a < b), "a row of {n} twice");
            assert!(rows[1999] > n / 2, "all in the first half of {n}");
        }
    }

    #[test]
    fn seeds_and_epochs_have_orders_of_their_own() {
        let first = order(1, 0, 100);
        for (seed, epoch) in [(1, 1), (2, 0), (1, 1 << 32), (0, 1)] {
            let other = order(seed, epoch, 100);
            // Two independent orders have one place in common on average, and more than 8 once in 10⁶ times.
            let common = std::iter::zip(&first, &other).filter(|(a, b)| a == b);
            assert!(common.count() <= 8, "seed {seed}, epoch {epoch}");
        }
    }

    /// The standard normal deviate beyond which one in 20,000 lies, on either side.
    const Z: f64 = 3.89;

    /// Whether `statistic` lies where all but one in 10,000 of a chi-squared distribution do, by the quantiles of
    /// Wilson and Hilferty (PNAS 17, 1931).
    fn is_chi_squared(statistic: f64, degrees: f64) -> bool {
        let quantile = |z: f64| {
            let spread = 2.0 / (9.0 * degrees);
            degrees * (1.0 - spread + z * spread.sqrt()).powi(3)
        };
        (quantile(-Z)..=quantile(Z)).contains(&statistic)
    }

    fn pearson(counts: &[f64], expected: f64) -> f64 {
        let terms = counts.iter().map(|count| (count - expected).powi(2));
        terms.sum::<f64>() / expected
    }

    const EPOCHS: u64 = 20_000;

    /// Whether each row is at each place equally often. A matrix of a random permutation has its mean 1/n, and the
    /// variance 1/(n − 1) in each of the (n − 1)² dimensions that its fixed sums leave it.
    fn places_look_random(n: usize, order: &mut dyn FnMut(u64) -> Vec<usize>) -> bool {
        let mut counts = vec![0.0; n * n];
        for epoch in 0..EPOCHS {
            for (place, row) in order(epoch).into_iter().enumerate() {
                counts[place * n + row] += 1.0;
            }
        }
        let free = (n - 1) as f64;
        let statistic = pearson(&counts, EPOCHS as f64 / n as f64) * free / n as f64;
        is_chi_squared(statistic, free * free)
    }

    /// Whether each row follows each other equally often, at one place an epoch so that the pairs are independent.
    fn neighbours_look_random(n: usize, order: &mut dyn FnMut(u64) -> Vec<usize>) -> bool {
        let mut counts = vec![0.0; n * n];
        for epoch in 0..EPOCHS {
            let place = usize::try_from(epoch).unwrap() % (n - 1);
            let order = order(epoch);
            counts[order[place] * n + order[place + 1]] += 1.0;
        }
        let pairs: Vec<f64> = (0..n * n)
            .filter(|pair| pair / n != pair % n)
            .map(|pair| counts[pair])
            .collect();
        let n_pairs = pairs.len() as f64;
        is_chi_squared(pearson(&pairs, EPOCHS as f64 / n_pairs), n_pairs - 1.0)
    }

    /// Whether rows `lag` places apart are uncorrelated: of a random order of n the correlation is about normal, with
    /// the mean −1/n and the variance 1/n.
    fn rows_are_uncorrelated(order: &[usize], lag: usize) -> bool {
        let n = order.len() as f64;
        let centred = |row: &usize| *row as f64 - (n - 1.0) / 2.0;
        let products = order.iter().zip(&order[lag..]);
        let covariance: f64 = products.map(|(a, b)| centred(a) * centred(b)).sum();
        let correlation = covariance / (n * (n * n - 1.0) / 12.0);
        (correlation + 1.0 / n).abs() <= Z / n.sqrt()
    }

    /// The statistics of this test accept the shuffle of `rand`, and refuse orders with too little chance in them.
    #[test]
    fn places_and_neighbours_look_random() {
        for n in [8, 10, 17, 33, 64] {
            let mut ours = |epoch| order(1, epoch, n);
            assert!(places_look_random(n, &mut ours), "places of {n}");
            assert!(neighbours_look_random(n, &mut ours), "neighbours of {n}");
            let mut random = test_numbers(n as u64);
            let mut shuffled = |_| {
                let mut order: Vec<usize> = (0..n).collect();
                order.shuffle(&mut random);
                order
            };
            assert!(places_look_random(n, &mut shuffled), "shuffled {n}");
            assert!(neighbours_look_random(n, &mut shuffled), "shuffled {n}");
            // A random start alone: each row is at each place equally often, but always before the same one.
            let mut random = test_numbers(n as u64);
            let mut rotated = |_| {
                let first = random.random_range(0..n);
                (0..n).map(|place| (first + place) % n).collect()
            };
            assert!(!neighbours_look_random(n, &mut rotated), "rotated {n}");
            let mut sorted = |_| (0..n).collect();
            assert!(!places_look_random(n, &mut sorted), "sorted {n}");
        }
    }

    #[test]
    fn long_orders_are_uncorrelated() {
        for n in [1 << 16, 100_003, (1 << 18) + 1] {
            let mut shuffled: Vec<usize> = (0..n).collect();
            shuffled.shuffle(&mut test_numbers(1));
            let orders = (0..3).map(|seed| order(seed, 5, n)).chain([shuffled]);
            for (number, order) in orders.enumerate() {
                for lag in [1, 2, 3, 16, 256, 1 << 15] {
                    let passes = rows_are_uncorrelated(&order, lag);
                    assert!(passes, "order {number} of {n}, lag {lag}");
                }
            }
            let sorted: Vec<usize> = (0..n).collect();
            assert!(!rows_are_uncorrelated(&sorted, 1), "sorted");
        }
    }
}
