//! Updates that the CPU makes by itself beside those that the host makes from its evaluations.

use crate::backend::Backend;
use crate::cpu::{Cpu, Reference};
use crate::data::Dataset;
use crate::network::{Activation, Hidden};
use crate::optimizer::{Memory, Optimizer, UpdateRule};
use crate::parts::PART;
use crate::precision::Precision;
use crate::random::test_numbers;
use crate::train::{TrainConfig, update_on_host};
use crate::{Loss, Reduction};
use rand::RngExt;

const UPDATES: u64 = 4;

/// Rows of 9 features and 2 targets, of which some weigh nothing.
fn dataset(n_samples: usize) -> Dataset {
    let mut random = test_numbers(2);
    let mut value = |_| random.random_range(-1.0..1.0);
    let inputs = (0..9 * n_samples).map(&mut value).collect();
    let targets = (0..2 * n_samples).map(&mut value).collect();
    let weights: Vec<f32> = (0..n_samples).map(|i| (i % 4) as f32 * 0.75).collect();
    let dataset = Dataset::from_rows("rows", 9, 2, inputs, targets).unwrap();
    dataset.with_weights(&weights).unwrap()
}

/// Settings that use each part of a rule with some optimizers.
fn config(optimizer: Optimizer, hidden: &[usize]) -> TrainConfig {
    let has_l1 = matches!(optimizer, Optimizer::GradientDescent | Optimizer::Momentum);
    let is_clipped = matches!(optimizer, Optimizer::Momentum | Optimizer::Adam);
    TrainConfig {
        optimizer,
        learning_rate: 0.01,
        activation: Activation::Identity,
        loss: Loss::SquaredError,
        reduction: if is_clipped {
            Reduction::Sum
        } else {
            Reduction::Mean
        },
        hidden: Hidden {
            widths: hidden.to_vec(),
            activation: Activation::Tanh,
        },
        iterations: UPDATES,
        weight_decay: if optimizer == Optimizer::AdamW {
            0.3
        } else {
            0.0
        },
        l1: if has_l1 { 0.003 } else { 0.0 },
        l2: if optimizer == Optimizer::AdamW {
            0.0
        } else {
            0.01
        },
        clip_norm: is_clipped.then_some(0.1),
        average_decay: (!has_l1).then_some(0.8),
        dropout: if hidden.is_empty() { 0.0 } else { 0.25 },
        warm_up: 2,
        ..TrainConfig::default()
    }
}

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

/// One layer and more, with fewer parameters than threads are woken for and with more, of all rows in a leaf and in several,
/// of raw and of scaled features, and of batches with a shorter one at the end of an epoch, or of one row, which may weigh
/// nothing.
#[test]
fn updates_are_those_of_the_host() {
    for optimizer in Optimizer::FIRST_ORDER {
        for (n_samples, hidden, batch_size, scaled) in [
            (150, &[][..], None, false),
            (150, &[], Some(40), true),
            (9000, &[], None, true),
            (150, &[7, 6], Some(64), false),
            (150, &[7], Some(1), false),
            (3000, &[130, 40], None, false),
            (3000, &[40], Some(700), true),
            (150, &[180, 400], Some(100), true),
        ] {
            let dataset = dataset(n_samples).standardised(scaled);
            let config = TrainConfig {
                batch_size,
                ..config(optimizer, hidden)
            };
            let what = format!("{optimizer:?}, {hidden:?}, {batch_size:?} of {n_samples}");
            let problem = config.problem(&dataset).unwrap();
            let start = problem.network.initial_parameters(config.seed);
            let mut cpu = Cpu::new(problem.clone(), Some(2)).unwrap();
            update_on_host(&config, &problem, &mut cpu, start.clone(), UPDATES).unwrap();
            let expected = cpu.parameters().unwrap();
            for threads in [1, 3] {
                let mut cpu = Cpu::new(problem.clone(), Some(threads)).unwrap();
                cpu.set_parameters(&start).unwrap();
                cpu.follow(&config.rule()).unwrap();
                for updates in [0..3, 3..UPDATES] {
                    let n_updates = updates.end - updates.start;
                    cpu.submit(updates).unwrap();
                    assert_eq!(cpu.wait().unwrap().len() as u64, n_updates, "{what}");
                }
                let found = cpu.parameters().unwrap();
                assert_eq!(bits(&found), bits(&expected), "{what}, {threads} threads");
                assert!(found.iter().all(|it| it.is_finite()), "{what}");
                assert_ne!(found, start, "{what}");
            }
        }
    }
}

