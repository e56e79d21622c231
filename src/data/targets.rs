//! The range of the targets.

use super::Dataset;
use super::rows::RowStore;

impl Dataset {
    /// The first target outside [0, 1]: its row, its output, and its value.
    pub(crate) fn target_outside_unit(&self) -> Option<(usize, usize, f32)> {
        match &*self.rows {
            RowStore::Stored {
                targets, scanned, ..
            } => scanned
                .outside_unit
                .map(|(row, output)| (row, output, targets.value(row, output))),
            // Generated targets are 0 and 1.
            RowStore::Synthetic(_) => None,
        }
    }

    /// The largest magnitude of a target, or of one that reaches `limit`; 1 if every target is 0 or 1. It is 1 too if they
    /// are standardised, since their mean square is then 1.
    pub(crate) fn largest_target_up_to(&self, limit: f32) -> f32 {
        match &*self.rows {
            RowStore::Stored { targets, .. }
                if !self.targets_are_binary() && self.target_scaling.is_none() =>
            {
                let mut largest = 0.0_f32;
                let rows = 0..self.n_samples();
                let mut all = rows.flat_map(|row| {
                    (0..self.n_outputs()).map(move |output| targets.value(row, output).abs())
                });
                all.any(|target| {
                    largest = largest.max(target);
                    largest >= limit
                });
                largest
            }
            _ => 1.0,
        }
    }

    /// Whether every target is 0 or 1.
    #[must_use]
    pub fn targets_are_binary(&self) -> bool {
        match &*self.rows {
            RowStore::Stored { scanned, .. } => {
                scanned.outside_unit.is_none() && !scanned.has_fraction
            }
            RowStore::Synthetic(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Dataset;

    #[test]
    fn the_largest_target_is_looked_for_up_to_a_limit() {
        for (targets, largest) in [
            (vec![1e-30, -3e-30, 2e-30], 3e-30),
            (vec![1e-30, 0.5, 7.0], 0.5),
            (vec![0.0, -0.0, 0.0], 1.0),
        ] {
            let dataset = Dataset::from_rows("rows", 1, 1, vec![0.0; 3], targets).unwrap();
            let found = dataset.largest_target_up_to(1e-3);
            assert!((found - largest).abs() <= 0.0, "{found} and {largest}");
        }
    }
}
