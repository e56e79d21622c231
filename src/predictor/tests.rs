//! Predictions are those of the definition, in any pieces and by any number of threads; a GPU's within their bounds.

use super::pays_on_gpu;
use crate::backend::{Backend, Predictions, Problem};
use crate::cpu::Reference;
use crate::data::Dataset;
use crate::engine::Engine;
use crate::gpu::{self, Software};
use crate::network::{Activation, Hidden, Network};
use crate::objective::{Loss, Objective, Reduction};
use crate::random::test_numbers;
use crate::validate::running;
use rand::RngExt;
use std::iter::zip;

fn network(
    n_inputs: usize,
    widths: &[usize],
    n_outputs: usize,
    [hidden, outputs]: [Activation; 2],
) -> Network {
    let network = Network::single_layer(n_inputs, n_outputs, true).with_activation(outputs);
    network.with_hidden(&Hidden {
        widths: widths.to_vec(),
        activation: hidden,
    })
}

/// Rows for `network`, with features in [-1, 1).
fn rows(network: &Network, n_rows: usize) -> Dataset {
    let (n_inputs, n_outputs) = (network.n_inputs(), network.n_outputs());
    let mut random = test_numbers(7);
    let inputs = (0..n_rows * n_inputs).map(|_| random.random_range(-1.0..1.0));
    let targets = vec![0.0; n_rows * n_outputs];
    Dataset::from_rows("rows", n_inputs, n_outputs, inputs.collect(), targets).unwrap()
}

fn problem(dataset: &Dataset, network: Network) -> Problem<'_> {
    Problem {
        dataset,
        network,
        objective: Objective {
            loss: Loss::SquaredError,
            reduction: Reduction::Mean,
        },
        dropout: None,
    }
}

/// The predictions of the definition.
fn defined(problem: &Problem<'_>, parameters: &[f64]) -> Predictions {
    let mut reference = Reference::new(problem.clone(), None).unwrap();
    reference.set_parameters(parameters).unwrap();
    reference.predict(0..problem.dataset.n_samples()).unwrap()
}

fn numbers(predictions: &Predictions) -> impl Iterator<Item = f64> {
    let both = [&predictions.pre_activation, &predictions.prediction];
    both.into_iter().flatten().copied()
}

fn bits(predictions: &Predictions) -> Vec<u64> {
    numbers(predictions).map(f64::to_bits).collect()
}

/// More rows than two threads take at a time, read in parts that end within blocks and tiles of rows.
#[test]
fn a_cpu_gives_the_same_bits_in_any_pieces_by_any_threads() {
    let network = network(24, &[19, 9], 3, [Activation::Relu, Activation::Softmax]);
    let dataset = rows(&network, 30_001);
    let problem = problem(&dataset, network);
    let parameters = problem.network.initial_parameters(3);
    let mut engine = Engine::cpu(&problem, &parameters);
    let mut predicted = |threads: usize, cuts: &[usize]| {
        let threads = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pieces = cuts.windows(2).map(|cuts| cuts[0]..cuts[1]);
        let predict = |rows| engine.predict(&dataset, rows).unwrap();
        let all = || Predictions::concat(pieces.map(predict).collect());
        threads.build().unwrap().install(all)
    };
    let end = 30_001;
    let whole = predicted(2, &[0, end]);
    for (threads, cuts) in [
        (1, &[0, end][..]),
        (5, &[0, end]),
        (2, &[0, 1, 500, 10_807, end]),
    ] {
        let found = predicted(threads, cuts);
        assert_eq!(bits(&found), bits(&whole), "{threads} threads, {cuts:?}");
    }
    for (found, expected) in zip(numbers(&whole), numbers(&defined(&problem, &parameters))) {
        // Dot products of 24 terms, whose sizes add up to 10 at most.
        assert!((found - expected).abs() <= 1e-13, "{found} {expected}");
    }
}

/// Widths on both sides of vectors and tiles, every activation, rows in one piece and in several, the last of them
/// short. The parameters are rounded once more than those of a training on the GPU.
#[test]
fn a_gpu_predicts_within_the_running_bound_in_any_pieces() {
    for (n_rows, n_inputs, widths, n_outputs, activations) in [
        (1, 1, &[1][..], 1, [Activation::Relu, Activation::Identity]),
        (
            700,
            30,
            &[65, 33],
            3,
            [Activation::Relu, Activation::Softmax],
        ),
        (300, 13, &[40], 2, [Activation::Tanh, Activation::Sigmoid]),
        (300, 8, &[64, 5], 4, [Activation::Gelu, Activation::Tanh]),
        (
            129,
            17,
            &[9, 9, 9],
            1,
            [Activation::Silu, Activation::Sigmoid],
        ),
        (
            257,
            5,
            &[12],
            1,
            [Activation::LeakyRelu, Activation::Identity],
        ),
        (
            257,
            5,
            &[12, 7],
            5,
            [Activation::Sigmoid, Activation::Softmax],
        ),
        (500, 37, &[], 3, [Activation::Identity, Activation::Sigmoid]),
    ] {
        let network = network(n_inputs, widths, n_outputs, activations);
        let dataset = rows(&network, n_rows);
        let problem = problem(&dataset, network);
        let parameters = problem.network.initial_parameters(3);
        let expected = defined(&problem, &parameters);
        let bounds = running(&problem, &parameters, 1, 0..n_rows);
        let what = format!("{n_rows} rows, {n_inputs}, {widths:?}, {n_outputs}, {activations:?}");
        let predicted = |piece_floats| {
            let software = Software::Allowed;
            let gpu = gpu::Predictor::new(&problem, &parameters, software, piece_floats);
            let mut engine = Engine::Gpu(Box::new(gpu.unwrap()));
            engine.predict(&dataset, 0..n_rows).unwrap()
        };
        let found = predicted(1 << 23);
        assert_eq!(bits(&predicted(n_inputs * 128)), bits(&found), "{what}");
        let compared = zip(zip(numbers(&found), numbers(&expected)), numbers(&bounds));
        for ((found, expected), bound) in compared {
            let error = (found - expected).abs();
            assert!(
                error <= bound && bound < 1e-2,
                "{what}: {found} {expected} {bound}"
            );
        }
    }
}

#[test]
fn a_gpu_pays_for_wide_layers_and_many_rows() {
    for (n_inputs, hidden, n_outputs, n_rows, expected) in [
        (784, &[512, 512][..], 10, 60_000, true),
        (784, &[512, 512], 10, 500, false),
        (784, &[128], 10, 60_000, false),
        (32, &[64, 64], 2, 100_000_000, false),
        (32, &[256, 256], 1, 100_000, true),
        (8192, &[], 16, 1_000_000, false),
    ] {
        let activations = [Activation::Relu, Activation::Softmax];
        let network = network(n_inputs, hidden, n_outputs, activations);
        let found = pays_on_gpu(&network, n_rows);
        assert_eq!(found.is_ok(), expected, "{n_inputs} {hidden:?}: {found:?}");
    }
}
