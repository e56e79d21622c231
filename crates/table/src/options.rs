//! What is made of a table's columns, as it was asked for.

use crate::error::{Error, Result};
use std::path::PathBuf;
use std::str::FromStr;

/// What is made of the columns of a table. By default the last column is the target and all others are features,
/// each a number in every row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableOptions {
    /// The target columns; the last column where none is named. One column of texts becomes [`Classes`](neuralnet::Classes).
    pub targets: Vec<String>,
    /// The feature columns, in this order; all others where none is named.
    pub features: Vec<String>,
    /// Columns that are not features, of all others.
    pub drop: Vec<String>,
    /// Whether the values of the target column are classes even where they are numbers.
    pub classes: bool,
    /// Feature columns that become a feature for each of their texts: 1 where the cell is that text, otherwise 0.
    pub one_hot: Vec<String>,
    /// What stands for the empty cells of features; without it they are an error.
    pub impute: Option<Impute>,
    /// The column of the weight of each sample; non-negative, and no feature.
    pub sample_weight: Option<String>,
    /// The weights of the classes, by which those of their samples are multiplied. The target's values are classes
    /// then, even where they are numbers.
    pub class_weight: Option<ClassWeight>,
    /// The labels of pictures in the IDX format; otherwise they are looked for beside the pictures.
    pub labels: Option<PathBuf>,
}

impl TableOptions {
    /// The defaults, with these target columns.
    #[must_use]
    pub fn with_targets(targets: &[&str]) -> Self {
        Self {
            targets: targets.iter().map(|name| (*name).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// That nothing is asked for which needs the columns of a file, as `data` is none.
    pub(super) fn check_unused(&self, data: &str) -> Result<()> {
        let flags = [
            ("--target", !self.targets.is_empty()),
            ("--features", !self.features.is_empty()),
            ("--drop", !self.drop.is_empty()),
            ("--classes", self.classes),
            ("--one-hot", !self.one_hot.is_empty()),
            ("--impute", self.impute.is_some()),
            ("--sample-weight", self.sample_weight.is_some()),
            ("--class-weight", self.class_weight.is_some()),
            ("--labels", self.labels.is_some()),
        ];
        match flags.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((flag, _)) => Err(Error::Setting {
                flag,
                reason: format!("is for the columns of a file, and `{data}` is none; leave it out"),
            }),
        }
    }
}

/// What stands for the empty cells of a feature: a number made of its cells that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impute {
    /// Their mean.
    Mean,
    /// Their median: of an even number of cells, the mean of the middle two.
    Median,
    /// 0.
    Zero,
}

/// The weights of the classes.
#[derive(Clone, Debug, PartialEq)]
pub enum ClassWeight {
    /// N / (C · n) for a class of n samples, so that all classes count alike, as scikit-learn's `"balanced"`:
    /// <https://scikit-learn.org/stable/modules/generated/sklearn.utils.class_weight.compute_class_weight.html>
    Balanced,
    /// These, by the classes' names; 1 for those not named.
    Given(Vec<(String, f64)>),
}

impl FromStr for ClassWeight {
    type Err = String;

    /// `balanced`, or `NAME=WEIGHT` for some classes, separated by commas.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text == "balanced" {
            return Ok(Self::Balanced);
        }
        let mut weights: Vec<(String, f64)> = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.rsplit_once('=').ok_or_else(|| {
                format!("`{part}` is neither `balanced` nor NAME=WEIGHT, as yes=2,no=1 has them")
            })?;
            let name = name.trim();
            match weight.trim().parse() {
                Ok(weight) if f64::is_finite(weight) && weight >= 0.0 => {
                    if weights.iter().any(|(other, _)| other == name) {
                        return Err(format!("`{name}` is given twice"));
                    }
                    weights.push((name.to_owned(), weight));
                }
                _ => {
                    return Err(format!(
                        "`{weight}` is not a weight of `{name}`; it must be finite and not negative"
                    ));
                }
            }
        }
        Ok(Self::Given(weights))
    }
}

#[cfg(test)]
mod tests {
    use super::ClassWeight;

    #[test]
    fn class_weights_are_read() {
        assert_eq!("balanced".parse(), Ok(ClassWeight::Balanced));
        let given = vec![("a=b".to_owned(), 2.0), ("no".to_owned(), 0.5)];
        assert_eq!("a=b=2, no=.5".parse(), Ok(ClassWeight::Given(given)));
        for text in [
            "", "a", "a=", "a=x", "a=-1", "a=NaN", "a=inf", "a=1,a=2", "a=1,",
        ] {
            assert!(text.parse::<ClassWeight>().is_err(), "{text}");
        }
    }
}
