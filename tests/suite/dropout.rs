//! Dropout: updates without some of the hidden units.
//!
//! The pass of an update is held against its definition, whose gradient is held against central differences: the
//! backward pass has to go without the very units that the forward pass went without. The shaders are held against the
//! host in `device_updates`.

use crate::common::{HIDDEN, Random, neuralnet_json, parameters, scratch};
use neuralnet::backend::{Backend, Evaluation, Problem};
use neuralnet::cpu::{Cpu, Reference};
use neuralnet::network::{Activation, Dropout, Hidden};
use neuralnet::objective::Objective;
use neuralnet::{
    Dataset, Error, Hardware, Loss, Network, Optimizer, Progress, Reduction, TrainConfig, Training,
    train,
};
use std::ops::ControlFlow;
use std::path::Path;

fn dataset(n_samples: usize) -> Dataset {
    let mut random = Random::new(n_samples as u64);
    let inputs = (0..4 * n_samples).map(|_| random.next()).collect();
    let targets = (0..2 * n_samples).map(|_| random.next()).collect();
    Dataset::from_rows("dropout", 4, 2, inputs, targets).unwrap()
}

fn problem(dataset: &Dataset, activation: Activation, rate: f64) -> Problem<'_> {
    Problem {
        dataset,
        network: Network::single_layer(4, 2, true)
            .with_activation(Activation::Identity)
            .with_hidden(&Hidden {
                widths: vec![9, 6],
                activation,
            }),
        objective: Objective {
            loss: Loss::SquaredError,
            reduction: Reduction::Mean,
        },
        dropout: Some(Dropout { rate, seed: 3 }),
    }
}

/// A backend that evaluates what update number 17 sees.
struct OfUpdate<B>(B);

impl<B: Backend> OfUpdate<B> {
    fn at(&mut self, parameters: &[f64], rows: Option<&[usize]>) -> Evaluation {
        self.0.set_parameters(parameters).unwrap();
        self.0.evaluate_for(Some(17), rows).unwrap()
    }
}

/// Central differences in every parameter: the loss is that of a fixed mask.
#[test]
fn the_gradient_of_an_update_is_the_derivative_of_its_loss() {
    const STEP: f64 = 1e-5;
    let dataset = dataset(7);
    for activation in HIDDEN {
        let problem = problem(&dataset, activation, 0.4);
        let mut parameters = problem.network.parameters_from(1, None);
        // Biases start at 0, where a unit whose inputs are all dropped would be in the corner of a ReLU.
        parameters.iter_mut().for_each(|it| *it += 0.01);
        let mut reference = OfUpdate(Reference::new(problem, Some(1)).unwrap());
        for rows in [None, Some(&[5, 0, 3][..])] {
            let found = reference.at(&parameters, rows);
            for at in 0..parameters.len() {
                let mut loss = |shift: f64| {
                    let mut shifted = parameters.clone();
                    shifted[at] += shift;
                    reference.at(&shifted, rows).summary.loss
                };
                let expected = (loss(STEP) - loss(-STEP)) / (2.0 * STEP);
                let error = (found.gradient[at] - expected).abs();
                assert!(
                    error <= 1e-8,
                    "{activation:?}, {rows:?}, parameter {at}: {}, not {expected}",
                    found.gradient[at]
                );
            }
            let dropped = found.gradient.iter().filter(|it| **it == 0.0).count();
            assert!(
                dropped > 0 || rows.is_none(),
                "{activation:?}: no unit is dropped"
            );
        }
    }
}

/// More leaves than one, and blocks of them; all rows, and a batch in another order; any number of threads.
#[test]
fn the_fast_pass_of_an_update_is_the_plain_one() {
    let dataset = dataset(3000);
    for activation in HIDDEN {
        let problem = problem(&dataset, activation, 0.3);
        let parameters = problem.network.parameters_from(1, None);
        let batch: Vec<usize> = (0..1200).map(|i| i * 7 % 3000).collect();
        for rows in [None, Some(&batch[..])] {
            let mut reference = OfUpdate(Reference::new(problem.clone(), None).unwrap());
            let expected = reference.at(&parameters, rows);
            let of_threads = [1, 2, 5].map(|threads| {
                OfUpdate(Cpu::new(problem.clone(), Some(threads)).unwrap()).at(&parameters, rows)
            });
            let found = &of_threads[0];
            assert_eq!(
                of_threads[1..],
                [found.clone(), found.clone()],
                "{activation:?}"
            );
            for (at, (found, expected)) in
                std::iter::zip(&found.gradient, &expected.gradient).enumerate()
            {
                let error = (found - expected).abs();
                assert!(
                    error <= 1e-13,
                    "{activation:?}, {at}: {found}, not {expected}"
                );
            }
            let error = (found.summary.loss - expected.summary.loss).abs();
            assert!(error <= 1e-13, "{activation:?}: the loss");
        }
    }
}

