//! Splitting off a share of the samples, to measure training on data that it does not see.

use super::rows::{ColumnView, RowStore};
use super::{Dataset, FEATURES_ALONE, Lines, Quantization};
use crate::error::{Error, Remedy, Result};
use crate::random::{random_state, shuffle};
use std::sync::Arc;

impl Dataset {
    /// Two data sets in memory, neither scaled nor rounded: the samples to train on and those held back, both in the
    /// order of these. Of each class, or of all samples if there are no classes, the share `share` is held back, to the
    /// nearest whole number, drawn by `seed`.
    ///
    /// # Errors
    /// If there are no targets, `share` is not between 0 and 1 or leaves either data set without a sample, or memory does not suffice.
    pub fn split(&self, share: f64, seed: u32) -> Result<(Self, Self)> {
        if self.n_outputs() == 0 {
            return Err(self.error(FEATURES_ALONE.to_owned()));
        }
        let (inputs, targets) = self.copied("to hold back a share of it")?;
        let n_classes = self.classes.as_ref().map(|_| self.n_outputs());
        let held = in_holdout(&targets, self.target_width(), n_classes, share, seed)?;
        let part = |wanted: bool| {
            let rows = (0..self.n_samples).filter(|row| held[*row] == wanted);
            self.part(&inputs, &targets, &rows.collect::<Vec<usize>>())
        };
        Ok((part(false), part(true)))
    }

    /// The samples in the rows `rows`, as they are read, as data of their own.
    pub(crate) fn rows_alone(&self, rows: &[usize]) -> Self {
        let [mut inputs, mut targets] =
            [self.n_inputs(), self.target_width()].map(|width| vec![0.0; width * rows.len()]);
        let copies = inputs.chunks_exact_mut(self.n_inputs());
        let copies = copies.zip(targets.chunks_exact_mut(self.target_width()));
        for (row, (inputs, targets)) in rows.iter().zip(copies) {
            self.read(*row..row + 1, inputs, targets);
        }
        self.part(&inputs, &targets, &(0..rows.len()).collect::<Vec<_>>())
    }

    /// The samples in the rows `rows`, of all `inputs` (N, I) and `targets` (N, O) with their weights.
    fn part(&self, inputs: &[f32], targets: &[f32], rows: &[usize]) -> Self {
        let view = |values: &[f32], width: usize| {
            let mut part = Vec::with_capacity(rows.len() * width);
            rows.iter()
                .for_each(|row| part.extend_from_slice(&values[row * width..][..width]));
            ColumnView::whole(part, width)
        };
        let mut lines = Lines::default();
        for (new, row) in rows.iter().enumerate() {
            if let Some(line) = self.line(*row) {
                lines.push(new, line);
            }
        }
        Self {
            n_samples: rows.len(),
            total_weight: Arc::default(),
            scaling: None,
            target_scaling: None,
            quantization: Quantization::default(),
            rows: Arc::new(RowStore::stored(
                view(inputs, self.n_inputs()),
                view(targets, self.target_width()),
                self.n_outputs(),
                lines,
            )),
            ..self.clone()
        }
    }
}

/// Whether each sample is held back by [`Dataset::split`]. Rows of `targets` have the width `width`, of which the first
/// `of_classes` stand for classes, if there are any.
///
/// # Errors
/// If `share` is not between 0 and 1, or would leave one part without any samples.
pub fn in_holdout(
    targets: &[f32],
    width: usize,
    of_classes: Option<usize>,
    share: f64,
    seed: u32,
) -> Result<Vec<bool>> {
    let refuse = |reason, remedies| {
        Err(Error::Setting {
            setting: "validation",
            reason,
            remedies,
        })
    };
    if !(share > 0.0 && share < 1.0) {
        let reason =
            format!("{share} is not a share of the samples; it must be above 0 and below 1");
        return refuse(reason, &[]);
    }
    let mut of_class: Vec<Vec<usize>> = Vec::new();
    for (row, targets) in targets.chunks_exact(width).enumerate() {
        let class = of_classes.map_or(0, |n_outputs| class(&targets[..n_outputs]));
        of_class.resize_with(of_class.len().max(class + 1), Vec::new);
        of_class[class].push(row);
    }
    let mut held = vec![false; targets.len() / width];
    let mut random = random_state(seed);
    for mut rows in of_class {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count, rounded, is a count"
        )]
        let count = ((share * rows.len() as f64).round() as usize).min(rows.len());
        shuffle(&mut rows, &mut random);
        rows[..count].iter().for_each(|row| held[*row] = true);
    }
    let n_held = held.iter().filter(|held| **held).count();
    let n_samples = held.len();
    if n_held == 0 || n_held == n_samples {
        let n_rest = n_samples - n_held;
        let reason = format!(
            "{share} of {n_samples} samples leaves {n_rest} to train on and {n_held} held back"
        );
        return refuse(reason, &[Remedy::Do("take another share")]);
    }
    Ok(held)
}

