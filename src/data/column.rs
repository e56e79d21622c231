//! How a column of a table became features, so that a model can encode the next table alike.

use serde::{Deserialize, Serialize};

/// A column of a table, and how it is encoded as features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name in the table.
    pub name: String,
    /// The texts of the column, in order, each once. Each has a feature, named `column=text`, which is 1 if the cell is
    /// that text and otherwise 0. `None` if the column holds numbers and is a feature itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<String>>,
    /// The values of the features if the cell is empty; `None` if an empty cell is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<Vec<f32>>,
    /// What is taken from each of its numbers before it is rounded to f32, which has too few digits for numbers that
    /// are far from 0 beside their deviation; 0 for all other columns.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: f64,
    /// What its numbers count, if the table of the training had dates or times there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
}

/// What a number counts that stands for a date or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Time {
    /// A date: days since the beginning of 1970.
    Date,
    /// A timestamp: seconds since the beginning of 1970.
    Timestamp,
    /// A time of day: seconds.
    TimeOfDay,
    /// A duration: seconds.
    Duration,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn is_zero(offset: &f64) -> bool {
    offset.abs() <= 0.0
}

impl Column {
    /// A column of numbers without empty cells.
    #[must_use]
    pub fn number(name: String) -> Self {
        Self {
            name,
            categories: None,
            fill: None,
            offset: 0.0,
            time: None,
        }
    }

    /// The number of its features.
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

    /// Checks a column of a model file.
    ///
    /// # Errors
    /// If no training writes such a column.
    pub(crate) fn check(&self) -> Result<(), String> {
        let categories = self.categories.as_deref();
        let is_sorted = categories
            .is_none_or(|all| !all.is_empty() && all.is_sorted_by(|left, right| left < right));
        let is_filled = self.fill.as_ref().is_none_or(|fill| {
            fill.len() == self.n_features() && fill.iter().all(|fill| fill.is_finite())
        });
        let is_number = categories.is_none() || self.time.is_none();
        match is_sorted && is_filled && is_number && self.offset.is_finite() {
            true => Ok(()),
            false => Err(format!(
                "says of column `{}` what no training says; train again",
                self.name.escape_debug()
            )),
        }
    }
}
