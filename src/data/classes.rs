//! The classes that targets stand for.

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
                let rows =
                    Dataset::from_rows("rows", 1, n_targets, vec![0.5], vec![0.0; n_targets]);
                match rows.unwrap().with_classes(classes.clone()) {
                    Ok(dataset) => assert_eq!(dataset.target_names(), outputs, "{names:?}"),
                    Err(_) => assert_ne!(n_targets, outputs.len(), "{names:?}"),
                }
            }
        }
    }
}
