//! Weights of samples, which stand behind the targets of each row.

use super::Dataset;
use super::rows::{ColumnView, RowStore};
use crate::error::{Error, Result};
use std::sync::Arc;

/// Weights are summed in blocks of this many rows.
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
        let targets = ColumnView::whole(targets.copied().collect(), n_outputs + 1);
        Ok(Self {
            weighted: true,
            total_weight: Arc::default(),
            rows: Arc::new(RowStore::Stored {
                outside_unit: targets.first_outside_unit(n_outputs),
                inputs: ColumnView::whole(inputs, self.n_inputs()),
                targets,
                lines: super::lines::Lines::default(),
            }),
            ..self.clone()
        })
    }

    /// Total weight of `rows`, counting repeats; their number if samples have no weights.
    pub(crate) fn weight_of(&self, rows: &[usize]) -> f64 {
        match self.is_weighted() {
            true => rows.iter().map(|row| self.weight(*row)).sum(),
            false => rows.len() as f64,
        }
    }

    /// The sum of the weights of all samples; N if they have none.
    #[must_use]
    pub fn total_weight(&self) -> f64 {
        if !self.is_weighted() {
            return self.n_samples as f64;
        }
        *self.total_weight.get_or_init(|| {
            let mut total = 0.0;
            for first in (0..self.n_samples).step_by(ROWS) {
                let rows = first..(first + ROWS).min(self.n_samples);
                total += rows.map(|row| self.weight(row)).sum::<f64>();
            }
            total
        })
    }

    /// How often the sample in row `row` counts.
    fn weight(&self, row: usize) -> f64 {
        match &*self.rows {
            RowStore::Stored { targets, .. } if self.is_weighted() => {
                f64::from(targets.value(row, self.n_outputs()))
            }
            _ => 1.0,
        }
    }
}
