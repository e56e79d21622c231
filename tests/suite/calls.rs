//! Calls of a backend in other orders than a training makes them, and with what is not there.

use crate::common::{gpu, random_dataset, small_parameters};
use neuralnet::backend::{Backend, BackendKind, Problem};
use neuralnet::cpu::Cpu;
use neuralnet::network::{Activation, Hidden, Network};
use neuralnet::objective::Objective;
use neuralnet::optimizer::{Batches, Memory, UpdateRule};
use neuralnet::{
    Dataset, GpuOptions, Hardware, Loss, Optimizer, Reduction, TrainConfig, Training, train,
};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

fn posed<'a>(dataset: &'a Dataset, hidden: &[usize]) -> Problem<'a> {
    let network = Network::single_layer(dataset.n_inputs(), dataset.n_outputs(), true);
    Problem {
        dataset,
        network: network
            .with_activation(Activation::Identity)
            .with_hidden(&Hidden {
                widths: hidden.to_vec(),
                activation: Activation::Tanh,
            }),
        objective: Objective {
            loss: Loss::SquaredError,
            reduction: Reduction::Mean,
        },
        dropout: None,
    }
}

fn backends<'a>(problem: &Problem<'a>) -> [Box<dyn Backend + 'a>; 2] {
    [
        Box::new(Cpu::new(problem.clone(), Some(2)).unwrap()),
        Box::new(gpu(problem.clone(), GpuOptions::default())),
    ]
}

fn momentum() -> UpdateRule {
    UpdateRule {
        optimizer: Optimizer::Momentum,
        l2: 0.01,
        ..UpdateRule::gradient_descent(0.05)
    }
}

/// A number in their place would pass for a result.
#[test]
fn what_is_not_there_is_refused() {
    let dataset = random_dataset(100, 5, 2);
    for hidden in [&[][..], &[4]] {
        let problem = posed(&dataset, hidden);
        for mut backend in backends(&problem) {
            backend.follow(&momentum()).unwrap();
            let mut is_refused = |call: &dyn Fn(&mut dyn Backend)| {
                catch_unwind(AssertUnwindSafe(|| call(&mut *backend))).is_err()
            };
            assert!(is_refused(&|it| drop(it.set_parameters(&[0.0; 600]))));
            assert!(is_refused(&|it| drop(it.evaluate_rows(&[5, 100]))));
            assert!(is_refused(&|it| drop(it.predict(90..101))));
            assert!(is_refused(&|it| drop(it.set_memory(&Memory::default()))));
            assert!(!is_refused(&|it| drop(it.evaluate_rows(&[5, 99]))));
            assert!(!is_refused(&|it| drop(it.predict(90..100))));
        }
    }
}

/// Batches of more sizes than are kept are evaluated, in an order in which the size that updates need would be forgotten
/// first.
#[test]
fn evaluations_of_some_rows_change_no_update() {
    let dataset = random_dataset(100, 5, 2);
    let problem = posed(&dataset, &[]);
    let rule = UpdateRule {
        batches: Some(Batches { seed: 1, size: 30 }),
        ..momentum()
    };
    let start = small_parameters(&problem, 1.0);
    let reached = |sizes: &[usize]| {
        backends(&problem).map(|mut backend| {
            backend.set_parameters(&start).unwrap();
            backend.follow(&rule).unwrap();
            for updates in [0..4, 4..8] {
                backend.submit(updates).unwrap();
                backend.wait().unwrap();
                for size in sizes {
                    let rows: Vec<usize> = (0..*size).collect();
                    backend.evaluate_rows(&rows).unwrap();
                }
            }
            backend.parameters().unwrap()
        })
    };
    assert_eq!(reached(&[50, 30, 60]), reached(&[]));
}

