//! `synthetic:ROWSxFEATURES`: data of any size whose row i depends on the seed and i alone.
//!
//! Features are exact dyadic fractions in [−1, 1). Hidden integer weights give each row an integer margin, whose sign
//! is the label; noise flips a stated share of the labels. Nothing is rounded, so every machine makes the same bits,
//! and so does the shader `synthetic`, the twin of this module.

use crate::error::{Error, Result};
use crate::random::threefry2x32;
use std::fmt;
use std::str::FromStr;

/// The largest number of features. Each adds less than 2¹¹ · 2⁶ to the margin, which so stays within 32 bits.
const MAX_INPUTS: usize = 8192;
/// Rows are numbered in 48 bits, beside a block number of 16.
const MAX_ROWS: u64 = 1 << 48;
/// The block of a row's counter whose first word decides whether the label is flipped.
const NOISE_BLOCK: u32 = 0xFFFF;
/// Second word of the key for the rows.
const ROWS: u32 = 0;
/// Second word of the key for the hidden weights.
const HIDDEN_WEIGHT: u32 = 1;

/// The description of a synthetic batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Synthetic {
    n_samples: usize,
    n_inputs: usize,
    noise: f64,
    /// A label is flipped if its random word is below this.
    flip_below: u32,
    seed: u32,
    /// (I), each in [−64, 63].
    hidden_weight: Vec<i32>,
}

impl Synthetic {
    /// `n_samples` rows of `n_inputs` features, with a share `noise` of the labels flipped.
    ///
    /// # Errors
    /// If there is no row or no feature, there are more than 8,192 features or more bytes than can be counted, or
    /// `noise` lies outside [0, 0.5].
    pub fn new(n_samples: u64, n_inputs: u64, noise: f64, seed: u32) -> Result<Self> {
        let fail = |reason: String| {
            Err(Error::Dataset {
                source_name: format!("synthetic:{n_samples}x{n_inputs}"),
                reason,
            })
        };
        if n_samples == 0 || n_inputs == 0 {
            return fail("at least one row and one feature are needed".to_owned());
        }
        let width = match usize::try_from(n_inputs) {
            Ok(width) if width <= MAX_INPUTS => width,
            _ => return fail(format!("at most {MAX_INPUTS} features can be made")),
        };
        let bytes = n_samples.checked_mul(4 * (n_inputs + 1));
        let rows = usize::try_from(n_samples);
        let (Some(_), Ok(rows), true) = (bytes, rows, n_samples <= MAX_ROWS) else {
            return fail(format!(
                "the size overflows: at most {MAX_ROWS} rows can be numbered, and their bytes must be below 2^64"
            ));
        };
        if !(0.0..=0.5).contains(&noise) {
            return fail(format!(
                "noise={noise} is not a share of labels to flip; it must be from 0 to 0.5"
            ));
        }
        let hidden_weight = (0..)
            .take(width)
            .map(|j| {
                let word = threefry2x32([seed, HIDDEN_WEIGHT], [j, 0])[0];
                (word >> 25).cast_signed() - 64
            })
            .collect();
        Ok(Self {
            n_samples: rows,
            n_inputs: width,
            noise,
            flip_below: flip_below(noise),
            seed,
            hidden_weight,
        })
    }

    pub(super) fn n_samples(&self) -> usize {
        self.n_samples
    }

    pub(crate) fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    pub(crate) fn flip_below(&self) -> u32 {
        self.flip_below
    }

    pub(crate) fn seed(&self) -> u32 {
        self.seed
    }

    pub(crate) fn hidden_weight(&self) -> &[i32] {
        &self.hidden_weight
    }

    /// Writes the features of row `row` into `x` (I) and returns its label, 0 or 1.
    pub(super) fn row(&self, row: u64, x: &mut [f32]) -> f32 {
        // The low word of the counter is the row's low word; the high word holds the row's high bits and the block.
        let low = u32::try_from(row & 0xFFFF_FFFF).expect("32 bits");
        let high = u32::try_from(row >> 32).expect("rows are numbered in 48 bits") << 16;
        let block = |block: u32| threefry2x32([self.seed, ROWS], [low, high | block]);
        let mut margin = 0;
        for ((number, x), weight) in (0..).zip(x.chunks_mut(2)).zip(self.hidden_weight.chunks(2)) {
            for ((word, x), weight) in block(number).into_iter().zip(x).zip(weight) {
                // 24 bits, centred: an integer in [−2²³, 2²³).
                let feature = (word >> 8).cast_signed() - (1 << 23);
                *x = exact_f32(feature) / exact_f32(1 << 23);
                margin += weight * (feature >> 12);
            }
        }
        let flipped = block(NOISE_BLOCK)[0] < self.flip_below;
        f32::from((margin > 0) != flipped)
    }
}

/// The number of 32-bit words below the share `noise` of all, which is that share rounded up.
fn flip_below(noise: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of at most one half gives at most 2³¹"
    )]
    let words = (noise * 4_294_967_296.0).ceil() as u32;
    words
}

/// An integer of at most 24 bits as the float equal to it.
#[expect(clippy::cast_precision_loss, reason = "24 bits fit an f32 exactly")]
fn exact_f32(integer: i32) -> f32 {
    integer as f32
}

impl fmt::Display for Synthetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "synthetic:{}x{},noise={},seed={}",
            self.n_samples, self.n_inputs, self.noise, self.seed
        )
    }
}