#[test]
fn only_updates_go_without_units() {
    let dataset = dataset(100);
    let dropping = problem(&dataset, Activation::Relu, 0.5);
    let whole = Problem {
        dropout: None,
        ..dropping.clone()
    };
    let parameters = whole.network.parameters_from(1, None);
    let [mut dropping, mut whole] = [dropping, whole].map(|it| Cpu::new(it, None).unwrap());
    for backend in [&mut dropping, &mut whole] {
        backend.set_parameters(&parameters).unwrap();
    }
    let expected = whole.evaluate().unwrap();
    assert_eq!(dropping.evaluate().unwrap(), expected);
    assert_eq!(whole.evaluate_for(Some(1), None).unwrap(), expected);
    assert_ne!(dropping.evaluate_for(Some(1), None).unwrap(), expected);
    assert_eq!(dropping.evaluate().unwrap(), expected, "after an update");
    assert_eq!(
        dropping.predict(0..100).unwrap(),
        whole.predict(0..100).unwrap()
    );
}

/// Of one hidden layer the outputs are linear in the activations, whose expectation dropout leaves: so is that of the
/// gradient of a last bias, the mean difference.
#[test]
fn expectations_stay() {
    let dataset = dataset(1);
    let problem = Problem {
        network: Network::single_layer(4, 2, true)
            .with_activation(Activation::Identity)
            .with_hidden(&Hidden {
                widths: vec![50],
                activation: Activation::Tanh,
            }),
        ..problem(&dataset, Activation::Tanh, 0.3)
    };
    let parameters = problem.network.parameters_from(1, None);
    let mut cpu = Cpu::new(problem, None).unwrap();
    cpu.set_parameters(&parameters).unwrap();
    let whole = cpu.evaluate().unwrap();
    let last = parameters.len() - 1;
    let updates = 0..4000;
    let seen: Vec<f64> = updates
        .map(|update| cpu.evaluate_for(Some(update), None).unwrap().gradient[last])
        .collect();
    let n = seen.len() as f64;
    let mean = seen.iter().sum::<f64>() / n;
    let variance = seen.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let far = (mean - whole.gradient[last]) / (variance / n).sqrt();
    assert!(far.abs() < 4.0, "{far} deviations");
    assert!(variance > 0.0, "every update the same");
}

fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn config() -> TrainConfig {
    TrainConfig {
        activation: Activation::Identity,
        loss: Loss::SquaredError,
        hidden: Hidden {
            widths: vec![8],
            activation: Activation::Relu,
        },
        optimizer: Optimizer::Adam,
        learning_rate: 0.01,
        batch_size: Some(40),
        iterations: 30,
        dropout: 0.2,
        ..TrainConfig::default()
    }
}

#[test]
fn a_training_goes_without_units_and_resumes_to_its_bits() {
    let rows = dataset(150);
    let whole = TrainConfig {
        dropout: 0.0,
        ..config()
    };
    let ends = [config(), whole].map(|it| train(&rows, &it, &Hardware::cpu()).unwrap());
    assert_ne!(ends[0].parameters, ends[1].parameters);
    let name = format!("{}/dropout.checkpoint", scratch());
    let mut training = Training::start(&rows, &config(), &Hardware::cpu()).unwrap();
    training.checkpoint(Path::new(&name), 1e9).unwrap();
    training.advance_to(7, &mut go_on).unwrap();
    training.finish().unwrap();
    let mut training = Training::start(&rows, &config(), &Hardware::cpu()).unwrap();
    training.resume(Path::new(&name)).unwrap();
    training.advance_to(30, &mut go_on).unwrap();
    assert_eq!(training.finish().unwrap().parameters, ends[0].parameters);
}

#[test]
fn settings_that_dropout_does_not_suit_are_refused() {
    let rows = dataset(50);
    for (config, words) in [
        (
            TrainConfig {
                dropout: 1.0,
                ..config()
            },
            "below 1",
        ),
        (
            TrainConfig {
                dropout: -0.1,
                ..config()
            },
            "at least 0",
        ),
        (
            TrainConfig {
                dropout: f64::NAN,
                ..config()
            },
            "below 1",
        ),
        (
            TrainConfig {
                hidden: Hidden::default(),
                ..config()
            },
            "hidden layers",
        ),
        (
            TrainConfig {
                optimizer: Optimizer::LBfgs,
                batch_size: None,
                ..config()
            },
            "L-BFGS",
        ),
        (
            TrainConfig {
                loss_tolerance: Some(1e-3),
                batch_size: None,
                ..config()
            },
            "noisy",
        ),
    ] {
        let refused = config.problem(&rows);
        let Err(Error::Setting {
            setting, reason, ..
        }) = refused
        else {
            panic!("{words}: {refused:?}");
        };
        assert!(setting == "dropout" || words == "noisy", "{setting}");
        assert!(reason.contains(words), "{words}: {reason}");
    }
}

/// The flag reaches the training, which tells of it, and of the loss of all units at its end.
#[test]
fn the_command_line_drops_units() {
    let train = |dropout| {
        let data = ["train", "synthetic:200x4", "--backend", "cpu"];
        let settings = ["--hidden", "8", "--epochs", "3", "--dropout", dropout];
        neuralnet_json(&[data.as_slice(), &settings].concat())
    };
    let (dropped, whole) = (train("0.5"), train("0"));
    assert_ne!(parameters(&dropped), parameters(&whole));
    assert_eq!(dropped["config"]["dropout"], 0.5);
}
