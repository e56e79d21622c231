//! `synthetic:ROWSxFEATURES`: data of any size whose row i depends on the seed and i alone.
//!
//! Features are exact dyadic fractions in [−1, 1). A rule decides each label by integers; noise flips a stated share of
//! the labels. Nothing is rounded, so every machine makes the same bits, and so does the shader `synthetic`, the twin of
//! this module.

mod labels;
mod rule;
mod teacher;
#[cfg(test)]
mod tests;

pub(crate) use labels::Labels;
pub use rule::Rule;
pub(crate) use teacher::UNITS;

use crate::error::{Error, Result};
use crate::random::threefry2x32;
use std::fmt;
use std::str::FromStr;

/// The largest number of features. Each adds at most 2¹¹ · 2⁶ to the margin of the linear rule, 2¹⁸ to those of `xor` and
/// `circle`, and what [`UNITS`] says to that of a teacher; so every sum stays within 32 bits.
const MAX_INPUTS: usize = 8192;
/// Rows are numbered in 48 bits, beside a block number of 16.
const MAX_ROWS: u64 = 1 << 48;
/// The block of a row's counter whose first word decides whether the label is flipped.
const NOISE_BLOCK: u32 = 0xFFFF;
/// Second word of the key for the rows.
const ROWS: u32 = 0;

/// The description of a synthetic batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Synthetic {
    n_samples: usize,
    n_inputs: usize,
    noise: f64,
    /// A label is flipped if its random word is below this.
    flip_below: u32,
    seed: u32,
    labels: Labels,
}

impl Synthetic {
    /// `n_samples` rows of `n_inputs` features, labelled by [`Rule::Linear`], with a share `noise` of the labels flipped.
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
        Ok(Self {
            n_samples: rows,
            n_inputs: width,
            noise,
            flip_below: flip_below(noise),
            seed,
            labels: labels(Rule::Linear, width, seed),
        })
    }

    /// These features, labelled by `rule`.
    ///
    /// # Errors
    /// If there is one feature and `rule` needs two.
    pub fn with_rule(self, rule: Rule) -> Result<Self> {
        let (n_inputs, least) = (self.n_inputs, rule.min_inputs());
        if n_inputs < least {
            return Err(Error::Dataset {
                source_name: self.to_string(),
                reason: format!("rule={rule} needs at least {least} features"),
            });
        }
        Ok(Self {
            labels: labels(rule, n_inputs, self.seed),
            ..self
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

    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The expected accuracy of the rule itself, which no model exceeds but by chance: the share of labels that are
    /// not flipped.
    pub(super) fn bayes_accuracy(&self) -> f64 {
        1.0 - self.noise
    }

    /// Writes the features of row `row` into `x` (I) and returns its label, 0 or 1.
    pub(super) fn row(&self, row: u64, x: &mut [f32]) -> f32 {
        write_features(self.seed, row, x);
        let flipped = words(self.seed, row, NOISE_BLOCK)[0] < self.flip_below;
        f32::from(self.labels.of(x) != flipped)
    }
}

fn labels(rule: Rule, n_inputs: usize, seed: u32) -> Labels {
    Labels::new(rule, n_inputs, seed, |row, x| write_features(seed, row, x))
}

/// Block `block` of the words of row `row`.
fn words(seed: u32, row: u64, block: u32) -> [u32; 2] {
    // The low word of the counter is the row's low word; the high word holds the row's high bits and the block.
    let low = u32::try_from(row & 0xFFFF_FFFF).expect("32 bits");
    let high = u32::try_from(row >> 32).expect("rows are numbered in 48 bits") << 16;
    threefry2x32([seed, ROWS], [low, high | block])
}

/// Writes the features of row `row` into `x` (I).
fn write_features(seed: u32, row: u64, x: &mut [f32]) {
    for (block, x) in (0..).zip(x.chunks_mut(2)) {
        for (word, x) in words(seed, row, block).into_iter().zip(x) {
            // 24 bits, centred: an integer in [−2²³, 2²³).
            *x = exact_f32((word >> 8).cast_signed() - (1 << 23)) / exact_f32(1 << 23);
        }
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
        write!(f, "synthetic:{}x{}", self.n_samples, self.n_inputs)?;
        // The linear rule has the shortest description.
        if self.labels.rule() != Rule::default() {
            write!(f, ",rule={}", self.labels.rule())?;
        }
        write!(f, ",noise={},seed={}", self.noise, self.seed)
    }
}

impl FromStr for Synthetic {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = parse(text).map_err(|reason| Error::Dataset {
            source_name: text.to_owned(),
            reason: format!(
                "{reason}; write synthetic:ROWSxFEATURES[,rule=RULE][,noise=SHARE][,seed=NUMBER], as synthetic:100000x32,noise=0.05,seed=1"
            ),
        })?;
        let [n_samples, n_inputs] = parsed.size;
        Self::new(n_samples, n_inputs, parsed.noise, parsed.seed)?.with_rule(parsed.rule)
    }
}

/// What a description asks for.
struct Parsed {
    /// Rows and features.
    size: [u64; 2],
    rule: Rule,
    noise: f64,
    seed: u32,
}

fn parse(text: &str) -> std::result::Result<Parsed, String> {
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
    let (mut rule, mut noise, mut seed) = (None, None, None);
    for part in parts {
        let is_given_twice = match part.split_once('=') {
            Some(("rule", value)) => rule.replace(value.parse()?).is_some(),
            Some(("noise", value)) => noise.replace(number(value, "share")?).is_some(),
            Some(("seed", value)) => seed.replace(number(value, "seed of 32 bits")?).is_some(),
            _ => {
                return Err(format!(
                    "`{part}` is neither rule=RULE, noise=SHARE nor seed=NUMBER"
                ));
            }
        };
        if is_given_twice {
            return Err(format!("`{part}` is given twice"));
        }
    }
    Ok(Parsed {
        size: [n_samples, n_inputs],
        rule: rule.unwrap_or_default(),
        noise: noise.unwrap_or(0.05),
        seed: seed.unwrap_or(1),
    })
}
