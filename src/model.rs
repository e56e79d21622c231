//! Model files: the parameters of a trained network, and all that is needed to use them.
//!
//! The file is in the safetensors format. Its tensors are for each layer, from number 0, `layers.0.weight` (O, I) and,
//! with a bias, `layers.0.bias` (O), all F64. Its metadata hold one string, `neuralnet`, which is a [`Description`] as JSON.

mod parts;
mod samples;

use crate::atomic_file::{self, Destination};
use crate::backend::Problem;
use crate::cpu;
use crate::data::{Classes, Column, Dataset, Scaling, TargetScaling, Time};
use crate::error::{Error, Result};
use crate::metrics::{self, Metrics};
use crate::network::{Activation, Network};
use crate::objective::Objective;
use crate::tensors;
use crate::train::{StopReason, TrainConfig, Trained};
use parts::{described, numbers};
pub(crate) use samples::of_other_targets;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

/// The version of the file format that is written. Files of version 1 are read too, which lack offsets, and whether the
/// targets are 0 and 1; and of version 2, which lack hidden layers.
const VERSION: u32 = 3;
/// The key of the metadata.
const KEY: &str = "neuralnet";
/// What to do about a file that is no model.
const REMEDY: &str = "name a model file that this program wrote";

/// A trained network with the names of its features and targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    network: Network,
    parameters: Vec<f64>,
    description: Description,
}

/// The features and targets of a model, and the training it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// [`VERSION`], or an earlier one.
    version: u32,
    /// The activation of the last layer.
    pub activation: Activation,
    /// Names of the features (I), in the order of the weight's columns.
    pub features: Vec<String>,
    /// The columns of a table that the features are made of, in order.
    pub columns: Vec<Column>,
    /// Names of the targets (O), in the order of the weight's rows.
    pub targets: Vec<String>,
    /// What was taken from each target before the training, to be added to each prediction; empty for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_offsets: Vec<f64>,
    /// What each target counts that was a date or a time in the table of the training; empty if none was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_times: Vec<Option<Time>>,
    /// The texts that stood for a missing cell in the table of the training, beside the empty one; `None` for the usual
    /// ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_texts: Option<Vec<String>>,
    /// The classes that the targets stand for; `None` for numbers.
    pub classes: Option<Classes>,
    /// Whether each target was 0 or 1 in every row, so that its prediction by a sigmoid is the probability of 1; false
    /// if there are classes, which say as much.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub targets_are_binary: bool,
    /// How the features were standardised for the training. The parameters are for features that are not.
    pub scaling: Option<Scaling>,
    /// How the targets were standardised for the training. The parameters are for targets that are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_scaling: Option<TargetScaling>,
    /// A number near those of each feature (I); empty where the means that they were standardised by are such numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    centers: Vec<f64>,
    /// The settings of the training.
    pub config: TrainConfig,
    /// The number of updates.
    pub iterations: u64,
    /// Why the training stopped; `None` if the file does not say.
    #[serde(default)]
    pub stop: Option<StopReason>,
    /// The iteration that the parameters are those of, if early stopping returned to the best ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_iteration: Option<u64>,
    /// The final loss, with the penalties.
    pub loss: f64,
    /// The name of the training data.
    pub source: String,
    /// N: the number of training samples.
    pub n_samples: usize,
    /// `cpu` or `gpu`.
    pub backend: String,
    /// The hardware.
    pub adapter: String,
    /// The checksum of the fields above and the parameters, in a file; otherwise 0.
    #[serde(default)]
    checksum: u32,
}

impl Description {
    /// A number near those of each feature (I), to be taken from them where their products with the weights would cancel;
    /// empty if the file says none.
    #[must_use]
    pub fn centers(&self) -> &[f64] {
        match &self.scaling {
            Some(scaling) if self.centers.is_empty() => scaling.center(),
            _ => &self.centers,
        }
    }
}

