//! A device with one wrong number, and the check that finds it.

use super::check;
use crate::backend::{
    Backend, BackendKind, Evaluation, Predictions, Problem, Stage, Staged, UpdateSummary,
};
use crate::cpu::Reference;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::network::{Activation, Dropout, Hidden, Mask, Network};
use crate::objective::{Loss, Objective, Reduction};
use crate::optimizer::UpdateRule;
use crate::random::test_numbers;
use rand::RngExt;
use std::ops::Range;

/// What is wrong: the last number of a kind, in the last leaf if leaves have it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Z(usize),
    A(usize),
    E(usize),
    Prediction,
    /// A last pre-activation that is predicted, and in no stage.
    PredictedZ,
    /// The last weight of the first layer.
    FirstGradient,
    /// The last bias of the last layer.
    LastGradient,
    LeafLoss,
    LeafSlope,
    Sum,
    /// Every layer goes without the units of another update.
    OtherMask,
}

/// A right backend but for one number, which is too large by `by`.
struct Shown<'a> {
    right: Reference<'a>,
    problem: &'a Problem<'a>,
    fault: Fault,
    by: f64,
    /// What the last evaluation went without.
    mask: Option<Mask>,
}

impl<'a> Shown<'a> {
    fn new(problem: &'a Problem<'a>, fault: Fault, by: f64) -> Self {
        Self {
            right: Reference::new(problem.clone(), Some(1)).unwrap(),
            problem,
            fault,
            by,
            mask: None,
        }
    }

    fn spoil(&self, fault: Fault, number: Option<&mut f64>) {
        if self.fault == fault {
            *number.expect("a number") += self.by;
        }
    }
}

impl Backend for Shown<'_> {
    fn kind(&self) -> BackendKind {
        self.right.kind()
    }

    fn adapter(&self) -> String {
        self.right.adapter()
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.right.set_parameters(parameters)
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        self.right.parameters()
    }

    fn evaluate_for(&mut self, update: Option<u64>, rows: Option<&[usize]>) -> Result<Evaluation> {
        let shift = u64::from(self.fault == Fault::OtherMask);
        let masked = self.problem.dropout.zip(update);
        self.mask = masked.map(|(dropout, update)| dropout.mask(update + shift));
        let mut whole = self.right.evaluate_for(update, rows)?;
        self.spoil(Fault::Sum, whole.gradient.last_mut());
        Ok(whole)
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        let is_last = leaves.end == self.problem.leaves().count();
        let mut sums = self.right.leaf_evaluations(leaves)?;
        if let Some(last) = sums.last_mut().filter(|_| is_last) {
            let at = self.problem.network.layers()[0].n_weights() - 1;
            self.spoil(Fault::FirstGradient, last.gradient.get_mut(at));
            self.spoil(Fault::LastGradient, last.gradient.last_mut());
            self.spoil(Fault::LeafLoss, Some(&mut last.summary.loss));
            self.spoil(Fault::LeafSlope, Some(&mut last.summary.mean_slope));
        }
        Ok(sums)
    }

    fn follow(&mut self, _: &UpdateRule) -> Result<()> {
        unreachable!("stages are of one pass")
    }

    fn submit(&mut self, _: Range<u64>) -> Result<()> {
        unreachable!("stages are of one pass")
    }

    fn wait(&mut self) -> Result<Vec<UpdateSummary>> {
        unreachable!("stages are of one pass")
    }

    fn queue_depth(&self) -> usize {
        self.right.queue_depth()
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        let mut predictions = self.right.predict(rows)?;
        self.spoil(Fault::Prediction, predictions.prediction.last_mut());
        self.spoil(Fault::PredictedZ, predictions.pre_activation.last_mut());
        Ok(predictions)
    }
}

