//! The float64 gradient is the derivative of the float64 loss, the fast CPU backend computes what the plain
//! reference does, and updates go against the gradient.

use crate::common::{PAIRS, Random, assert_derivative, problem, random_dataset, small_parameters};
use neuralnet::backend::{Backend, Evaluation, Problem};
use neuralnet::cpu::{Cpu, Reference};
use neuralnet::network::Activation;
use neuralnet::optimizer::gradient_descent;
use neuralnet::{Dataset, Loss, Reduction};
use std::num::NonZeroU32;

/// Of a sum's magnitude, its terms taken without their signs: two orders of one sum of n terms differ by about
/// n · 1e-16 of it, and n is a few thousand at most. A wrong term shows as its share of the sum.
const TOLERANCE_OF_MAGNITUDE: f64 = 1e-12;

/// The samples of `dataset` with targets that a softmax can have: one 1 among 0s.
fn with_classes(dataset: &Dataset) -> Dataset {
    let (n_samples, n_outputs) = (dataset.n_samples(), dataset.n_outputs());
    let mut inputs = vec![0.0; n_samples * dataset.n_inputs()];
    let mut targets = vec![0.0; n_samples * n_outputs];
    dataset.read(0..n_samples, &mut inputs, &mut targets);
    for (row, targets) in targets.chunks_exact_mut(n_outputs).enumerate() {
        targets.fill(0.0);
        targets[row * row % n_outputs] = 1.0;
    }
    Dataset::from_rows("classes", dataset.n_inputs(), n_outputs, inputs, targets).unwrap()
}

/// Poses every problem there is on `dataset`: activations with their losses, reductions, with and without a bias
/// and weights of the samples.
fn for_each_problem(dataset: &Dataset, mut check: impl FnMut(&Problem<'_>, &str)) {
    let weights: Vec<f32> = (0..dataset.n_samples())
        .map(|row| ((row + 1) % 4) as f32 * 0.75)
        .collect();
    for weighted in [false, true] {
        for (activation, loss) in PAIRS {
            let mut dataset = match activation {
                Activation::Softmax => with_classes(dataset),
                _ => dataset.clone(),
            };
            if weighted {
                dataset = dataset.with_weights(&weights).unwrap();
            }
            for reduction in [Reduction::Sum, Reduction::Mean] {
                for bias in [false, true] {
                    let mut problem = problem(&dataset, loss, reduction, bias);
                    problem.network = problem.network.with_activation(activation);
                    let what = format!(
                        "{}x{}x{} {loss:?} of {activation:?} {reduction:?} bias={bias} weighted={}",
                        dataset.n_samples(),
                        dataset.n_inputs(),
                        dataset.n_outputs(),
                        dataset.is_weighted()
                    );
                    check(&problem, &what);
                }
            }
        }
    }
}

/// Central differences of the loss in every parameter, at random parameters: an error of sign, of a factor, of the
/// reduction, or of an index shows here without any other implementation.
#[test]
fn the_gradient_is_the_derivative_of_the_loss() {
    for (n_samples, n_inputs, n_outputs) in [(1, 1, 1), (7, 3, 2), (65, 33, 5)] {
        let dataset = random_dataset(n_samples, n_inputs, n_outputs);
        for_each_problem(&dataset, |problem, what| {
            let parameters = small_parameters(problem, 1.0);
            let mut reference = Reference::new(problem.clone(), Some(1)).unwrap();
            assert_derivative(&mut reference, &parameters, &format!("reference, {what}"));
            let mut cpu = Cpu::new(problem.clone(), Some(1)).unwrap();
            assert_derivative(&mut cpu, &parameters, &format!("fast, {what}"));
        });
    }
}

/// Gradient, loss and mean slope over `rows`, every term of a sum taken without its sign, and scaled like an
/// evaluation of them is.
fn magnitudes(problem: &Problem<'_>, parameters: &[f64], rows: &[usize]) -> Evaluation {
    let mut summed = problem.clone();
    summed.objective.reduction = Reduction::Sum;
    let mut of_rows = Reference::new(summed, Some(1)).unwrap();
    of_rows.set_parameters(parameters).unwrap();
    let dataset = problem.dataset;
    let mut weight = rows.len() as f64;
    if dataset.is_weighted() {
        weight = rows.iter().map(|row| ((row + 1) % 4) as f64 * 0.75).sum();
    }
    let scale = match problem.objective.reduction {
        Reduction::Sum => 1.0,
        Reduction::Mean => 1.0 / weight,
    };
    let mut magnitudes = of_rows.evaluate_rows(rows).unwrap();
    // A loss is a sum of nonnegative terms, but a cross-entropy is a difference of numbers of the size of z.
    magnitudes.summary.loss = scale * (magnitudes.summary.loss + 3.0 * weight);
    magnitudes.gradient.fill(0.0);
    for row in rows {
        let of_row = of_rows.evaluate_rows(&[*row]).unwrap();
        for (sum, term) in magnitudes.gradient.iter_mut().zip(&of_row.gradient) {
            *sum += scale * term.abs();
        }
    }
    magnitudes
}

fn assert_close(found: &Evaluation, expected: &Evaluation, magnitudes: &Evaluation, what: &str) {
    let numbers = |evaluation: &Evaluation| {
        let summary = evaluation.summary;
        let mut numbers = evaluation.gradient.clone();
        numbers.extend([summary.loss, summary.mean_slope]);
        numbers
    };
    let (found, expected, magnitudes) = (numbers(found), numbers(expected), numbers(magnitudes));
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let bound = TOLERANCE_OF_MAGNITUDE * magnitudes[at];
        assert!(
            (found - expected).abs() <= bound,
            "{what}, number {at}: {found:e}, not {expected:e}; bound {bound:e}"
        );
    }
}

