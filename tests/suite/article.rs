//! The article's network gives the article's figures.
//!
//! On the CPU to the last digit the article prints, and its weights to the last digits of a NumPy
//! float64 run; on the GPU its predictions to 1e-5.

use crate::common::{neuralnet_json, parameters};

/// NumPy's float64 predictions for [1, 0, 1] after 10, 100 and 10,000 iterations, as the article prints them.
const PREDICTIONS: [f64; 3] = [0.659_809_21, 0.876_805_41, 0.989_770_4];
/// NumPy's float64 weights after 10,000 iterations.
const WEIGHTS: [f64; 3] = [
    -4.365_613_071_029_684,
    1.225_198_070_043_544,
    8.937_800_809_246_921,
];

fn predictions(train: &serde_json::Value) -> Vec<f64> {
    let rows = train["predictions"].as_array().unwrap();
    rows.iter()
        .map(|row| row["prediction"].as_f64().unwrap())
        .collect()
}

fn assert_near(values: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(values.len(), expected.len(), "{values:?}");
    for (value, expected) in values.iter().zip(expected) {
        let error = (value - expected).abs();
        assert!(error <= tolerance, "{value} is {error:e} from {expected}");
    }
}

#[test]
fn the_cpu_reproduces_the_article() {
    let train = neuralnet_json(&["train", "--backend", "cpu"]);
    // Half a unit of the last digit printed.
    assert_near(&predictions(&train), &PREDICTIONS, 5e-9);
    for (weight, expected) in parameters(&train).iter().zip(WEIGHTS) {
        let relative = ((weight - expected) / expected).abs();
        assert!(
            relative <= 1e-12,
            "{weight} is {relative:e} from {expected}"
        );
    }
}

#[test]
fn the_gpu_reproduces_the_article() {
    let train = neuralnet_json(&["train", "--backend", "gpu"]);
    assert_near(&predictions(&train), &PREDICTIONS, 1e-5);
}
