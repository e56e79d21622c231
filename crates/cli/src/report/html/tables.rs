//! The tables of a page, and its bars of weights.

use super::Page;
use crate::report::human::{kept_at, stopped};
use crate::report::metrics::{Line, SHOWN_CLASSES, confusions, lines};
use indicatif::HumanCount;
use neuralnet::data::Scaling;
use neuralnet::metrics::{Class, ClassMetrics, Measured};
use neuralnet::{Model, Optimizer};
use serde::Serialize;
use serde_json::Value;

/// Outputs whose weights are shown.
const SHOWN_OUTPUTS: usize = 12;

/// A metric of one target.
#[derive(Serialize)]
pub(super) struct MetricRow {
    name: &'static str,
    /// The value on the training samples; `None` if it is not defined on them.
    training: Option<f64>,
    /// The value on the held-out samples if there are any, otherwise on the training samples.
    value: f64,
    /// The value of the baseline, on the same samples as `value`.
    baseline: f64,
}

/// The metrics that `measured` has, each beside that of the training samples.
pub(super) fn metrics(training: &Measured, measured: &Measured) -> Vec<MetricRow> {
    let on_training = lines(training);
    let row = |line: Line| MetricRow {
        name: line.name,
        training: on_training
            .iter()
            .find(|other| other.name == line.name)
            .map(|other| other.model),
        value: line.model,
        baseline: line.baseline,
    };
    lines(measured).into_iter().map(row).collect()
}

/// How the classes of one target are told apart.
#[derive(Serialize)]
pub(super) struct ClassTables<'a> {
    all: &'a [Class],
    /// The confusion matrix, a row for each class; `None` for so many that `confusions` stands for it.
    matrix: Option<&'a [Vec<f64>]>,
    /// Of the largest confusions the weight of the samples, their class, and the predicted one.
    confusions: Vec<(f64, &'a str, &'a str)>,
}

impl<'a> ClassTables<'a> {
    pub(super) fn new(metrics: &'a ClassMetrics) -> Self {
        let has_matrix = metrics.classes.len() <= SHOWN_CLASSES;
        Self {
            all: &metrics.classes,
            matrix: has_matrix.then_some(&metrics.confusion),
            confusions: confusions(metrics),
        }
    }
}

/// The largest weights of one output.
#[derive(Serialize)]
pub(super) struct OutputWeights<'a> {
    name: &'a str,
    /// Names of features and their weights, the largest magnitude first.
    weights: Vec<(&'a str, f64)>,
    n_inputs: usize,
    bias: Option<f64>,
}

/// The largest weights of each output: those of standardised features where the model was trained on such, since
/// weights of features in different units cannot be compared. None of a network with hidden layers.
pub(super) fn weights(model: &Model) -> Vec<OutputWeights<'_>> {
    let description = model.description();
    let [layer] = model.network().layers() else {
        return Vec::new();
    };
    let parameters = model.table_parameters();
    let (weight, bias) = layer.split(&parameters);
    let scale = description.scaling.as_ref().map(Scaling::scale);
    let shown = match layer.n_outputs {
        1 | 2 => 20,
        _ => 10,
    };
    let outputs = weight
        .chunks_exact(layer.n_inputs)
        .zip(description.targets.iter().map(String::as_str))
        .take(SHOWN_OUTPUTS)
        .enumerate();
    let output = |(output, (weight, name)): (usize, (&[f64], _))| {
        let scaled = |(j, weight): (usize, &f64)| weight * scale.map_or(1.0, |scale| scale[j]);
        let weights = weight.iter().enumerate().map(scaled);
        let names = description.features.iter().map(String::as_str);
        let mut weights: Vec<_> = names.zip(weights).collect();
        // The sort is stable: equal magnitudes stay in the order of the features.
        weights.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        weights.truncate(shown);
        OutputWeights {
            name,
            weights,
            n_inputs: layer.n_inputs,
            bias: bias.map(|bias| bias[output]),
        }
    };
    outputs.map(output).collect()
}

/// The rows of the last table, name and value: the hardware, the speed, the end and every setting that matters.
pub(super) fn settings(page: &Page<'_>) -> Vec<(String, String)> {
    let trained = page.trained;
    let (backend, adapter) = (trained.backend, &trained.adapter);
    let (seconds, n) = (trained.seconds, HumanCount(trained.iterations));
    let time = format!("{seconds:.3} s for {n} iterations");
    let rate = trained.bytes_per_second;
    let speed = rate.map(|rate| format!("{:.2} GB/s of inputs and targets", rate / 1e9));
    let mut rows = vec![
        ("hardware".to_owned(), format!("{backend}: {adapter}")),
        ("time".to_owned(), time),
    ];
    rows.extend(speed.map(|speed| ("speed".to_owned(), speed)));
    let held_out = trained.validation.map(|loss| loss.to_string());
    let all = [
        (
            "stopped",
            Some(stopped(trained.iterations, Some(trained.stop))),
        ),
        ("weights kept", trained.kept.map(kept_at)),
        ("loss reached", Some(trained.loss.to_string())),
        ("loss of the data", Some(trained.summary.loss.to_string())),
        ("loss held out", held_out),
    ];
    let known = all.into_iter();
    rows.extend(known.filter_map(|(name, value)| Some((name.to_owned(), value?))));
    // The settings come by way of JSON, so that none can be forgotten here.
    if let Ok(Value::Object(settings)) = serde_json::to_value(&page.run.config) {
        let optimizer = page.run.config.train.optimizer;
        let used = settings
            .into_iter()
            .filter(|(name, _)| is_used(name, optimizer));
        let row = |(name, value): (String, _)| (name.replace('_', " "), told(&value));
        rows.extend(used.map(row));
    }
    rows
}

/// Whether a training by `optimizer` depends on the setting `name`.
fn is_used(name: &str, optimizer: Optimizer) -> bool {
    let is_lbfgs = optimizer == Optimizer::LBfgs;
    match name {
        "learning_rate" | "schedule" => !is_lbfgs,
        "warm_start_rows" => is_lbfgs,
        "momentum" => [Optimizer::Momentum, Optimizer::Nesterov].contains(&optimizer),
        _ => true,
    }
}

/// A setting in words.
fn told(value: &Value) -> String {
    let parts: Vec<String> = match value {
        Value::Null => return "not set".to_owned(),
        Value::Bool(yes) => return if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => return text.clone(),
        Value::Number(number) => return number.to_string(),
        Value::Array(values) => values.iter().map(told).collect(),
        Value::Object(parts) => {
            let parts = parts.iter();
            let part = parts.map(|(name, value)| format!("{name} {}", told(value)));
            part.collect()
        }
    };
    parts.join(", ")
}