impl Staged for Shown<'_> {
    fn stages(&mut self, leaf: usize) -> Result<Vec<Stage>> {
        let Problem {
            dataset,
            network,
            objective,
            ..
        } = self.problem;
        let parameters = self.right.parameters()?;
        let layers: Vec<_> = network.parts().collect();
        let mut stages = vec![Stage::default(); layers.len()];
        let mut values = network.values();
        dataset.with_rows(self.problem.leaves().rows(leaf), |read| {
            let targets = read.targets.chunks_exact(dataset.target_width());
            let rows = read.inputs.chunks_exact(dataset.n_inputs()).zip(targets);
            for (place, (x, t)) in (self.problem.leaves().rows(leaf).start..).zip(rows) {
                let mask = self.mask.map(|mask| (mask, place));
                network.forward_but(mask, &parameters, x, &mut values);
                let (t, weight) = t.split_at(network.n_outputs());
                let mut errors: Vec<f64> = (0..t.len())
                    .map(|o| {
                        let (z, y) = (values.pre_activation()[o], values.prediction()[o]);
                        let activation = network.output_layer().activation;
                        let grad_z = objective.loss.grad_z(activation, z, y, f64::from(t[o]));
                        f64::from(weight[0]) * grad_z
                    })
                    .collect();
                for (at, (layer, range)) in layers.iter().enumerate().rev() {
                    stages[at].z.extend(&values.layers[at].z);
                    stages[at].a.extend(&values.layers[at].a);
                    stages[at].e.extend(&errors);
                    if let Some(below) = at.checked_sub(1) {
                        let (weight, _) = layer.split(&parameters[range.clone()]);
                        let (held, activation) =
                            (&values.layers[below], layers[below].0.activation);
                        let error = |i: usize| -> f64 {
                            let column = weight.iter().skip(i).step_by(layer.n_inputs);
                            let sum: f64 = column.zip(&errors).map(|(w, e)| w * e).sum();
                            let mut y = [held.z[i]];
                            activation.apply(&mut y);
                            sum * activation.slope(held.z[i], y[0]) * held.factors[i]
                        };
                        errors = (0..layer.n_inputs).map(error).collect();
                    }
                }
            }
        });
        if leaf + 1 == self.problem.leaves().count() {
            for (at, stage) in stages.iter_mut().enumerate() {
                self.spoil(Fault::Z(at), stage.z.last_mut());
                self.spoil(Fault::A(at), stage.a.last_mut());
                self.spoil(Fault::E(at), stage.e.last_mut());
            }
        }
        Ok(stages)
    }
}

/// The quantities whose checks fail.
fn found((hidden, dropout): (Activation, Option<Dropout>), fault: Fault, by: f64) -> Vec<String> {
    let mut random = test_numbers(5);
    let mut numbers = |n: usize, from: f32| -> Vec<f32> {
        (0..n).map(|_| random.random_range(from..1.0)).collect()
    };
    // Two leaves.
    let rows = Dataset::from_rows("rows", 3, 2, numbers(900, -1.0), numbers(600, 0.0));
    let rows = rows.unwrap().with_weights(&numbers(300, 0.5)).unwrap();
    let network = Network::single_layer(3, 2, true);
    let problem = Problem {
        dataset: &rows,
        network: network
            .with_activation(Activation::Softmax)
            .with_hidden(&Hidden {
                widths: vec![4, 5],
                activation: hidden,
            }),
        objective: Objective {
            loss: Loss::CrossEntropy,
            reduction: Reduction::Sum,
        },
        dropout,
    };
    let mut reference = Reference::new(problem.clone(), Some(1)).unwrap();
    let mut shown = Shown::new(&problem, fault, by);
    let start = problem.network.initial_parameters(1);
    shown.set_parameters(&start).unwrap();
    let (checks, vacuous) = check(&problem, &mut shown, &mut reference, 7).unwrap();
    assert!(vacuous.is_empty(), "{vacuous:?}");
    assert_eq!(shown.parameters().unwrap(), start, "parameters are kept");
    let failed = checks.iter().filter(|check| !check.within);
    failed.map(|check| check.quantity.to_string()).collect()
}

/// Each layer multiplies the bound from the data, until it is as large as the values: it is then said that it promises
/// nothing, and the stages are still checked.
#[test]
fn a_bound_that_promises_nothing_is_no_check() {
    let inputs = vec![1.0, -1.0, 0.5, 0.25];
    let rows = Dataset::from_rows("rows", 2, 1, inputs, vec![1.0, 0.0]).unwrap();
    let rows = rows.with_weights(&[1.0, 2.0]).unwrap();
    for (n_layers, n_vacuous) in [(2, 0), (12, 2)] {
        let network = Network::single_layer(2, 1, true).with_activation(Activation::Identity);
        let problem = Problem {
            dataset: &rows,
            network: network.with_hidden(&Hidden {
                widths: vec![64; n_layers],
                activation: Activation::LeakyRelu,
            }),
            objective: Objective {
                loss: Loss::SquaredError,
                reduction: Reduction::Mean,
            },
            dropout: None,
        };
        let mut reference = Reference::new(problem.clone(), Some(1)).unwrap();
        let mut shown = Shown::new(&problem, Fault::None, 0.0);
        let start = problem.network.initial_parameters(1);
        shown.set_parameters(&start).unwrap();
        let (checks, vacuous) = check(&problem, &mut shown, &mut reference, 0).unwrap();
        assert_eq!(vacuous.len(), n_vacuous, "{vacuous:?}");
        for it in &vacuous {
            assert!(it.bound >= it.value && it.value > 0.0, "{it:?}");
        }
        let from_data = checks.iter().filter(|it| it.quantity.ends_with("the data"));
        assert_eq!(from_data.count(), 2 - n_vacuous, "{checks:?}");
        assert!(checks.iter().all(|check| check.within), "{checks:?}");
        assert!(checks.len() > 10, "{checks:?}");
    }
}

