//! A shape to measure, and data of it.

use neuralnet::{Dataset, Error, Result, Synthetic};
use std::fmt;
use std::str::FromStr;

/// The widest layer, and the most features of synthetic rows.
const MOST_UNITS: usize = 8192;
/// The most hidden layers.
const MOST_HIDDEN: usize = 64;

/// `ROWSxFEATURES`, or `ROWSxFEATURESxOUTPUTS`, of one layer; `ROWSxFEATURES-HIDDEN-OUTPUTS` of a network with a hidden
/// layer, or with several, each with its width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    n_samples: u64,
    n_inputs: usize,
    hidden: Vec<usize>,
    n_outputs: usize,
}

impl Shape {
    /// Whether it is that of a network with hidden layers.
    pub(crate) fn has_hidden(&self) -> bool {
        !self.hidden.is_empty()
    }

    /// Widths of the hidden layers, first to last.
    pub(super) fn hidden(&self) -> &[usize] {
        &self.hidden
    }

    /// A data set of this shape: synthetic rows; where there are several targets, one of them is 1.
    pub(super) fn dataset(&self) -> Result<Dataset> {
        let synthetic = Synthetic::new(self.n_samples, self.n_inputs as u64, 0.05, 1)?;
        let rows = Dataset::synthetic(synthetic);
        // Rows that are made where they are used would be made again for each batch.
        if self.n_outputs == 1 && !self.has_hidden() {
            return Ok(rows);
        }
        let (n, n_outputs) = (rows.n_samples(), self.n_outputs);
        let mut inputs = self.zeros(n, rows.n_inputs())?;
        let mut targets = self.zeros(n, n_outputs)?;
        rows.read(0..n, &mut inputs, &mut targets[..n]);
        if n_outputs > 1 {
            for (i, target) in targets.iter_mut().enumerate() {
                *target = f32::from(i % n_outputs == i / n_outputs * 7 % n_outputs);
            }
        }
        Dataset::from_rows(
            self.to_string(),
            rows.n_inputs(),
            n_outputs,
            inputs,
            targets,
        )
    }

    /// `rows` rows of `width` zeros.
    fn zeros(&self, rows: usize, width: usize) -> Result<Vec<f32>> {
        let mut zeros = Vec::new();
        let length = rows.saturating_mul(width);
        if zeros.try_reserve_exact(length).is_err() {
            return Err(Error::HostMemory {
                what: self.to_string(),
                needed: 4 * length as u64,
            });
        }
        zeros.resize(length, 0.0);
        Ok(zeros)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.n_samples, self.n_inputs)?;
        for width in &self.hidden {
            write!(f, "-{width}")?;
        }
        match self.n_outputs {
            n_outputs if self.has_hidden() => write!(f, "-{n_outputs}"),
            1 => Ok(()),
            n_outputs => write!(f, "x{n_outputs}"),
        }
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        const FORM: &str = "write ROWSxFEATURES or ROWSxFEATURESxOUTPUTS, as 1000000x32; with hidden layers ROWSxFEATURES-HIDDEN-OUTPUTS, as 60000x784-128-10; at most 64 hidden layers, and 8192 of all but rows";
        let shape = || {
            let (rows, widths) = text.split_once('x')?;
            let between = if widths.contains('-') { '-' } else { 'x' };
            let width = |width: &str| {
                let width = width.parse().ok();
                width.filter(|width| (1..=MOST_UNITS).contains(width))
            };
            let widths: Vec<usize> = widths.split(between).map(width).collect::<Option<_>>()?;
            let (n_inputs, hidden, n_outputs) = match (between, &widths[..]) {
                ('x', [n_inputs]) => (*n_inputs, &[][..], 1),
                ('x', [n_inputs, n_outputs]) => (*n_inputs, &[][..], *n_outputs),
                ('-', [n_inputs, hidden @ .., n_outputs])
                    if (1..=MOST_HIDDEN).contains(&hidden.len()) =>
                {
                    (*n_inputs, hidden, *n_outputs)
                }
                _ => return None,
            };
            Some(Self {
                n_samples: rows.parse().ok().filter(|rows| *rows > 0)?,
                n_inputs,
                hidden: hidden.to_vec(),
                n_outputs,
            })
        };
        shape().ok_or_else(|| format!("`{text}` is no shape; {FORM}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Shape;

    #[test]
    fn shapes_are_read_as_they_are_written() {
        for text in ["1000000x32", "60000x784x10"] {
            let shape: Shape = text.parse().unwrap();
            assert_eq!(shape.to_string(), text);
            assert!(!shape.has_hidden(), "{text}");
        }
        for (text, hidden) in [
            ("60000x784-128-10", &[128][..]),
            ("7x3-5-1", &[5]),
            ("1x8192-8192-4-9-1024", &[8192, 4, 9]),
        ] {
            let shape: Shape = text.parse().unwrap();
            assert_eq!(shape.to_string(), text);
            assert_eq!(shape.hidden(), hidden, "{text}");
        }
        let deep = |n: usize| format!("9x1-{}1", "2-".repeat(n));
        assert_eq!(deep(64).parse::<Shape>().unwrap().hidden().len(), 64);
        for text in [
            "",
            "x",
            "12",
            "3x",
            "3x0",
            "0x3",
            "3x4x",
            "3x4x5x6",
            "axb",
            "3x4y",
            "3-4-5",
            "3x8193",
            "3x4x8193",
            "3x4-",
            "3x4-5",
            "3x4-5-",
            "3x-4-5",
            "0x4-5-6",
            "3x0-5-6",
            "3x4-0-6",
            "3x4-5-0",
            "3x4-5.5-6",
            "3x4x5-6",
            "3x4--5",
            "3x8193-5-6",
            "3x4-8193-6",
            "3x4-5-8193",
            &deep(65),
        ] {
            let refused = text.parse::<Shape>().unwrap_err();
            let said = format!("`{text}` is no shape; write ROWSxFEATURES");
            assert!(refused.contains(&said), "{refused}");
        }
    }

    #[test]
    fn several_targets_are_one_hot() {
        for text in ["20x3x4", "20x3-5-4"] {
            let shape: Shape = text.parse().unwrap();
            let dataset = shape.dataset().unwrap();
            let (mut inputs, mut targets) = (vec![0.0; 60], vec![0.0; 80]);
            dataset.read(0..20, &mut inputs, &mut targets);
            for (row, targets) in targets.chunks_exact(4).enumerate() {
                let ones = targets.iter().filter(|t| **t > 0.5).count();
                assert_eq!(
                    (ones, targets[row * 7 % 4]),
                    (1, 1.0),
                    "row {row}: {targets:?}"
                );
            }
        }
    }

    #[test]
    fn the_rows_of_a_network_with_one_output_are_those_of_one_layer() {
        let read = |text: &str| {
            let dataset = text.parse::<Shape>().unwrap().dataset().unwrap();
            let (mut inputs, mut targets) = (vec![0.0; 60], vec![0.0; 20]);
            dataset.read(0..20, &mut inputs, &mut targets);
            (inputs, targets)
        };
        assert_eq!(read("20x3-5-1"), read("20x3"), "rows");
    }

    #[test]
    fn more_rows_than_memory_are_refused() {
        let shape: Shape = "1000000000000x784-2-10".parse().unwrap();
        let refused = shape.dataset().unwrap_err().to_string();
        assert!(
            refused.contains("1000000000000x784-2-10 needs 3136000000000000 bytes"),
            "{refused}"
        );
    }
}
