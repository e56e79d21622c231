//! Every activation with every loss that suits it, samples weighted and not, features standardised and not: the
//! float64 gradient is the derivative of the float64 loss, the GPU is within its bounds of both, and weights and
//! scalings mean what they say.

use crate::common::{
    PAIRS, Random, assert_derivative, assert_within, random_dataset, small_parameters,
};
use neuralnet::backend::{Backend, Problem};
use neuralnet::cpu::Cpu;
use neuralnet::network::Activation;
use neuralnet::objective::Objective;
use neuralnet::optimizer::gradient_descent;
use neuralnet::{Dataset, GpuOptions, Hardware, Loss, Network, Reduction, TrainConfig, train};
use std::num::NonZeroU32;

/// A data set whose features are away from 0 and of different widths; where there are several targets, they are those
/// of classes.
fn dataset(n_samples: usize, n_inputs: usize, n_outputs: usize, weighted: bool) -> Dataset {
    let mut random = Random::new((n_samples + n_inputs + n_outputs) as u64);
    let inputs = (0..n_samples * n_inputs)
        .map(|i| 3.0 + random.next() * (1 + i % n_inputs % 3) as f32)
        .collect();
    let one_hot = |i: usize| f32::from(i % n_outputs == i / n_outputs * 7 % 11 % n_outputs);
    let targets = match n_outputs {
        1 => (0..n_samples)
            .map(|_| f32::from(random.next() > 0.0))
            .collect(),
        _ => (0..n_samples * n_outputs).map(one_hot).collect(),
    };
    let dataset = Dataset::from_rows("objectives", n_inputs, n_outputs, inputs, targets).unwrap();
    if !weighted {
        return dataset;
    }
    // A weight of 0 among them.
    let weights: Vec<f32> = (0..n_samples).map(|i| (i % 4) as f32 * 0.75).collect();
    dataset.with_weights(&weights).unwrap()
}

fn problem(dataset: &Dataset, (activation, loss): (Activation, Loss)) -> Problem<'_> {
    Problem {
        dataset,
        network: Network::single_layer(dataset.n_inputs(), dataset.n_outputs(), true)
            .with_activation(activation),
        objective: Objective {
            loss,
            reduction: Reduction::Mean,
        },
        dropout: None,
    }
}

/// The problems that `gradient.rs` does not have; the last shape has several leaves, where scaled features are not
/// made but the parameters taken to where the features are.
#[test]
fn the_gradient_is_the_derivative_of_the_loss() {
    for (n_samples, n_inputs, n_outputs) in [(7, 3, 2), (65, 5, 3), (3000, 40, 2), (3000, 40, 1)] {
        for pair in PAIRS {
            for (weighted, scaled) in [(false, false), (true, false), (false, true), (true, true)] {
                if pair.0 == Activation::Softmax && n_outputs == 1 {
                    continue;
                }
                let mut dataset = dataset(n_samples, n_inputs, n_outputs, weighted);
                if scaled {
                    dataset = dataset.standardised(true);
                }
                let problem = problem(&dataset, pair);
                let what = format!(
                    "{n_samples}x{n_inputs}x{n_outputs} {pair:?}, weighted {weighted}, scaled {scaled}"
                );
                let parameters = small_parameters(&problem, 1.0);
                let mut cpu = Cpu::new(problem, None).unwrap();
                assert_derivative(&mut cpu, &parameters, &what);
            }
        }
    }
}

fn assert_on_gpu(options: GpuOptions) {
    for (n_samples, n_inputs, n_outputs) in [(3, 2, 2), (65, 33, 5), (70, 784, 6), (4000, 40, 3)] {
        // The sigmoid's other loss, and all without weights and scales, are those of `shapes.rs`.
        for pair in &PAIRS[1..] {
            let dataset = dataset(n_samples, n_inputs, n_outputs, true).standardised(true);
            let problem = problem(&dataset, *pair);
            let what = format!("{n_samples}x{n_inputs}x{n_outputs} {pair:?}, {options:?}");
            assert_within(&problem, options, &small_parameters(&problem, 1.0), &what);
        }
    }
}

#[test]
fn every_objective_is_within_its_bounds_with_subgroups_where_there_are() {
    assert_on_gpu(GpuOptions::default());
}

#[test]
fn every_objective_is_within_its_bounds_without_subgroups() {
    assert_on_gpu(GpuOptions {
        without_subgroups: true,
        ..GpuOptions::default()
    });
}