/// Each by what roundings to f32 do not explain, and by what is no number.
#[test]
fn every_wrong_number_is_found_by_its_check() {
    let dropout = Some(Dropout { rate: 0.3, seed: 1 });
    for hidden in [
        (Activation::Tanh, None),
        (Activation::LeakyRelu, None),
        (Activation::Tanh, dropout),
        (Activation::LeakyRelu, dropout),
    ] {
        assert!(found(hidden, Fault::None, 0.0).is_empty(), "{hidden:?}");
        for (fault, by, quantity) in [
            (Fault::Z(0), 1e-5, "z of layer 0"),
            (Fault::Z(1), 1e-5, "z of layer 1"),
            (Fault::Z(2), 1e-5, "z of layer 2"),
            (Fault::A(0), 1e-5, "activation of layer 0"),
            (Fault::A(1), 1e-5, "activation of layer 1"),
            (Fault::E(0), 1e-5, "dloss/dz of layer 0"),
            (Fault::E(1), 1e-5, "dloss/dz of layer 1"),
            (Fault::E(2), 1e-5, "dloss/dz of layer 2"),
            (Fault::Prediction, 1e-5, "prediction y"),
            (Fault::Prediction, 1e-4, "prediction from the data"),
            (Fault::PredictedZ, 1e-4, "z from the data"),
            (Fault::FirstGradient, 1e-3, "leaf gradient of layer 0"),
            (Fault::LastGradient, 1e-3, "leaf gradient of layer 2"),
            (Fault::LeafLoss, 1e-2, "loss of each leaf"),
            (Fault::LeafSlope, 1e-4, "slope of each leaf"),
            (Fault::Sum, 1e-3, "sums over all leaves"),
        ] {
            let quantities = found(hidden, fault, by);
            assert!(
                quantities.iter().any(|it| it == quantity),
                "{hidden:?}, {fault:?}: {quantities:?}"
            );
            let quantities = found(hidden, fault, f64::NAN);
            assert!(
                quantities.iter().any(|it| it == quantity),
                "{hidden:?}, {fault:?} that is no number: {quantities:?}"
            );
        }
    }
}

#[test]
fn units_of_other_updates_are_found() {
    let dropped = (Activation::Gelu, Some(Dropout { rate: 0.3, seed: 1 }));
    assert_eq!(
        found(dropped, Fault::OtherMask, 0.0),
        [
            "activation of layer 0",
            "activation of layer 1",
            "loss of each leaf",
            "slope of each leaf",
            "leaf gradient of layer 2",
            "dloss/dz of layer 1",
            "leaf gradient of layer 1",
            "dloss/dz of layer 0",
            "leaf gradient of layer 0",
        ]
    );
}

/// Losses of 1.25e36 and 1e38 in leaves of 256 rows and 44, and a mean that is no larger: a device adds them before it divides, in a
/// leaf or over all of them.
#[test]
fn sums_beyond_f32_whose_means_are_within_are_told() {
    for (target, is_beyond) in [(1e17, false), (1.58e18, true), (1.4e19, true)] {
        let inputs = (0..300).map(|row| row as f32 / 300.0).collect();
        let rows = Dataset::from_rows("rows", 1, 1, inputs, vec![target; 300]).unwrap();
        let rows = rows.with_weights(&[1.0; 300]).unwrap();
        let network = Network::single_layer(1, 1, true).with_activation(Activation::Identity);
        let problem = Problem {
            dataset: &rows,
            network: network.with_hidden(&Hidden {
                widths: vec![2],
                activation: Activation::Tanh,
            }),
            objective: Objective {
                loss: Loss::SquaredError,
                reduction: Reduction::Mean,
            },
            dropout: None,
        };
        for fault in [Fault::None, Fault::LeafLoss] {
            let mut reference = Reference::new(problem.clone(), Some(1)).unwrap();
            let mut shown = Shown::new(&problem, fault, f64::INFINITY);
            let start = problem.network.initial_parameters(1);
            shown.set_parameters(&start).unwrap();
            let checks = check(&problem, &mut shown, &mut reference, 0);
            let told = matches!(checks, Err(Error::BeyondF32 { .. }));
            // A leaf that is wrong says nothing of the others.
            let of_leaf = target > 1e19;
            let expected = is_beyond && (of_leaf || fault == Fault::None);
            assert_eq!(told, expected, "{target:e}, {fault:?}");
        }
    }
}
