//! The fast sums beside those of the plain reference.

use super::{COLUMNS, DenseNetwork, ROWS};
use crate::backend::{Backend, Evaluation, Problem};
use crate::cpu::block::Rows;
use crate::cpu::reference::Reference;
use crate::data::Dataset;
use crate::network::{Activation, Hidden, Init, Network};
use crate::objective::{Loss, Objective, Reduction};
use crate::random::test_numbers;
use crate::simd::Instructions;
use rand::RngExt;

fn bits(sums: &Evaluation) -> Vec<u64> {
    let numbers = sums.gradient.iter();
    let summary = [&sums.summary.loss, &sums.summary.mean_slope];
    numbers.chain(summary).map(|x| x.to_bits()).collect()
}

/// Widths on both sides of those of a tile, rows on both sides of those of a block, with weights and without, of
/// every activation. Roundings alone may differ, and nothing between instructions that fuse.
#[test]
fn the_sums_are_those_of_the_definition() {
    let mut random = test_numbers(3);
    for (n_rows, n_inputs, widths, n_outputs, hidden) in [
        (1, 1, &[1][..], 1, Activation::Relu),
        (5, 3, &[8], 2, Activation::Tanh),
        (ROWS, COLUMNS, &[COLUMNS, COLUMNS], 3, Activation::Sigmoid),
        (ROWS + 1, 17, &[33, 15, 2], 5, Activation::LeakyRelu),
        (2 * ROWS + 7, 40, &[31], 17, Activation::Gelu),
        (130, 5, &[1, 50], 4, Activation::Silu),
    ] {
        for (loss, activation, weighted) in [
            (Loss::SquaredError, Activation::Identity, false),
            (Loss::CrossEntropy, Activation::Sigmoid, true),
            (Loss::CrossEntropy, Activation::Softmax, true),
            (Loss::SquaredError, Activation::Tanh, false),
        ] {
            let mut value = |_| random.random_range(-1.0..1.0);
            let inputs: Vec<f32> = (0..n_rows * n_inputs).map(&mut value).collect();
            let targets = (0..n_rows * n_outputs).map(&mut value).map(f32::abs);
            let targets: Vec<f32> = targets.collect();
            let dataset = Dataset::from_rows("rows", n_inputs, n_outputs, inputs, targets).unwrap();
            let dataset = match weighted {
                false => dataset,
                true => {
                    let weights: Vec<f32> = (0..n_rows).map(|row| (row % 3) as f32).collect();
                    let weights = if n_rows == 1 { vec![2.0] } else { weights };
                    dataset.with_weights(&weights).unwrap()
                }
            };
            let network = Network::single_layer(n_inputs, n_outputs, n_rows != 5)
                .with_activation(activation)
                .with_hidden(&Hidden {
                    widths: widths.to_vec(),
                    activation: hidden,
                });
            let problem = Problem {
                dataset: &dataset,
                network,
                objective: Objective {
                    loss,
                    reduction: Reduction::Sum,
                },
                dropout: None,
            };
            let parameters = problem.network.parameters_from(1, Some(Init::Numpy));
            let mut reference = Reference::new(problem.clone(), Some(1)).unwrap();
            reference.set_parameters(&parameters).unwrap();
            let expected = reference.sums(0..n_rows);
            let stored = dataset.stored().unwrap();
            let dense = DenseNetwork::new(&problem, &parameters);
            let what = format!("{n_rows} rows, {widths:?}, {hidden:?}, {activation:?}");
            let mut fused: Option<Vec<u64>> = None;
            for instructions in Instructions::all() {
                let found = dense.sums(Rows::from(stored, 0, n_rows), instructions);
                let pairs = found.gradient.iter().zip(&expected.gradient);
                let scale: f64 = expected.gradient.iter().fold(1.0, |a, b| a.max(b.abs()));
                for (at, (found, expected)) in pairs.enumerate() {
                    let error = (found - expected).abs();
                    assert!(
                        error <= 1e-13 * scale,
                        "{what}, {at}: {found}, not {expected}"
                    );
                }
                let [found_loss, loss] = [&found, &expected].map(|it| it.summary.loss);
                assert!((found_loss - loss).abs() <= 1e-12 * loss.abs(), "{what}");
                let [found_slope, slope] = [&found, &expected].map(|it| it.summary.mean_slope);
                assert!((found_slope - slope).abs() <= 1e-12 * slope.abs(), "{what}");
                if instructions.fuse() {
                    let first = fused.get_or_insert_with(|| bits(&found));
                    assert_eq!(*first, bits(&found), "{what}: bits of {instructions:?}");
                }
            }
        }
    }
}
