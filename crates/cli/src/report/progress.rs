//! What is told while a training runs: notices, and a progress bar where stderr is a terminal.

use super::tell;
use crate::error::remedy_in_flags;
use indicatif::{ProgressBar, ProgressStyle};
use neuralnet::error::alternatives;
use neuralnet::network::Activation;
use neuralnet::train::SATURATED_SLOPE;
use neuralnet::{Dataset, Loss, Progress, Scaling, StopReason, TrainConfig, Trained, Training};
use std::io::{self, IsTerminal};

/// Notices and the bar of one training.
pub(crate) struct Reporter {
    bar: ProgressBar,
    bytes: f64,
    n_samples: f64,
    updates_an_epoch: f64,
    config: TrainConfig,
    said_saturated: bool,
}

impl Reporter {
    pub(crate) fn new(dataset: &Dataset, config: &TrainConfig) -> Self {
        let style = ProgressStyle::with_template(
            "{bar:30} {human_pos}/{human_len} iterations, {msg}, {eta} left",
        )
        .expect("the template is fixed");
        Self {
            bar: ProgressBar::new(config.iterations).with_style(style),
            bytes: dataset.bytes() as f64,
            n_samples: dataset.n_samples() as f64,
            updates_an_epoch: config.updates_an_epoch(dataset.n_samples()) as f64,
            config: config.clone(),
            said_saturated: false,
        }
    }

    /// Says what was chosen for the data where nothing was named, and what of them is of no use.
    pub(crate) fn data(&self, dataset: &Dataset, activation_is_named: bool) {
        if self.config.activation == Activation::Identity && !activation_is_named {
            self.notice("targets are numbers beyond [0, 1], so outputs are linear and the loss is the squared error; --classes takes each as a class");
        }
        let names = dataset.input_names();
        let constant = dataset.scaling().into_iter().flat_map(Scaling::constant);
        let constant: Vec<&str> = constant.map(|input| names[input].as_str()).collect();
        if let [first, rest @ ..] = &constant[..] {
            let others = match rest.len() {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            self.notice(&format!(
                "column `{first}`{others} has one value only: kept, with a weight of 0"
            ));
        }
    }

    /// Says where the work is done, and why there.
    pub(crate) fn backend(&self, training: &Training<'_>) {
        let backend = training.backend();
        let why = training
            .notice()
            .map(|why| format!(" ({why})"))
            .unwrap_or_default();
        self.notice(&format!(
            "training on the {}: {}{why}",
            backend.kind().name().to_uppercase(),
            backend.adapter()
        ));
    }

    pub(crate) fn progress(&mut self, progress: &Progress) {
        let passes = progress.evaluations as f64 / self.updates_an_epoch;
        let passes_per_second = passes / progress.seconds;
        let validation = progress.validation;
        let validation = validation.map(|loss| format!(", validation {loss:.6}"));
        self.bar.set_position(progress.iteration);
        self.bar.set_message(format!(
            "loss {:.6}{}, {} samples/s, {:.2} GB/s",
            progress.loss,
            validation.unwrap_or_default(),
            short(self.n_samples * passes_per_second),
            self.bytes * passes_per_second / 1e9
        ));
        self.mean_slope(progress.summary.mean_slope, progress.iteration);
    }

    pub(crate) fn finish(&mut self, trained: &Trained) {
        self.mean_slope(trained.summary.mean_slope, trained.iterations);
        self.bar.finish_and_clear();
        if io::stderr().is_terminal() && trained.history.len() > 1 {
            let losses: Vec<f64> = trained.history.iter().map(|point| point.loss).collect();
            tell(&format!(
                "loss {} {:.6} to {:.6}",
                sparkline(&losses),
                losses[0],
                trained.loss
            ));
        }
        if trained.stop == StopReason::Interrupted {
            tell(&format!(
                "interrupted after {} of {} iterations; this is what was reached",
                trained.iterations, self.config.iterations
            ));
        }
    }

    fn mean_slope(&mut self, mean_slope: f64, iteration: u64) {
        if mean_slope >= SATURATED_SLOPE || self.said_saturated {
            return;
        }
        self.said_saturated = true;
        let consequence = match self.config.loss {
            Loss::SquaredError => {
                "the gradient of the squared error vanishes with it and learning all but stops"
            }
            Loss::CrossEntropy => "predictions are all but certain, right or wrong",
        };
        self.notice(&format!(
            "saturated by iteration {iteration}: mean y(1-y) is {mean_slope:.1e}; {consequence}; if the loss is not low, {}",
            alternatives(self.config.smaller_steps().iter().map(remedy_in_flags))
        ));
    }

    fn notice(&self, text: &str) {
        self.bar.suspend(|| tell(text));
    }
}

/// The losses from left to right, each as high as it lies between the lowest and the highest.
fn sparkline(losses: &[f64]) -> String {
    const WIDTH: usize = 40;
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let width = WIDTH.min(losses.len());
    let height = |at: usize| {
        let share = (losses[at * losses.len() / width] - lowest) / (highest - lowest);
        // The step whose share is reached; the lowest where all are alike.
        let steps = (1..HEIGHTS.len()).filter(|step| share * 8.0 >= *step as f64);
        HEIGHTS[steps.count()]
    };
    (0..width).map(height).collect()
}

/// A rate in three digits or so.
fn short(rate: f64) -> String {
    for (unit, name) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")] {
        if rate >= unit {
            return format!("{:.1}{name}", rate / unit);
        }
    }
    format!("{rate:.0}")
}
