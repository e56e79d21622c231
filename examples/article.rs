//! Trains the network of the article, and prints its prediction for [1, 0, 1] beside the figures that the article
//! prints. Run it with `cargo run --example article`.
#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use neuralnet::{Dataset, Hardware, Result, TrainConfig, train};

/// Iterations, and the prediction that the article prints after them.
const PRINTED: [(u64, f64); 3] = [(10, 0.65980921), (100, 0.87680541), (10_000, 0.9897704)];

pub(crate) fn main() -> Result<()> {
    // Three samples of three inputs and one target; the sum of squared errors, learning rate 1, no bias.
    let dataset = Dataset::article();
    for (iterations, printed) in PRINTED {
        let config = TrainConfig {
            iterations,
            ..TrainConfig::article()
        };
        let trained = train(&dataset, &config, &Hardware::cpu())?;
        let prediction = trained.predict(&[1.0, 0.0, 1.0])[0];
        println!("{iterations:>6} iterations: {prediction:.8}, the article's {printed}");
        // The article prints eight digits, the last of them rounded.
        assert!(
            (prediction - printed).abs() < 1e-8,
            "{prediction} is not {printed}"
        );
    }
    Ok(())
}
