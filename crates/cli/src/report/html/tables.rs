//! The tables of a page, and its bars of weights.

use super::Page;
use crate::report::metrics::{Line, SHOWN_CLASSES, confusions, lines};
use indicatif::HumanCount;
use neuralnet::Model;
use neuralnet::data::Scaling;
use neuralnet::metrics::{Class, ClassMetrics, Measured};
use serde::Serialize;
use serde_json::Value;

/// Outputs whose weights are shown.
const SHOWN_OUTPUTS: usize = 12;
/// The most classes whose tables take half the width of a page.
const NARROW_CLASSES: usize = 4;
/// Classes that are shown one by one.
const SHOWN_ROWS: usize = 100;

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
    /// Whether the tables need the width of the page.
    wide: bool,
    /// The confusion matrix: a row for each of `shown`; `None` for so many classes that `confusions` stands for it.
    rows: Option<&'a [Vec<f64>]>,
    /// Of the largest confusions the weight of the samples, their class, and the predicted one.
    confusions: Vec<(f64, &'a str, &'a str)>,
    shown: &'a [Class],
    n_more: usize,
}

impl<'a> ClassTables<'a> {
    pub(super) fn new(metrics: &'a ClassMetrics) -> Self {
        let n_classes = metrics.classes.len();
        Self {
            wide: n_classes > NARROW_CLASSES,
            rows: (n_classes <= SHOWN_CLASSES).then_some(&metrics.confusion),
            confusions: confusions(metrics),
            shown: &metrics.classes[..n_classes.min(SHOWN_ROWS)],
            n_more: n_classes.saturating_sub(SHOWN_ROWS),
        }
    }
}

/// The largest weights of one output.
#[derive(Serialize)]
pub(super) struct OutputWeights<'a> {
    name: &'a str,
    bars: Vec<Bar<'a>>,
    n_inputs: usize,
    bias: Option<f64>,
}

#[derive(Serialize)]
struct Bar<'a> {
    name: &'a str,
    weight: f64,
    /// Percent of the width at which the bar begins; 50 is a weight of 0.
    left: f64,
    /// Percent of the width.
    width: f64,
}

/// The largest weights of each output, and whether they are those of standardised features. They are so where the
/// model was trained on such: weights of features in different units cannot be compared.
pub(super) fn weights(model: &Model) -> (bool, Vec<OutputWeights<'_>>) {
    let description = model.description();
    let [layer] = model.network().layers() else {
        return (false, Vec::new());
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
        OutputWeights {
            name,
            bars: bars(names.zip(weights).collect(), shown),
            n_inputs: layer.n_inputs,
            bias: bias.map(|bias| bias[output]),
        }
    };
    (scale.is_some(), outputs.map(output).collect())
}

/// The `shown` largest magnitudes, with bars relative to the largest.
fn bars(mut named: Vec<(&str, f64)>, shown: usize) -> Vec<Bar<'_>> {
    // The sort is stable: equal magnitudes stay in the order of the features.
    named.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    named.truncate(shown);
    let largest = named.first().map_or(0.0, |(_, weight)| weight.abs());
    let bar = |(name, weight): (_, f64)| {
        let width = match largest > 0.0 {
            true => 50.0 * weight.abs() / largest,
            false => 0.0,
        };
        let left = if weight < 0.0 { 50.0 - width } else { 50.0 };
        Bar {
            name,
            weight,
            left,
            width,
        }
    };
    named.into_iter().map(bar).collect()
}

/// The rows of the last table, name and value: the hardware, the speed and every setting.
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
    rows.push(("loss reached".to_owned(), trained.loss.to_string()));
    // The settings come by way of JSON, so that none can be forgotten here.
    if let Ok(Value::Object(settings)) = serde_json::to_value(&page.run.config) {
        let row = |(name, value): (String, _)| (name.replace('_', " "), told(&value));
        rows.extend(settings.into_iter().map(row));
    }
    rows
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
