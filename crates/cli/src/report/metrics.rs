//! Metrics for people: each beside its baseline, and confusions of classes.

use super::format::{counted, quoted, shown};
use neuralnet::metrics::{ClassMetrics, Measured};
use neuralnet::{Metrics, Optimizer};
use std::io::{self, Write};
use std::ops::RangeInclusive;

/// Classes of which the whole confusion matrix is shown.
pub(super) const SHOWN_CLASSES: usize = 12;
/// Pairs of classes whose confusion is shown, if there are too many classes for the matrix.
pub(super) const SHOWN_CONFUSIONS: usize = 12;
/// Targets whose metrics are shown; JSON has all.
pub(super) const SHOWN_TARGETS: usize = 12;
/// Deviations of a target that the usual learning rates of Adam reach within the usual number of updates.
const SUITED_DEVIATIONS: RangeInclusive<f64> = 0.1..=10.0;
/// Characters of a name that are shown.
const SHOWN_NAME: usize = 24;

/// The value of one metric for the model and for its baseline.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) model: f64,
    pub(super) baseline: f64,
}

impl Line {
    /// Whether the model is better than its baseline, or the baseline as good as can be.
    fn is_passed(&self) -> bool {
        let (model, baseline) = (self.model, self.baseline);
        match self.name {
            "accuracy" | "AUC" | "R²" => model > baseline || baseline >= 1.0,
            _ => model < baseline || baseline <= 0.0,
        }
    }
}

/// What is told if what a training by `optimizer` found out is of no use for the held-out samples.
pub(crate) fn useless(
    metrics: &Metrics,
    optimizer: Optimizer,
    targets_are_standardised: bool,
) -> Option<String> {
    let fails = |measured: &&Measured| !lines(measured).iter().any(Line::is_passed);
    let mut failed = metrics.measured.iter().filter(fails);
    let measured = failed.next()?;
    let others: Vec<String> = failed.map(target).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let others = match &others[..] {
        [] => String::new(),
        others => format!("; the same is true of {}", quoted(others)),
    };
    let overfits = "take --early-stopping or a larger --l2";
    let remedy = match optimizer {
        Optimizer::LBfgs => {
            format!(
                "if the loss is high, take smaller penalties or more features; if it is low, {overfits}"
            )
        }
        _ => format!(
            "if the loss is high, train longer (--epochs or --iterations) or take --optimizer lbfgs; if it is low, {overfits}"
        ),
    };
    let out_of_scale = out_of_scale(measured, optimizer).filter(|_| !targets_are_standardised);
    let remedy = match out_of_scale {
        Some((rule, deviation)) => format!(
            "it deviates from its mean by {0}, where {rule} suits about 1: train on it divided by {0}; otherwise, {remedy}",
            digits(deviation)
        ),
        None => remedy,
    };
    Some(format!(
        "no metric of `{}` on the held-out samples is better than the baseline's, {}{others}; {remedy}",
        target(measured),
        baseline(measured)
    ))
}

/// The name of `optimizer` and the deviation of the target, if they do not suit each other: each step of Adam and its like
/// moves a parameter by about the learning rate, however far the targets are.
fn out_of_scale(measured: &Measured, optimizer: Optimizer) -> Option<(&'static str, f64)> {
    let rule = match optimizer {
        Optimizer::RmsProp => "RMSprop",
        Optimizer::Adam => "Adam",
        Optimizer::AdamW => "AdamW",
        _ => return None,
    };
    let Measured::Numbers(metrics) = measured else {
        return None;
    };
    let deviation = metrics.baseline.rmse;
    (deviation > 0.0 && !SUITED_DEVIATIONS.contains(&deviation)).then_some((rule, deviation))
}

/// Writes the metrics on the held-out samples of a training.
pub(super) fn write_holdout(out: &mut dyn Write, metrics: &Metrics) -> io::Result<()> {
    let samples = counted(metrics.n_samples, "sample");
    writeln!(out, "\non the {samples} held back")?;
    write(out, metrics)
}

