//! The updates of few rows beside those of the plain reference.

use crate::backend::{Backend, Problem};
use crate::cpu::{Cpu, Reference};
use crate::data::Dataset;
use crate::network::{Activation, Hidden, Network};
use crate::objective::{Loss, Objective, Reduction};
use crate::random::test_numbers;
use rand::RngExt;
use std::num::NonZeroU32;

/// Calls `check` with problems of 1 to 8 rows and 1 to 3 layers, weighted and not, of every activation, and with their
/// starts.
fn each_problem(mut check: impl FnMut(&Problem<'_>, &[f64], &str)) {
    let mut random = test_numbers(5);
    let mut number = |_| random.random_range(-1.0..1.0);
    for (n_rows, n_inputs, widths, n_outputs, hidden) in [
        (1, 1, &[][..], 1, Activation::Relu),
        (3, 5, &[], 3, Activation::Relu),
        (4, 2, &[8], 1, Activation::Relu),
        (5, 3, &[2, 7], 2, Activation::LeakyRelu),
        (7, 9, &[4], 1, Activation::Tanh),
        (8, 1, &[3, 1, 5], 2, Activation::Gelu),
        (8, 4, &[6], 3, Activation::Sigmoid),
        (2, 4, &[6, 3], 3, Activation::Silu),
    ] {
        for (loss, activation, weighted) in [
            (Loss::SquaredError, Activation::Identity, true),
            (Loss::SquaredError, Activation::Sigmoid, false),
            (Loss::CrossEntropy, Activation::Sigmoid, true),
            (Loss::SquaredError, Activation::Tanh, false),
        ] {
            let inputs: Vec<f32> = (0..n_rows * n_inputs).map(&mut number).collect();
            let targets = (0..n_rows * n_outputs).map(&mut number).map(f32::abs);
            let targets: Vec<f32> = targets.collect();
            let dataset = Dataset::from_rows("rows", n_inputs, n_outputs, inputs, targets).unwrap();
            let weights: Vec<f32> = (0..n_rows).map(|row| (row % 3) as f32 + 0.5).collect();
            let dataset = match weighted {
                true => dataset.with_weights(&weights).unwrap(),
                false => dataset,
            };
            let network = Network::single_layer(n_inputs, n_outputs, n_rows != 7)
                .with_activation(activation)
                .with_hidden(&Hidden {
                    widths: widths.to_vec(),
                    activation: hidden,
                });
            let start: Vec<f64> = (0..network.n_parameters())
                .map(|at| 2.0 * f64::from(number(at)))
                .collect();
            let what = format!("{n_rows} rows, {widths:?}, {hidden:?}, {loss:?} of {activation:?}");
            let objective = Objective {
                loss,
                reduction: Reduction::Mean,
            };
            check(
                &Problem {
                    dataset: &dataset,
                    network,
                    objective,
                    dropout: None,
                },
                &start,
                &what,
            );
        }
    }
}

/// Each update differs by roundings, which the 20 that follow each other hardly enlarge.
#[test]
fn the_updates_are_those_of_the_definition() {
    each_problem(|problem, start, what| {
        let mut tiny = Cpu::new(problem.clone(), Some(1)).unwrap();
        let mut reference = Reference::new(problem.clone(), Some(1)).unwrap();
        for iterations in [1, 20] {
            let iterations = NonZeroU32::new(iterations).unwrap();
            tiny.set_parameters(start).unwrap();
            reference.set_parameters(start).unwrap();
            let [found, expected] =
                [&mut tiny as &mut dyn Backend, &mut reference].map(|backend| {
                    let summary = backend.advance(iterations, 0.1).unwrap();
                    let mut numbers = backend.parameters().unwrap();
                    numbers.extend([summary.loss, summary.mean_slope]);
                    numbers
                });
            for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let error = (found - expected).abs();
                assert!(
                    error <= 1e-13,
                    "{what}, {iterations} updates, {at}: {found}, not {expected}"
                );
            }
        }
    });
}

/// The bits depend on the number of updates, not on the calls that make them.
#[test]
fn updates_may_be_cut_into_calls() {
    each_problem(|problem, start, what| {
        let mut cpu = Cpu::new(problem.clone(), Some(1)).unwrap();
        let mut bits_after = |calls: &[u32]| -> Vec<u64> {
            cpu.set_parameters(start).unwrap();
            for iterations in calls {
                cpu.advance(NonZeroU32::new(*iterations).unwrap(), 0.1)
                    .unwrap();
            }
            cpu.parameters()
                .unwrap()
                .iter()
                .map(|x| x.to_bits())
                .collect()
        };
        assert_eq!(bits_after(&[7]), bits_after(&[1, 4, 2]), "{what}");
    });
}
