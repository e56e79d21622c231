//! How a column of a table became features: what a model has to do again with the next table.

use serde::{Deserialize, Serialize};

/// A column of a table, and which features it became.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name in the table.
    pub name: String,
    /// The texts of which each has a feature, named `column=text`, 1 where the cell is that text and otherwise 0;
    /// in order, each once. Without them the column is a feature as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<String>>,
    /// What each of its features is where the cell is empty; without it an empty cell is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<Vec<f32>>,
    /// What is taken from each of its numbers before it is rounded to f32, which has too few digits for numbers that are
    /// far from 0 beside their deviation; 0 for all other columns.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: f64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn is_zero(offset: &f64) -> bool {
    offset.abs() <= 0.0
}

impl Column {
    /// A column of numbers, none of its cells empty.
    #[must_use]
    pub fn number(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            categories: None,
            fill: None,
            offset: 0.0,
        }
    }

    /// How many features it became.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.categories.as_ref().map_or(1, Vec::len)
    }

    /// The names of its features.
    pub fn feature_names(&self) -> impl Iterator<Item = String> + '_ {
        let categories = self.categories.iter().flatten();
        let of_categories = categories.map(|category| format!("{}={category}", self.name));
        let plain = self.categories.is_none().then(|| self.name.clone());
        plain.into_iter().chain(of_categories)
    }

    /// What is wrong with it where it was read from a file.
    pub(crate) fn check(&self) -> Result<(), String> {
        let categories = self.categories.as_deref();
        let is_sorted = categories
            .is_none_or(|all| !all.is_empty() && all.is_sorted_by(|left, right| left < right));
        let is_filled = self.fill.as_ref().is_none_or(|fill| {
            fill.len() == self.n_features() && fill.iter().all(|fill| fill.is_finite())
        });
        match is_sorted && is_filled && self.offset.is_finite() {
            true => Ok(()),
            false => Err(format!(
                "says of column `{}` what no training says; train again",
                self.name.escape_debug()
            )),
        }
    }
}
