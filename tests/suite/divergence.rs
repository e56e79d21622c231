//! A training of a network that leaves the numbers ends with the update, the layer and the remedies, on every backend.
//!
//! Where that happens is taken from a training of the plain reference in float64, whose values are called infinite from
//! the largest number of the backend on. They pass it by many orders of magnitude, so that no rounding decides.

use crate::common::{gpu, neuralnet, random_dataset};
use neuralnet::backend::{Backend, Problem};
use neuralnet::cpu::{Cpu, Reference};
use neuralnet::gpu::GpuOptions;
use neuralnet::network::{Activation, Hidden};
use neuralnet::optimizer::Memory;
use neuralnet::{
    BackendChoice, Dataset, Error, Hardware, Loss, Optimizer, Precision, TrainConfig, Trained,
    train,
};

/// The largest numbers of a backend.
#[derive(Clone, Copy)]
struct Largest {
    value: f64,
    loss: f64,
}

const OF_F64: Largest = Largest {
    value: f64::MAX,
    loss: f64::MAX,
};
const OF_F32: Largest = Largest {
    value: f32::MAX as f64,
    loss: f32::MAX as f64,
};

/// Each backend with its numbers, and the largest of them. The CPU sums every loss in float64.
const BACKENDS: [(BackendChoice, Precision, Largest); 3] = [
    (BackendChoice::Cpu, Precision::F64, OF_F64),
    (
        BackendChoice::Cpu,
        Precision::F32,
        Largest {
            loss: f64::MAX,
            ..OF_F32
        },
    ),
    (BackendChoice::Gpu, Precision::F32, OF_F32),
];

const GPU: (BackendChoice, Precision) = (BackendChoice::Gpu, Precision::F32);

fn config(activation: Activation, learning_rate: f64) -> TrainConfig {
    TrainConfig {
        iterations: 40,
        learning_rate,
        activation: Activation::Identity,
        hidden: Hidden {
            widths: vec![9, 7],
            activation,
        },
        loss: Loss::SquaredError,
        ..TrainConfig::default()
    }
}

fn trained(
    dataset: &Dataset,
    config: &TrainConfig,
    (backend, precision): (BackendChoice, Precision),
) -> Result<Trained, Error> {
    let hardware = Hardware {
        backend,
        precision: Some(precision),
        ..Hardware::default()
    };
    train(dataset, config, &hardware)
}

/// The updates after which the loss or a weight first exceeds `most`, and what is the first to do so; `None` if none ever
/// does.
fn expected(problem: &Problem<'_>, config: &TrainConfig, most: Largest) -> Option<(u64, String)> {
    let mut parameters = problem.network.initial_parameters(config.seed);
    let mut reference = Reference::new(problem.clone(), None).unwrap();
    for updates in 0..config.iterations {
        let exceed = |values: &[f64]| values.iter().any(|value| exceeds(*value, most.value));
        let mut parts = problem.network.parts();
        if let Some(layer) = parts.position(|(_, range)| exceed(&parameters[range])) {
            return Some((updates, format!("a weight of layer {layer}")));
        }
        reference.set_parameters(&parameters).unwrap();
        let evaluation = reference.evaluate().unwrap();
        let loss = evaluation.summary.loss * problem.dataset.n_samples() as f64;
        let rows = 0..problem.dataset.n_samples();
        let rows: Vec<_> = rows
            .map(|row| forward(problem, &parameters, row, most.value))
            .collect();
        if exceeds(loss, most.loss) || rows.iter().any(|(_, is_finite)| !is_finite) {
            let layer = rows.iter().filter_map(|(layer, _)| *layer).min();
            let before = layer.map_or(String::new(), |layer| {
                format!(", like the pre-activation z of layer {layer} before it,")
            });
            return Some((updates, format!("the loss{before}")));
        }
        for (parameter, slope) in parameters.iter_mut().zip(evaluation.gradient) {
            *parameter -= config.learning_rate * slope;
        }
    }
    None
}

fn exceeds(value: f64, most: f64) -> bool {
    value.abs() > most || value.is_nan()
}