/// Writes the metrics of each target beside those of its baseline.
pub(super) fn write(out: &mut dyn Write, metrics: &Metrics) -> io::Result<()> {
    for measured in metrics.measured.iter().take(SHOWN_TARGETS) {
        writeln!(out)?;
        write_lines(out, measured)?;
        if let Measured::Classes(metrics) = measured {
            writeln!(out)?;
            if metrics.classes.len() <= SHOWN_CLASSES {
                write_confusion(out, metrics)?;
            } else {
                write_confusions(out, metrics)?;
            }
        }
    }
    if let Some(more @ 1..) = metrics.measured.len().checked_sub(SHOWN_TARGETS) {
        writeln!(out, "\nand {more} more targets; --json prints all")?;
    }
    Ok(())
}

/// The name of what is measured.
pub(super) fn target(measured: &Measured) -> String {
    match measured {
        Measured::Classes(metrics) => short(&metrics.target),
        Measured::Numbers(metrics) => short(&metrics.target),
        Measured::SoftLabels(metrics) => match &metrics.targets[..] {
            [target] => short(target),
            targets => format!("{} shares", targets.len()),
        },
    }
}

/// What the baseline predicts.
pub(super) fn baseline(measured: &Measured) -> String {
    match measured {
        Measured::Classes(metrics) => format!(
            "always {}, and as probabilities the share of each class",
            short(&metrics.baseline.class)
        ),
        Measured::Numbers(metrics) => {
            format!("always the mean, {}", digits(metrics.baseline.mean))
        }
        Measured::SoftLabels(metrics) => match metrics.baseline.means[..] {
            [mean] => format!("always the mean, {}", digits(mean)),
            _ => "always the mean of each".to_owned(),
        },
    }
}

/// The best accuracy that can be expected, if that is known.
pub(super) fn bayes_accuracy(measured: &Measured) -> Option<String> {
    match measured {
        Measured::Classes(metrics) => metrics.bayes_accuracy.map(digits),
        Measured::Numbers(_) | Measured::SoftLabels(_) => None,
    }
}

/// The metrics of a target that are defined.
pub(super) fn lines(measured: &Measured) -> Vec<Line> {
    let lines: Vec<(_, Option<f64>, Option<f64>)> = match measured {
        Measured::Classes(metrics) => vec![
            (
                "accuracy",
                Some(metrics.accuracy),
                Some(metrics.baseline.accuracy),
            ),
            // The baseline ranks all samples alike, so half of the pairs count as in order.
            ("AUC", metrics.auc, Some(0.5)),
            (
                "log-loss",
                metrics.log_loss,
                Some(metrics.baseline.log_loss),
            ),
            (
                "Brier score",
                Some(metrics.brier),
                Some(metrics.baseline.brier),
            ),
        ],
        Measured::Numbers(metrics) => vec![
            ("RMSE", Some(metrics.rmse), Some(metrics.baseline.rmse)),
            ("MAE", Some(metrics.mae), Some(metrics.baseline.mae)),
            ("R²", metrics.r2, Some(0.0)),
        ],
        Measured::SoftLabels(metrics) => vec![
            ("log-loss", metrics.log_loss, metrics.baseline.log_loss),
            ("RMSE", Some(metrics.rmse), Some(metrics.baseline.rmse)),
        ],
    };
    let line = |(name, model, baseline): (_, Option<f64>, Option<f64>)| {
        Some(Line {
            name,
            model: model?,
            baseline: baseline?,
        })
    };
    lines.into_iter().filter_map(line).collect()
}