/// The fast backend against the reference: whole evaluations, leaves, some of the rows, predictions and updates.
/// The shapes have rows and blocks of every remainder; the last one has several leaves.
#[test]
fn the_fast_backend_computes_what_the_reference_does() {
    const RATE: f64 = 0.01;
    let iterations = NonZeroU32::new(2).unwrap();
    for (n_samples, n_inputs, n_outputs) in [
        (1, 1, 1),
        (7, 3, 2),
        (65, 33, 5),
        (257, 64, 1),
        (2100, 65, 2),
    ] {
        let dataset = random_dataset(n_samples, n_inputs, n_outputs);
        let leaves = dataset.leaves();
        assert_eq!(leaves.count() > 1, n_samples == 2100, "leaves of the shape");
        for_each_problem(&dataset, |problem, what| {
            let parameters = small_parameters(problem, 1.0);
            let mut fast = Cpu::new(problem.clone(), None).unwrap();
            let mut reference = Reference::new(problem.clone(), None).unwrap();
            fast.set_parameters(&parameters).unwrap();
            reference.set_parameters(&parameters).unwrap();

            let all: Vec<usize> = (0..n_samples).collect();
            let magnitude = magnitudes(problem, &parameters, &all);
            let expected = reference.evaluate().unwrap();
            assert_close(&fast.evaluate().unwrap(), &expected, &magnitude, what);
            let leaves = 0..leaves.count();
            let found = fast.leaf_evaluations(leaves.clone()).unwrap();
            let expected = reference.leaf_evaluations(leaves).unwrap();
            assert_eq!(found.len(), expected.len(), "{what}");
            for (found, expected) in found.iter().zip(&expected) {
                assert_close(found, expected, &magnitude, &format!("leaf, {what}"));
            }
            let some: Vec<usize> = (0..n_samples.min(300)).rev().step_by(3).collect();
            assert_close(
                &fast.evaluate_rows(&some).unwrap(),
                &reference.evaluate_rows(&some).unwrap(),
                &magnitudes(problem, &parameters, &some),
                &format!("some rows, {what}"),
            );
            let rows = n_samples / 3..n_samples;
            let found = fast.predict(rows.clone()).unwrap();
            assert_eq!(found, reference.predict(rows).unwrap(), "{what}");

            let found = fast.advance(iterations, RATE).unwrap();
            let expected = reference.advance(iterations, RATE).unwrap();
            let difference = (found.loss - expected.loss).abs();
            let bound = TOLERANCE_OF_MAGNITUDE * magnitude.summary.loss;
            assert!(difference <= bound, "{what}: the losses of an update");
            let parameters = reference.parameters().unwrap();
            for (at, found) in fast.parameters().unwrap().iter().enumerate() {
                let difference = (found - parameters[at]).abs();
                // Both updates add what the gradients differ by.
                let bound = TOLERANCE_OF_MAGNITUDE * (1.0 + magnitude.gradient[at]);
                assert!(difference <= bound, "{what}: parameter {at} after updates");
            }
        });
    }
}

/// Few rows, one leaf and several each have updates of their own; against gradients evaluated one by one
/// they differ by roundings.
#[test]
fn updates_go_against_the_gradient() {
    const RATE: f64 = 0.3;
    let iterations = NonZeroU32::new(3).unwrap();
    for (n_samples, n_inputs, n_outputs) in [
        (1, 1, 1),
        (3, 3, 1),
        (8, 5, 2),
        (9, 3, 1),
        (65, 33, 5),
        (5000, 64, 1),
    ] {
        let dataset = random_dataset(n_samples, n_inputs, n_outputs);
        for loss in [Loss::SquaredError, Loss::CrossEntropy] {
            for bias in [false, true] {
                let problem = problem(&dataset, loss, Reduction::Mean, bias);
                let mut random = Random::new(6);
                let start: Vec<f64> = (0..problem.network.n_parameters())
                    .map(|_| f64::from(random.next()))
                    .collect();
                let mut cpu = Cpu::new(problem, None).unwrap();
                let mut expected = start.clone();
                for _ in 0..iterations.get() {
                    cpu.set_parameters(&expected).unwrap();
                    let gradient = cpu.evaluate().unwrap().gradient;
                    gradient_descent(RATE, &gradient, &mut expected);
                }
                cpu.set_parameters(&start).unwrap();
                cpu.advance(iterations, RATE).unwrap();
                for (at, (found, expected)) in
                    cpu.parameters().unwrap().iter().zip(&expected).enumerate()
                {
                    assert!(
                        (found - expected).abs() <= 1e-13,
                        "{n_samples}x{n_inputs}x{n_outputs} {loss:?} bias={bias}, parameter {at}: {found}, not {expected}"
                    );
                }
            }
        }
    }
}
