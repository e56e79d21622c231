//! The classes that targets stand for.

use super::Dataset;
use crate::error::{Error, Result};
use std::collections::HashSet;

/// The classes of a column. Two classes are one target (N, 1), 1 for the second class and 0 for the first. More classes
/// (C) are a target each (N, C), 1 for the class of the sample and 0 for the others.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Classes {
    /// The column's name.
    pub column: String,
    /// The classes, in order.
    pub names: Vec<String>,
}

impl Classes {
    /// O: 1 for two classes, otherwise their number.
    #[must_use]
    pub fn n_outputs(&self) -> usize {
        match self.names.len() {
            2 => 1,
            n_classes => n_classes,
        }
    }

    /// Names of the outputs (O): for two classes the column's, otherwise `column=class` each.
    #[must_use]
    pub fn output_names(&self) -> Vec<String> {
        match self.n_outputs() {
            1 => vec![self.column.clone()],
            _ => self.probability_names(),
        }
    }

    /// Names of the probabilities of the classes (C), `column=class` each.
    #[must_use]
    pub fn probability_names(&self) -> Vec<String> {
        let name = |class| format!("{}={class}", self.column);
        self.names.iter().map(name).collect()
    }
}

impl Dataset {
    /// These samples, with targets that stand for `classes` and are named after them.
    ///
    /// # Errors
    /// If the number of targets is not that of [`Classes::n_outputs`], two classes have one name, or a target of a sample is
    /// not 1 for its class and 0 for any other.
    pub fn with_classes(&self, classes: Classes) -> Result<Self> {
        let n_targets = classes.n_outputs();
        if n_targets != self.n_outputs() || n_targets == 0 {
            return Err(self.error(format!(
                "{} classes need {n_targets} targets, and there are {}",
                classes.names.len(),
                self.n_outputs()
            )));
        }
        let names: HashSet<&String> = classes.names.iter().collect();
        if names.len() < classes.names.len() {
            return Err(self.error(format!("has a class twice among {:?}", classes.names)));
        }
        let width = self.target_width();
        let wrong = self.find_in_leaves(|leaf| {
            let mut rows = leaf.rows.clone().zip(leaf.targets.chunks_exact(width));
            rows.find(|(_, targets)| {
                // A target that is neither is no class.
                let bits = targets[..n_targets].iter().map(|target| target.to_bits());
                let (one, zero) = (1.0_f32.to_bits(), 0.0_f32.to_bits());
                let n_ones = bits.clone().filter(|bits| *bits == one).count();
                let n_zeros = bits.filter(|bits| bits << 1 == zero).count();
                n_ones + n_zeros < n_targets || n_ones > 1 || n_targets > 1 && n_ones == 0
            })
            .map(|(row, _)| row)
        });
        if let Some(row) = wrong {
            return Err(Error::Dataset {
                source_name: self.target_place(row, 0),
                reason: "the targets of a class are 1 for it and 0 for the others".to_owned(),
            });
        }
        Ok(Self {
            target_names: classes.output_names(),
            classes: Some(classes),
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Classes;
    use crate::data::Dataset;

    #[test]
    fn two_classes_are_one_output_and_more_are_one_each() {
        for (names, outputs) in [
            (&["no", "yes"][..], &["y"][..]),
            (&["a", "b", "c"], &["y=a", "y=b", "y=c"]),
        ] {
            let classes = Classes {
                column: "y".to_owned(),
                names: names.iter().map(|name| (*name).to_owned()).collect(),
            };
            assert_eq!(classes.output_names(), outputs, "{names:?}");
            assert_eq!(classes.n_outputs(), outputs.len(), "{names:?}");
            for n_targets in 1..4 {
                let mut targets = vec![0.0; n_targets];
                targets[0] = 1.0;
                let rows = Dataset::from_rows("rows", 1, n_targets, vec![0.5], targets);
                match rows.unwrap().with_classes(classes.clone()) {
                    Ok(dataset) => assert_eq!(dataset.target_names(), outputs, "{names:?}"),
                    Err(_) => assert_ne!(n_targets, outputs.len(), "{names:?}"),
                }
            }
        }
    }

    #[test]
    fn targets_that_are_no_classes_are_refused() {
        let with = |names: &[&str], n_targets: usize, targets: Vec<f32>| {
            let inputs = vec![0.5; targets.len() / n_targets];
            let rows = Dataset::from_rows("rows", 1, n_targets, inputs, targets).unwrap();
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let column = "y".to_owned();
            let classes = rows.with_classes(Classes { column, names });
            classes.map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(with(&["a", "b"], 1, vec![0.0, 1.0]), Ok(()));
        for (names, n_targets, targets, part) in [
            (
                &["a", "b"][..],
                1,
                vec![0.0, 0.5],
                "row 1, column `y0`: the targets",
            ),
            (
                &["a", "b", "c"],
                3,
                vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0],
                "row 1",
            ),
            (&["a", "b", "c"], 3, vec![0.0; 3], "row 0"),
            (&["a", "b", "a"], 3, vec![1.0, 0.0, 0.0], "a class twice"),
        ] {
            let told = with(names, n_targets, targets).unwrap_err();
            assert!(told.contains(part), "{told}");
        }
    }
}