/// The first layer with a pre-activation of row `row` that exceeds `most`, which makes it infinite, and whether the
/// predictions are finite then.
fn forward(
    problem: &Problem<'_>,
    parameters: &[f64],
    row: usize,
    most: f64,
) -> (Option<usize>, bool) {
    let (mut x, mut t) = (vec![0.0; problem.network.n_inputs()], [0.0; 2]);
    problem.dataset.read(row..row + 1, &mut x, &mut t);
    let mut a: Vec<f64> = x.into_iter().map(f64::from).collect();
    let mut first = None;
    for (at, (layer, range)) in problem.network.parts().enumerate() {
        let (weight, bias) = layer.split(&parameters[range]);
        let rows = weight.chunks_exact(layer.n_inputs).zip(bias.unwrap());
        let z = rows.map(|(w, b)| b + w.iter().zip(&a).map(|(w, a)| w * a).sum::<f64>());
        let z = z.map(|z| match exceeds(z, most) {
            true => z * f64::INFINITY,
            false => z,
        });
        a = z.collect();
        if first.is_none() && a.iter().any(|z| !z.is_finite()) {
            first = Some(at);
        }
        layer.activation.apply(&mut a);
    }
    (first, a.iter().all(|y| y.is_finite()))
}

/// Units of `relu` may also die of a rate: their outputs are constant then, and finite.
#[test]
fn the_update_and_the_first_layer_are_named() {
    let dataset = random_dataset(300, 5, 2);
    let mut named = Vec::new();
    for (backend, precision, most) in BACKENDS {
        let backend = (backend, precision);
        for activation in [Activation::Relu, Activation::LeakyRelu] {
            for rate in [1e10, 1e16, 1e30] {
                let config = config(activation, rate);
                let problem = config.problem(&dataset).unwrap();
                let trained = trained(&dataset, &config, backend);
                let Some((updates, what)) = expected(&problem, &config, most) else {
                    assert!(trained.is_ok(), "{backend:?}, {activation:?}, {rate}");
                    continue;
                };
                assert_eq!(
                    trained.unwrap_err().to_string(),
                    format!(
                        "training diverged: after iteration {updates} {what} is not finite; lower `learning_rate`, set `clip_norm` to 1, which bounds the gradient, or rescale the columns and the target"
                    ),
                    "{backend:?}, {activation:?}, rate {rate}"
                );
                named.push((backend, activation, what));
            }
        }
    }
    for (backend, precision, _) in BACKENDS {
        let backend = (backend, precision);
        for activation in [Activation::Relu, Activation::LeakyRelu] {
            let is_named = |it: &(_, _, String)| {
                (it.0, it.1) == (backend, activation) && it.2.contains("layer")
            };
            assert!(
                named.iter().any(is_named),
                "{backend:?} {activation:?}: {named:?}"
            );
        }
    }
    for what in [
        "the loss",
        "a weight of layer 0",
        "z of layer 1",
        "z of layer 2",
    ] {
        let is_named = |it: &(_, _, String)| it.2.contains(what);
        assert!(named.iter().any(is_named), "{what}: {named:?}");
    }
}

/// Numbers of a batch, and a loss that overflows by itself.
#[test]
fn what_is_not_finite_is_told_of_batches_and_of_the_loss() {
    let dataset = random_dataset(300, 5, 2);
    let batches = TrainConfig {
        optimizer: Optimizer::AdamW,
        batch_size: Some(32),
        clip_norm: Some(1.0),
        ..config(Activation::Relu, 1e30)
    };
    let error = trained(&dataset, &batches, GPU).unwrap_err();
    assert_eq!(
        error.to_string(),
        "training diverged: after iteration 1 the loss, like the pre-activation z of layer 1 before it, is not finite; lower `learning_rate`, or rescale the columns and the target"
    );
    let error = trained(&dataset, &config(Activation::Relu, 1e9), GPU).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("training diverged: after iteration 1 the loss is not finite; "),
        "{error}"
    );
}

