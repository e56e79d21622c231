//! A share of the samples held back, to look at what training does to data it does not see.

use super::Dataset;
use super::lines::Lines;
use super::rows::{ColumnView, RowStore};
use crate::error::{Error, Remedy, Result};
use crate::random::{random_state, shuffle};
use std::sync::Arc;

impl Dataset {
    /// Two data sets in memory, the samples to train on and those held back, as they came and both in their order: of each class, or of
    /// all samples where there are no classes, the share `share` to the nearest whole number, drawn by `seed`.
    ///
    /// # Errors
    /// Where `share` is not between 0 and 1, leaves either without a sample, or the memory does not suffice.
    pub fn split(&self, share: f64, seed: u32) -> Result<(Self, Self)> {
        let refuse = |reason, remedies| Error::Setting {
            setting: "validation",
            reason,
            remedies,
        };
        if !(share > 0.0 && share < 1.0) {
            let reason =
                format!("{share} is not a share of the samples; it must be above 0 and below 1");
            return Err(refuse(reason, &[]));
        }
        let width = self.n_inputs() + self.target_width();
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        let granted = inputs
            .try_reserve_exact(self.n_samples * self.n_inputs())
            .and_then(|()| targets.try_reserve_exact(self.n_samples * self.target_width()));
        if granted.is_err() {
            return Err(Error::HostMemory {
                what: format!("{}, to hold back a share of it,", self.source),
                needed: 4 * width as u64 * self.n_samples as u64,
            });
        }
        inputs.resize(self.n_samples * self.n_inputs(), 0.0);
        targets.resize(self.n_samples * self.target_width(), 0.0);
        let unscaled = Self {
            scaling: None,
            ..self.clone()
        };
        unscaled.read_unrounded(0..self.n_samples, &mut inputs, &mut targets);
        let held = self.held(&targets, share, seed);
        let n_held = held.iter().filter(|held| **held).count();
        if n_held == 0 || n_held == self.n_samples {
            let reason = format!(
                "{share} of {} samples leaves {} to train on and {n_held} held back",
                self.n_samples,
                self.n_samples - n_held
            );
            return Err(refuse(reason, &[Remedy::Do("take another share")]));
        }
        Ok((
            self.part(&inputs, &targets, &held, false),
            self.part(&inputs, &targets, &held, true),
        ))
    }

    /// Of each sample, whether it is held back.
    fn held(&self, targets: &[f32], share: f64, seed: u32) -> Vec<bool> {
        let mut of_class: Vec<Vec<usize>> = Vec::new();
        for (row, targets) in targets.chunks_exact(self.target_width()).enumerate() {
            let class = match self.classes {
                Some(_) => class(&targets[..self.n_outputs()]),
                None => 0,
            };
            of_class.resize_with(of_class.len().max(class + 1), Vec::new);
            of_class[class].push(row);
        }
        let mut held = vec![false; self.n_samples];
        let mut random = random_state(seed);
        for mut rows in of_class {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of a count is one, up to its fraction"
            )]
            let count = (share * rows.len() as f64).round() as usize;
            shuffle(&mut rows, &mut random);
            rows[..count].iter().for_each(|row| held[*row] = true);
        }
        held
    }

    /// The samples for which `held` is `wanted`.
    fn part(&self, inputs: &[f32], targets: &[f32], held: &[bool], wanted: bool) -> Self {
        let (n_inputs, target_width) = (self.n_inputs(), self.target_width());
        let (mut of_inputs, mut of_targets) = (Vec::new(), Vec::new());
        let mut lines = Lines::default();
        let mut n_samples = 0;
        for (row, _) in held.iter().enumerate().filter(|(_, held)| **held == wanted) {
            of_inputs.extend_from_slice(&inputs[row * n_inputs..][..n_inputs]);
            of_targets.extend_from_slice(&targets[row * target_width..][..target_width]);
            if let RowStore::Stored { lines: all, .. } = &*self.rows
                && let Some(line) = all.line(row)
            {
                lines.push(n_samples, line);
            }
            n_samples += 1;
        }
        let of_targets = ColumnView::whole(of_targets, target_width);
        Self {
            n_samples,
            total_weight: Arc::default(),
            scaling: None,
            quantization: super::Quantization::default(),
            rows: Arc::new(RowStore::Stored {
                inputs: ColumnView::whole(of_inputs, n_inputs),
                outside_unit: of_targets.first_outside_unit(self.n_outputs()),
                targets: of_targets,
                lines,
            }),
            ..self.clone()
        }
    }
}

/// The class that a row of targets stands for.
fn class(targets: &[f32]) -> usize {
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
        let mut dataset = Dataset::from_rows("rows", 1, 1, inputs, targets).unwrap();
        dataset.classes = Some(Classes {
            column: "y".to_owned(),
            names: vec!["no".to_owned(), "yes".to_owned()],
        });
        dataset
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