/// What submitted updates see is told by the rule that they follow, also after another one.
#[test]
fn a_rule_may_change_before_updates_are_waited_for() {
    let dataset = random_dataset(100, 5, 2);
    for hidden in [&[][..], &[4]] {
        let problem = posed(&dataset, hidden);
        let plain = UpdateRule::gradient_descent(0.05);
        for rules in [[momentum(), plain.clone()], [plain, momentum()]] {
            for mut backend in backends(&problem) {
                let mut seen = |waits_first: bool| {
                    backend
                        .set_parameters(&small_parameters(&problem, 1.0))
                        .unwrap();
                    let mut seen = Vec::new();
                    for rule in &rules {
                        backend.follow(rule).unwrap();
                        backend.submit(0..3).unwrap();
                        if waits_first {
                            seen.extend(backend.wait().unwrap());
                        }
                    }
                    if !waits_first {
                        for _ in &rules {
                            seen.extend(backend.wait().unwrap());
                        }
                    }
                    seen
                };
                assert_eq!(seen(false), seen(true), "{hidden:?}, {rules:?}");
            }
        }
    }
}

/// Weights whose squares are beyond f32, and a rule that only asks for the norm of the gradient.
#[test]
fn norms_that_no_penalty_asks_for_may_be_infinite() {
    let inputs = vec![1e-20, 2e-20, 3e-20, 4e-20];
    let dataset = Dataset::from_rows("rows", 1, 1, inputs, vec![1.0, 2.0, 2.0, 5.0]).unwrap();
    let problem = posed(&dataset, &[]);
    let rule = UpdateRule {
        clip_norm: Some(1.0),
        ..UpdateRule::gradient_descent(1e-3)
    };
    for mut backend in backends(&problem) {
        backend.set_parameters(&[5e19, 0.0]).unwrap();
        backend.follow(&rule).unwrap();
        backend.submit(0..2).unwrap();
        let kind = backend.kind();
        for seen in backend.wait().unwrap() {
            assert!(seen.summary.loss.is_finite(), "{kind:?}: {seen:?}");
            assert_eq!(seen.penalty.to_bits(), 0, "{kind:?}: {seen:?}");
        }
    }
}

/// Weights of which the mean is taken by a factor beyond f32.
#[test]
fn weights_that_a_gpu_cannot_divide_by_are_refused() {
    let weights = vec![1e-42; 100];
    let dataset = random_dataset(100, 5, 2).with_weights(&weights).unwrap();
    for hidden in [&[][..], &[4]] {
        let problem = posed(&dataset, hidden);
        for mut backend in backends(&problem) {
            backend.follow(&momentum()).unwrap();
            match (backend.kind(), backend.submit(0..2)) {
                (BackendKind::Cpu, taken) => taken.unwrap(),
                (BackendKind::Gpu, refused) => {
                    let told = refused.unwrap_err().to_string();
                    assert!(told.contains("rescale the weights"), "{told}");
                }
            }
        }
    }
}

/// A training begins once, and ends at the last of its iterations. It may go on in another thread.
#[test]
fn a_training_that_has_begun_is_not_begun_again() {
    fn assert_send<T: Send>(_: &T) {}
    let dataset = random_dataset(40, 3, 1);
    let config = TrainConfig {
        iterations: 20,
        loss: Loss::SquaredError,
        ..TrainConfig::default()
    };
    let observe = &mut |_: &_| ControlFlow::Continue(());
    let mut training = Training::start(&dataset, &config, &Hardware::cpu()).unwrap();
    assert_send(&training);
    training.advance_to(10, observe).unwrap();
    let told = training.set_start(&[0.0; 4]).unwrap_err().to_string();
    assert!(
        told.contains("`init`: is where a training begins"),
        "{told}"
    );
    let told = training.resume(Path::new("none")).unwrap_err().to_string();
    assert!(
        told.contains("`resume`: is where a training goes on"),
        "{told}"
    );
    training.advance_to(40, observe).unwrap();
    assert_eq!(training.iteration(), 20);
    let whole = train(&dataset, &config, &Hardware::cpu()).unwrap();
    assert_eq!(training.finish().unwrap().parameters, whole.parameters);
}
