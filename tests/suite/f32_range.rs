//! What a GPU cannot tell apart in f32, or cannot hold, is refused or told, and nothing far out is lost that can be kept.

use crate::common::{assert_refused, gpu, neuralnet_json, random_dataset, scratch};
use neuralnet::backend::{Backend, Problem};
use neuralnet::cpu::Reference;
use neuralnet::gpu::GpuOptions;
use neuralnet::network::{Activation, Hidden};
use neuralnet::objective::Objective;
use neuralnet::{
    BackendChoice, Dataset, Hardware, Loss, Network, Optimizer, Reduction, TrainConfig, train,
};
use std::fs;
use std::path::PathBuf;

fn on_gpu() -> Hardware {
    Hardware {
        backend: BackendChoice::Gpu,
        ..Hardware::default()
    }
}

/// 40 rows of which the target is a sum of the features, times `scale`, and their weight.
fn table(name: &str, scale: f64, weight: &str) -> String {
    let path = PathBuf::from(scratch()).join(name);
    let rows: String = (0..40)
        .map(|row| {
            let (a, b) = (f64::from(row % 7) - 3.0, f64::from(row % 5) - 2.0);
            let y = scale * (a + 2.0 * b + f64::from(row % 3));
            format!("{a},{b},{y:e},{weight}\n")
        })
        .collect();
    fs::write(&path, format!("a,b,y,w\n{rows}")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn sums_that_f32_cannot_hold_are_refused_with_what_helps() {
    let [usual, tiny, light] = [
        table("usual.csv", 1.0, "1"),
        table("tiny.csv", 1e-30, "1"),
        table("light.csv", 1.0, "1e-42"),
    ];
    let huge = table("huge.csv", 1e25, "1");
    for optimizer in ["lbfgs", "momentum"] {
        let run = |data: &str, part: &str| {
            let flags = [
                "--backend",
                "gpu",
                "--optimizer",
                optimizer,
                "--iterations",
                "9",
            ];
            let weights = ["--target", "y", "--sample-weight", "w"];
            let args = [&["train", data][..], &flags, &weights].concat();
            assert_refused(&args, 2, &[part, "--backend cpu"]);
        };
        run(&tiny, "no target is larger than 8e-30, and");
        run(&light, "the weights of the rows add up to 4");
    }
    let flags = ["--optimizer", "momentum", "--learning-rate", "1e-30"];
    let train = [
        "train",
        &huge,
        "--target",
        "y",
        "--drop",
        "w",
        "--backend",
        "gpu",
    ];
    let args = [&train[..], &flags].concat();
    assert_refused(
        &args,
        1,
        &["after iteration 0 the loss is not finite; rescale the columns and the target\n"],
    );
    let weights = ["--target", "y", "--sample-weight", "w"];
    neuralnet_json(&[&["train", &usual, "--backend", "gpu"][..], &weights].concat());
}

/// A squared gradient beyond f32 is infinite in the mean square, and a step divided by that is none.
#[test]
fn squares_of_gradients_beyond_f32_end_a_training() {
    let scaled = |row: usize| 1e10 * (row as f32 - 3.0);
    let rows: Vec<f32> = (0..8).map(scaled).collect();
    let dataset = Dataset::from_rows("rows", 1, 1, rows.clone(), rows).unwrap();
    for optimizer in [Optimizer::Adam, Optimizer::AdamW, Optimizer::RmsProp] {
        let config = TrainConfig {
            optimizer,
            iterations: 1,
            activation: Activation::Identity,
            loss: Loss::SquaredError,
            ..TrainConfig::default()
        };
        let told = train(&dataset, &config, &on_gpu()).map(|it| it.parameters);
        let told = told.unwrap_err().to_string();
        assert!(
            told.contains("training diverged: after iteration 1"),
            "{told}"
        );
        train(&dataset, &config, &Hardware::cpu()).unwrap();
    }
}

/// A rate that moves weights by little at a time: the velocity must not be taken from the difference of two of them.
#[test]
fn momentum_with_an_l1_penalty_goes_as_far_as_in_float64() {
    let dataset = random_dataset(60, 3, 1);
    let config = TrainConfig {
        optimizer: Optimizer::Momentum,
        learning_rate: 1e-6,
        l1: 1e-3,
        iterations: 400,
        loss: Loss::SquaredError,
        activation: Activation::Identity,
        ..TrainConfig::default()
    };
    let from = Network::single_layer(3, 1, true).initial_parameters(config.seed);
    let [found, expected] = [on_gpu(), Hardware::cpu()].map(|hardware| {
        let trained = train(&dataset, &config, &hardware).unwrap();
        let ways = trained.parameters.iter().zip(&from);
        ways.map(|(to, from)| to - from).collect::<Vec<f64>>()
    });
    let far = expected.iter().fold(0.0_f64, |far, way| far.max(way.abs()));
    for (found, expected) in found.iter().zip(&expected) {
        // 400 roundings of weights of 1 at most, which have moved by 1e-3.
        let bound = 400.0 * f64::from(f32::EPSILON);
        assert!((found - expected).abs() <= bound, "{found} and {expected}");
    }
    assert!(far > 20.0 * 400.0 * f64::from(f32::EPSILON), "{far}");
}

/// Far from 0 a gate is shut or open, and the square of a pre-activation is beyond f32.
#[test]
fn gelu_has_a_slope_wherever_its_pre_activation_is() {
    let dataset = random_dataset(70, 4, 2);
    let network = Network::single_layer(4, 2, true)
        .with_activation(Activation::Identity)
        .with_hidden(&Hidden {
            widths: vec![5],
            activation: Activation::Gelu,
        });
    let problem = Problem {
        dataset: &dataset,
        network,
        objective: Objective {
            loss: Loss::SquaredError,
            reduction: Reduction::Mean,
        },
        dropout: None,
    };
    let mut parameters = problem.network.parameters_from(1, None);
    let n_first = 5 * (4 + 1);
    for (number, parameter) in parameters.iter_mut().enumerate() {
        // Large z, whose products with the weights of the last layer are of the size of the targets.
        *parameter *= if number < n_first { 1e25 } else { 1e-26 };
    }
    let mut device = gpu(problem.clone(), GpuOptions::default());
    let mut reference = Reference::new(problem, Some(1)).unwrap();
    device.set_parameters(&parameters).unwrap();
    reference
        .set_parameters(&device.parameters().unwrap())
        .unwrap();
    let (found, expected) = (device.evaluate().unwrap(), reference.evaluate().unwrap());
    let largest = expected.gradient.iter().map(|it| it.abs());
    let largest = largest.fold(0.0_f64, f64::max);
    for (number, (found, expected)) in found.gradient.iter().zip(&expected.gradient).enumerate() {
        let part = if number < n_first { 1e-26 } else { largest };
        let error = (found - expected).abs();
        assert!(
            error <= 1e-4 * (expected.abs() + part),
            "{number}: {found} and {expected}"
        );
    }
}
