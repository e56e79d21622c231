//! The output of a running training on stderr: notices, and on a terminal a progress bar.

use super::format::{iterations, number, quoted, shown};
use super::{on_hardware, tell};
use crate::error::remedy_told;
use indicatif::{HumanFloatCount, ProgressBar, ProgressStyle};
use neuralnet::error::alternatives;
use neuralnet::network::Activation;
use neuralnet::train::SATURATED_SLOPE;
use neuralnet::{
    Dataset, Error, Loss, Progress, Scaling, StopReason, TrainConfig, Trained, Training,
};
use std::io::{self, IsTerminal};

/// A target that deviates by less than this share of what all deviate by has less than a hundredth of the loss.
const SEEN_DEVIATION: f64 = 0.1;

/// Prints the notices and the progress bar of one training.
pub(crate) struct Reporter {
    bar: ProgressBar,
    bytes: f64,
    n_samples: f64,
    updates_an_epoch: f64,
    config: TrainConfig,
    warned_of_saturation: bool,
}

impl Reporter {
    /// A reporter whose bar is empty.
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
            warned_of_saturation: false,
        }
    }

    /// Prints which activation the data decided, unless the `activation_is_given`, and which columns are
    /// constant.
    pub(crate) fn data(&self, dataset: &Dataset, activation_is_given: bool) {
        if self.config.activation == Activation::Identity && !activation_is_given {
            self.notice("targets are numbers beyond [0, 1], so outputs are linear and the loss is the squared error; --classes takes each as a class");
        }
        if self.config.activation == Activation::Sigmoid
            && !activation_is_given
            && dataset.classes().is_none()
            && !dataset.targets_are_binary()
        {
            self.notice("targets lie between 0 and 1 and are taken as probabilities, so outputs are sigmoids; --activation identity takes them as numbers");
        }
        let is_of_numbers = matches!(
            self.config.activation,
            Activation::Identity | Activation::Tanh
        );
        if is_of_numbers && dataset.classes().is_some() {
            self.notice("the outputs of identity and tanh are no probabilities of the classes; those of --activation sigmoid or softmax are");
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
                "column `{}`{others} has one value only in f32: kept, with a weight of 0",
                shown(first)
            ));
        }
        if let Some(scaling) = dataset.target_scaling() {
            let named = dataset.target_names().iter().zip(scaling.deviation());
            let is_hidden =
                |deviation: f64| deviation > 0.0 && deviation < SEEN_DEVIATION * scaling.scale();
            let hidden = named.filter(|(_, deviation)| is_hidden(**deviation));
            let hidden: Vec<&str> = hidden.map(|(name, _)| name.as_str()).collect();
            if !hidden.is_empty() {
                self.notice(&format!(
                    "targets that deviate by less than a tenth of what all do hardly show in the loss: {}; train on such a target alone, or give all of them units in which they deviate alike",
                    quoted(&hidden)
                ));
            }
        }
        if self.config.warm_up > self.config.iterations {
            self.notice(&format!(
                "the warm-up of {} ends after the last one: the learning rate is lower throughout; take a smaller --warm-up",
                iterations(self.config.warm_up)
            ));
        }
    }

    /// Prints which backend trains, and why.
    pub(crate) fn backend(&self, training: &Training<'_>) {
        let backend = training.backend();
        let (kind, why) = (backend.kind(), training.notices().join("; "));
        self.notice(&on_hardware("training", kind, &backend.adapter(), &why));
    }

    /// What prints that the training is about to end, from any thread.
    pub(crate) fn interrupted(&self) -> impl Fn() + Send + Sync + 'static {
        let bar = self.bar.clone();
        move || {
            let text = "interrupted: ending with what was reached, once it is measured; another Ctrl-C ends without it";
            bar.suspend(|| tell(text));
        }
    }

    /// What prints why a checkpoint was not written.
    pub(crate) fn checkpoint_failure(&self) -> impl FnMut(&Error) + Send + 'static {
        let bar = self.bar.clone();
        move |why| bar.suspend(|| tell(&format!("{why}; the training goes on and tries again")))
    }

    /// Updates the bar, and warns of saturation.
    pub(crate) fn progress(&mut self, progress: &Progress) {
        let passes = progress.evaluations as f64 / self.updates_an_epoch;
        let passes_per_second = passes / progress.seconds;
        let validation = progress.validation;
        let validation = validation.map(|loss| format!(", validation {}", number(loss)));
        self.bar.set_position(progress.iteration);
        self.bar.set_message(format!(
            "loss {}{}, {} samples/s, {:.2} GB/s",
            number(progress.loss),
            validation.unwrap_or_default(),
            HumanFloatCount((self.n_samples * passes_per_second).round()),
            self.bytes * passes_per_second / 1e9
        ));
        // One batch says little of all rows, and which ones are looked at depends on the clock.
        if self.config.batch_size.is_none() {
            self.warn_of_saturation(progress.summary.mean_slope, progress.iteration);
        }
    }

    /// Clears the bar, and prints how the loss went and whether the training was interrupted.
    pub(crate) fn finish(&mut self, trained: &Trained) {
        self.warn_of_saturation(trained.summary.mean_slope, trained.iterations);
        self.bar.finish_and_clear();
        if io::stderr().is_terminal() && trained.history.len() > 1 {
            let losses: Vec<f64> = trained.history.iter().map(|point| point.loss).collect();
            tell(&format!(
                "loss {} {} to {}",
                sparkline(&losses),
                number(losses[0]),
                number(trained.loss)
            ));
        }
        if trained.stop == StopReason::Diverged {
            tell(&format!(
                "training diverged after {}, and the best weights before that are kept; {}",
                iterations(trained.iterations),
                alternatives(self.config.smaller_steps().iter().map(remedy_told))
            ));
        }
        if trained.stop == StopReason::Interrupted {
            tell(&format!(
                "interrupted after {} of {} iterations; this is what was reached",
                trained.iterations, self.config.iterations
            ));
        }
    }

    /// Warns once that outputs are near 0 or 1, where sigmoids have next to no slope.
    fn warn_of_saturation(&mut self, mean_slope: f64, iteration: u64) {
        if mean_slope >= SATURATED_SLOPE || self.warned_of_saturation {
            return;
        }
        self.warned_of_saturation = true;
        let consequence = match self.config.loss {
            Loss::SquaredError => {
                "the gradient of the squared error vanishes with it and learning all but stops"
            }
            Loss::CrossEntropy => "predictions are all but certain, right or wrong",
        };
        self.notice(&format!(
            "saturated by iteration {iteration}: the mean slope dy/dz is {mean_slope:.1e}; {consequence}; if the loss is not low, {}",
            alternatives(self.config.smaller_steps().iter().map(remedy_told))
        ));
    }

    /// Prints a notice while the bar is shown.
    fn notice(&self, text: &str) {
        self.bar.suspend(|| tell(text));
    }
}

/// A line of bars, one for a loss, from the lowest loss to the highest.
fn sparkline(losses: &[f64]) -> String {
    const WIDTH: usize = 40;
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let width = WIDTH.min(losses.len());
    let height = |at: usize| {
        let share = (losses[at * losses.len() / width] - lowest) / (highest - lowest);
        // If all losses are equal, `share` is not a number and the lowest bar is taken.
        let steps = (1..HEIGHTS.len()).filter(|step| share * 8.0 >= *step as f64);
        HEIGHTS[steps.count()]
    };
    (0..width).map(height).collect()
}