/// Logits where exp overflows or leaves nothing, equal ones, and one class far ahead of all others.
#[test]
fn a_softmax_is_within_its_bounds_far_out() {
    let rows = [
        [0.0, 0.0, 0.0],
        [1.0, -1.0, 20.0],
        [90.0, -90.0, 89.0],
        [1e4, -1e4, 9999.0],
        [-1e4, -1e4, -1e4],
        [1e4, 1e4, -1e4],
    ];
    let inputs: Vec<f32> = rows.concat();
    let targets = (0..18).map(|i| f32::from(i % 3 == i / 3 % 3)).collect();
    let dataset = Dataset::from_rows("logits", 3, 3, inputs, targets).unwrap();
    let problem = Problem {
        network: Network::single_layer(3, 3, false).with_activation(Activation::Softmax),
        ..problem(&dataset, PAIRS[2])
    };
    let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    assert_within(&problem, GpuOptions::default(), &identity, "logits");
    let mut cpu = Cpu::new(problem, None).unwrap();
    cpu.set_parameters(&identity).unwrap();
    // By hand: ln 3; 21 less the target's -1; 0 and 1 - ln(1 + 1/e), …: the mean over the six rows.
    let expected = [
        3.0_f64.ln(),
        21.0 + (-19.0_f64).exp() + (-21.0_f64).exp(),
        1.0 + (1.0 + (-1.0_f64).exp()).ln(),
        (1.0 + (-1.0_f64).exp()).ln(),
        3.0_f64.ln(),
        2e4 + 2.0_f64.ln(),
    ];
    let loss = cpu.evaluate().unwrap().summary.loss;
    let expected = expected.iter().sum::<f64>() / 6.0;
    assert!(
        (loss - expected).abs() <= 1e-7 * expected,
        "{loss}, not {expected}"
    );
}

/// A sample of weight 2 counts as two of weight 1, and one of weight 0 as none.
#[test]
fn a_weight_is_a_number_of_samples() {
    for pair in PAIRS {
        let once = dataset(40, 3, 2, false);
        let (mut inputs, mut targets) = (vec![0.0; 120], vec![0.0; 80]);
        once.read(0..40, &mut inputs, &mut targets);
        let weights: Vec<f32> = (0..40).map(|i| (i % 3) as f32).collect();
        let weighted = once.with_weights(&weights).unwrap();
        let copies = |i: usize| std::iter::repeat_n(i, i % 3);
        let rows: Vec<usize> = (0..40).flat_map(copies).collect();
        let of = |values: &[f32], width: usize| {
            let row = |i: &usize| values[i * width..(i + 1) * width].to_vec();
            rows.iter().flat_map(row).collect::<Vec<f32>>()
        };
        let repeated =
            Dataset::from_rows("repeated", 3, 2, of(&inputs, 3), of(&targets, 2)).unwrap();
        let evaluate = |dataset: &Dataset| {
            let problem = problem(dataset, pair);
            let parameters = small_parameters(&problem, 1.0);
            let mut cpu = Cpu::new(problem, None).unwrap();
            cpu.set_parameters(&parameters).unwrap();
            cpu.evaluate().unwrap()
        };
        let (a, b) = (evaluate(&weighted), evaluate(&repeated));
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-13 * (1.0 + b.abs());
        assert!(
            close(a.summary.loss, b.summary.loss),
            "{pair:?}: {a:?}, not {b:?}"
        );
        assert!(
            close(a.summary.mean_slope, b.summary.mean_slope),
            "{pair:?}"
        );
        for (a, b) in a.gradient.iter().zip(&b.gradient) {
            assert!(close(*a, *b), "{pair:?}: {a}, not {b}");
        }
    }
}

/// Updates in one call go against the gradient as it is evaluated: few rows, one leaf and several, weighted.
#[test]
fn weighted_updates_go_against_the_gradient() {
    for n_samples in [7, 60, 3000] {
        for pair in PAIRS {
            let dataset = dataset(n_samples, 40, 2, true);
            let problem = problem(&dataset, pair);
            let mut expected = small_parameters(&problem, 1.0);
            let mut cpu = Cpu::new(problem, None).unwrap();
            cpu.set_parameters(&expected).unwrap();
            let gradient = cpu.evaluate().unwrap().gradient;
            gradient_descent(0.3, &gradient, &mut expected);
            cpu.advance(NonZeroU32::MIN, 0.3).unwrap();
            for (found, expected) in cpu.parameters().unwrap().iter().zip(&expected) {
                let error = (found - expected).abs();
                assert!(
                    error <= 1e-13 * (1.0 + expected.abs()),
                    "{n_samples} samples, {pair:?}: {found}, not {expected}"
                );
            }
        }
    }
}

