//! The pictures of a page.

use super::figure;
use super::plot::{Axis, Plot};
use crate::report::metrics::{amount, digits};
use neuralnet::metrics::{ClassMetrics, Grid, Histogram};
use neuralnet::train::Point;

const WIDE: [f64; 2] = [900.0, 320.0];
const FIGURE: [f64; 2] = [460.0, 360.0];
/// Losses that differ by more than this factor are drawn on a logarithmic axis.
const FAR: f64 = 20.0;

/// The loss by iterations; nothing where there is no line to draw.
pub(super) fn loss(history: &[Point]) -> String {
    let ([first, .., last], true) = (history, history.len() > 1) else {
        return String::new();
    };
    let validation = || {
        let points = history.iter();
        points.filter_map(|point| Some([point.iteration as f64, point.validation?]))
    };
    let training = || {
        history
            .iter()
            .map(|point| [point.iteration as f64, point.loss])
    };
    let losses = || training().chain(validation()).map(|[_, loss]| loss);
    let least = losses().fold(f64::INFINITY, f64::min);
    let most = losses().fold(f64::NEG_INFINITY, f64::max);
    let logarithmic = least > 0.0 && most > FAR * least;
    let y = if logarithmic {
        Axis {
            logarithmic,
            ..Axis::new("loss", least, most)
        }
    } else {
        Axis::new("loss", least.min(0.0), most)
    };
    let x = Axis::new("iteration", first.iteration as f64, last.iteration as f64);
    let plot = Plot::new("Loss by iteration", x, y, WIDE).line("first", training());
    let (plot, key) = if validation().next().is_some() {
        let key = "<span class=\"key\"></span>training<span class=\"key other\"></span>validation";
        (plot.line("second", validation()), key)
    } else {
        (plot, "<span class=\"key\"></span>training")
    };
    format!(
        "<h2>Loss</h2><div class=\"card scroll long\">{}</div>",
        figure(&plot.finish(), key)
    )
}

/// Receiver operating characteristic.
pub(super) fn roc(metrics: &ClassMetrics) -> String {
    let Some(auc) = metrics.auc.filter(|_| !metrics.roc.is_empty()) else {
        return String::new();
    };
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
    card("ROC", &plot.finish(), &caption)
}

/// Whether probabilities are what they say.
pub(super) fn calibration(metrics: &ClassMetrics) -> String {
    let most = metrics
        .calibration
        .iter()
        .map(|bin| bin.weight)
        .fold(0.0, f64::max);
    let bins = metrics.calibration.iter();
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
        plot = plot.dot([prediction, observed], radius, &hint);
    }
    card(
        "Calibration",
        &plot.finish(),
        "Predictions in ten bins; the larger a dot, the more samples. On the dashed line a probability is what it says.",
    )
}

/// How far off predictions are.
pub(super) fn residuals(histogram: &Histogram) -> String {
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
    card("Residuals", &plot.finish(), &caption)
}

/// Predictions by targets.
pub(super) fn grid(grid: &Grid) -> String {
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
    card(
        "Prediction and target",
        &plot.finish(),
        "The stronger the colour of a cell, the more samples. On the dashed line predictions are right.",
    )
}

fn card(title: &str, svg: &str, caption: &str) -> String {
    format!(
        "<div class=\"card\"><h3>{title}</h3>{}</div>",
        figure(svg, caption)
    )
}

#[cfg(test)]
mod tests {
    use super::{Point, loss};

    fn history(validation: Option<f64>) -> Vec<Point> {
        let point = |iteration| Point {
            iteration,
            loss: 1.0 / (1.0 + iteration as f64),
            validation,
        };
        (0..100).map(point).collect()
    }

    #[test]
    fn a_loss_curve_has_the_lines_there_are() {
        assert!(loss(&history(None)[..1]).is_empty(), "one point is no line");
        let one = loss(&history(None));
        assert!(
            one.contains("class=\"first\"") && !one.contains("validation"),
            "{one}"
        );
        let two = loss(&history(Some(0.5)));
        assert!(
            two.contains("class=\"second\"") && two.contains("validation"),
            "{two}"
        );
        // From 1 to 1/100: powers of ten beside the axis.
        assert!(two.contains(">0.01<") && two.contains(">0.1<"), "{two}");
    }
}
