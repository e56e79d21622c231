//! The charts of a page.

use super::plot::{Axis, Plot};
use crate::report::metrics::{amount, digits};
use crate::report::run::Settings;
use neuralnet::Optimizer;
use neuralnet::metrics::{ClassMetrics, Histogram, Histogram2d};
use neuralnet::train::HistoryPoint;
use serde::Serialize;

/// Width and height of the chart that is as wide as the page.
const WIDE: [f64; 2] = [900.0, 320.0];
/// Width and height of two charts side by side.
const FIGURE: [f64; 2] = [460.0, 360.0];
/// The ratio of the largest to the smallest loss from which the axis is logarithmic.
const FAR: f64 = 20.0;

/// A plot with its heading and its caption.
#[derive(Serialize)]
pub(super) struct Chart {
    title: &'static str,
    plot: Plot,
    caption: String,
}

fn chart(title: &'static str, plot: Plot, caption: impl Into<String>) -> Chart {
    let caption = caption.into();
    Chart {
        title,
        plot,
        caption,
    }
}

/// The loss by iteration, on the training samples and on any held-out ones; `None` for fewer than two points.
pub(super) fn loss(training: &[HistoryPoint], holdout: &[HistoryPoint]) -> Option<Plot> {
    let [first, _, ..] = training else {
        return None;
    };
    let both = training.iter().chain(holdout);
    let last = both.clone().map(|point| point.iteration).max()?;
    let losses = both.map(|point| point.loss);
    let points = |of: &'_ [HistoryPoint]| -> Vec<[f64; 2]> {
        let points = of.iter();
        points
            .map(|point| [point.iteration as f64, point.loss])
            .collect()
    };
    let least = losses.clone().fold(f64::INFINITY, f64::min);
    let most = losses.fold(f64::NEG_INFINITY, f64::max);
    let logarithmic = least > 0.0 && most > FAR * least;
    let y = Axis {
        logarithmic,
        ..Axis::new(
            "loss",
            if logarithmic { least } else { least.min(0.0) },
            most,
        )
    };
    let x = Axis::new("iteration", first.iteration as f64, last as f64);
    let plot = Plot::new("Loss by iteration", x, y, WIDE);
    let plot = plot.line("first", points(training).into_iter());
    Some(match holdout.is_empty() {
        true => plot,
        false => plot.line("second", points(holdout).into_iter()),
    })
}

/// What the two lines of losses are: an update sees more, or less, than the loss of the data.
pub(super) fn loss_caption(settings: &Settings, has_holdout: bool) -> String {
    let config = &settings.train;
    let all = [
        (config.batch_size.is_some(), "one batch of samples"),
        (config.batch_size.is_none(), "all samples"),
        (config.optimizer != Optimizer::LBfgs, "before the update"),
        (config.l1 > 0.0 || config.l2 > 0.0, "with the penalties"),
        (
            settings.samples.class_weight.is_some(),
            "with the weights of classes",
        ),
        (config.dropout > 0.0, "without the units that dropout takes"),
    ];
    let there = all.iter().filter(|(is_there, _)| *is_there);
    let training: Vec<&str> = there.map(|(_, what)| *what).collect();
    let mean = match config.average_decay {
        Some(_) => ", at the mean of the weights",
        None => "",
    };
    let holdout = match has_holdout {
        true => format!(
            " Held out: of all these samples, after the update{mean}, without penalties, weights of classes and dropout."
        ),
        false => String::new(),
    };
    format!("Training: of {}.{holdout}", training.join(", "))
}

/// The receiver operating characteristic of two classes; `None` where it is not defined.
pub(super) fn roc(metrics: &ClassMetrics) -> Option<Chart> {
    let auc = metrics.auc.filter(|_| !metrics.roc.is_empty())?;
    let plot = Plot::new(
        "ROC: true positive rate by false positive rate",
        Axis::new("false positive rate", 0.0, 1.0),
        Axis::new("true positive rate", 0.0, 1.0),
        FIGURE,
    )
    .area(&metrics.roc)
    .line("guide", [[0.0, 0.0], [1.0, 1.0]].into_iter())
    .line("first", metrics.roc.iter().copied());
    let caption = format!(
        "The area under the curve, {}, is the share of pairs of both classes that are ranked in the right order; chance is the dashed line.",
        digits(auc)
    );
    Some(chart("ROC", plot, caption))
}