impl Model {
    /// The model that training on `dataset` gave.
    #[must_use]
    pub fn new(dataset: &Dataset, config: &TrainConfig, trained: &Trained) -> Self {
        Self {
            network: trained.network.clone(),
            parameters: trained.parameters.clone(),
            description: Description {
                version: VERSION,
                activation: trained.network.output_layer().activation,
                features: dataset.input_names().to_vec(),
                columns: dataset.columns().to_vec(),
                targets: dataset.target_names().to_vec(),
                target_offsets: dataset.target_offsets().to_vec(),
                target_times: dataset.target_times().to_vec(),
                missing_texts: dataset.missing_texts().map(<[String]>::to_vec),
                classes: dataset.classes().cloned(),
                targets_are_binary: dataset.classes().is_none() && dataset.targets_are_binary(),
                scaling: dataset.scaling().cloned(),
                target_scaling: dataset.target_scaling().cloned(),
                centers: match dataset.scaling().is_some_and(Scaling::is_centered) {
                    true => Vec::new(),
                    false => dataset.first_means(),
                },
                config: config.clone(),
                iterations: trained.iterations,
                loss: trained.loss,
                stop: Some(trained.stop),
                kept_iteration: trained.kept,
                source: dataset.source().to_owned(),
                n_samples: dataset.n_samples(),
                backend: trained.backend.to_owned(),
                adapter: trained.adapter.clone(),
                checksum: 0,
            },
        }
    }

    /// Reads the model in the file `path`.
    ///
    /// # Errors
    /// If the file cannot be read, is not a model file, or its parts disagree.
    pub fn open(path: &Path) -> Result<Self> {
        let fail = |reason: String| Error::Model {
            path: path.to_owned(),
            reason,
        };
        let bytes = fs::read(path).map_err(|error| fail(format!("{error}; {REMEDY}")))?;
        Self::parse(&bytes).map_err(fail)
    }

    fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        let (tensors, metadata) =
            tensors::parsed(bytes).map_err(|reason| format!("{reason}; {REMEDY}"))?;
        let text = metadata.get(KEY).ok_or_else(|| {
            format!("is a safetensors file without `{KEY}` in its metadata; {REMEDY}")
        })?;
        let mut description = described(text)?;
        description.check_names()?;
        description.check_network()?;
        let network = Network::single_layer(
            description.features.len(),
            description.targets.len(),
            description.config.bias,
        )
        .with_activation(description.activation)
        .with_hidden(&description.config.hidden);
        let mut parameters = Vec::new();
        for (at, layer) in network.layers().iter().enumerate() {
            let shape = [layer.n_outputs, layer.n_inputs];
            parameters.extend(numbers(&tensors, &format!("layers.{at}.weight"), &shape)?);
            if layer.bias {
                parameters.extend(numbers(
                    &tensors,
                    &format!("layers.{at}.bias"),
                    &shape[..1],
                )?);
            }
        }
        description.check_parts()?;
        let checksum = std::mem::take(&mut description.checksum);
        let model = Self {
            network,
            parameters,
            description,
        };
        match model.checksum() == checksum {
            true => Ok(model),
            false => Err(
                "was changed since it was written: its checksum is another; copy it again, or train again"
                    .to_owned(),
            ),
        }
    }

    /// The checksum of everything, if the one of the description is 0.
    fn checksum(&self) -> u32 {
        atomic_file::checksum(&self.description, [self.parameters.as_slice()])
    }

    /// Writes the model into `file`, of which a name is enough. A file that is there is replaced, but only once the new
    /// one is complete.
    ///
    /// # Errors
    /// If the file cannot be written, or no model could be read from it, as of settings or samples that are not those of
    /// the training, or of names that stand there twice.
    pub fn save<'a>(&self, file: impl Into<Destination<'a>>) -> Result<()> {
        let file = file.into();
        let bytes = self.bytes();
        Self::parse(&bytes).map_err(|reason| Error::Model {
            path: file.path.to_owned(),
            reason: format!("would be a model that cannot be read: it {reason}"),
        })?;
        atomic_file::replace(file, |mut file| file.write_all(&bytes))
    }

    /// The description as it stands in a file, with the checksum.
    #[must_use]
    pub fn description_in_file(&self) -> Description {
        Description {
            checksum: self.checksum(),
            ..self.description.clone()
        }
    }

    /// The bytes of the file, the same for the same model.
    fn bytes(&self) -> Vec<u8> {
        let text = self.description_in_file();
        let text = serde_json::to_string(&text).expect("strings and numbers");
        // One key, since the order of several would not be fixed.
        let metadata = HashMap::from([(KEY.to_owned(), text)]);
        tensors::bytes(self.tensors(), metadata)
    }

    /// The weight and the bias of each layer: their names, shapes and numbers.
    fn tensors(&self) -> Vec<(String, Vec<usize>, &[f64])> {
        let mut tensors = Vec::new();
        for (at, (layer, range)) in self.network.parts().enumerate() {
            let (weight, bias) = layer.split(&self.parameters[range]);
            let shape = vec![layer.n_outputs, layer.n_inputs];
            tensors.push((format!("layers.{at}.weight"), shape, weight));
            let bias = bias.map(|bias| (format!("layers.{at}.bias"), vec![layer.n_outputs], bias));
            tensors.extend(bias);
        }
        tensors
    }

    /// The features and targets of the model, and the training it comes from.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The parameters, in the layout of [`Network`].
    #[must_use]
    pub fn parameters(&self) -> &[f64] {
        &self.parameters
    }

    /// The parameters for the columns as they are in a table, before an offset was taken from any of them, or from a
    /// target.
    #[must_use]
    pub fn table_parameters(&self) -> Vec<f64> {
        let features = self.description.columns.iter();
        let offsets =
            features.flat_map(|column| std::iter::repeat_n(column.offset, column.n_features()));
        let offsets: Vec<f64> = offsets.collect();
        let mut parameters = self
            .network
            .unscale_parameters(&offsets, &[1.0], &self.parameters);
        let n_outputs = self.network.n_outputs();
        // The bias of the last layer; without a bias nothing has an offset.
        let bias = parameters.iter_mut().rev().take(n_outputs).rev();
        for (bias, offset) in bias.zip(&self.description.target_offsets) {
            *bias += offset;
        }
        parameters
    }

    /// The quality of the predictions for `dataset`, which has the features and targets of the model, on the CPU.
    ///
    /// # Errors
    /// Those of [`metrics::measure`].
    ///
    /// # Panics
    /// If the data have other features or targets than the model, or other offsets.
    pub fn measure(&self, dataset: &Dataset) -> Result<Metrics> {
        self.assert_targets(dataset);
        let measured = metrics::measure(&self.problem(&dataset.raw()), &self.parameters);
        measured.map_err(|error| of_other_targets(error, dataset))
    }

    /// The predictions (rows, O) for the rows `rows` of `dataset`, whose features are the model's, on the CPU. They are
    /// those of the targets themselves, before an offset was taken from any of them.
    ///
    /// # Panics
    /// If `rows` reaches past the last sample, or the data have other features or other offsets.
    #[must_use]
    pub fn predict(&self, dataset: &Dataset, rows: Range<usize>) -> Vec<f64> {
        self.assert_features(dataset);
        let raw = dataset.raw();
        let predictor = cpu::Predictor::new(&self.problem(&raw), &self.parameters);
        self.with_offsets(predictor.predict(&raw, rows).prediction)
    }

    /// The network and its loss, with `dataset`.
    pub(crate) fn problem<'a>(&self, dataset: &'a Dataset) -> Problem<'a> {
        let config = &self.description.config;
        Problem {
            dataset,
            network: self.network.clone(),
            objective: Objective {
                loss: config.loss,
                reduction: config.reduction,
            },
            dropout: None,
        }
    }

    /// What keeps features far from 0 from cancelling in f32, as far as a bias can make up for it.
    pub(crate) fn f32_scaling(&self) -> Option<Scaling> {
        let description = &self.description;
        let centers = &description.centers;
        match self.network.layers()[0].bias && !centers.is_empty() {
            true => Some(Scaling::centered_at(centers)),
            false => description.scaling.clone(),
        }
    }

    /// The predictions (rows, O) of the targets before an offset was taken from any of them.
    pub(crate) fn with_offsets(&self, mut predictions: Vec<f64>) -> Vec<f64> {
        let offsets = self.description.target_offsets.iter().cycle();
        for (prediction, offset) in predictions.iter_mut().zip(offsets) {
            *prediction += offset;
        }
        predictions
    }
}
