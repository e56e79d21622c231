//! Rows where they lie in memory.

use std::ops::Range;

/// Rows used in place, in memory or in a mapped file. Row i starts at `i * input_stride` in `inputs` and at
/// `i * target_stride` in `targets`; its features are neighbours, and so are its targets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stored<'a> {
    /// From the first row's first feature. The last row may end with its last feature, short of a whole stride.
    pub inputs: &'a [f32],
    /// Floats from one row's features to the next one's, at least I.
    pub input_stride: usize,
    /// From the first row's first target. The last row may end with its last target.
    pub targets: &'a [f32],
    /// Floats from one row's targets to the next one's, at least O.
    pub target_stride: usize,
}

impl Stored<'_> {
    /// The rows `rows` of these rows.
    ///
    /// # Panics
    /// If `rows` reaches past the last row.
    #[must_use]
    pub fn rows(&self, rows: Range<usize>) -> Self {
        Self {
            inputs: part(self.inputs, self.input_stride, &rows),
            targets: part(self.targets, self.target_stride, &rows),
            ..*self
        }
    }
}

fn part<'a>(values: &'a [f32], stride: usize, rows: &Range<usize>) -> &'a [f32] {
    let n_rows = values.len().div_ceil(stride);
    assert!(rows.end <= n_rows, "rows {rows:?} of {n_rows}");
    let start = |row: usize| (row * stride).min(values.len());
    &values[start(rows.start)..start(rows.end)]
}

#[cfg(test)]
mod tests {
    use super::Stored;

    /// Two features and a target a row, in one array.
    const TABLE: [f32; 9] = [1.0, 2.0, 0.1, 3.0, 4.0, 0.2, 5.0, 6.0, 0.3];

    fn stored() -> Stored<'static> {
        Stored {
            inputs: &TABLE[..8],
            input_stride: 3,
            targets: &TABLE[2..],
            target_stride: 3,
        }
    }

    #[test]
    fn parts_of_parts_begin_at_their_rows() {
        let last_two = stored().rows(1..3);
        assert_eq!(last_two.inputs[..2], [3.0, 4.0], "row 1");
        assert_eq!(last_two.targets[..1], [0.2], "target of row 1");
        let last = last_two.rows(1..2);
        assert_eq!(last.inputs, [5.0, 6.0], "row 2 ends with its features");
        assert_eq!(last.targets, [0.3], "target of row 2");
        assert_eq!(stored().rows(0..3), stored(), "all rows");
        let none = stored().rows(3..3);
        assert!(none.inputs.is_empty() && none.targets.is_empty(), "no row");
    }

    #[test]
    #[should_panic(expected = "rows 2..4 of 3")]
    fn a_row_past_the_last_is_refused() {
        let _ = stored().rows(2..4);
    }
}
