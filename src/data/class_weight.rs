//! Weights of classes, for the samples that a network trains on.

use super::Dataset;
use super::split::class;
use crate::error::{Error, Result};
use serde::Serialize;
use std::str::FromStr;

/// The weights of the classes, by which those of their samples are multiplied.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeight {
    /// W / (C · w) for a class of the weight w, of W in all, so that all C classes count alike, as scikit-learn's
    /// `"balanced"`:
    /// <https://scikit-learn.org/stable/modules/generated/sklearn.utils.class_weight.compute_class_weight.html>
    Balanced,
    /// These, by the classes' names; 1 for those not named.
    #[serde(untagged)]
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
            match weight.trim().parse() {
                Ok(weight) if f64::is_finite(weight) && weight >= 0.0 => {
                    if weights.iter().any(|(other, _)| other.trim() == name.trim()) {
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

impl Dataset {
    /// These samples, the weight of each multiplied by that of its class. They are to be trained on: what is measured
    /// on them would count classes instead of samples.
    ///
    /// # Errors
    /// If there are no classes, one that is named is not there, or the products leave f32 or are all 0.
    pub fn with_class_weights(&self, weights: &ClassWeight) -> Result<Self> {
        let refuse = |reason: String| Error::Setting {
            setting: "class_weight",
            reason,
            remedies: &[],
        };
        let source = &self.source;
        let Some(classes) = self.classes() else {
            return Err(refuse(format!("{source} has no classes; leave it out")));
        };
        let (targets, n_outputs) = (self.targets(), self.n_outputs());
        // The class and the weight of each sample.
        let samples = targets.chunks_exact(self.target_width()).map(|row| {
            let weight = row.get(n_outputs).map_or(1.0, |weight| f64::from(*weight));
            (class(&row[..n_outputs]), weight)
        });
        let of_classes: Vec<f64> = match weights {
            ClassWeight::Balanced => {
                let mut totals = vec![0.0; classes.names.len()];
                samples
                    .clone()
                    .for_each(|(class, weight)| totals[class] += weight);
                let there = totals.iter().filter(|total| **total > 0.0).count() as f64;
                let all: f64 = totals.iter().sum();
                let balanced = totals.iter().map(|total| match *total > 0.0 {
                    true => all / (there * total),
                    false => 0.0,
                });
                balanced.collect()
            }
            ClassWeight::Given(given) => {
                let mut of_classes = vec![1.0; classes.names.len()];
                for (name, weight) in given {
                    let place = |name: &str| classes.names.iter().position(|other| other == name);
                    // A name may begin or end with a space, as parts of a list do.
                    let class = place(name).or_else(|| place(name.trim()));
                    of_classes[class.ok_or_else(|| {
                        let names: Vec<String> =
                            classes.names.iter().map(|n| format!("`{n}`")).collect();
                        refuse(format!(
                            "{source} has no class `{}` in column `{}`; its classes are {}",
                            name.escape_debug(),
                            classes.column.escape_debug(),
                            names.join(", ")
                        ))
                    })?] = *weight;
                }
                of_classes
            }
        };
        #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
        let products: Vec<f32> = samples
            .map(|(class, weight)| (of_classes[class] * weight) as f32)
            .collect();
        if let Some(row) = products.iter().position(|product| !product.is_finite()) {
            return Err(refuse(format!(
                "times the weight of the sample it leaves f32 ({}); take smaller ones",
                self.target_place(row, 0)
            )));
        }
        if products.iter().all(|product| *product <= 0.0) {
            return Err(refuse(format!(
                "leaves no sample of {source} with a weight above 0; at least one needs one"
            )));
        }
        self.with_weights(&products)
    }
}

#[cfg(test)]
mod tests {
    use super::ClassWeight;

    #[test]
    fn class_weights_are_read() {
        assert_eq!("balanced".parse(), Ok(ClassWeight::Balanced));
        let given = vec![("a=b".to_owned(), 2.0), (" no".to_owned(), 0.5)];
        assert_eq!("a=b=2, no=.5".parse(), Ok(ClassWeight::Given(given)));
        for text in [
            "", "a", "a=", "a=x", "a=-1", "a=NaN", "a=inf", "a=1,a=2", "a=1,",
        ] {
            assert!(text.parse::<ClassWeight>().is_err(), "{text}");
        }
    }
}
