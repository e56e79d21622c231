//! Steps of long vectors against steps of each parameter.

use super::{Memory, Optimizer, Step, UpdateRule};
use crate::network::{Activation, Hidden, Network};
use crate::parts::PART;
use crate::precision::Precision;
use crate::random::test_numbers;
use rand::RngExt;

fn rule(optimizer: Optimizer) -> UpdateRule {
    let has_l1 = matches!(optimizer, Optimizer::GradientDescent | Optimizer::Momentum);
    UpdateRule {
        optimizer,
        momentum: 0.9,
        weight_decay: 0.3,
        l1: if has_l1 { 0.2 } else { 0.0 },
        average_decay: Some(0.8),
        ..UpdateRule::gradient_descent(0.1)
    }
}

/// The parameters, and what is kept, after two updates from `parameters` by the gradients `gradients`.
fn after(
    rule: &UpdateRule,
    network: &Network,
    mut parameters: Vec<f64>,
    gradients: &[Vec<f64>; 2],
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let penalty = rule.penalty(network);
    let mut memory = Memory::new(rule, parameters.len());
    for (update, gradient) in (0..).zip(gradients) {
        let step = Step {
            rule,
            penalty: &penalty,
            update,
            precision: Precision::F64,
        };
        let of_part = |first, _: &[f64], part: &mut [f64]| {
            part.copy_from_slice(&gradient[first..][..part.len()]);
        };
        step.make(of_part, &mut memory, &mut parameters);
    }
    (parameters, memory.vectors().to_vec())
}

/// Of several parts, and layers that end within one; here, and shared out to threads. The steps of a parameter alone are
/// those of a layer with one weight and one bias, of which it takes the place of one.
#[test]
fn a_long_step_is_that_of_each_parameter() {
    let network = Network::single_layer(40, 3, true).with_hidden(&Hidden {
        widths: vec![300, 70],
        activation: Activation::Relu,
    });
    let alone = Network::single_layer(1, 1, true);
    let n = network.n_parameters();
    assert!(n > 4 * PART, "{n} parameters");
    let mut random = test_numbers(8);
    let mut numbers = || -> Vec<f64> { (0..n).map(|_| random.random_range(-1.0..1.0)).collect() };
    let (start, gradients) = (numbers(), [numbers(), numbers()]);
    let is_weight: Vec<bool> = network
        .parts()
        .flat_map(|(layer, range)| (0..range.len()).map(move |at| at < layer.n_weights()))
        .collect();
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(3)
        .build()
        .unwrap();
    for optimizer in Optimizer::FIRST_ORDER {
        let rule = rule(optimizer);
        let (parameters, memory) = after(&rule, &network, start.clone(), &gradients);
        let shared = threads.install(|| after(&rule, &network, start.clone(), &gradients));
        assert!(
            shared == (parameters.clone(), memory.clone()),
            "{optimizer:?} on threads"
        );
        for at in (0..n).step_by(97).chain([PART - 1, PART, n - 1]) {
            let place = usize::from(!is_weight[at]);
            let of = |numbers: &[f64]| {
                let mut two = vec![0.0; 2];
                two[place] = numbers[at];
                two
            };
            let own = [of(&gradients[0]), of(&gradients[1])];
            let (expected, kept) = after(&rule, &alone, of(&start), &own);
            let found = [std::slice::from_ref(&parameters), &memory[..]].concat();
            let expected = [std::slice::from_ref(&expected), &kept[..]].concat();
            for (found, expected) in found.iter().zip(expected) {
                let bits = [found[at], expected[place]].map(f64::to_bits);
                assert_eq!(bits[0], bits[1], "{optimizer:?}, number {at}");
            }
        }
    }
}

/// Of several parts, whose norm is that of them all.
#[test]
fn a_long_gradient_is_shortened_as_a_whole() {
    let network = Network::single_layer(40, 700, true);
    let n = network.n_parameters();
    assert!(n > 3 * PART, "{n} parameters");
    let rule = UpdateRule {
        clip_norm: Some(0.5),
        ..UpdateRule::gradient_descent(0.1)
    };
    let gradient: Vec<f64> = (0..n).map(|at| at as f64 / n as f64).collect();
    let gradients = [gradient.clone(), vec![0.0; n]];
    let (found, _) = after(&rule, &network, vec![0.0; n], &gradients);
    let norm = gradient.iter().map(|term| term * term).sum::<f64>().sqrt();
    assert!(norm > 50.0, "{norm}");
    for (at, (found, term)) in found.iter().zip(gradient).enumerate() {
        let expected = -0.1 * term * 0.5 / norm;
        // The norm is taken as 1e-6 more than it is.
        let error = (found - expected).abs();
        assert!(
            error <= 2e-8 * expected.abs(),
            "number {at}: {found}, not {expected}"
        );
    }
}