/// The class of a row of targets (O).
pub(super) fn class(targets: &[f32]) -> usize {
    match targets {
        [target] => usize::from(*target >= 0.5),
        targets => targets.iter().position(|t| *t >= 0.5).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::Dataset;
    use crate::data::Classes;

    /// Row i has the feature i and the class i mod 5 = 0.
    fn dataset() -> Dataset {
        let inputs = (0_u8..100).map(f32::from).collect();
        let targets = (0_u8..100)
            .map(|i| f32::from(u8::from(i % 5 == 0)))
            .collect();
        let classes = Classes {
            column: "y".to_owned(),
            names: vec!["no".to_owned(), "yes".to_owned()],
        };
        let dataset = Dataset::from_rows("rows", 1, 1, inputs, targets).unwrap();
        dataset.with_classes(classes).unwrap()
    }

    fn rows(dataset: &Dataset) -> (Vec<f32>, Vec<f32>) {
        let n = dataset.n_samples();
        let (mut inputs, mut targets) = (vec![0.0; n], vec![0.0; n]);
        dataset.read(0..n, &mut inputs, &mut targets);
        (inputs, targets)
    }

    #[test]
    fn each_sample_is_in_one_part_and_each_class_in_both() {
        let (train, held) = dataset().split(0.25, 7).unwrap();
        let ((inputs, targets), (held_inputs, held_targets)) = (rows(&train), rows(&held));
        assert_eq!(held.n_samples(), 25, "a quarter");
        let ones = |targets: &[f32]| targets.iter().filter(|target| **target >= 0.5).count();
        assert_eq!(
            (ones(&held_targets), ones(&targets)),
            (5, 15),
            "a quarter of a class"
        );
        let mut all = [inputs.clone(), held_inputs.clone()].concat();
        assert!(
            inputs.is_sorted() && held_inputs.is_sorted(),
            "in their order"
        );
        all.sort_by(f32::total_cmp);
        assert_eq!(all, rows(&dataset()).0, "each once");
        for (input, target) in inputs.iter().zip(&targets) {
            assert_eq!(
                *target >= 0.5,
                input % 5.0 < 0.5,
                "targets stay with their inputs"
            );
        }
        assert_eq!(held.classes(), dataset().classes(), "classes");
    }

    #[test]
    fn whatever_the_seed_each_class_gives_its_share() {
        for seed in 0..20 {
            let (_, targets) = rows(&dataset().split(0.25, seed).unwrap().1);
            let ones = targets.iter().filter(|target| **target >= 0.5).count();
            assert_eq!((targets.len(), ones), (25, 5), "seed {seed}");
        }
    }

    #[test]
    fn the_seed_decides_what_is_held_back() {
        let held = |seed| rows(&dataset().split(0.25, seed).unwrap().1).0;
        assert_eq!(held(1), held(1), "the same seed");
        assert_ne!(held(1), held(2), "another seed");
    }

    #[test]
    fn a_share_that_leaves_nothing_is_refused() {
        for share in [0.0, 1.0, -0.5, f64::NAN, 0.001, 0.999] {
            let refused = dataset().split(share, 1).unwrap_err().to_string();
            assert!(refused.starts_with("`validation`: "), "{share}: {refused}");
        }
    }
}
