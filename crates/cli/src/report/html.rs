//! The report of a training as one HTML page that loads nothing: no script, font or picture from elsewhere.
//!
//! `page.html` holds all markup, and escapes every text it is given; here and in the modules below its data are made.

mod curves;
mod plot;
mod tables;

use super::metrics::{amount, baseline, bayes_accuracy, digits, share, short, target};
use super::run::{DatasetSummary, Run};
use curves::Chart;
use indicatif::HumanCount;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use neuralnet::atomic_file::{self, Destination};
use neuralnet::metrics::Measured;
use neuralnet::{Metrics, Model, Result, Trained};
use plot::Plot;
use serde::Serialize;
use std::io::{self, Write};
use tables::{ClassTables, MetricRow, OutputWeights};

/// Targets whose metrics are shown.
const SHOWN_TARGETS: usize = 12;

/// What a page reports.
pub(crate) struct Page<'a> {
    pub(crate) run: &'a Run,
    pub(crate) trained: &'a Trained,
    pub(crate) model: &'a Model,
    /// The metrics on the training samples.
    pub(crate) training: &'a Metrics,
    /// The metrics on the held-out samples.
    pub(crate) holdout: Option<&'a Metrics>,
}

/// The data of `page.html`.
#[derive(Serialize)]
struct View<'a> {
    version: &'static str,
    title: String,
    dataset: &'a DatasetSummary,
    /// Whether there are held-out samples.
    holdout: bool,
    /// The samples on which the metrics are: the held-out ones if there are any, otherwise those trained on.
    n_samples: usize,
    targets: Vec<TargetView<'a>>,
    n_more_targets: usize,
    notes: &'a [String],
    loss: Option<Plot>,
    loss_caption: String,
    standardised: bool,
    outputs: Vec<OutputWeights<'a>>,
    n_more_outputs: usize,
    settings: Vec<(String, String)>,
}

/// One target, or all classes of one.
#[derive(Serialize)]
struct TargetView<'a> {
    name: String,
    baseline: String,
    bayes_accuracy: Option<String>,
    metrics: Vec<MetricRow>,
    classes: Option<ClassTables<'a>>,
    charts: Vec<Chart>,
}

/// Writes `page` into `file`, which is replaced only once the new one is complete.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn write(page: &Page<'_>, file: Destination<'_>) -> Result<()> {
    let environment = environment();
    let template = environment.get_template("page.html");
    let template = template.expect("the environment has it");
    let html = template.render(Serde(page.view()));
    atomic_file::replace(file, |mut file| {
        file.write_all(html.map_err(io::Error::other)?.as_bytes())
    })
}

/// The templates and their filters. A name that `View` lacks is an error.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    environment.set_syntax(syntax.build().expect("only white space is configured"));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("amount", amount);
    environment.add_filter("count", |n: u64| HumanCount(n).to_string());
    environment.add_filter("digits", digits);
    environment.add_filter("percent", |share: f64| format!("{:.0}%", 100.0 * share));
    environment.add_filter("share", share);
    environment.add_filter("short", |name: &str| short(name));
    for (name, source) in [
        ("page.html", include_str!("html/page.html")),
        ("style.css", include_str!("html/style.css")),
    ] {
        let added = environment.add_template(name, source);
        added.expect("the template is part of the program, and a test renders it");
    }
    environment
}

impl Page<'_> {
    fn view(&self) -> View<'_> {
        let metrics = self.holdout.unwrap_or(self.training);
        let n_targets = metrics.measured.len();
        let shown = 0..n_targets.min(SHOWN_TARGETS);
        let outputs = tables::weights(self.model);
        View {
            version: env!("CARGO_PKG_VERSION"),
            title: self.title(),
            dataset: &self.run.dataset,
            holdout: self.holdout.is_some(),
            n_samples: metrics.n_samples,
            targets: shown.map(|place| self.target(place)).collect(),
            n_more_targets: n_targets.saturating_sub(SHOWN_TARGETS),
            notes: &metrics.notes,
            loss: curves::loss(&self.trained.history, &self.trained.validation_history),
            loss_caption: curves::loss_caption(&self.run.config, self.holdout.is_some()),
            standardised: self.model.description().scaling.is_some(),
            n_more_outputs: match outputs.len() {
                0 => 0,
                shown => self.model.network().n_outputs() - shown,
            },
            outputs,
            settings: tables::settings(self),
        }
    }

    fn title(&self) -> String {
        match &self.training.measured[..] {
            [one] => target(one),
            several => format!("{} targets of {}", several.len(), self.run.dataset.source),
        }
    }

    fn target(&self, place: usize) -> TargetView<'_> {
        let training = &self.training.measured[place];
        let measured = &self.holdout.unwrap_or(self.training).measured[place];
        TargetView {
            name: target(measured),
            baseline: baseline(measured),
            bayes_accuracy: bayes_accuracy(measured),
            metrics: tables::metrics(training, measured),
            classes: match measured {
                Measured::Classes(metrics) => Some(ClassTables::new(metrics)),
                Measured::Numbers(_) | Measured::SoftLabels(_) => None,
            },
            charts: charts(measured),
        }
    }
}

fn charts(measured: &Measured) -> Vec<Chart> {
    match measured {
        Measured::Classes(metrics) if !metrics.calibration.is_empty() => {
            let calibration = curves::calibration(metrics);
            curves::roc(metrics)
                .into_iter()
                .chain([calibration])
                .collect()
        }
        Measured::Numbers(metrics) => {
            let histograms = metrics.grid.as_ref().zip(metrics.residuals.as_ref());
            histograms.map_or(Vec::new(), |(grid, residuals)| {
                vec![
                    curves::predictions_by_targets(grid),
                    curves::residuals(residuals),
                ]
            })
        }
        Measured::Classes(_) | Measured::SoftLabels(_) => Vec::new(),
    }
}
