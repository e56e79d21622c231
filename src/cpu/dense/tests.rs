//! The fast sums beside those of the plain reference, and beside the same chains in plain loops.

use super::{ROWS, prepare};
use crate::backend::{Backend, Evaluation, Problem, Summary};
use crate::cpu::Cpu;
use crate::cpu::block::Rows;
use crate::cpu::float::Float;
use crate::cpu::reference::Reference;
use crate::data::Dataset;
use crate::network::{Activation, Dropout, Hidden, Init, Mask, Network};
use crate::objective::{Loss, Objective, Reduction};
use crate::precision::Precision;
use crate::random::test_numbers;
use crate::simd::Instructions;
use rand::RngExt;

const COLUMNS: usize = 16;

fn bits(sums: &Evaluation) -> Vec<u64> {
    let numbers = sums.gradient.iter();
    let summary = [&sums.summary.loss, &sums.summary.mean_slope];
    numbers.chain(summary).map(|x| x.to_bits()).collect()
}

/// The sums over all rows in numbers of the kind T, without the units that `mask` drops: each contraction one chain in its
/// order.
fn chains<T: Float, const FUSED: bool>(
    problem: &Problem<'_>,
    parameters: &[f64],
    mask: Option<Mask>,
) -> Evaluation {
    let Problem {
        dataset,
        network,
        objective,
        ..
    } = problem;
    let wide = |numbers: &[T]| -> Vec<f64> { numbers.iter().map(|x| (*x).into()).collect() };
    let parameters: Vec<T> = parameters.iter().map(|x| T::rounded(*x)).collect();
    let mut gradient = vec![T::default(); parameters.len()];
    let mut summary = Summary::default();
    let factors = |layer: usize, row: usize, n_units: usize| -> Vec<f64> {
        let mut factors = vec![1.0; n_units];
        if let Some(mask) = mask {
            mask.factors(layer, row, &mut factors);
        }
        factors
    };
    for row in 0..dataset.n_samples() {
        let (mut x, mut t) = (
            vec![0.0; dataset.n_inputs()],
            vec![0.0; dataset.target_width()],
        );
        dataset.read(row..row + 1, &mut x, &mut t);
        let t: Vec<f64> = t.into_iter().map(f64::from).collect();
        // What layers multiply, and the activations of whole layers.
        let mut activations = vec![x.into_iter().map(T::from).collect::<Vec<T>>()];
        let mut whole: Vec<Vec<T>> = Vec::new();
        let mut pre_activations: Vec<Vec<f64>> = Vec::new();
        for (at, (layer, range)) in network.parts().enumerate() {
            let (weight, bias) = parameters[range].split_at(layer.n_weights());
            let x = activations.last().unwrap();
            let z = (0..layer.n_outputs).map(|o| {
                let w = &weight[o * layer.n_inputs..];
                let product = x
                    .iter()
                    .zip(w)
                    .fold(T::default(), |sum, (x, w)| T::mul_add::<FUSED>(*x, *w, sum));
                let mut z = product;
                z += bias.get(o).copied().unwrap_or_default();
                z
            });
            let z = wide(&z.collect::<Vec<T>>());
            let mut a = z.clone();
            layer.activation.apply(&mut a);
            let a: Vec<T> = a.into_iter().map(T::rounded).collect();
            let kept = match at + 1 == network.layers().len() {
                true => a.clone(),
                false => wide(&a)
                    .iter()
                    .zip(factors(at, row, layer.n_outputs))
                    .map(|(a, factor)| T::rounded(a * factor))
                    .collect(),
            };
            activations.push(kept);
            whole.push(a);
            pre_activations.push(z);
        }
        let (last, z) = (network.output_layer(), pre_activations.last().unwrap());
        let y = wide(activations.last().unwrap());
        let weight = t.get(last.n_outputs).copied().unwrap_or(1.0);
        let t = &t[..last.n_outputs];
        summary.loss += weight * objective.loss.value(last.activation, z, &y, t);
        let slopes = (0..t.len()).map(|o| last.activation.slope(z[o], y[o]));
        summary.mean_slope += weight * slopes.sum::<f64>();
        let error = |o| weight * objective.loss.grad_z(last.activation, z[o], y[o], t[o]);
        let mut e: Vec<T> = (0..t.len()).map(|o| T::rounded(error(o))).collect();
        for (at, (layer, range)) in network
            .parts()
            .enumerate()
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            let x = &activations[at];
            let (to_weight, to_bias) = gradient[range.clone()].split_at_mut(layer.n_weights());
            for (o, row) in to_weight.chunks_mut(layer.n_inputs).enumerate() {
                for (sum, x) in row.iter_mut().zip(x) {
                    *sum = T::mul_add::<FUSED>(e[o], *x, *sum);
                }
            }
            to_bias.iter_mut().zip(&e).for_each(|(sum, e)| *sum += *e);
            if at > 0 {
                let (hidden, weight) = (network.layers()[at - 1].activation, &parameters[range]);
                let factors = factors(at - 1, row, layer.n_inputs);
                let below = (0..layer.n_inputs).map(|i| {
                    let column = weight[i..].iter().step_by(layer.n_inputs);
                    let product = e
                        .iter()
                        .zip(column)
                        .fold(T::default(), |sum, (e, w)| T::mul_add::<FUSED>(*e, *w, sum));
                    let a = whole[at - 1][i].into();
                    let slope = hidden.slope(pre_activations[at - 1][i], a);
                    let error: f64 = T::rounded(product.into() * slope).into();
                    T::rounded(error * factors[i])
                });
                e = below.collect();
            }
        }
    }
    Evaluation {
        summary,
        gradient: wide(&gradient),
    }
}

