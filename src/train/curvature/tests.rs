//! Promises of the curvature against what steps reach.

use super::Curvature;
use super::sums::sum_hessian;
use crate::backend::Problem;
use crate::cpu::Cpu;
use crate::data::Dataset;
use crate::network::{Activation, Network};
use crate::objective::{Loss, Objective, Reduction};
use crate::optimizer::{Penalty, dot};
use crate::random::test_numbers;
use crate::train::quasi_newton::Iterate;
use rand::RngExt;
use std::iter::zip;

const RESOLUTION: f64 = 4.0 * f64::EPSILON;

#[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
fn rounded(number: f64) -> f32 {
    number as f32
}

/// Columns with units and means far apart, the third nearly the sum of the first two; targets of two outputs.
fn dataset(units: [f64; 3]) -> Dataset {
    let mut random = test_numbers(5);
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        let a: f64 = random.random_range(-1.0..1.0);
        let b: f64 = random.random_range(1.0..3.0);
        let noise: f64 = random.random_range(-1e-2..1e-2);
        let row = [a, b, a + b + noise];
        inputs.extend(row.iter().zip(units).map(|(x, unit)| rounded(x * unit)));
        targets.extend([rounded(a - b + 30.0 * noise), random.random()]);
    }
    Dataset::from_rows("random", 3, 2, inputs, targets).unwrap()
}

fn problem(dataset: &Dataset, activation: Activation) -> Problem<'_> {
    Problem {
        dataset,
        network: Network::single_layer(3, 2, true).with_activation(activation),
        objective: Objective {
            loss: Loss::usual(activation),
            reduction: Reduction::Mean,
        },
        dropout: None,
    }
}

fn evaluated(problem: &Problem<'_>, penalty: &Penalty, parameters: Vec<f64>) -> Iterate {
    use crate::backend::Backend;
    let mut cpu = Cpu::new(problem.clone(), Some(1)).unwrap();
    cpu.set_parameters(&parameters).unwrap();
    Iterate::new(penalty, parameters, cpu.evaluate().unwrap())
}

/// Of a square the step is that to the minimum, and the promise is the whole distance, penalties included.
#[test]
fn a_square_is_known_exactly() {
    for l2 in [0.0, 0.3] {
        let dataset = dataset([1.0, 1.0, 1.0]);
        let problem = problem(&dataset, Activation::Identity);
        let penalty = Penalty::new(0.0, l2, &problem.network);
        let curvature = Curvature::new(&problem, &penalty, RESOLUTION);
        let start = evaluated(&problem, &penalty, problem.network.initial_parameters(1));
        let step = curvature.solve(&start.gradient);
        let moved = start.parameters.iter().zip(&step).map(|(p, step)| p - step);
        let end = evaluated(&problem, &penalty, moved.collect());
        let largest = end.gradient.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        assert!(largest <= 1e-10, "l2 {l2}: gradient {largest:e}");
        let promised = curvature.promised(&start.gradient, 1.0);
        let decrease = start.loss - end.loss;
        assert!(
            (promised / decrease - 1.0).abs() <= 1e-9,
            "l2 {l2}: {promised} of {decrease}"
        );
    }
}

/// The Hessian is that of differences of the gradient, and promises more than its bound where outputs are saturated.
#[test]
fn where_outputs_are_saturated_the_hessian_tells_what_is_left() {
    let from = dataset([1.0, 1.0, 1.0]);
    let (mut inputs, mut targets) = (vec![0.0; 600], vec![0.0; 400]);
    from.read(0..200, &mut inputs, &mut targets);
    for row in targets.chunks_exact_mut(2) {
        row[0] = f32::from(u8::from(row[1] > 0.5));
        row[1] = 1.0 - row[0];
    }
    let dataset = Dataset::from_rows("classes", 3, 2, inputs, targets).unwrap();
    for activation in [Activation::Sigmoid, Activation::Softmax] {
        let problem = problem(&dataset, activation);
        let penalty = Penalty::new(0.0, 1e-6, &problem.network);
        let curvature = Curvature::new(&problem, &penalty, RESOLUTION);
        let parameters = vec![8.0, -3.0, 0.5, -8.0, 3.0, -0.5, 1.0, -1.0];
        let at = evaluated(&problem, &penalty, parameters);
        let exact = curvature.promised_at(&at.parameters, &at.gradient).unwrap();
        let hessian = sum_hessian(&dataset, &problem.network, &at.parameters);
        // Of each output the weights, then its bias.
        let place = |number: usize| match number {
            ..6 => number / 3 * 4 + number % 3,
            _ => (number - 6) * 4 + 3,
        };
        for column in 0..8 {
            let moved = |by: f64| {
                let mut parameters = at.parameters.clone();
                parameters[column] += by;
                evaluated(
                    &problem,
                    &Penalty::new(0.0, 0.0, &problem.network),
                    parameters,
                )
                .gradient
            };
            for (row, (more, less)) in zip(moved(1e-4), moved(-1e-4)).enumerate() {
                let expected = (more - less) / 2e-4;
                let (i, j) = (place(row).max(place(column)), place(row).min(place(column)));
                let found = hessian[i * 8 + j] * problem.scale();
                assert!(
                    (found - expected).abs() <= 1e-7,
                    "{activation:?}, {row}, {column}: {found} and {expected}"
                );
            }
        }
        let told = curvature.promised(&at.gradient, at.summary.mean_slope);
        assert!(exact > 3.0 * told, "{activation:?}: {exact} and {told}");
    }
}

