//! A shape to measure, and data of it.

use neuralnet::{Dataset, Error, Result, Synthetic};
use std::fmt;
use std::str::FromStr;

/// The widest hidden layer, and the most features of synthetic rows.
const MOST_UNITS: u64 = 8192;
/// The most hidden layers.
const MOST_HIDDEN: usize = 64;
/// The most outputs of which there are data.
const MOST_OUTPUTS: u64 = 8192;

/// `ROWSxFEATURES`, or `ROWSxFEATURESxOUTPUTS`, of one layer; `ROWSxFEATURES-HIDDEN-OUTPUTS` of a network with a hidden
/// layer, or with several, each with its width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    n_samples: u64,
    n_inputs: u64,
    hidden: Vec<usize>,
    n_outputs: u64,
}

impl Shape {
    /// The shapes measured where none is named: narrow and wide rows, one output and ten.
    #[must_use]
    pub(crate) fn table() -> Vec<Self> {
        let shape = |n_samples, n_inputs, n_outputs| Self {
            n_samples,
            n_inputs,
            hidden: Vec::new(),
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
        let synthetic = Synthetic::new(self.n_samples, self.n_inputs, 0.05, 1)?;
        let rows = Dataset::synthetic(synthetic);
        // Rows that are made where they are used would be made again for each batch.
        if self.n_outputs == 1 && !self.has_hidden() {
            return Ok(rows);
        }
        let (n, n_outputs) = (rows.n_samples(), self.outputs()?);
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

    fn outputs(&self) -> Result<usize> {
        match usize::try_from(self.n_outputs) {
            Ok(n_outputs) if (1..=MOST_OUTPUTS).contains(&self.n_outputs) => Ok(n_outputs),
            _ => Err(Error::Dataset {
                source_name: self.to_string(),
                reason: format!("1 to {MOST_OUTPUTS} outputs can be measured"),
            }),
        }
    }

    /// Reads `ROWSxFEATURES-HIDDEN-OUTPUTS` from its parts, `widths` being all behind the rows.
    fn network(rows: &str, widths: &str) -> std::result::Result<Self, String> {
        const FORM: &str = "write ROWSxFEATURES-HIDDEN-OUTPUTS, as 60000x784-128-10";
        let positive = |text: &str| match text.parse() {
            Ok(n @ 1..) => Ok(n),
            _ => Err(format!("`{text}` is no number from 1 on; {FORM}")),
        };
        let n_samples = positive(rows)?;
        let widths = widths.split('-').map(positive);
        let widths: Vec<u64> = widths.collect::<std::result::Result<_, _>>()?;
        let [n_inputs, hidden @ .., n_outputs] = &widths[..] else {
            return Err(FORM.to_owned());
        };
        let (n_inputs, n_outputs) = (*n_inputs, *n_outputs);
        if hidden.is_empty() {
            return Err(format!(
                "there is no hidden layer; for one layer write {n_samples}x{n_inputs}x{n_outputs}, otherwise {FORM}"
            ));
        }
        if hidden.len() > MOST_HIDDEN {
            let n = hidden.len();
            return Err(format!(
                "{n} hidden layers are more than {MOST_HIDDEN}; take fewer"
            ));
        }
        for (what, width, most) in hidden
            .iter()
            .map(|width| ("units of a hidden layer", *width, MOST_UNITS))
            .chain([
                ("features", n_inputs, MOST_UNITS),
                ("outputs", n_outputs, MOST_OUTPUTS),
            ])
        {
            if width > most {
                return Err(format!("{width} {what} are more than {most}; take fewer"));
            }
        }
        let hidden = hidden.iter().copied().map(usize::try_from);
        let hidden = hidden.map(|width| width.expect("at most 8192"));
        Ok(Self {
            n_samples,
            n_inputs,
            hidden: hidden.collect(),
            n_outputs,
        })
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
        if let Some((rows, widths)) = text.split_once('x')
            && widths.contains('-')
        {
            return Self::network(rows, widths);
        }
        let numbers: Vec<u64> = text.split('x').map_while(|n| n.parse().ok()).collect();
        let (n_samples, n_inputs, n_outputs) = match numbers[..] {
            [n_samples, n_inputs] => (n_samples, n_inputs, 1),
            [n_samples, n_inputs, n_outputs] => (n_samples, n_inputs, n_outputs),
            _ => (0, 0, 0),
        };
        let whole = text.split('x').count() == numbers.len();
        if !whole || [n_samples, n_inputs, n_outputs].contains(&0) {
            return Err("write ROWSxFEATURES or ROWSxFEATURESxOUTPUTS, as 1000000x32; with hidden layers ROWSxFEATURES-HIDDEN-OUTPUTS, as 60000x784-128-10".to_owned());
        }
        Ok(Self {
            n_samples,
            n_inputs,
            hidden: Vec::new(),
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
        for text in [
            "", "x", "12", "3x", "3x0", "0x3", "3x4x", "3x4x5x6", "axb", "3x4y", "3-4-5",
        ] {
            let refused = text.parse::<Shape>().unwrap_err();
            assert!(refused.contains("write ROWSxFEATURES"), "{text}: {refused}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused_with_what_to_write() {
        let deep = format!("9x1-{}1", "2-".repeat(65));
        for (text, said) in [
            ("60000x784-", "`` is no number from 1 on; write ROWSx"),
            ("60000x784-128-", "`` is no number from 1 on"),
            ("60000x-128-10", "`` is no number"),
            ("0x3-2-1", "`0` is no number"),
            ("9x3-0-1", "`0` is no number"),
            ("9x3-2-0", "`0` is no number"),
            ("9x0-2-1", "`0` is no number"),
            ("9x3-2.5-1", "`2.5` is no number"),
            ("9x3x4-5", "`3x4` is no number"),
            ("9x3--5", "`` is no number"),
            ("0x3-2", "`0` is no number"),
            ("9x3-2", "for one layer write 9x3x2, otherwise"),
            (
                "9x3-8193-1",
                "8193 units of a hidden layer are more than 8192; take fewer",
            ),
            ("9x8193-3-1", "8193 features are more than 8192"),
            ("9x3-2-8193", "8193 outputs are more than 8192"),
            (&deep, "65 hidden layers are more than 64"),
        ] {
            let refused = text.parse::<Shape>().unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
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
