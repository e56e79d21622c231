//! Weights of samples, which stand behind the targets of each row.

use super::rows::{ColumnView, RowStore};
use super::{Dataset, FEATURES_ALONE, Lines};
use crate::error::Result;
use std::sync::Arc;

/// Weights are summed in blocks of this many rows, so that rounding errors do not add up.
const BLOCK_ROWS: usize = 1 << 12;

impl Dataset {
    /// These samples, each with a weight of `weights` (N): its loss and gradient are multiplied by it, and
    /// a mean is one over the weights.
    ///
    /// # Errors
    /// If there are not as many weights as samples, one is negative or not finite, all are 0, or memory does not
    /// suffice for generated samples.
    pub fn with_weights(&self, weights: &[f32]) -> Result<Self> {
        if weights.len() != self.n_samples {
            return Err(self.error(format!(
                "has {} samples, and there are {} weights; give one for each",
                self.n_samples,
                weights.len()
            )));
        }
        if let Some(row) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
            return Err(self.error(format!(
                "the weight of row {row} is {}; every weight must be finite and not negative",
                weights[row]
            )));
        }
        if weights.iter().all(|weight| *weight <= 0.0) {
            return Err(self.error("every weight is 0; at least one must be positive".to_owned()));
        }
        if self.n_outputs() == 0 {
            return Err(self.error(FEATURES_ALONE.to_owned()));
        }
        let (n_outputs, width) = (self.n_outputs(), self.target_width());
        let (inputs, lines, targets) = match &*self.rows {
            RowStore::Stored {
                inputs,
                lines,
                targets,
                ..
            } => {
                let mut values = vec![0.0; self.n_samples * width];
                targets.read(0..self.n_samples, &mut values);
                (inputs.clone(), lines.clone(), values)
            }
            RowStore::Synthetic(_) => {
                let (inputs, targets) = self.copied("to weigh its samples")?;
                let inputs = ColumnView::whole(inputs, self.n_inputs());
                (inputs, Lines::default(), targets)
            }
        };
        let rows = targets.chunks_exact(width).zip(weights);
        let targets = rows.flat_map(|(row, weight)| row[..n_outputs].iter().chain([weight]));
        let targets = ColumnView::whole(targets.copied().collect(), n_outputs + 1);
        Ok(Self {
            total_weight: Arc::default(),
            bayes_accuracy: None,
            rows: Arc::new(RowStore::stored(inputs, targets, n_outputs, lines)),
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
            for first in (0..self.n_samples).step_by(BLOCK_ROWS) {
                let rows = first..(first + BLOCK_ROWS).min(self.n_samples);
                total += rows.map(|row| self.weight(row)).sum::<f64>();
            }
            total
        })
    }

    /// The weight of the sample in row `row`; 1 if samples have no weights.
    pub(super) fn weight(&self, row: usize) -> f64 {
        match &*self.rows {
            RowStore::Stored { targets, .. } if self.is_weighted() => {
                f64::from(targets.value(row, self.n_outputs()))
            }
            _ => 1.0,
        }
    }
}
