//! What the commands find out. Each type is what `--json` prints on one line, its keys in the order of the fields;
//! `human.rs` has the same as text.

use super::article::ArticleRow;
use super::run::Run;
use neuralnet::model::Description;
use neuralnet::network::Activation;
use neuralnet::train::{HistoryPoint, WarmStart};
use neuralnet::{Metrics, Model, Network, Proof, StopReason, Trained};
use serde::Serialize;
use std::path::Path;

/// What `train` reaches.
#[derive(Serialize)]
pub(crate) struct TrainResult<'a> {
    pub(super) backend: &'static str,
    pub(super) adapter: &'a str,
    #[serde(flatten)]
    pub(super) run: &'a Run,
    pub(super) iterations: u64,
    pub(super) loss: f64,
    pub(super) layers: Vec<LayerResult<'a>>,
    pub(super) seconds: f64,
    pub(super) bytes_per_second: Option<f64>,
    mean_slope: f64,
    /// The loss without the penalties.
    pub(super) data_loss: f64,
    evaluations: u64,
    /// Null if the training began on all rows.
    pub(super) warm_start: Option<WarmStart>,
    pub(super) stop: StopReason,
    /// The share of the loss that the next step promises to take from it; null if that is not known.
    pub(super) promised_decrease: Option<f64>,
    /// The loss on the held-out samples; null if there are none.
    pub(super) validation_loss: Option<f64>,
    /// The metrics on the held-out samples; null if there are none.
    pub(super) validation: Option<&'a Metrics>,
    /// The iteration whose parameters early stopping kept; null without it.
    pub(super) kept_iteration: Option<u64>,
    history: &'a [HistoryPoint],
    validation_history: &'a [HistoryPoint],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) predictions: &'a [ArticleRow],
}

impl<'a> TrainResult<'a> {
    /// The result of `trained`, whose parameters for the columns of the table are `parameters`.
    pub(crate) fn new(
        run: &'a Run,
        trained: &'a Trained,
        parameters: &'a [f64],
        predictions: &'a [ArticleRow],
        holdout: Option<&'a Metrics>,
    ) -> Self {
        Self {
            backend: trained.backend,
            adapter: &trained.adapter,
            run,
            iterations: trained.iterations,
            loss: trained.loss,
            layers: layers(&trained.network, parameters),
            seconds: trained.seconds,
            bytes_per_second: trained.bytes_per_second,
            mean_slope: trained.summary.mean_slope,
            data_loss: trained.summary.loss,
            evaluations: trained.evaluations,
            warm_start: trained.warm_start,
            stop: trained.stop,
            promised_decrease: trained.promised_decrease,
            validation_loss: trained.validation,
            validation: holdout,
            kept_iteration: trained.kept,
            history: &trained.history,
            validation_history: &trained.validation_history,
            predictions,
        }
    }
}

#[derive(Serialize)]
pub(super) struct LayerResult<'a> {
    /// Shape (O, I).
    pub(super) weight: Vec<&'a [f64]>,
    /// Shape (O).
    pub(super) bias: Option<&'a [f64]>,
    /// The configuration has it in JSON.
    #[serde(skip)]
    pub(super) activation: Activation,
}

/// The layers of `network`, first to last.
fn layers<'a>(network: &Network, parameters: &'a [f64]) -> Vec<LayerResult<'a>> {
    let layers = network.parts().map(|(layer, range)| {
        let (weight, bias) = layer.split(&parameters[range]);
        let weight = weight.chunks_exact(layer.n_inputs).collect();
        LayerResult {
            weight,
            bias,
            activation: layer.activation,
        }
    });
    layers.collect()
}

/// What `inspect` shows.
#[derive(Serialize)]
pub(crate) struct ModelResult<'a> {
    #[serde(flatten)]
    pub(super) description: Description,
    pub(super) layers: Vec<LayerResult<'a>>,
}

impl<'a> ModelResult<'a> {
    /// What `model` is, and `parameters` as its layers.
    pub(crate) fn new(model: &'a Model, parameters: &'a [f64]) -> Self {
        Self {
            description: model.description_in_file(),
            layers: layers(model.network(), parameters),
        }
    }
}

/// What `evaluate` measures.
#[derive(Serialize)]
pub(crate) struct EvaluateResult<'a> {
    pub(crate) model: &'a Path,
    pub(crate) source: &'a str,
    #[serde(flatten)]
    pub(crate) metrics: &'a Metrics,
}

/// What `validate` finds.
#[derive(Serialize)]
pub(crate) struct ValidateResult<'a> {
    pub(crate) backend: &'static str,
    #[serde(flatten)]
    pub(crate) proof: &'a Proof,
    #[serde(flatten)]
    pub(crate) run: &'a Run,
    pub(crate) passed: bool,
}
