//! Trains on a generated batch, with one thread and with two, and shows that the weights have the same bits. Run it
//! with `cargo run --release --example synthetic`.
#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use neuralnet::{Dataset, Hardware, Model, Result, Synthetic, TrainConfig, train};

pub(crate) fn main() -> Result<()> {
    // 20,000 rows of 32 features. A hidden linear rule decides each label, and 5% of the labels are flipped.
    let dataset = Dataset::synthetic(Synthetic::new(20_000, 32, 0.05, 1)?);
    let config = TrainConfig {
        iterations: 100,
        learning_rate: 2.0,
        ..TrainConfig::default()
    };
    let mut runs = Vec::new();
    for threads in [1, 2] {
        let hardware = Hardware {
            threads: Some(threads),
            ..Hardware::cpu()
        };
        let trained = train(&dataset, &config, &hardware)?;
        println!("{}: loss {:.8}", trained.adapter, trained.loss);
        runs.push(trained);
    }
    assert_eq!(
        runs[0].parameters, runs[1].parameters,
        "no bit depends on the number of threads"
    );
    // ln 2 is the loss of a model that knows nothing.
    let metrics = Model::new(&dataset, &config, &runs[0]).measure(&dataset)?;
    assert!(metrics.loss < 0.5, "{} beside 0.693", metrics.loss);
    Ok(())
}
