//! Fixed pre-activations, from undecided to far beyond saturation, both signs and both classes.
//!
//! Random data never reach ±90, where exp(−z) leaves the range of f32, nor ±10⁴, where even exp(|z|)
//! of float64 does. With weight 1 and no bias the pre-activation is the input itself.

use crate::common::{assert_within, problem};
use neuralnet::backend::Backend;
use neuralnet::network::Activation;
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
            for (activation, loss) in [
                (Activation::Sigmoid, Loss::CrossEntropy),
                (Activation::Tanh, Loss::SquaredError),
            ] {
                let mut problem = problem(&dataset, loss, Reduction::Sum, false);
                problem.network = problem.network.with_activation(activation);
                assert_within(
                    &problem,
                    GpuOptions::default(),
                    &[1.0],
                    &format!("{activation:?}: logit {logit} target {target}"),
                );
            }
        }
    }
}

/// With weight 1 there is nothing to round in a pre-activation, and far out nothing in a prediction but
/// the division: 2.5 ULP.
#[test]
fn the_gpu_saturates() {
    let targets = vec![1.0; LOGITS.len()];
    let dataset = Dataset::from_rows("logits", 1, 1, LOGITS.to_vec(), targets).unwrap();
    let problem = problem(&dataset, Loss::CrossEntropy, Reduction::Sum, false);
    let mut gpu = crate::common::gpu(problem, GpuOptions::default());
    gpu.set_parameters(&[1.0]).unwrap();
    let predictions = gpu.predict(0..LOGITS.len()).unwrap();
    let z: Vec<f64> = LOGITS.iter().map(|z| f64::from(*z)).collect();
    assert_eq!(predictions.pre_activation, z, "pre-activations");
    for (z, y) in z.into_iter().zip(predictions.prediction) {
        let expected = match z {
            _ if z >= 90.0 => 1.0,
            _ if z <= -90.0 => 0.0,
            _ => continue,
        };
        assert!(
            (y - expected).abs() <= 2.5 * f64::from(f32::EPSILON),
            "sigmoid({z}) = {y}"
        );
    }
}
