//! What leaves f32 only on the way to a sum, and parameters that are no numbers.

use super::bound::Bounds;
use super::check;
use super::steps::{State, check_range};
use crate::backend::{ArithmeticRounding, Backend, Problem};
use crate::cpu::Reference;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::network::{Activation, Hidden, Network};
use crate::objective::{Loss, Objective, Reduction};
use crate::optimizer::{Batches, Memory, UpdateRule};

const ROUNDING: ArithmeticRounding = ArithmeticRounding {
    pre_activation: 3,
    sum: 1000,
    input: 0,
};

/// A thousand rows of one feature `x` and a target of either sign, `t`.
fn rows(x: f32, t: f32) -> Dataset {
    let targets = (0..1000).map(|row| if row % 2 == 0 { t } else { -t });
    Dataset::from_rows("rows", 1, 1, vec![x; 1000], targets.collect()).unwrap()
}

/// The mean of squared errors of one linear output.
fn problem(dataset: &Dataset) -> Problem<'_> {
    Problem {
        dataset,
        network: Network::single_layer(1, 1, true).with_activation(Activation::Identity),
        objective: Objective {
            loss: Loss::SquaredError,
            reduction: Reduction::Mean,
        },
        dropout: None,
    }
}

/// Terms and their means are in the range of f32. A device adds before it divides: that the sums may leave it is told, and no
/// device is blamed.
#[test]
fn sums_beyond_f32_whose_means_are_within_are_told() {
    for (x, t, is_beyond) in [
        // Losses of 5e37, then of 5e34.
        (1.0, 1e19, true),
        (1.0, 3e17, false),
        // Gradients of 1e37, then of 1e34.
        (1e27, 1e10, true),
        (1e24, 1e10, false),
    ] {
        let dataset = rows(x, t);
        let problem = problem(&dataset);
        let open = || Reference::new(problem.clone(), Some(1)).unwrap();
        let checks = check(&problem, &mut open(), ROUNDING, &mut open(), 1e-30);
        match checks {
            Err(Error::BeyondF32 { .. }) => assert!(is_beyond, "{x:e}, {t:e}"),
            Err(error) => panic!("{error}"),
            Ok(checks) => {
                assert!(!is_beyond, "{x:e}, {t:e}: {checks:?}");
                assert!(checks.iter().all(|check| check.within), "{checks:?}");
            }
        }
    }
}

/// An update by a batch adds its own rows alone.
#[test]
fn the_range_of_an_update_is_that_of_its_rows() {
    let dataset = rows(1.0, 2e18);
    let problem = problem(&dataset);
    let bounds = Bounds::new(&problem, ROUNDING);
    let of_size = |size: Option<usize>| -> Result<()> {
        let rule = UpdateRule {
            batches: size.map(|size| Batches { seed: 1, size }),
            ..UpdateRule::gradient_descent(1e-30)
        };
        let mut reference = Reference::new(problem.clone(), Some(1)).unwrap();
        reference.follow(&rule).unwrap();
        let start = State {
            parameters: vec![0.0; 2],
            memory: Memory::new(&rule, 2),
        };
        check_range(
            &problem,
            Some(&bounds),
            &mut reference,
            (&rule, 0..2),
            &start,
        )
    };
    for (size, is_beyond) in [(None, true), (Some(500), true), (Some(10), false)] {
        let told = matches!(of_size(size), Err(Error::BeyondF32 { .. }));
        assert_eq!(told, is_beyond, "{size:?}");
    }
}

/// A device has parameters that are no numbers from elsewhere than the data.
#[test]
fn parameters_that_are_not_finite_fail_checks() {
    for activation in [Activation::Identity, Activation::Softmax] {
        let inputs = vec![1.0, 2.0, 3.0, 4.0];
        let dataset = Dataset::from_rows("rows", 1, 2, inputs, [1.0, 0.0].repeat(4)).unwrap();
        let problem = Problem {
            network: Network::single_layer(1, 2, true).with_activation(activation),
            objective: Objective {
                loss: match activation {
                    Activation::Softmax => Loss::CrossEntropy,
                    _ => Loss::SquaredError,
                },
                reduction: Reduction::Mean,
            },
            ..problem(&dataset)
        };
        let cases = [f64::NAN, f64::INFINITY].map(|wrong| [(wrong, 1), (wrong, 3)]);
        for (wrong, at) in cases.into_iter().flatten() {
            let mut parameters = vec![1.0, 0.5, 0.0, 0.0];
            parameters[at] = wrong;
            let mut device = Reference::new(problem.clone(), Some(1)).unwrap();
            let mut reference = Reference::new(problem.clone(), Some(1)).unwrap();
            device.set_parameters(&parameters).unwrap();
            let checks = check(&problem, &mut device, ROUNDING, &mut reference, 0.1);
            let checks =
                checks.unwrap_or_else(|error| panic!("{activation:?}, {wrong}, {at}: {error}"));
            let failed = checks.iter().filter(|check| !check.within).count();
            assert!(failed > 3, "{activation:?}, {wrong}, {at}: {checks:?}");
        }
    }
}

/// A GELU takes the cube of z: that of 4e15 leaves f32, while z, the activation and the gradient do not.
#[test]
fn what_leaves_f32_within_a_forward_pass_is_told() {
    let dataset = rows(1.0, 1.0);
    let problem = Problem {
        network: (problem(&dataset).network).with_hidden(&Hidden {
            widths: vec![1],
            activation: Activation::Gelu,
        }),
        ..problem(&dataset)
    };
    for (weight, is_beyond) in [(1e12, false), (4e15, true)] {
        let rule = UpdateRule::gradient_descent(1e-30);
        let mut reference = Reference::new(problem.clone(), Some(1)).unwrap();
        reference.follow(&rule).unwrap();
        let start = State {
            parameters: vec![weight, 0.0, 1e-16, 0.0],
            memory: Memory::new(&rule, 4),
        };
        let of_updates = (&rule, 0..1);
        let found = check_range(&problem, None, &mut reference, of_updates, &start);
        let told = matches!(found, Err(Error::BeyondF32 { .. }));
        assert_eq!(told, is_beyond, "{weight:e}: {found:?}");
    }
}
