//! Dropout: units of hidden layers that an update goes without (Srivastava et al., "Dropout: A Simple Way to Prevent
//! Neural Networks from Overfitting", JMLR 15, 2014).
//!
//! Each activation is 0 with the probability of the rate, and otherwise multiplied by 1 / (1 − rate), so that its
//! expectation stays. Which are 0 is a function of the seed, the update, the place of the row in its batch, the layer
//! and the unit: the backward pass draws again what the forward pass drew, and a shader draws the same.

use crate::random::{LANES, threefry2x32, threefry2x32_lanes, words};

/// The second word of Threefry's key for the keys of updates; other numbers have lower ones.
const UPDATE_KEYS: u32 = 3;

/// How often units of hidden layers are dropped, and by which seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// The share of the units that an update goes without, in [0, 1).
    pub rate: f64,
    /// The seed of the draws.
    pub seed: u32,
}

/// The units that one update goes without.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mask {
    /// The key of the update.
    pub(crate) key: [u32; 2],
    /// Units that draw less are dropped.
    pub(crate) threshold: u32,
    /// What the others are multiplied by.
    pub(crate) scale: f64,
}

impl Dropout {
    /// The units that update number `update` goes without.
    pub(crate) fn mask(self, update: u64) -> Mask {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "to the nearest of 2³² steps, of which the last, that would drop all, is left out"
        )]
        let threshold = (self.rate * 2.0_f64.powi(32)).round() as u32;
        Mask {
            key: threefry2x32([self.seed, UPDATE_KEYS], words(update)),
            threshold,
            scale: 1.0 / (1.0 - self.rate),
        }
    }
}

impl Mask {
    /// Writes the factors of the units of layer `layer` for the row at place `place` of the batch: 0 or the scale.
    ///
    /// Each counter of Threefry gives two units their words. It has the place in 46 bits, the low 32 of them first, the
    /// layer in 6 and the number of the two units in 12.
    #[inline(always)]
    pub(crate) fn factors(&self, layer: usize, place: usize, to: &mut [f64]) {
        let [low, high] = words(place as u64);
        let layer = u32::try_from(layer).expect("at most 64");
        let rest = (high << 18) | (layer << 12);
        for (at, units) in to.chunks_mut(2 * LANES).enumerate() {
            let first = u32::try_from(at * LANES).expect("at most 4,096 counters");
            let mut counters = [rest | first; LANES];
            for (counter, lane) in counters.iter_mut().zip(0..) {
                // The number of the first is a multiple of the lanes.
                *counter |= lane;
            }
            let words = threefry2x32_lanes(self.key, [[low; LANES], counters]);
            for (lane, units) in units.chunks_mut(2).enumerate() {
                for (factor, word) in units.iter_mut().zip(words.map(|words| words[lane])) {
                    *factor = if word < self.threshold {
                        0.0
                    } else {
                        self.scale
                    };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dropout, Mask};
    use crate::random::threefry2x32;

    fn factors(mask: Mask, layer: usize, place: usize, n_units: usize) -> Vec<f64> {
        let mut factors = vec![f64::NAN; n_units];
        mask.factors(layer, place, &mut factors);
        factors
    }

    /// By the words of Threefry, which has known answers of its own.
    #[test]
    fn a_unit_is_dropped_by_its_word() {
        let dropout = Dropout {
            rate: 0.25,
            seed: 7,
        };
        let mask = dropout.mask((5 << 32) | 9);
        assert_eq!(mask.key, threefry2x32([7, 3], [9, 5]));
        for (layer, place) in [(0, 0), (63, 1000), (2, (3 << 32) | 4)] {
            let found = factors(mask, layer, place, 8191);
            for (unit, factor) in found.into_iter().enumerate() {
                let rest =
                    ((place as u64 >> 32) << 18) | ((layer as u64) << 12) | (unit as u64 / 2);
                let counter = [place as u64 & 0xFFFF_FFFF, rest];
                let counter = counter.map(|word| u32::try_from(word).unwrap());
                let word = threefry2x32(mask.key, counter)[unit % 2];
                let expected: f64 = if word < 1 << 30 { 0.0 } else { 4.0 / 3.0 };
                assert_eq!(
                    factor.to_bits(),
                    expected.to_bits(),
                    "layer {layer}, place {place}, unit {unit}"
                );
            }
        }
    }

    #[test]
    fn the_rate_is_the_share_that_is_dropped() {
        const UNITS: usize = 8192;
        for rate in [0.01, 0.2, 0.5, 0.9] {
            let mask = Dropout { rate, seed: 1 }.mask(3);
            let dropped: usize = (0..100)
                .map(|place| {
                    factors(mask, 1, place, UNITS)
                        .iter()
                        .filter(|it| **it == 0.0)
                        .count()
                })
                .sum();
            let n = (100 * UNITS) as f64;
            let deviation = (n * rate * (1.0 - rate)).sqrt();
            let far = (dropped as f64 - n * rate) / deviation;
            assert!(far.abs() < 4.0, "rate {rate}: {far} deviations");
        }
        let nearly_all = Dropout {
            rate: 1.0 - f64::EPSILON,
            seed: 1,
        };
        assert_eq!(nearly_all.mask(0).threshold, u32::MAX);
    }

    /// Two independent masks of half the units agree in half of them.
    #[test]
    fn seeds_updates_layers_and_places_have_masks_of_their_own() {
        const UNITS: usize = 8192;
        let mask = |seed, update| Dropout { rate: 0.5, seed }.mask(update);
        let first = factors(mask(1, 0), 0, 0, UNITS);
        assert_eq!(factors(mask(1, 0), 0, 0, 99), first[..99], "of fewer units");
        for (seed, update, layer, place) in [
            (2, 0, 0, 0),
            (1, 1, 0, 0),
            (1, 1 << 32, 0, 0),
            (1, 0, 1, 0),
            (1, 0, 63, 0),
            (1, 0, 0, 1),
            (1, 0, 0, 1 << 31),
            (1, 0, 0, 1 << 32),
        ] {
            let other = factors(mask(seed, update), layer, place, UNITS);
            let same = std::iter::zip(&first, &other).filter(|(a, b)| (**a > 0.0) == (**b > 0.0));
            let far = (same.count() as f64 - UNITS as f64 / 2.0) / (UNITS as f64 / 4.0).sqrt();
            assert!(
                far.abs() < 4.0,
                "{seed}, {update}, {layer}, {place}: {far} deviations"
            );
        }
    }
}
