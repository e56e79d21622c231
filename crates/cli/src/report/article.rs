//! The article's figures beside ours.

use neuralnet::{Dataset, Network, TrainConfig};
use serde::Serialize;

/// The article's three predictions for [1, 0, 1], beside ours.
pub(crate) struct ArticleTable {
    wanted: Vec<(u64, &'static str)>,
    pub(super) rows: Vec<ArticleRow>,
}

#[derive(Serialize)]
pub(super) struct ArticleRow {
    pub(super) iterations: u64,
    pub(super) prediction: f64,
    pub(super) article: &'static str,
}

impl ArticleTable {
    const INPUT: [f32; 3] = [1.0, 0.0, 1.0];
    /// As printed there.
    const FIGURES: [(u64, &'static str); 3] = [
        (10, "0.65980921"),
        (100, "0.87680541"),
        (10_000, "0.9897704"),
    ];

    /// The figures that a run will pass; none where it is not the article's.
    pub(crate) fn new(dataset: &Dataset, config: &TrainConfig) -> Self {
        let settings = TrainConfig {
            iterations: config.iterations,
            max_seconds: config.max_seconds,
            ..TrainConfig::article()
        };
        let articles_own = dataset.is_article() && *config == settings;
        Self {
            wanted: Self::FIGURES
                .into_iter()
                .filter(|(iterations, _)| articles_own && *iterations <= config.iterations)
                .collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn iterations(&self) -> Vec<u64> {
        self.wanted
            .iter()
            .map(|(iterations, _)| *iterations)
            .collect()
    }

    /// Whether the next figure is that of `iteration`.
    pub(crate) fn wants(&self, iteration: u64) -> bool {
        let next = self.wanted.get(self.rows.len());
        next.is_some_and(|(iterations, _)| *iterations == iteration)
    }

    pub(crate) fn push(&mut self, iterations: u64, network: &Network, parameters: &[f64]) {
        let article = self.wanted[self.rows.len()].1;
        self.rows.push(ArticleRow {
            iterations,
            prediction: network.predict(parameters, &Self::INPUT)[0],
            article,
        });
    }
}
