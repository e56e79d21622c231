//! Results as one JSON value on one line of stdout.

use super::article::{ArticleRow, ArticleTable};
use super::run::Run;
use crate::bench::Bench;
use neuralnet::model::Description;
use neuralnet::network::Layer;
use neuralnet::train::{HistoryPoint, WarmStart};
use neuralnet::validate::{Check, DataRounding, Distance};
use neuralnet::{Adapter, Dataset, Metrics, Model, StopReason, Trained, Validation};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

#[derive(Serialize)]
struct TrainJson<'a> {
    backend: &'static str,
    adapter: &'a str,
    #[serde(flatten)]
    run: &'a Run,
    iterations: u64,
    loss: f64,
    layers: Vec<LayerJson<'a>>,
    seconds: f64,
    bytes_per_second: Option<f64>,
    mean_slope: f64,
    /// The loss without the penalties.
    data_loss: f64,
    evaluations: u64,
    /// Null if the training began on all rows.
    warm_start: Option<WarmStart>,
    stop: StopReason,
    /// The loss on the held-out samples; null if there are none.
    validation_loss: Option<f64>,
    /// The metrics on the held-out samples; null if there are none.
    validation: Option<&'a Metrics>,
    /// The iteration whose parameters were kept; null if they are the last.
    kept_iteration: Option<u64>,
    history: &'a [HistoryPoint],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    predictions: &'a [ArticleRow],
}

#[derive(Serialize)]
struct LayerJson<'a> {
    /// Shape (O, I).
    weight: Vec<&'a [f64]>,
    /// Shape (O).
    bias: Option<&'a [f64]>,
}

/// The layers of a network that has one.
fn layers(layer: Layer, parameters: &[f64]) -> Vec<LayerJson<'_>> {
    let (weight, bias) = layer.split(parameters);
    vec![LayerJson {
        weight: weight.chunks_exact(layer.n_inputs).collect(),
        bias,
    }]
}

#[derive(Serialize)]
struct ModelJson<'a> {
    #[serde(flatten)]
    description: &'a Description,
    layers: Vec<LayerJson<'a>>,
}

pub(crate) fn inspect(model: &Model) -> io::Result<()> {
    print(&ModelJson {
        description: model.description(),
        layers: layers(model.layer(), model.parameters()),
    })
}

#[derive(Serialize)]
struct EvaluateJson<'a> {
    model: &'a Path,
    source: &'a str,
    #[serde(flatten)]
    metrics: &'a Metrics,
}

pub(crate) fn evaluate(model: &Path, dataset: &Dataset, metrics: &Metrics) -> io::Result<()> {
    print(&EvaluateJson {
        model,
        source: dataset.source(),
        metrics,
    })
}

pub(crate) fn train(
    run: &Run,
    trained: &Trained,
    article: &ArticleTable,
    holdout: Option<&Metrics>,
) -> io::Result<()> {
    print(&TrainJson {
        backend: trained.backend,
        adapter: &trained.adapter,
        run,
        iterations: trained.iterations,
        loss: trained.loss,
        layers: layers(trained.network.layer(), &trained.parameters),
        seconds: trained.seconds,
        bytes_per_second: trained.bytes_per_second,
        mean_slope: trained.summary.mean_slope,
        data_loss: trained.summary.loss,
        evaluations: trained.evaluations,
        warm_start: trained.warm_start,
        stop: trained.stop,
        validation_loss: trained.validation,
        validation: holdout,
        kept_iteration: trained.kept,
        history: &trained.history,
        predictions: &article.rows,
    })
}

#[derive(Serialize)]
struct ValidateJson<'a> {
    backend: &'static str,
    adapter: &'a str,
    reference: &'a str,
    #[serde(flatten)]
    run: &'a Run,
    checks: &'a [Check],
    distance: Distance,
    /// Null if the data are stored in full.
    rounding: Option<DataRounding>,
    passed: bool,
}

pub(crate) fn validate(run: &Run, validation: &Validation) -> io::Result<()> {
    print(&ValidateJson {
        backend: "gpu",
        adapter: &validation.adapter,
        reference: &validation.reference,
        run,
        checks: &validation.checks,
        distance: validation.distance,
        rounding: validation.rounding,
        passed: validation.passed(),
    })
}

pub(crate) fn bench(bench: &Bench) -> io::Result<()> {
    print(bench)
}

pub(crate) fn devices(adapters: &[Adapter]) -> io::Result<()> {
    print(&adapters)
}

fn print(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}
