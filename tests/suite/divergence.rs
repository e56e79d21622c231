//! A training of a network that leaves the numbers ends with the update, the layer and the remedies, on every backend.
//!
//! Where that happens is taken from a training of the plain reference in float64, whose values are called infinite from
//! the largest number of the backend on. They pass it by many orders of magnitude, so that no rounding decides.

use crate::common::{neuralnet, random_dataset};
use neuralnet::backend::{Backend, Problem};
use neuralnet::cpu::Reference;
use neuralnet::network::{Activation, Hidden};
use neuralnet::{
    BackendChoice, Dataset, Error, Hardware, Loss, Optimizer, TrainConfig, Trained, train,
};

const MOST: [(BackendChoice, f64); 2] = [
    (BackendChoice::Cpu, f64::MAX),
    (BackendChoice::Gpu, f32::MAX as f64),
];

fn config(learning_rate: f64) -> TrainConfig {
    TrainConfig {
        iterations: 40,
        learning_rate,
        activation: Activation::Identity,
        hidden: Hidden {
            widths: vec![9, 7],
            activation: Activation::Relu,
        },
        loss: Loss::SquaredError,
        ..TrainConfig::default()
    }
}

fn trained(
    dataset: &Dataset,
    config: &TrainConfig,
    backend: BackendChoice,
) -> Result<Trained, Error> {
    let hardware = Hardware {
        backend,
        ..Hardware::default()
    };
    train(dataset, config, &hardware)
}

/// The updates after which a value of a network with `relu` first exceeds `most`, and its layer.
fn expected(problem: &Problem<'_>, config: &TrainConfig, most: f64) -> (u64, usize) {
    let mut parameters = problem.network.initial_parameters(config.seed);
    let mut reference = Reference::new(problem.clone(), None).unwrap();
    for updates in 0..config.iterations {
        let beyond = (0..problem.dataset.n_samples()).filter_map(|row| {
            let (mut a, mut t) = (vec![0.0; problem.network.n_inputs()], [0.0; 2]);
            problem.dataset.read(row..row + 1, &mut a, &mut t);
            let mut a: Vec<f64> = a.into_iter().map(f64::from).collect();
            problem.network.parts().position(|(layer, range)| {
                let (weight, bias) = layer.split(&parameters[range]);
                let rows = weight.chunks_exact(layer.n_inputs).zip(bias.unwrap());
                let z = rows.map(|(w, b)| b + w.iter().zip(&a).map(|(w, a)| w * a).sum::<f64>());
                a = z.map(|z| z.max(0.0)).collect();
                a.iter().any(|a| *a > most)
            })
        });
        if let Some(layer) = beyond.min() {
            return (updates, layer);
        }
        reference.set_parameters(&parameters).unwrap();
        let gradient = reference.evaluate().unwrap().gradient;
        for (parameter, slope) in parameters.iter_mut().zip(gradient) {
            *parameter -= config.learning_rate * slope;
        }
    }
    panic!("no value exceeds {most}");
}

#[test]
fn the_update_and_the_first_layer_are_named() {
    let dataset = random_dataset(300, 5, 2);
    let mut layers = Vec::new();
    for (backend, most) in MOST {
        for rate in [1e12, 1e16, 1e30] {
            let config = config(rate);
            let problem = config.problem(&dataset).unwrap();
            let (updates, layer) = expected(&problem, &config, most);
            layers.push(layer);
            let error = trained(&dataset, &config, backend).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "training diverged: after iteration {updates} the pre-activation z of layer {layer}, and so the loss, is not finite; lower `learning_rate`, set `clip_norm` to 1, which bounds the gradient, or rescale the columns"
                ),
                "{backend:?}, rate {rate}"
            );
        }
    }
    assert!(layers.contains(&1) && layers.contains(&2), "{layers:?}");
}

/// Numbers of a batch, and a loss that overflows by itself.
#[test]
fn what_is_not_finite_is_told_of_batches_and_of_the_loss() {
    let dataset = random_dataset(300, 5, 2);
    let batches = TrainConfig {
        optimizer: Optimizer::AdamW,
        batch_size: Some(32),
        clip_norm: Some(1.0),
        ..config(1e30)
    };
    let error = trained(&dataset, &batches, BackendChoice::Gpu).unwrap_err();
    assert_eq!(
        error.to_string(),
        "training diverged: after iteration 1 the pre-activation z of layer 1, and so the loss, is not finite; lower `learning_rate`, or rescale the columns"
    );
    let error = trained(&dataset, &config(1e9), BackendChoice::Gpu).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("training diverged: after iteration 1 the loss is not finite; "),
        "{error}"
    );
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