/// Rows of which those of one batch overflow: the updates of the batches before it are made, and none after it, until other
/// parameters are set.
#[test]
fn after_a_loss_that_is_not_finite_no_update_follows() {
    let (n_samples, size) = (40, 8);
    let config = TrainConfig {
        optimizer: Optimizer::AdamW,
        batch_size: Some(size),
        ..config(Activation::Relu, 1e-3)
    };
    let rule = config.rule();
    let mut inputs: Vec<f32> = (0..n_samples * 3).map(|at| (at % 7) as f32 / 7.0).collect();
    let large = 11;
    inputs[large * 3..][..3].fill(3e38);
    let targets = (0..n_samples * 2).map(|at| (at % 3) as f32).collect();
    let dataset = Dataset::from_rows("one large row", 3, 2, inputs, targets).unwrap();
    let problem = config.problem(&dataset).unwrap();
    // So large that the first layer overflows: the CPU sums a loss in float64, where a square of 10³⁸ is finite.
    let start = problem.network.initial_parameters(config.seed);
    let start: Vec<f64> = start.iter().map(|parameter| 4.0 * parameter).collect();
    let mut gpu = gpu(problem.clone(), GpuOptions::default());
    let mut cpu = Cpu::in_precision(problem, None, Precision::F32).unwrap();
    let backends: [&mut dyn Backend; 2] = [&mut gpu, &mut cpu];
    for backend in backends {
        backend.follow(&rule).unwrap();
        let mut updated = |submissions: &[u64]| {
            backend.set_parameters(&start).unwrap();
            let memory = Memory::new(&rule, start.len());
            backend.set_memory(&memory).unwrap();
            let (mut losses, mut first) = (Vec::new(), 0);
            for updates in submissions {
                backend.submit(first..first + updates).unwrap();
                first += updates;
                let seen = backend.wait().unwrap().into_iter();
                losses.extend(seen.map(|seen| seen.summary.loss));
            }
            (losses, backend.parameters().unwrap())
        };
        let (losses, after) = updated(&[5]);
        let bad = losses.iter().position(|loss| !loss.is_finite()).unwrap();
        assert!((1..4).contains(&bad), "batch {bad} has the large row");
        assert!(
            losses[bad..].iter().all(|loss| !loss.is_finite()),
            "{losses:?}"
        );
        assert!(
            after.iter().all(|parameter| parameter.is_finite()),
            "{after:?}"
        );
        let good = bad as u64;
        let (in_parts, stopped) = updated(&[good, 1, 4 - good]);
        assert_eq!(in_parts[..bad], losses[..bad]);
        assert_eq!(stopped, after, "a later submission");
        let (before, reached) = updated(&[good]);
        assert_eq!(before, losses[..bad]);
        assert_eq!(reached, after);
        assert_ne!(reached, start);
    }
}

/// The only unit of the last hidden layer is ∞ − ∞. A maximum with 0 would make a 0 of it, and the loss finite.
#[test]
fn a_rectifier_hides_no_nan() {
    let dataset = Dataset::from_rows("one row", 1, 1, vec![1.0], vec![1.0]).unwrap();
    for activation in [Activation::Relu, Activation::LeakyRelu] {
        let mut config = config(activation, 1.0);
        config.hidden.widths = vec![2, 1];
        let problem = config.problem(&dataset).unwrap();
        // Weights and biases, layer by layer.
        let parameters = |most: f64| {
            let first = [1e6, 1e6, 0.0, 0.0];
            first
                .into_iter()
                .chain([most, -most, 0.0])
                .chain([1.0, 0.0])
                .collect::<Vec<f64>>()
        };
        let mut gpu = gpu(problem.clone(), GpuOptions::default());
        let mut cpu = Cpu::new(problem, None).unwrap();
        let backends: [(&mut dyn Backend, f64); 2] = [(&mut gpu, 3e38), (&mut cpu, 1e308)];
        for (backend, most) in backends {
            backend.set_parameters(&parameters(most)).unwrap();
            let loss = backend.evaluate().unwrap().summary.loss;
            assert!(
                !loss.is_finite(),
                "{:?}, {activation:?}: {loss}",
                backend.kind()
            );
        }
    }
}

#[test]
fn the_command_line_tells_it_in_flags() {
    for backend in ["cpu", "gpu"] {
        let output = neuralnet(&[
            "train",
            "synthetic:500x4",
            "--hidden",
            "8,8",
            "--hidden-activation",
            "relu",
            "--backend",
            backend,
            "--learning-rate",
            "1e30",
        ]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        for part in [
            "training diverged: after iteration ",
            " of layer ",
            "; take a smaller --learning-rate, take --clip-norm 1, which bounds the gradient, or rescale the columns",
        ] {
            assert!(stderr.contains(part), "{backend}: {stderr}");
        }
    }
}
