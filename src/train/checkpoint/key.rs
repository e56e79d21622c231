//! What tells one run from others, as far as bits depend on it. The names of the fields are the words of the message
//! that names the first difference.

use crate::backend::Backend;
use crate::data::Dataset;
use crate::error::Result;
use crate::optimizer::Schedule;
use crate::precision::Precision;
use crate::train::TrainConfig;
use crate::train::config::check::require;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::train) struct RunKey {
    setting: TrainConfig,
    start: StartKey,
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
    classes: Option<Vec<String>>,
    /// Of the values as they are scaled and stored.
    values_fingerprint: u64,
    weighted: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StartKey {
    /// A hash of the parameters that the training began with; none if the seed gave them.
    parameters_fingerprint: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct HardwareKey {
    backend: String,
    precision: Precision,
    name: String,
}

impl DatasetKey {
    pub(super) fn new(dataset: &Dataset) -> Self {
        Self {
            features: dataset.input_names().to_vec(),
            samples: dataset.n_samples(),
            targets: dataset.target_names().to_vec(),
            classes: dataset.classes().map(|classes| classes.names.clone()),
            values_fingerprint: dataset.fingerprint(),
            weighted: dataset.is_weighted(),
        }
    }
}

impl RunKey {
    pub(super) fn new(
        config: &TrainConfig,
        start: Option<u64>,
        data: DatasetKey,
        holdout: DatasetKey,
        backend: &dyn Backend,
    ) -> Self {
        Self {
            setting: config.clone(),
            start: StartKey {
                parameters_fingerprint: start,
            },
            data,
            holdout,
            hardware: HardwareKey {
                backend: backend.kind().name().to_owned(),
                precision: backend.precision(),
                name: backend.identity(),
            },
        }
    }

    /// The first difference from `run`, which is about to resume.
    pub(super) fn difference(&self, run: &Self) -> Option<String> {
        let json = |key| serde_json::to_value(key).expect("strings and numbers");
        let (was, is) = (json(self), json(run));
        for part in ["setting", "start", "data", "holdout", "hardware"] {
            let (was, is) = (&was[part], &is[part]);
            // A setting that is not set may stand in neither, or in one of them.
            let names = [was, is].into_iter().filter_map(Value::as_object);
            for name in names.flat_map(Map::keys) {
                let may_change = ["iterations", "max_seconds", "validation_every"];
                if was[name] != is[name] && !may_change.contains(&name.as_str()) {
                    let [was, is] = [&was[name], &is[name]].map(told);
                    return Some(match name.as_str() {
                        "parameters_fingerprint" => "was made by a training that began with other parameters; take the same `init`".to_owned(),
                        "values_fingerprint" => "was made with other numbers in the data, or other weights of samples or classes; take the same data and weights".to_owned(),
                        "precision" => format!("was made with the precision {was}, and this run has {is}; take the same precision"),
                        _ => format!("was made with the {part} {name} {was}, and this run has {is}; take the same {part}"),
                    });
                }
            }
        }
        None
    }

    /// Checks that the run `run` may go on after `done` iterations of this one, which may have been meant to make fewer
    /// or more of them.
    pub(super) fn check_iterations(&self, run: &Self, done: u64) -> Result<()> {
        let (was, is) = (&self.setting, &run.setting);
        let reason = format_args!(
            "the checkpoint is one of {} iterations, over which a cosine schedule spreads its rates; take as many",
            was.iterations
        );
        let may_change = is.schedule != Schedule::Cosine;
        require(
            may_change || was.iterations == is.iterations,
            "iterations",
            reason,
            &[],
        )?;
        let reason = format_args!("the checkpoint has made {done} already; take more");
        require(done <= is.iterations, "iterations", reason, &[])?;
        let interval = |setting: &TrainConfig| setting.holdout_interval(self.data.samples);
        let [before, after] = [was, is].map(interval);
        let reason = format_args!(
            "the checkpoint was made with an evaluation of the held-out samples each {before} iterations, and this run has one each {after}; take {before}"
        );
        let without_holdout = self.holdout.samples == 0;
        require(
            without_holdout || before == after,
            "validation_every",
            reason,
            &[],
        )
    }
}

/// The value of a setting in a message.
fn told(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        value => value.to_string(),
    }
}
