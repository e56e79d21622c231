//! Weights of samples, which stand behind the targets of each row.

use super::Dataset;
use super::rows::{Part, Rows};
use crate::error::{Error, Result};
use std::sync::Arc;

/// Rows looked at together.
const ROWS: usize = 1 << 12;

impl Dataset {
    /// The same samples, in memory, each counting as often as `weights` (N) says: its loss and gradient are
    /// multiplied by its weight, and a mean is one over the weights.
    ///
    /// # Errors
    /// Where there are not as many weights as samples, one is negative or not finite, or all are 0.
    pub fn with_weights(&self, weights: &[f32]) -> Result<Self> {
        let fail = |reason| {
            Err(Error::Dataset {
                source_name: self.source.clone(),
                reason,
            })
        };
        if weights.len() != self.n_samples {
            return fail(format!(
                "has {} samples, and there are {} weights; give one for each",
                self.n_samples,
                weights.len()
            ));
        }
        if let Some(row) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
            return fail(format!(
                "the weight of row {row} is {}; every weight must be finite and not negative",
                weights[row]
            ));
        }
        if weights.iter().all(|weight| *weight <= 0.0) {
            return fail("every weight is 0; at least one must be positive".to_owned());
        }
        let (n_outputs, width) = (self.n_outputs(), self.target_width());
        let mut inputs = vec![0.0; self.n_samples * self.n_inputs()];
        let mut targets = vec![0.0; self.n_samples * width];
        let unscaled = Self {
            scaling: None,
            ..self.clone()
        };
        unscaled.read_unrounded(0..self.n_samples, &mut inputs, &mut targets);
        let rows = targets.chunks_exact(width).zip(weights);
        let targets = rows.flat_map(|(row, weight)| row[..n_outputs].iter().chain([weight]));
        let targets = Part::whole(targets.copied().collect(), n_outputs + 1);
        Ok(Self {
            weighted: true,
            total_weight: Arc::default(),
            rows: Arc::new(Rows::Stored {
                outside_unit: targets.first_outside_unit(n_outputs),
                inputs: Part::whole(inputs, self.n_inputs()),
                targets,
                lines: super::lines::Lines::default(),
            }),
            ..self.clone()
        })
    }

    /// The sum of the weights of the rows `rows`, as often as each is named; how many they are where there are none.
    pub(crate) fn weight_of(&self, rows: &[usize]) -> f64 {
        match &*self.rows {
            Rows::Stored { targets, .. } if self.weighted => {
                let weights = rows
                    .iter()
                    .map(|row| f64::from(targets.value(*row, self.n_outputs())));
                weights.sum()
            }
            _ => rows.len() as f64,
        }
    }

    /// The sum of the weights; N where there are none.
    #[must_use]
    pub fn total_weight(&self) -> f64 {
        if !self.weighted {
            return self.n_samples as f64;
        }
        *self.total_weight.get_or_init(|| {
            let (mut inputs, mut targets) = (Vec::new(), Vec::new());
            let mut total = 0.0;
            for first in (0..self.n_samples).step_by(ROWS) {
                let rows = first..(first + ROWS).min(self.n_samples);
                inputs.resize(rows.len() * self.n_inputs(), 0.0);
                targets.resize(rows.len() * self.target_width(), 0.0);
                self.read_unrounded(rows, &mut inputs, &mut targets);
                let weights = targets.iter().skip(self.n_outputs());
                total += weights
                    .step_by(self.target_width())
                    .map(|weight| f64::from(*weight))
                    .sum::<f64>();
            }
            total
        })
    }
}
