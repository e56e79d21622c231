//! The predictions that the article prints, beside those of a training with its data and settings.

use neuralnet::{Dataset, Result, TrainConfig, Training};
use serde::Serialize;

/// The sample that the article predicts.
const INPUT: [f32; 3] = [1.0, 0.0, 1.0];
/// Iterations, and the prediction in the digits that the article prints.
const FIGURES: [(u64, &str); 3] = [
    (10, "0.65980921"),
    (100, "0.87680541"),
    (10_000, "0.9897704"),
];

/// A prediction after `iterations`.
#[derive(Serialize)]
pub(crate) struct ArticleRow {
    pub(super) iterations: u64,
    pub(super) prediction: f64,
    /// The article's prediction, in its digits.
    pub(super) article: &'static str,
}

impl ArticleRow {
    /// The row that `training` has reached, beside the article's prediction.
    pub(crate) fn reached(training: &mut Training<'_>, article: &'static str) -> Result<Self> {
        let parameters = training.parameters()?;
        Ok(Self {
            iterations: training.iteration(),
            prediction: training.network().predict(&parameters, &INPUT)[0],
            article,
        })
    }
}

/// The iterations and the article's predictions that a training from iteration `first` on passes. There are none if
/// its data or settings differ from the article's, or if it has passed the first of them already.
pub(crate) fn figures(
    dataset: &Dataset,
    config: &TrainConfig,
    first: u64,
) -> impl Iterator<Item = (u64, &'static str)> + use<> {
    let settings = TrainConfig {
        iterations: config.iterations,
        max_seconds: config.max_seconds,
        ..TrainConfig::article()
    };
    let is_article = dataset.is_article() && *config == settings && first < FIGURES[0].0;
    let last = if is_article { config.iterations } else { 0 };
    FIGURES
        .into_iter()
        .take_while(move |(iterations, _)| *iterations <= last)
}
