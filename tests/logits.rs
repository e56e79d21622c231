//! Fixed pre-activations, from undecided to far beyond saturation, both signs and both classes.
//!
//! Random data never reach ±90, where exp(−z) leaves the range of f32, nor ±10⁴, where even exp(|z|)
//! of float64 does. With weight 1 and no bias the pre-activation is the input itself.

mod common;

use common::{assert_within, problem};
use neuralnet::backend::Backend;
use neuralnet::{Dataset, GpuOptions, Loss, Reduction};

const LOGITS: [f32; 9] = [0.0, 1.0, -1.0, 20.0, -20.0, 90.0, -90.0, 1e4, -1e4];

#[test]
fn losses_gradients_and_predictions_hold_at_fixed_logits() {
    for target in [0.0, 0.3, 1.0] {
        let targets = vec![target; LOGITS.len()];
        let dataset = Dataset::from_rows("logits", 1, 1, LOGITS.to_vec(), targets).unwrap();
        for loss in [Loss::SquaredError, Loss::CrossEntropy] {
            let problem = problem(&dataset, loss, Reduction::Sum, false);
            assert_within(
                &problem,
                GpuOptions::default(),
                &[1.0],
                &format!("{loss:?} target {target}"),
            );
        }
    }
}

/// One sample at a time, so that no large term can hide an error in a small one.
#[test]
fn each_logit_alone_is_within_its_bounds() {
    for logit in LOGITS {
        for target in [0.0, 1.0] {
            let dataset = Dataset::from_rows("logit", 1, 1, vec![logit], vec![target]).unwrap();
            let problem = problem(&dataset, Loss::CrossEntropy, Reduction::Sum, false);
            assert_within(
                &problem,
                GpuOptions::default(),
                &[1.0],
                &format!("logit {logit} target {target}"),
            );
        }
    }
}

/// The bound allows an f32 exp; these need none: the answer is exact.
#[test]
fn the_gpu_saturates_exactly() {
    let dataset =
        Dataset::from_rows("logits", 1, 1, LOGITS.to_vec(), vec![1.0; LOGITS.len()]).unwrap();
    let mut gpu = common::gpu(
        problem(&dataset, Loss::CrossEntropy, Reduction::Sum, false),
        GpuOptions::default(),
    );
    gpu.set_parameters(&[1.0]).unwrap();
    let predictions = gpu.predict(0..LOGITS.len()).unwrap();
    let z: Vec<f64> = LOGITS.iter().map(|z| f64::from(*z)).collect();
    assert_eq!(predictions.pre_activation, z, "pre-activations");
    for (logit, y) in LOGITS.iter().zip(predictions.prediction) {
        let expected = match *logit {
            1e4 | 90.0 => 1.0..=1.0,
            // exp(−90) lies below the normal f32: it may be flushed to 0.
            -90.0 => 0.0..=1e-38,
            -1e4 => 0.0..=0.0,
            _ => 0.0..=1.0,
        };
        assert!(expected.contains(&y), "sigmoid({logit}) = {y}");
    }
}
