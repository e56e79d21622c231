//! The predictions that the article prints, beside those of a training with its data and settings.

use neuralnet::{Dataset, Network, TrainConfig};
use serde::Serialize;

/// The article's three predictions for [1, 0, 1], each beside the one reached here.
pub(crate) struct ArticleTable {
    /// The iterations and the article's predictions that this training passes.
    expected: Vec<(u64, &'static str)>,
    /// The predictions reached so far, in the order of `expected`.
    pub(super) rows: Vec<ArticleRow>,
}

/// A prediction after `iterations`.
#[derive(Serialize)]
pub(super) struct ArticleRow {
    pub(super) iterations: u64,
    pub(super) prediction: f64,
    /// The article's prediction, in its digits.
    pub(super) article: &'static str,
}

impl ArticleTable {
    const INPUT: [f32; 3] = [1.0, 0.0, 1.0];
    /// Iterations, and the prediction in the digits that the article prints.
    const FIGURES: [(u64, &'static str); 3] = [
        (10, "0.65980921"),
        (100, "0.87680541"),
        (10_000, "0.9897704"),
    ];

    /// An empty table, whose rows this training will fill; it stays empty if data or settings differ from the article's.
    pub(crate) fn new(dataset: &Dataset, config: &TrainConfig) -> Self {
        let settings = TrainConfig {
            iterations: config.iterations,
            max_seconds: config.max_seconds,
            ..TrainConfig::article()
        };
        let articles_own = dataset.is_article() && *config == settings;
        Self {
            expected: Self::FIGURES
                .into_iter()
                .filter(|(iterations, _)| articles_own && *iterations <= config.iterations)
                .collect(),
            rows: Vec::new(),
        }
    }

    /// The iterations after which a row is to be pushed.
    pub(crate) fn iterations(&self) -> Vec<u64> {
        self.expected
            .iter()
            .map(|(iterations, _)| *iterations)
            .collect()
    }

    /// Whether the next row is that of `iteration`.
    pub(crate) fn expects(&self, iteration: u64) -> bool {
        let next = self.expected.get(self.rows.len());
        next.is_some_and(|(iterations, _)| *iterations == iteration)
    }

    /// Adds the row of `iterations`, predicted by `network` with `parameters`.
    pub(crate) fn push(&mut self, iterations: u64, network: &Network, parameters: &[f64]) {
        let article = self.expected[self.rows.len()].1;
        self.rows.push(ArticleRow {
            iterations,
            prediction: network.predict(parameters, &Self::INPUT)[0],
            article,
        });
    }
}