/// In other units the same predictions have the same promise; the diagonal alone, which an L1 penalty asks for,
/// too.
#[test]
fn units_have_no_influence() {
    for l1 in [0.0, 1e-3] {
        let promises = [[1.0, 1.0, 1.0], [1e-6, 1e6, 1e3]].map(|units| {
            let dataset = dataset(units);
            let problem = problem(&dataset, Activation::Sigmoid);
            let penalty = Penalty::new(l1, 0.0, &problem.network);
            let curvature = Curvature::new(&problem, &penalty, RESOLUTION);
            let mut parameters = problem.network.initial_parameters(1);
            for (weight, unit) in parameters[..6].iter_mut().zip(units.iter().cycle()) {
                *weight /= unit;
            }
            let at = evaluated(&problem, &penalty, parameters);
            curvature.promised(&at.gradient, at.summary.mean_slope)
        });
        let [one, other] = promises;
        assert!((one / other - 1.0).abs() <= 1e-3, "{one} and {other}");
    }
}

/// A column that is another one in f32 keeps its parameter; the rest reaches the minimum without it.
#[test]
fn what_depends_on_others_stays_where_it_is() {
    let from = dataset([1.0, 1.0, 1.0]);
    let (mut inputs, mut targets) = (vec![0.0; 600], vec![0.0; 400]);
    from.read(0..200, &mut inputs, &mut targets);
    for row in inputs.chunks_exact_mut(3) {
        row[2] = 2.0 * row[0];
    }
    let dataset = Dataset::from_rows("twice", 3, 2, inputs, targets).unwrap();
    let problem = problem(&dataset, Activation::Identity);
    let penalty = Penalty::new(0.0, 0.0, &problem.network);
    let curvature = Curvature::new(&problem, &penalty, RESOLUTION);
    let start = evaluated(&problem, &penalty, problem.network.initial_parameters(1));
    let step = curvature.solve(&start.gradient);
    assert!(step[2].abs() <= 0.0 && step[5].abs() <= 0.0, "{step:?}");
    let moved = start.parameters.iter().zip(&step).map(|(p, step)| p - step);
    let end = evaluated(&problem, &penalty, moved.collect());
    assert!(
        dot(&end.gradient, &end.gradient) <= 1e-24,
        "{:?}",
        end.gradient
    );
}

/// Copies of a row and its weight are the same, and so is what a step of a linear output reaches: the minimum.
#[test]
fn a_step_knows_the_weights_of_the_samples() {
    let weights: Vec<f32> = (0..200_u8).map(|row| f32::from(row % 4)).collect();
    let dataset = dataset([1.0, 1e3, 1e-3]).with_weights(&weights).unwrap();
    let problem = problem(&dataset, Activation::Identity);
    let penalty = Penalty::new(0.0, 0.0, &problem.network);
    let curvature = Curvature::new(&problem, &penalty, RESOLUTION);
    let start = evaluated(&problem, &penalty, problem.network.initial_parameters(1));
    let step = curvature.solve(&start.gradient);
    let moved = start.parameters.iter().zip(&step).map(|(p, step)| p - step);
    let end = evaluated(&problem, &penalty, moved.collect());
    let share = dot(&end.gradient, &end.gradient) / dot(&start.gradient, &start.gradient);
    assert!(share <= 1e-16, "{share:e} is left");
}

#[test]
fn squares_of_standardised_features_are_known() {
    use super::{standardised_squares, sum_squares};
    let dataset = dataset([1.0, 1e3, 1e-3]).standardised(true);
    let problem = problem(&dataset, Activation::Identity);
    let known = standardised_squares(&dataset, dataset.scaling().unwrap());
    let summed = sum_squares(&dataset, problem.network.layer());
    for (known, summed) in known[..4].iter().zip(&summed) {
        assert!((known / summed - 1.0).abs() <= 1e-6, "{known} and {summed}");
    }
}

/// The mean of the weights over the outputs of a softmax costs its penalty alone, so one step takes it away, however
/// large the features are.
#[test]
fn a_step_of_a_softmax_takes_the_mean_of_its_outputs_away() {
    let from = dataset([1e4, 1.0, 1e-3]);
    let (mut inputs, mut targets) = (vec![0.0; 600], vec![0.0; 400]);
    from.read(0..200, &mut inputs, &mut targets);
    for row in targets.chunks_exact_mut(2) {
        row[0] = 1.0 - row[1];
    }
    let dataset = Dataset::from_rows("shares", 3, 2, inputs, targets).unwrap();
    let problem = problem(&dataset, Activation::Softmax);
    let penalty = Penalty::new(0.0, 1e-3, &problem.network);
    let curvature = Curvature::new(&problem, &penalty, RESOLUTION);
    let start = evaluated(&problem, &penalty, problem.network.initial_parameters(1));
    let step = curvature.solve(&start.gradient);
    for j in 0..3 {
        let mean = |of: &[f64]| 0.5 * (of[j] + of[3 + j]);
        let (before, moved) = (mean(&start.parameters), mean(&step));
        assert!(
            (moved / before - 1.0).abs() <= 1e-6,
            "{j}: {moved} of {before}"
        );
    }
}
