//! A shape to measure, and data of it.

use neuralnet::{Dataset, Error, Result, Synthetic};
use std::fmt;
use std::str::FromStr;

/// `ROWSxFEATURES`, or `ROWSxFEATURESxOUTPUTS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    n_samples: u64,
    n_inputs: u64,
    n_outputs: u64,
}

impl Shape {
    /// The shapes measured where none is named: narrow and wide rows, one output and ten.
    #[must_use]
    pub(crate) fn table() -> Vec<Self> {
        let shape = |n_samples, n_inputs, n_outputs| Self {
            n_samples,
            n_inputs,
            n_outputs,
        };
        vec![
            shape(1_000_000, 32, 1),
            shape(4_000_000, 16, 1),
            shape(200_000, 256, 1),
            shape(60_000, 784, 1),
            shape(60_000, 784, 10),
        ]
    }

    /// A data set of this shape: synthetic rows; where there are several targets, one of them is 1.
    pub(super) fn dataset(self) -> Result<Dataset> {
        let synthetic = Synthetic::new(self.n_samples, self.n_inputs, 0.05, 1)?;
        let rows = Dataset::synthetic(synthetic);
        if self.n_outputs == 1 {
            return Ok(rows);
        }
        let (n, n_outputs) = (rows.n_samples(), self.outputs()?);
        let mut inputs = vec![0.0; n * rows.n_inputs()];
        rows.read(0..n, &mut inputs, &mut vec![0.0; n]);
        let one_hot = |i: usize| f32::from(i % n_outputs == i / n_outputs * 7 % n_outputs);
        let targets = (0..n * n_outputs).map(one_hot).collect();
        Dataset::from_rows(
            self.to_string(),
            rows.n_inputs(),
            n_outputs,
            inputs,
            targets,
        )
    }

    fn outputs(self) -> Result<usize> {
        match usize::try_from(self.n_outputs) {
            Ok(n_outputs @ 1..=8192) => Ok(n_outputs),
            _ => Err(self.fault("1 to 8192 outputs can be measured")),
        }
    }

    fn fault(self, reason: &str) -> Error {
        Error::Dataset {
            source_name: self.to_string(),
            reason: reason.to_owned(),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.n_samples, self.n_inputs)?;
        match self.n_outputs {
            1 => Ok(()),
            n_outputs => write!(f, "x{n_outputs}"),
        }
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let numbers: Vec<u64> = text.split('x').map_while(|n| n.parse().ok()).collect();
        let (n_samples, n_inputs, n_outputs) = match numbers[..] {
            [n_samples, n_inputs] => (n_samples, n_inputs, 1),
            [n_samples, n_inputs, n_outputs] => (n_samples, n_inputs, n_outputs),
            _ => (0, 0, 0),
        };
        let whole = text.split('x').count() == numbers.len();
        if !whole || [n_samples, n_inputs, n_outputs].contains(&0) {
            return Err("write ROWSxFEATURES or ROWSxFEATURESxOUTPUTS, as 1000000x32".to_owned());
        }
        Ok(Self {
            n_samples,
            n_inputs,
            n_outputs,
        })
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
        }
        for text in [
            "", "x", "12", "3x", "3x0", "0x3", "3x4x", "3x4x5x6", "axb", "3x4y",
        ] {
            assert!(text.parse::<Shape>().is_err(), "{text}");
        }
    }

    #[test]
    fn several_targets_are_one_hot() {
        let shape: Shape = "20x3x4".parse().unwrap();
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
