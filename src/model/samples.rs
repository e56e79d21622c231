//! Which samples a model is for.

use super::Model;
use crate::data::{Column, Dataset};
use crate::error::Error;

impl Model {
    /// Asserts that features and targets of `dataset` are the model's, and encoded as they are.
    pub(crate) fn assert_targets(&self, dataset: &Dataset) {
        self.assert_features(dataset);
        assert_eq!(
            dataset.target_names(),
            self.description.targets,
            "the targets of the data and of the model"
        );
        assert_eq!(
            dataset.target_offsets(),
            self.description.target_offsets,
            "offsets of the targets"
        );
    }

    /// Asserts that the features of `dataset` are the model's, and encoded as they are: in another order, or with other
    /// offsets, they would give other numbers.
    pub(crate) fn assert_features(&self, dataset: &Dataset) {
        assert_eq!(
            dataset.input_names(),
            self.description.features,
            "the features of the data and of the model"
        );
        let offsets = |columns: &[Column]| -> Vec<u64> {
            let offsets = columns.iter().map(|column| column.offset.to_bits());
            offsets.collect()
        };
        assert_eq!(
            offsets(dataset.columns()),
            offsets(&self.description.columns),
            "offsets of the columns"
        );
    }
}

/// An error of the samples that a model is measured on: what helps a training, such as another loss, is settled.
pub(crate) fn of_other_targets(error: Error, dataset: &Dataset) -> Error {
    match error {
        Error::Target { .. } => Error::Dataset {
            source_name: dataset.source().to_owned(),
            reason: format!(
                "is no table like that of the training, whose targets lie within [0, 1] ({})",
                error.statement()
            ),
        },
        other => other,
    }
}