fn assert_chains<T: Float>(
    problem: &Problem<'_>,
    precision: Precision,
    (parameters, mask): (&[f64], Option<Mask>),
    what: &str,
) {
    let stored = problem.dataset.stored().unwrap();
    let rows = Rows::from(stored, 0, problem.dataset.n_samples());
    for instructions in Instructions::all() {
        let expected = match instructions.fuse() {
            true => chains::<T, true>(problem, parameters, mask),
            false => chains::<T, false>(problem, parameters, mask),
        };
        let dense = prepare(problem, precision, instructions, parameters, mask);
        for threads in [1, 2, 5] {
            let sums = dense.sums((0, rows), threads);
            // Parts that end within a row, a panel, a layer.
            for length in [1, 13] {
                let mut gradient = vec![0.0; parameters.len()];
                for (at, part) in gradient.chunks_mut(length).enumerate() {
                    sums.write(at * length, part);
                }
                assert_eq!(gradient, expected.gradient, "{what}: parts of {length}");
            }
            let found = sums.laid_out();
            assert_eq!(
                bits(&found),
                bits(&expected),
                "{what}: bits of {threads} threads, {instructions:?}, {precision:?}"
            );
        }
    }
}

/// Widths on both sides of those of a tile, rows on both sides of those of a block, with weights and without, of
/// every activation, of whole layers and without the units that an update drops. Between the definition and the sums in
/// float64 roundings alone may differ, and nothing between the chains and the sums, in either precision, with any
/// instructions and threads.
#[test]
fn the_sums_are_those_of_the_definition() {
    let mut random = test_numbers(3);
    for (n_rows, n_inputs, widths, n_outputs, hidden) in [
        (1, 1, &[1][..], 1, Activation::Relu),
        (5, 3, &[8], 2, Activation::Tanh),
        (ROWS, COLUMNS, &[COLUMNS, COLUMNS], 3, Activation::Sigmoid),
        (ROWS + 1, 17, &[33, 15, 2], 5, Activation::LeakyRelu),
        (2 * ROWS + 7, 40, &[31], 17, Activation::Gelu),
        (11 * ROWS, 5, &[1, 50], 4, Activation::Silu),
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
                dropout: (n_rows % 3 > 0).then_some(Dropout { rate: 0.3, seed: 2 }),
            };
            let mask = problem.dropout.map(|dropout| dropout.mask(4));
            let mut parameters = problem.network.parameters_from(1, Some(Init::Numpy));
            // Biases start at 0.
            parameters.iter_mut().for_each(|x| *x += 0.01);
            let mut reference = Reference::new(problem.clone(), Some(1)).unwrap();
            reference.set_parameters(&parameters).unwrap();
            let expected = reference.evaluate_for(Some(4), None).unwrap();
            let what = format!("{n_rows} rows, {widths:?}, {hidden:?}, {activation:?}");
            let found = chains::<f64, false>(&problem, &parameters, mask);
            let pairs = found.gradient.iter().zip(&expected.gradient);
            let scale: f64 = expected.gradient.iter().fold(1.0, |a, b| a.max(b.abs()));
            for (at, (found, expected)) in pairs.enumerate() {
                let error = (found - expected).abs();
                let bound = 1e-13 * scale;
                assert!(error <= bound, "{what}, {at}: {found}, not {expected}");
            }
            let [found_loss, loss] = [&found, &expected].map(|it| it.summary.loss);
            assert!((found_loss - loss).abs() <= 1e-12 * loss.abs(), "{what}");
            let n_slopes = problem.dataset.total_weight() * n_outputs as f64;
            let slope = n_slopes * expected.summary.mean_slope;
            let found_slope = found.summary.mean_slope;
            assert!((found_slope - slope).abs() <= 1e-12 * slope.abs(), "{what}");
            let of = (&parameters[..], mask);
            assert_chains::<f64>(&problem, Precision::F64, of, &what);
            assert_chains::<f32>(&problem, Precision::F32, of, &what);
        }
    }
}

