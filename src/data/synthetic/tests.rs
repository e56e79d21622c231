//! Tests of synthetic rows.

use super::{Rule, Synthetic, flip_below};
use crate::data::Dataset;
use crate::random::threefry2x32;

/// Features (N, I) and labels (N) of the first `n` rows without noise.
fn rows(rule: Rule, n: usize, n_inputs: usize, seed: u32) -> (Vec<Vec<f32>>, Vec<bool>) {
    let synthetic = Synthetic::new(1 << 20, n_inputs as u64, 0.0, seed).unwrap();
    let synthetic = synthetic.with_rule(rule).unwrap();
    let row = |row| {
        let mut x = vec![0.0; n_inputs];
        let label = synthetic.row(row, &mut x);
        (x, label > 0.5)
    };
    (0..n as u64).map(row).unzip()
}

/// The middle of the interval of width 1/256 that holds `x`.
fn middle(x: f32) -> f64 {
    ((f64::from(x) * 256.0).floor() + 0.5) / 256.0
}

/// The sum that the label of [`Rule::Xor`] is 1 below 0 of.
fn pairs(x: &[f32]) -> f64 {
    let n_pairs = x.len() / 2;
    (0..n_pairs)
        .map(|k| middle(x[2 * k]) * middle(x[2 * k + 1]))
        .sum()
}

/// The half turns of a point from the start of the double spiral: of its radius, one for each 0.5, and of the angle
/// on the diamond |x| + |y| = radius.
fn half_turns(x: f64, y: f64) -> f64 {
    let radius = x.abs() + y.abs();
    let quarters = match (x > 0.0, y > 0.0) {
        (true, true) => y / radius,
        (false, true) => 1.0 - x / radius,
        (false, false) => 2.0 - y / radius,
        (true, false) => 3.0 + x / radius,
    };
    quarters / 2.0 + radius / 0.5
}

/// The output of a teacher over 512, from the words of its seed. Multiples of 1/512 below 2³¹ are exact.
fn teacher(x: &[f32], seed: u32) -> f64 {
    let word = |j: usize, unit: u32| threefry2x32([seed, 1], [u32::try_from(j).unwrap(), unit])[0];
    let weight = |j, unit| 2.0 * f64::from(word(j, unit) / (1 << 29)) - 7.0;
    let unit = |unit| {
        let terms = x.iter().map(|x| middle(*x)).chain([1.0]).enumerate();
        let z: f64 = terms.map(|(j, x)| weight(j, unit) * x).sum();
        weight(x.len() + 1, unit) * z.max(0.0)
    };
    (1..=8).map(unit).sum()
}

#[test]
fn labels_are_those_of_the_definitions() {
    for n_inputs in [1, 2, 3, 4, 5, 8, 33, 784] {
        let n = (200_000 / n_inputs).min(20_000);
        for (rule, seed) in [Rule::Xor, Rule::Circle, Rule::Spiral]
            .into_iter()
            .flat_map(|rule| [(rule, 1), (rule, u32::MAX)])
        {
            if n_inputs < rule.min_inputs() {
                continue;
            }
            let (x, labels) = rows(rule, n, n_inputs, seed);
            for (row, (x, label)) in x.iter().zip(labels).enumerate() {
                let expected = match rule {
                    Rule::Xor => pairs(x) < 0.0,
                    Rule::Circle if n_inputs == 1 => x[0].abs() >= 0.5,
                    Rule::Circle => {
                        let squares: f64 = x.iter().map(|x| middle(*x).powi(2)).sum();
                        squares > n_inputs as f64 / 3.0 - 2.0 / 63.0
                    }
                    _ => half_turns(middle(x[0]), middle(x[1])).floor() % 2.0 > 0.5,
                };
                assert_eq!(label, expected, "{rule}, row {row}: {x:?}");
            }
        }
    }
}

#[test]
fn the_xor_of_two_features_is_that_of_their_signs() {
    let (x, labels) = rows(Rule::Xor, 10_000, 2, 5);
    for (x, label) in x.iter().zip(labels) {
        assert_eq!(label, (x[0] < 0.0) != (x[1] < 0.0), "{x:?}");
    }
}

/// The label tells on which side of a threshold the output lies, and the threshold parts the first 4,096 rows in halves.
#[test]
fn a_teacher_parts_its_outputs_at_their_median() {
    for (n_inputs, seed) in [(2, 1), (3, 3), (5, 7), (33, 0), (784, u32::MAX)] {
        let (x, labels) = rows(Rule::Teacher, 4096, n_inputs, seed);
        let mut outputs: Vec<(f64, bool)> =
            x.iter().map(|x| teacher(x, seed)).zip(labels).collect();
        outputs.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let n_below = outputs.partition_point(|(_, label)| !label);
        let what = format!("{n_inputs} inputs, seed {seed}");
        assert!(outputs.is_sorted_by_key(|(_, label)| *label), "{what}");
        let [below, above] = [outputs[n_below - 1].0, outputs[n_below].0];
        assert!(below < above, "equal outputs, {what}");
        assert!(n_below.abs_diff(2048) <= 1, "{n_below} below, {what}");
    }
}

