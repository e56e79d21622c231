//! What tells one run from others, as far as bits depend on it.

use crate::backend::Backend;
use crate::data::Dataset;
use crate::train::{Schedule, TrainConfig};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RunKey {
    config: TrainConfig,
    data: DatasetKey,
    holdout: Option<DatasetKey>,
    backend: String,
    hardware: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct DatasetKey {
    n_samples: usize,
    features: Vec<String>,
    targets: Vec<String>,
    weighted: bool,
    fingerprint: u64,
}

impl DatasetKey {
    pub(super) fn of(dataset: &Dataset) -> Self {
        Self {
            n_samples: dataset.n_samples(),
            features: dataset.input_names().to_vec(),
            targets: dataset.target_names().to_vec(),
            weighted: dataset.is_weighted(),
            fingerprint: dataset.fingerprint(),
        }
    }

    /// The first difference from `run`.
    fn difference(&self, run: &Self) -> String {
        if self.n_samples != run.n_samples {
            format!("{} samples, not {}", self.n_samples, run.n_samples)
        } else if self.features != run.features {
            format!("the features {:?}, not {:?}", self.features, run.features)
        } else if self.targets != run.targets {
            format!("the targets {:?}, not {:?}", self.targets, run.targets)
        } else {
            "other values, or scaled or stored in another way".to_owned()
        }
    }
}

impl RunKey {
    pub(super) fn new(
        config: &TrainConfig,
        data: DatasetKey,
        holdout: Option<DatasetKey>,
        backend: &dyn Backend,
    ) -> Self {
        Self {
            config: config.clone(),
            data,
            holdout,
            backend: backend.kind().name().to_owned(),
            hardware: backend.identity(),
        }
    }

    /// The first difference from `run`, which is about to resume.
    pub(super) fn difference(&self, run: &Self) -> Option<String> {
        if let Some((setting, was, is)) = changed_setting(&self.config, &run.config) {
            return Some(format!(
                "was made with the setting {setting} {was}, and this run has {is}; take the same settings"
            ));
        }
        for (what, was, is) in [
            ("data", Some(&self.data), Some(&run.data)),
            (
                "held-out samples",
                self.holdout.as_ref(),
                run.holdout.as_ref(),
            ),
        ] {
            match (was, is) {
                (Some(was), Some(is)) if was != is => {
                    let difference = was.difference(is);
                    return Some(format!(
                        "was made of other {what}: {difference}; name those it was made of"
                    ));
                }
                (Some(_), None) | (None, Some(_)) => {
                    return Some(format!(
                        "was made {} {what}, and this run is not; take the same flags",
                        if was.is_some() { "with" } else { "without" }
                    ));
                }
                _ => {}
            }
        }
        (self.backend != run.backend || self.hardware != run.hardware).then(|| {
            format!(
                "was made on the {} ({}), and this run is on the {} ({}), which rounds in other places; choose the same hardware",
                self.backend, self.hardware, run.backend, run.hardware
            )
        })
    }
}

/// The first setting that differs and decides bits: its name and both values.
fn changed_setting(was: &TrainConfig, is: &TrainConfig) -> Option<(String, String, String)> {
    let fields = |config| match serde_json::to_value(config) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    // A resumed run may make more iterations, unless something else follows from their number.
    let iterations_count = is.schedule == Schedule::Cosine || is.validation_every.is_none();
    let is = fields(is);
    fields(was).into_iter().find_map(|(name, was)| {
        let counts = match name.as_str() {
            "iterations" => iterations_count,
            "max_seconds" => false,
            _ => true,
        };
        let is = is.get(&name).cloned().unwrap_or_default();
        (counts && was != is).then(|| (name, was.to_string(), is.to_string()))
    })
}
