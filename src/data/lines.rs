//! The line of each row of a table in its file.

/// The line of each row. Only those rows are kept that do not stand one line below the row before them.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// (row, line) of the first row and of rows after blank lines, both rising.
    steps: Vec<(usize, u64)>,
}

impl Lines {
    /// Appends row `row`, which stands in line `line`.
    pub fn push(&mut self, row: usize, line: u64) {
        let in_step = |(first, at): &(usize, u64)| at + (row - first) as u64 == line;
        if !self.steps.last().is_some_and(in_step) {
            self.steps.push((row, line));
        }
    }

    /// Appends the rows of the next part of the file, which begins with row `row` after `line` lines.
    pub fn append(&mut self, part: &Self, row: usize, line: u64) {
        for (first, at) in &part.steps {
            self.push(row + first, line + at);
        }
    }

    /// The line of row `row`; `None` if the rows came from no file of lines.
    #[must_use]
    pub fn line(&self, row: usize) -> Option<u64> {
        let after = self.steps.partition_point(|(first, _)| *first <= row);
        let (first, line) = self.steps.get(after.checked_sub(1)?)?;
        Some(line + (row - first) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_are_found_again_across_gaps() {
        let lines_of_rows = [2, 3, 4, 7, 8, 11];
        let mut lines = Lines::default();
        for (row, line) in lines_of_rows.into_iter().enumerate() {
            lines.push(row, line);
        }
        for (row, line) in lines_of_rows.into_iter().enumerate() {
            assert_eq!(lines.line(row), Some(line), "row {row}");
        }
        assert_eq!(lines.steps.len(), 3, "one step for each gap");
        assert_eq!(
            Lines::default().line(0),
            None,
            "rows that came from no file"
        );
    }

    #[test]
    fn parts_count_on() {
        let (mut all, mut part) = (Lines::default(), Lines::default());
        all.push(0, 2);
        all.push(1, 3);
        part.push(0, 1);
        part.push(1, 4);
        all.append(&part, 2, 3);
        assert_eq!(
            [0, 1, 2, 3].map(|row| all.line(row)),
            [2, 3, 4, 7].map(Some)
        );
        assert_eq!(all.steps.len(), 2, "no step where one part follows another");
    }
}