/// Whoever trains on standardised features gets weights for the features as they came: the loss there is the loss
/// that was reported. One leaf and several, CPU and GPU.
#[test]
fn the_weights_of_standardised_features_are_those_of_the_features() {
    for n_samples in [60, 3000] {
        for hardware in [
            Hardware::cpu(),
            Hardware {
                backend: neuralnet::BackendChoice::Gpu,
                ..Hardware::default()
            },
        ] {
            let raw = dataset(n_samples, 40, 1, false);
            let config = TrainConfig {
                iterations: 30,
                learning_rate: 1.0,
                ..TrainConfig::default()
            };
            let trained = train(&raw.standardised(true), &config, &hardware).unwrap();
            let mut cpu = Cpu::new(problem(&raw, PAIRS[1]), None).unwrap();
            cpu.set_parameters(&trained.parameters).unwrap();
            let loss = cpu.evaluate().unwrap().summary.loss;
            let error = (loss - trained.summary.loss).abs();
            assert!(error <= 1e-6 * loss, "{} of {}", loss, trained.summary.loss);
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let dataset = dataset(3000, 40, 3, true).standardised(true);
    for pair in PAIRS {
        let evaluate = |threads| {
            let problem = problem(&dataset, pair);
            let parameters = small_parameters(&problem, 1.0);
            let mut cpu = Cpu::new(problem, Some(threads)).unwrap();
            cpu.set_parameters(&parameters).unwrap();
            let evaluation = cpu.evaluate().unwrap();
            let bits = evaluation.gradient.iter().map(|g| g.to_bits());
            (evaluation.summary.loss.to_bits(), bits.collect::<Vec<_>>())
        };
        assert!(evaluate(1) == evaluate(2), "{pair:?}");
    }
}

/// The samples with `shift` added to their only target.
fn shifted(dataset: &Dataset, shift: f32) -> Dataset {
    let n = dataset.n_samples();
    let (mut inputs, mut targets) = (vec![0.0; dataset.n_inputs() * n], vec![0.0; n]);
    dataset.read(0..n, &mut inputs, &mut targets);
    targets.iter_mut().for_each(|t| *t += shift);
    Dataset::from_rows("shifted", dataset.n_inputs(), 1, inputs, targets).unwrap()
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let one = random_dataset(10, 2, 1);
    // Targets of rows that sum to anything.
    let two = random_dataset(10, 2, 2);
    for (dataset, activation, loss, told) in [
        (
            &two,
            Activation::Softmax,
            Loss::SquaredError,
            "`loss`: a softmax is trained towards cross-entropy; set `loss` to cross-entropy, or set `activation` to sigmoid",
        ),
        (
            &two,
            Activation::Identity,
            Loss::CrossEntropy,
            "`loss`: numbers are trained towards the squared error",
        ),
        (
            &one,
            Activation::Softmax,
            Loss::CrossEntropy,
            "`activation`: a softmax needs a target for each",
        ),
        (&two, Activation::Softmax, Loss::CrossEntropy, "sum to"),
    ] {
        let config = TrainConfig {
            activation,
            loss,
            ..TrainConfig::default()
        };
        let error = train(dataset, &config, &Hardware::cpu())
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{error}");
    }
    let without_bias = TrainConfig {
        bias: false,
        ..TrainConfig::default()
    };
    let on_centred = |centred| {
        let scaled = one.standardised(centred);
        train(&scaled, &without_bias, &Hardware::cpu())
    };
    let error = on_centred(true).unwrap_err().to_string();
    assert!(
        error.starts_with("`bias`: the features are centred"),
        "{error}"
    );
    on_centred(false).unwrap();
    for (activation, bias, centred, told) in [
        (
            Activation::Identity,
            false,
            true,
            "`bias`: the targets are centred",
        ),
        (
            Activation::Tanh,
            true,
            false,
            "`activation`: the targets are standardised",
        ),
    ] {
        let config = TrainConfig {
            activation,
            bias,
            loss: Loss::SquaredError,
            ..TrainConfig::default()
        };
        let shifted = shifted(&one, 3.0).targets_standardised(centred);
        let error = train(&shifted, &config, &Hardware::cpu())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(told), "{error}");
    }
    for (weights, told) in [
        (vec![1.0; 9], "10 samples, and there are 9 weights"),
        (vec![0.0; 10], "every weight is 0"),
        (
            [vec![1.0; 9], vec![-1.0]].concat(),
            "the weight of row 9 is -1",
        ),
        (
            [vec![f32::NAN], vec![1.0; 9]].concat(),
            "the weight of row 0 is NaN",
        ),
    ] {
        let error = one.with_weights(&weights).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

/// Rows are looked at by many threads, and a message names the first of the wrong ones all the same.
#[test]
fn of_several_wrong_rows_the_first_is_named() {
    const N: usize = 60_000;
    let mut targets = [1.0, 0.0].repeat(N);
    for row in [20_000, 40_000, N - 1] {
        targets[2 * row + 1] = 0.5;
    }
    let dataset = Dataset::from_rows("shares", 1, 2, vec![0.5; N], targets).unwrap();
    assert!(dataset.leaves().count() > 3, "several leaves");
    let config = TrainConfig {
        activation: Activation::Softmax,
        ..TrainConfig::default()
    };
    let refused = train(&dataset, &config, &Hardware::cpu()).unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.starts_with("shares: row 20000, column `y0`"),
        "{refused}"
    );
}
