//! What tells one run from others, as far as bits depend on it. The names of the fields are the words of the message
//! that names the first difference.

use crate::backend::Backend;
use crate::data::Dataset;
use crate::train::{Schedule, TrainConfig};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RunKey {
    setting: TrainConfig,
    data: DatasetKey,
    /// Empty without held-out samples.
    holdout: DatasetKey,
    hardware: HardwareKey,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct DatasetKey {
    features: Vec<String>,
    samples: usize,
    targets: Vec<String>,
    /// Of the values as they are scaled and stored.
    values_fingerprint: u64,
    weighted: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct HardwareKey {
    backend: String,
    name: String,
}

impl DatasetKey {
    pub(super) fn new(dataset: &Dataset) -> Self {
        Self {
            features: dataset.input_names().to_vec(),
            samples: dataset.n_samples(),
            targets: dataset.target_names().to_vec(),
            values_fingerprint: dataset.fingerprint(),
            weighted: dataset.is_weighted(),
        }
    }
}

impl RunKey {
    pub(super) fn new(
        config: &TrainConfig,
        data: DatasetKey,
        holdout: DatasetKey,
        backend: &dyn Backend,
    ) -> Self {
        Self {
            setting: config.clone(),
            data,
            holdout,
            hardware: HardwareKey {
                backend: backend.kind().name().to_owned(),
                name: backend.identity(),
            },
        }
    }

    /// The first difference from `run`, which is about to resume.
    pub(super) fn difference(&self, run: &Self) -> Option<String> {
        // A resumed run may make more iterations, unless something else follows from their number.
        let config = &run.setting;
        let iterations_count =
            config.schedule == Schedule::Cosine || config.validation_every.is_none();
        let json = |key| serde_json::to_value(key).expect("strings and numbers");
        let (was, is) = (json(self), json(run));
        for part in ["setting", "data", "holdout", "hardware"] {
            for (name, was) in was[part].as_object().into_iter().flatten() {
                let is = &is[part][name];
                let counts = match name.as_str() {
                    "iterations" => iterations_count,
                    "max_seconds" => false,
                    _ => true,
                };
                if counts && was != is {
                    return Some(format!(
                        "was made with the {part} {name} {was}, and this run has {is}; take the same {part}"
                    ));
                }
            }
        }
        None
    }
}