/// An update in float32 starts from numbers of it, so that a training may be broken off and gone on with anywhere.
#[test]
fn parameters_in_float32_are_numbers_of_it() {
    let dataset = dataset(150);
    for optimizer in Optimizer::FIRST_ORDER {
        for hidden in [&[][..], &[180, 400]] {
            let config = config(optimizer, hidden);
            let problem = config.problem(&dataset).unwrap();
            let start = problem.network.initial_parameters(config.seed);
            assert!(hidden.is_empty() || start.len() > PART, "several parts");
            let mut cpu = Cpu::in_precision(problem, Some(2), Precision::F32).unwrap();
            cpu.set_parameters(&start).unwrap();
            cpu.follow(&config.rule()).unwrap();
            cpu.submit(0..UPDATES).unwrap();
            let reached = cpu.parameters().unwrap();
            let mut rounded = reached.clone();
            Precision::F32.round(&mut rounded);
            assert_eq!(bits(&reached), bits(&rounded), "{optimizer:?}, {hidden:?}");
            assert!(reached.iter().all(|it| it.is_finite()), "{optimizer:?}");
            assert_ne!(reached, start, "{optimizer:?}, {hidden:?}");
        }
    }
}

/// So many features that a leaf of the data has fewer rows than one of the network, which has all of them: too wide a layer
/// to read rows once, and few enough rows for updates in one call.
#[test]
fn the_first_of_few_wide_rows_sees_the_loss_of_scaled_features() {
    let (n_inputs, n_outputs, n_samples) = ((1 << 18) + 1, 17, 8);
    let value = |at: usize| (at % 1009) as f32;
    let inputs = (0..n_samples * n_inputs).map(value).collect();
    let targets = (0..n_samples * n_outputs).map(value).collect();
    let raw = Dataset::from_rows("rows", n_inputs, n_outputs, inputs, targets).unwrap();
    let dataset = raw.standardised(true);
    let config = config(Optimizer::GradientDescent, &[]);
    let problem = config.problem(&dataset).unwrap();
    assert!(dataset.leaves().count() > problem.leaves().count());
    let start = vec![1e-3; problem.network.n_parameters()];
    let mut cpu = Cpu::new(problem, Some(2)).unwrap();
    cpu.set_parameters(&start).unwrap();
    let expected = cpu.evaluate().unwrap().summary;
    cpu.follow(&UpdateRule::gradient_descent(1e-6)).unwrap();
    cpu.submit(0..1).unwrap();
    assert_eq!(cpu.wait().unwrap()[0].summary, expected);
}

#[test]
#[should_panic = "a host searches the steps of L-BFGS"]
fn the_fast_backend_follows_no_lbfgs() {
    let dataset = dataset(4);
    let config = config(Optimizer::GradientDescent, &[]);
    let mut cpu = Cpu::new(config.problem(&dataset).unwrap(), Some(1)).unwrap();
    let _ = cpu.follow(&TrainConfig::lbfgs().rule());
}

#[test]
#[should_panic = "a host searches the steps of L-BFGS"]
fn the_reference_follows_no_lbfgs() {
    let dataset = dataset(4);
    let config = config(Optimizer::GradientDescent, &[]);
    let mut reference = Reference::new(config.problem(&dataset).unwrap(), Some(1)).unwrap();
    let _ = reference.follow(&TrainConfig::lbfgs().rule());
}

#[test]
#[should_panic = "vectors of the rule"]
fn the_reference_takes_no_memory_of_another_rule() {
    let dataset = dataset(4);
    let config = config(Optimizer::Adam, &[]);
    let mut reference = Reference::new(config.problem(&dataset).unwrap(), Some(1)).unwrap();
    reference.follow(&config.rule()).unwrap();
    let _ = reference.set_memory(&Memory::default());
}