/// The share of samples of the class against its predicted probability.
pub(super) fn calibration(metrics: &ClassMetrics) -> Chart {
    let bins = metrics.calibration.iter();
    let most = bins.clone().map(|bin| bin.weight).fold(0.0, f64::max);
    let points: Vec<_> = bins
        .filter_map(|bin| Some(([bin.prediction?, bin.observed?], bin.weight)))
        .collect();
    let mut plot = Plot::new(
        "Calibration: observed share by predicted probability",
        Axis::new("predicted probability", 0.0, 1.0),
        Axis::new("observed share", 0.0, 1.0),
        FIGURE,
    )
    .line("guide", [[0.0, 0.0], [1.0, 1.0]].into_iter())
    .line("first", points.iter().map(|(point, _)| *point));
    for ([prediction, observed], weight) in points {
        let hint = format!(
            "{} samples predicted {} on average, {} of them are",
            amount(weight),
            digits(prediction),
            digits(observed)
        );
        let radius = 3.5 + 6.0 * (weight / most).sqrt();
        plot = plot.dot([prediction, observed], radius, hint);
    }
    let caption = "Predictions in ten bins; the larger a dot, the more samples. On the dashed line a probability is what it says.";
    chart("Calibration", plot, caption)
}

/// How many samples have which residual, target − prediction.
pub(super) fn residuals(histogram: &Histogram) -> Chart {
    let reach = histogram.reach;
    let most = histogram.bins.iter().copied().fold(0.0, f64::max);
    let mut plot = Plot::new(
        "Histogram of the residuals",
        Axis::new("target − prediction", -reach, reach),
        Axis::new("samples", 0.0, most),
        FIGURE,
    );
    let width = 2.0 * reach / histogram.bins.len() as f64;
    for (bin, weight) in histogram.bins.iter().enumerate() {
        let left = -reach + bin as f64 * width;
        if *weight > 0.0 {
            let [from, to] = [left + 0.06 * width, left + 0.94 * width];
            plot = plot.bin([from, 0.0], [to, *weight], 1.0);
        }
    }
    let caption = match histogram.beyond {
        beyond if beyond > 0.0 => format!(
            "{} samples are further off, and are in the first and the last bin.",
            amount(beyond)
        ),
        _ => "All samples.".to_owned(),
    };
    chart("Residuals", plot, caption)
}

/// How many samples have which target and which prediction.
pub(super) fn predictions_by_targets(grid: &Histogram2d) -> Chart {
    let [from, to] = grid.range;
    let mut plot = Plot::new(
        "Predictions by targets",
        Axis::new("target", from, to),
        Axis::new("prediction", from, to),
        FIGURE,
    );
    let most = grid.cells.iter().copied().fold(0.0, f64::max);
    let step = (to - from) / grid.size as f64;
    for (at, weight) in grid.cells.iter().enumerate() {
        let (row, column) = (at / grid.size, at % grid.size);
        if *weight > 0.0 {
            let corner = |row, column| [from + column as f64 * step, from + row as f64 * step];
            let share = 0.12 + 0.88 * (weight / most).sqrt();
            plot = plot.bin(corner(row, column), corner(row + 1, column + 1), share);
        }
    }
    let plot = plot.line("guide", [[from, from], [to, to]].into_iter());
    let caption = "The stronger the colour of a cell, the more samples. On the dashed line predictions are right.";
    chart("Prediction and target", plot, caption)
}

#[cfg(test)]
mod tests {
    use super::{HistoryPoint, Plot, loss};

    fn history(scale: f64) -> Vec<HistoryPoint> {
        let point = |iteration| HistoryPoint {
            iteration,
            loss: scale / (1.0 + iteration as f64),
        };
        (0..100).map(point).collect()
    }

    /// `key` of each of the `parts` of a plot.
    fn texts(plot: Option<Plot>, parts: &str, key: &str) -> Vec<String> {
        let plot = serde_json::to_value(plot.expect("there are points")).unwrap();
        let parts = plot[parts].as_array().unwrap().iter();
        parts
            .map(|part| part[key].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_loss_curve_has_a_line_for_each_kind_of_sample() {
        let (training, holdout) = (history(1.0), history(0.5));
        assert!(
            loss(&training[..1], &holdout).is_none(),
            "one point is not a line"
        );
        assert_eq!(texts(loss(&training, &[]), "marks", "class"), ["first"]);
        let both = || loss(&training, &holdout);
        assert_eq!(texts(both(), "marks", "class"), ["first", "second"]);
        // From 1 to 1/100: powers of ten beside the axis.
        assert_eq!(texts(both(), "y_ticks", "label"), ["0.01", "0.1", "1"]);
    }
}