fn write_lines(out: &mut dyn Write, measured: &Measured) -> io::Result<()> {
    let target = target(measured);
    let width = target.chars().count().max(11);
    writeln!(out, "{target:<width$}  {:>10}  {:>10}", "model", "baseline")?;
    for line in lines(measured) {
        let (model, baseline) = (digits(line.model), digits(line.baseline));
        writeln!(out, "{:<width$}  {model:>10}  {baseline:>10}", line.name)?;
    }
    writeln!(out, "(baseline: {})", baseline(measured))?;
    match bayes_accuracy(measured) {
        None => Ok(()),
        Some(accuracy) => writeln!(out, "(Bayes accuracy, that of the rule itself: {accuracy})"),
    }
}

/// Writes the confusion matrix: a row for each true class, a column for each predicted one.
fn write_confusion(out: &mut dyn Write, metrics: &ClassMetrics) -> io::Result<()> {
    let names: Vec<String> = metrics
        .classes
        .iter()
        .map(|class| short(&class.name))
        .collect();
    let cells = metrics.confusion.iter().flatten().map(|cell| amount(*cell));
    let cells: Vec<String> = cells.collect();
    let precisions = metrics.classes.iter().map(|class| share(class.precision));
    let precisions: Vec<String> = precisions.collect();
    let letters = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max();
    let first = letters(&names).unwrap_or(0).max("precision".len());
    let width = letters(&names)
        .max(letters(&cells))
        .max(letters(&precisions));
    let width = width.unwrap_or(0);
    let joined = |texts: &[String]| {
        let texts = texts.iter().map(|text| format!("  {text:>width$}"));
        texts.collect::<String>()
    };
    writeln!(out, "{:<first$}  predicted", "")?;
    writeln!(out, "{:<first$}{}  recall", "is", joined(&names))?;
    for ((name, row), class) in names
        .iter()
        .zip(cells.chunks(names.len()))
        .zip(&metrics.classes)
    {
        writeln!(
            out,
            "{name:<first$}{}  {}",
            joined(row),
            share(class.recall)
        )?;
    }
    writeln!(out, "{:<first$}{}", "precision", joined(&precisions))
}

/// A share from 0 to 1; `-` if it is not defined.
pub(super) fn share(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{share:.4}"))
}

/// The largest confusions: weight of the samples, their true class, and the predicted one.
pub(super) fn confusions(metrics: &ClassMetrics) -> Vec<(f64, &str, &str)> {
    let classes = &metrics.classes;
    let mut confusions = Vec::new();
    for (own, row) in metrics.confusion.iter().enumerate() {
        for (predicted, weight) in row.iter().enumerate() {
            if own != predicted && *weight > 0.0 {
                let [own, predicted] = [own, predicted].map(|class| classes[class].name.as_str());
                confusions.push((*weight, own, predicted));
            }
        }
    }
    confusions.sort_by(|a, b| b.0.total_cmp(&a.0));
    confusions.truncate(SHOWN_CONFUSIONS);
    confusions
}

/// Writes the largest confusions.
fn write_confusions(out: &mut dyn Write, metrics: &ClassMetrics) -> io::Result<()> {
    writeln!(
        out,
        "largest confusions of {} classes",
        metrics.classes.len()
    )?;
    for (weight, own, predicted) in confusions(metrics) {
        let (own, predicted) = (short(own), short(predicted));
        writeln!(out, "{:>8}  {own} taken for {predicted}", amount(weight))?;
    }
    Ok(())
}

/// A metric with four decimals, or with an exponent if these would not show it.
pub(super) fn digits(x: f64) -> String {
    if x == 0.0 || (1e-3..1e5).contains(&x.abs()) {
        format!("{x:.4}")
    } else {
        format!("{x:.4e}")
    }
}

/// The total weight of some samples: whole numbers, which counts are, without decimals.
pub(super) fn amount(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e15 {
        format!("{x:.0}")
    } else {
        digits(x)
    }
}

/// A name on one line, cut after [`SHOWN_NAME`] characters.
pub(super) fn short(name: &str) -> String {
    match name.char_indices().nth(SHOWN_NAME) {
        Some((end, _)) => shown(&name[..end]) + "…",
        None => shown(name),
    }
}
