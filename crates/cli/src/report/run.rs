//! The data and settings of a training or validation.

use neuralnet::data::{Classes, Reading};
use neuralnet::{BackendChoice, ClassWeight, Dataset, Hardware, Precision, Storage, TrainConfig};
use serde::Serialize;
use std::path::PathBuf;

/// The data and every setting, with defaults filled in.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    pub(super) dataset: DatasetSummary,
    pub(super) config: Settings,
}

/// The size and the names of a data set.
#[derive(Debug, Serialize)]
pub(super) struct DatasetSummary {
    pub(super) source: String,
    pub(super) n_samples: usize,
    pub(super) n_inputs: usize,
    pub(super) n_outputs: usize,
    pub(super) inputs: Vec<String>,
    pub(super) targets: Vec<String>,
    pub(super) classes: Option<Classes>,
    /// How fast the file was read; null for data that come from no file.
    pub(super) reading: Option<Reading>,
}

/// The settings in effect.
#[derive(Debug, Serialize)]
pub(super) struct Settings {
    #[serde(flatten)]
    pub(super) train: TrainConfig,
    backend: BackendChoice,
    precision: Option<Precision>,
    threads: Option<usize>,
    /// Whether the features are standardised.
    pub(super) standardise: bool,
    /// Whether the targets are standardised.
    pub(super) standardise_targets: bool,
    pub(super) storage: Storage,
    max_chunk_bytes: Option<u64>,
    max_device_bytes: Option<u64>,
    no_subgroups: bool,
    #[serde(flatten)]
    pub(super) samples: SampleSettings,
}

/// What the samples weigh, and what only a training has.
#[derive(Debug, Serialize)]
pub(crate) struct SampleSettings {
    pub(crate) sample_weight: Option<String>,
    pub(crate) class_weight: Option<ClassWeight>,
    #[serde(flatten)]
    pub(crate) training: Option<TrainingSettings>,
}

impl SampleSettings {
    /// The weights, to be put behind the other settings.
    pub(super) fn told(&self) -> String {
        let samples = self.sample_weight.iter();
        let samples = samples.map(|column| format!(", samples weighted by `{column}`"));
        let classes = self.class_weight.iter().map(|weights| match weights {
            ClassWeight::Balanced => ", classes balanced".to_owned(),
            ClassWeight::Given(weights) => {
                let each = weights.iter();
                let each =
                    each.map(|(class, weight)| format!(", class `{class}` weighted {weight}"));
                each.collect()
            }
        });
        samples.chain(classes).collect()
    }
}

/// Which samples are held out, and the model that the training begins with.
#[derive(Debug, Serialize)]
pub(crate) struct TrainingSettings {
    pub(crate) validation: Option<f64>,
    pub(crate) validation_data: Option<PathBuf>,
    pub(crate) init_model: Option<PathBuf>,
}

impl Run {
    /// Collects what describes a run on `dataset`.
    pub(crate) fn new(
        dataset: &Dataset,
        config: &TrainConfig,
        hardware: &Hardware,
        samples: SampleSettings,
    ) -> Self {
        Self {
            dataset: DatasetSummary {
                source: dataset.source().to_owned(),
                n_samples: dataset.n_samples(),
                n_inputs: dataset.n_inputs(),
                n_outputs: dataset.n_outputs(),
                inputs: dataset.input_names().to_vec(),
                targets: dataset.target_names().to_vec(),
                classes: dataset.classes().cloned(),
                reading: dataset.reading(),
            },
            config: Settings {
                train: config.clone(),
                backend: hardware.backend,
                precision: hardware.precision,
                threads: hardware.threads,
                standardise: dataset.scaling().is_some(),
                standardise_targets: dataset.target_scaling().is_some(),
                storage: dataset.storage(),
                max_chunk_bytes: hardware.gpu.max_chunk_bytes,
                max_device_bytes: hardware.gpu.max_device_bytes,
                no_subgroups: hardware.gpu.without_subgroups,
                samples,
            },
        }
    }
}