/// Labels of the first 32 rows, lowest bit first, with seed 7, from a script in Python of a few lines with exact
/// fractions.
#[test]
fn the_first_labels_stay_what_they_are() {
    for (rule, of_two, of_five) in [
        (Rule::Linear, 0x1257_DFBC, 0xC432_D734_u32),
        (Rule::Xor, 0xC614_8B6A, 0xF690_0168),
        (Rule::Circle, 0x2976_645D, 0x39F7_C44D),
        (Rule::Spiral, 0xA26E_00FA, 0xA26E_00FA),
        (Rule::Teacher, 0x8545_4E57, 0xAE32_1324),
    ] {
        for (n_inputs, expected) in [(2, of_two), (5, of_five)] {
            let labels = rows(rule, 32, n_inputs, 7).1.into_iter().rev();
            let word = labels.fold(0, |word, label| word << 1 | u32::from(label));
            assert_eq!(word, expected, "{rule} of {n_inputs}: {word:#X}");
        }
    }
}

#[test]
fn the_classes_of_every_rule_are_about_equal() {
    for rule in Rule::ALL {
        for n_inputs in [1, 2, 3, 7, 60, 784] {
            if n_inputs < rule.min_inputs() {
                continue;
            }
            for seed in 0..6 {
                let n = (1 << 20) / n_inputs.max(32);
                let ones = rows(rule, n, n_inputs, seed)
                    .1
                    .into_iter()
                    .filter(|label| *label);
                let share = ones.count() as f64 / n as f64;
                // The median of a teacher is that of 4,096 rows, and five standard deviations of two shares add up; the
                // median of few squares is not quite the one of the formula.
                let deviation = 0.5 / (n as f64).sqrt();
                let bound = match rule {
                    Rule::Teacher => 5.0 * deviation.hypot(0.5 / 64.0),
                    Rule::Circle => 5.0 * deviation + 0.004,
                    _ => 5.0 * deviation,
                };
                assert!(
                    (share - 0.5).abs() <= bound,
                    "{rule} of {n_inputs}, seed {seed}: {share}"
                );
            }
        }
    }
}

/// The largest sums stay within 32 bits: arithmetic that leaves them panics in tests.
#[test]
fn the_largest_sums_of_every_rule_can_be_taken() {
    for rule in Rule::ALL {
        let synthetic = Synthetic::new(1, 8192, 0.0, 1).unwrap();
        let labels = synthetic.with_rule(rule).unwrap().labels;
        let towards = |weights: &[i32]| {
            let x = weights
                .iter()
                .map(|w| if *w < 0 { -1.0 } else { 0.999_999_9 });
            x.collect::<Vec<f32>>()
        };
        for sign in [1, -1] {
            let all = vec![sign; 8192];
            labels.of(&towards(&all));
            for unit in 0..labels.weight().len() / 8192 {
                let n_units = labels.weight().len() / 8192;
                let own = labels.weight().iter().skip(unit).step_by(n_units);
                let own: Vec<i32> = own.map(|weight| sign * weight).collect();
                labels.of(&towards(&own));
            }
        }
    }
}

#[test]
fn a_rule_that_needs_more_features_is_refused() {
    for rule in [Rule::Xor, Rule::Spiral, Rule::Teacher] {
        let one = Synthetic::new(10, 1, 0.0, 1).unwrap();
        let refused = one.with_rule(rule).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("rule={rule} needs at least 2 features")),
            "{refused}"
        );
    }
}

#[test]
fn a_description_is_read_as_it_is_written() {
    for (text, written) in [
        ("synthetic:9x2", "synthetic:9x2,noise=0.05,seed=1"),
        (
            "synthetic:9x2,rule=linear,noise=0",
            "synthetic:9x2,noise=0,seed=1",
        ),
        (
            "synthetic:9x2,seed=3,rule=teacher",
            "synthetic:9x2,rule=teacher,noise=0.05,seed=3",
        ),
        (
            "9x2,rule=spiral",
            "synthetic:9x2,rule=spiral,noise=0.05,seed=1",
        ),
    ] {
        let synthetic: Synthetic = text.parse().unwrap();
        assert_eq!(synthetic.to_string(), written, "{text}");
        assert_eq!(written.parse::<Synthetic>().unwrap(), synthetic, "{text}");
    }
}

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
fn features_fill_the_interval_and_noise_flips_its_share() {
    Rule::ALL.into_iter().for_each(assert_share_of_noise);
}

#[expect(clippy::float_cmp, reason = "the features must be the same bits")]
fn assert_share_of_noise(rule: Rule) {
    let (n, noise) = (100_000, 0.1);
    let of = |noise| {
        Synthetic::new(n, 3, noise, 9)
            .unwrap()
            .with_rule(rule)
            .unwrap()
    };
    let (clean, noisy) = (of(0.0), of(noise));
    assert_eq!(noisy.bayes_accuracy(), 1.0 - noise, "{rule}");
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