/// So many weights that their panels, and the gradient, are laid out in several parts, which threads share.
#[test]
fn many_weights_have_the_sums_of_the_definition_on_any_threads() {
    let (n_rows, n_inputs, n_outputs) = (9, 300, 2);
    let mut random = test_numbers(6);
    let mut value = |_| random.random_range(0.0..1.0);
    let inputs: Vec<f32> = (0..n_rows * n_inputs).map(&mut value).collect();
    let targets: Vec<f32> = (0..n_rows * n_outputs).map(&mut value).collect();
    let dataset = Dataset::from_rows("rows", n_inputs, n_outputs, inputs, targets).unwrap();
    let problem = Problem {
        dataset: &dataset,
        network: Network::single_layer(n_inputs, n_outputs, true).with_hidden(&Hidden {
            widths: vec![250],
            activation: Activation::Tanh,
        }),
        objective: Objective {
            loss: Loss::SquaredError,
            reduction: Reduction::Sum,
        },
        dropout: None,
    };
    let parameters = problem.network.parameters_from(1, Some(Init::Glorot));
    let rows = [8, 1, 5];
    let mut reference = Reference::new(problem.clone(), Some(1)).unwrap();
    reference.set_parameters(&parameters).unwrap();
    let expected = reference.evaluate_rows(&rows).unwrap();
    let on = |threads| {
        let mut cpu = Cpu::new(problem.clone(), Some(threads)).unwrap();
        cpu.set_parameters(&parameters).unwrap();
        cpu.evaluate_rows(&rows).unwrap()
    };
    let found = on(1);
    for (at, (found, expected)) in found.gradient.iter().zip(&expected.gradient).enumerate() {
        assert!(
            (found - expected).abs() <= 1e-13,
            "{at}: {found}, not {expected}"
        );
    }
    assert_eq!(bits(&on(3)), bits(&found), "on threads");
}

/// Of one leaf and of several, whose rows threads share or not; of one layer too.
#[test]
fn the_loss_alone_has_the_bits_of_the_evaluation() {
    for (n_rows, widths, one_leaf) in [
        (ROWS + 1, &[33, 15][..], true),
        (3000, &[150, 60], false),
        (70_000, &[3], false),
        (20_000, &[], false),
        (5, &[], true),
    ] {
        let mut random = test_numbers(7);
        let mut value = |_| random.random_range(0.0..1.0);
        let inputs: Vec<f32> = (0..n_rows * 4).map(&mut value).collect();
        let targets: Vec<f32> = (0..n_rows * 2).map(&mut value).collect();
        let weights: Vec<f32> = (0..n_rows).map(|row| (row % 3) as f32).collect();
        let dataset = Dataset::from_rows("rows", 4, 2, inputs, targets).unwrap();
        let dataset = dataset.with_weights(&weights).unwrap();
        let network = Network::single_layer(4, 2, true).with_hidden(&Hidden {
            widths: widths.to_vec(),
            activation: Activation::Silu,
        });
        let problem = Problem {
            dataset: &dataset,
            network,
            objective: Objective {
                loss: Loss::CrossEntropy,
                reduction: Reduction::Mean,
            },
            dropout: Some(Dropout { rate: 0.3, seed: 2 }).filter(|_| !widths.is_empty()),
        };
        assert_eq!(problem.leaves().count() == 1, one_leaf, "{widths:?}");
        let parameters = problem.network.parameters_from(1, Some(Init::He));
        for precision in [Precision::F64, Precision::F32] {
            for threads in [1, 3] {
                let problem = problem.clone();
                let mut cpu = Cpu::in_precision(problem, Some(threads), precision).unwrap();
                cpu.set_parameters(&parameters).unwrap();
                // The loss is that of all units, whatever was evaluated before.
                cpu.evaluate_for(Some(4), None).unwrap();
                let alone = cpu.loss();
                let expected = cpu.evaluate().unwrap().summary.loss;
                let what = format!("{widths:?}, {precision:?}, {threads} threads");
                assert!(expected.is_finite(), "{what}: {expected}");
                assert_eq!(alone.to_bits(), expected.to_bits(), "{what}");
            }
        }
    }
}
