//! The float64 gradient is the derivative of the float64 loss, and updates go against it.
//!
//! Central differences of the loss in every parameter, at random parameters: an error of sign, of a
//! factor, of the reduction, or of an index shows here without any other implementation.

use crate::common::{Random, problem, random_dataset};
use neuralnet::backend::Backend;
use neuralnet::cpu::{Cpu, gradient_descent};
use neuralnet::{Loss, Reduction};
use std::num::NonZeroU32;

/// The third derivative's share of a central difference is about h², its rounding about 1e-16 / h:
/// both are near 1e-10 of the loss here. A loss summed over N samples is N times as large.
const STEP: f64 = 1e-5;
const TOLERANCE_PER_LOSS: f64 = 1e-8;

#[test]
fn the_gradient_is_the_derivative_of_the_loss() {
    for (n_samples, n_inputs, n_outputs) in [(1, 1, 1), (7, 3, 2), (65, 33, 5)] {
        let dataset = random_dataset(n_samples, n_inputs, n_outputs);
        for loss in [Loss::SquaredError, Loss::CrossEntropy] {
            for reduction in [Reduction::Sum, Reduction::Mean] {
                for bias in [false, true] {
                    let problem = problem(&dataset, loss, reduction, bias);
                    let mut random = Random::new(5);
                    let n_parameters = problem.network.n_parameters();
                    let parameters: Vec<f64> = (0..n_parameters)
                        .map(|_| f64::from(random.next()))
                        .collect();
                    let mut cpu = Cpu::new(problem, None).unwrap();
                    let mut evaluate = |parameters: &[f64]| {
                        cpu.set_parameters(parameters).unwrap();
                        cpu.evaluate().unwrap()
                    };
                    let analytical = evaluate(&parameters);
                    for at in 0..n_parameters {
                        let mut loss_at = |shift: f64| {
                            let mut shifted = parameters.clone();
                            shifted[at] += shift;
                            evaluate(&shifted).summary.loss
                        };
                        let numerical = (loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP);
                        let error = (numerical - analytical.gradient[at]).abs();
                        assert!(
                            error <= TOLERANCE_PER_LOSS * analytical.summary.loss,
                            "{n_samples}x{n_inputs}x{n_outputs} {loss:?} {reduction:?} bias={bias}, parameter {at}: {} but numerically {numerical}",
                            analytical.gradient[at]
                        );
                    }
                }
            }
        }
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