impl FromStr for Synthetic {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (n_samples, n_inputs, noise, seed) = parse(text).map_err(|reason| Error::Dataset {
            source_name: text.to_owned(),
            reason: format!(
                "{reason}; write synthetic:ROWSxFEATURES[,noise=SHARE][,seed=NUMBER], as synthetic:100000x32,noise=0.05,seed=1"
            ),
        })?;
        Self::new(n_samples, n_inputs, noise, seed)
    }
}

/// The rows, features, noise and seed that a description asks for.
fn parse(text: &str) -> std::result::Result<(u64, u64, f64, u32), String> {
    fn number<T: FromStr<Err: fmt::Display>>(
        text: &str,
        what: &str,
    ) -> std::result::Result<T, String> {
        text.parse()
            .map_err(|reason| format!("`{text}` is not a {what} ({reason})"))
    }
    let description = text.strip_prefix("synthetic:").unwrap_or(text);
    let mut parts = description.split(',');
    let size = parts.next().unwrap_or_default();
    let (rows, features) = size
        .split_once('x')
        .ok_or_else(|| format!("`{size}` is not ROWSxFEATURES"))?;
    let n_samples = number(rows, "number of rows")?;
    let n_inputs = number(features, "number of features")?;
    let (mut noise, mut seed) = (None, None);
    for part in parts {
        let is_given_twice = match part.split_once('=') {
            Some(("noise", value)) => noise.replace(number(value, "share")?).is_some(),
            Some(("seed", value)) => seed.replace(number(value, "seed of 32 bits")?).is_some(),
            _ => return Err(format!("`{part}` is neither noise=SHARE nor seed=NUMBER")),
        };
        if is_given_twice {
            return Err(format!("`{part}` is given twice"));
        }
    }
    Ok((
        n_samples,
        n_inputs,
        noise.unwrap_or(0.05),
        seed.unwrap_or(1),
    ))
}

#[cfg(test)]
mod tests {
    use super::{Synthetic, flip_below};
    use crate::data::Dataset;

    #[test]
    fn any_slice_is_the_same_wherever_it_is_made() {
        let dataset = Dataset::synthetic(Synthetic::new(1000, 5, 0.05, 3).unwrap());
        let read = |rows: std::ops::Range<usize>| {
            let (mut x, mut t) = (vec![0.0; rows.len() * 5], vec![0.0; rows.len()]);
            dataset.read(rows, &mut x, &mut t);
            (x, t)
        };
        let (all_x, all_t) = read(0..1000);
        let (x, t) = read(333..700);
        assert_eq!(x, all_x[333 * 5..700 * 5], "inputs");
        assert_eq!(t, all_t[333..700], "targets");
    }

    /// A row past 2³² must not repeat the row with the same low word.
    #[test]
    fn rows_beyond_32_bits_differ() {
        let synthetic = Synthetic::new(1 << 40, 4, 0.0, 1).unwrap();
        let row = |row| {
            let mut x = [0.0; 4];
            synthetic.row(row, &mut x);
            x.map(f32::to_bits)
        };
        assert_ne!(row(7), row(7 + (1 << 32)), "rows 7 and 2^32 + 7");
    }

    /// Words around the threshold, which is where an integer and a share could part.
    #[test]
    fn words_are_flipped_below_the_share_of_the_noise() {
        let word = 1.0 / 4_294_967_296.0;
        for noise in [
            0.0,
            f64::MIN_POSITIVE,
            0.1 * word,
            word,
            1.5 * word,
            0.05,
            0.1,
            0.3,
            0.5,
        ] {
            let nearest = flip_below(noise);
            for word in nearest.saturating_sub(2)..=nearest + 2 {
                let in_share = f64::from(word) < noise * 4_294_967_296.0;
                assert_eq!(word < nearest, in_share, "word {word}, noise {noise}");
            }
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the features must be the same bits")]
    fn features_fill_the_interval_and_noise_flips_its_share() {
        let (n, noise) = (100_000, 0.1);
        let clean = Synthetic::new(n, 3, 0.0, 9).unwrap();
        let noisy = Synthetic::new(n, 3, noise, 9).unwrap();
        let (mut flipped, mut ones, mut sum, mut least, mut most) = (0.0, 0.0, 0.0, 0f32, 0f32);
        for row in 0..n {
            let (mut x, mut same) = ([0.0; 3], [0.0; 3]);
            let (label, noisy_label) = (clean.row(row, &mut x), noisy.row(row, &mut same));
            assert_eq!(x, same, "the noise leaves the features alone");
            flipped += f64::from((label - noisy_label).abs());
            ones += f64::from(label);
            for x in x {
                sum += f64::from(x);
                least = least.min(x);
                most = most.max(x);
            }
        }
        let n = n as f64;
        // Five standard deviations of a binomial share, and of a mean of 3n uniforms.
        assert!(
            (flipped / n - noise).abs() < 5.0 * (noise * 0.9 / n).sqrt(),
            "{flipped} flipped"
        );
        assert!((ones / n - 0.5).abs() < 5.0 * 0.5 / n.sqrt(), "{ones} ones");
        assert!(
            (sum / (3.0 * n)).abs() < 5.0 * (1.0 / (9.0 * n)).sqrt(),
            "sum {sum}"
        );
        assert!(
            (-1.0..-0.9999).contains(&least) && (0.9999..1.0).contains(&most),
            "{least} to {most}"
        );
    }
}
