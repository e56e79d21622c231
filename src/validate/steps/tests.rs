//! A device with one wrong number, and the check that finds it.

use super::{check, make};
use crate::backend::{Backend, BackendKind, Evaluation, Predictions, Problem, UpdateSummary};
use crate::cpu::Reference;
use crate::data::Dataset;
use crate::error::{Error, Remedy, Result};
use crate::network::{Activation, Dropout, Hidden, Network};
use crate::objective::{Loss, Objective, Reduction};
use crate::optimizer::{Batches, Memory, Optimizer, UpdateRule};
use crate::random::test_numbers;
use crate::validate::gathered::evaluation;
use rand::RngExt;
use std::ops::Range;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// The last parameter after one update.
    Parameter,
    /// The last number that the optimizer keeps after one update.
    Kept,
    /// The last parameter after two updates at once.
    TwoParameters,
    /// The last number kept after two updates at once.
    TwoKept,
    /// The loss that an update reports.
    Loss,
    /// The slope that an update reports.
    Slope,
    /// The penalty that an update reports.
    Penalty,
    /// The last number of the gradient of a batch.
    Gradient,
    /// Updates go without the units of others, and are of other rows.
    OtherUpdates,
}

/// A reference, but for the fault.
struct Device<'a> {
    right: Reference<'a>,
    fault: Fault,
    by: f64,
}

impl Device<'_> {
    fn spoil(&self, fault: Fault, number: Option<&mut f64>) {
        if let Some(number) = number.filter(|_| self.fault == fault) {
            *number += self.by;
        }
    }
}

impl Backend for Device<'_> {
    fn kind(&self) -> BackendKind {
        BackendKind::Gpu
    }

    fn adapter(&self) -> String {
        String::new()
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.right.set_parameters(parameters)
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        self.right.parameters()
    }

    fn evaluate_for(&mut self, update: Option<u64>, rows: Option<&[usize]>) -> Result<Evaluation> {
        let mut evaluation = self.right.evaluate_for(update, rows)?;
        if rows.is_some() {
            self.spoil(Fault::Gradient, evaluation.gradient.last_mut());
        }
        Ok(evaluation)
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        self.right.leaf_evaluations(leaves)
    }

    fn follow(&mut self, rule: &UpdateRule) -> Result<()> {
        self.right.follow(rule)
    }

    fn submit(&mut self, updates: Range<u64>) -> Result<()> {
        let [of_parameters, of_memory] = match updates.end - updates.start {
            1 => [Fault::Parameter, Fault::Kept],
            _ => [Fault::TwoParameters, Fault::TwoKept],
        };
        let shift = u64::from(self.fault == Fault::OtherUpdates);
        self.right
            .submit(updates.start + shift..updates.end + shift)?;
        let (mut parameters, mut memory) = (self.parameters()?, self.memory()?);
        let last = memory.vectors_mut().last();
        self.spoil(of_parameters, parameters.last_mut());
        self.spoil(of_memory, last.and_then(|(_, vector)| vector.last_mut()));
        self.right.set_parameters(&parameters)?;
        self.right.set_memory(&memory)
    }

    fn wait(&mut self) -> Result<Vec<UpdateSummary>> {
        let mut seen = self.right.wait()?;
        for seen in &mut seen {
            self.spoil(Fault::Loss, Some(&mut seen.summary.loss));
            self.spoil(Fault::Slope, Some(&mut seen.summary.mean_slope));
            self.spoil(Fault::Penalty, Some(&mut seen.penalty));
        }
        Ok(seen)
    }

    fn memory(&mut self) -> Result<Memory> {
        self.right.memory()
    }

    fn set_memory(&mut self, memory: &Memory) -> Result<()> {
        self.right.set_memory(memory)
    }

    fn queue_depth(&self) -> usize {
        1
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        self.right.predict(rows)
    }
}

/// The checks that a device by `rule` fails with a number that is off by `by`; what leaves f32 is an error.
fn found(
    (rule, dropout): (&UpdateRule, Option<Dropout>),
    fault: Fault,
    by: f64,
) -> Result<Vec<String>> {
    let mut random = test_numbers(3);
    let mut numbers =
        |n: usize| -> Vec<f32> { (0..n).map(|_| random.random_range(-1.0..1.0)).collect() };
    let dataset = Dataset::from_rows("rows", 4, 2, numbers(120), numbers(60)).unwrap();
    let problem = Problem {
        dataset: &dataset,
        network: Network::single_layer(4, 2, true)
            .with_activation(Activation::Identity)
            .with_hidden(&Hidden {
                widths: vec![5],
                activation: Activation::Tanh,
            }),
        objective: Objective {
            loss: Loss::SquaredError,
            reduction: Reduction::Mean,
        },
        dropout,
    };
    // 24 bits of each, which a GPU would hold.
    let start = problem.network.parameters_from(1, None);
    let start: Vec<f64> = start
        .iter()
        .map(|it| (it * 16_777_216.0).round() / 16_777_216.0)
        .collect();
    let mut reference = Reference::new(problem.clone(), Some(1)).unwrap();
    let mut device = Device {
        right: Reference::new(problem.clone(), Some(1)).unwrap(),
        fault: Fault::None,
        by,
    };
    reference.follow(rule).unwrap();
    device.follow(rule).unwrap();
    device.set_parameters(&start).unwrap();
    make(&mut device, 0..3).unwrap();
    device.fault = fault;
    let before = (device.parameters().unwrap(), device.memory().unwrap());
    let evaluate_alone = |problem: Problem<'_>, parameters: &[f64], update| {
        let seen = evaluation(&mut Reference::new(problem, Some(1))?, parameters, update)?;
        Ok((seen, Vec::new()))
    };
    let both = (&mut device, &mut reference as &mut dyn Backend);
    let checks = check(&problem, None, both, (rule, 3), &evaluate_alone);
    let after = (device.parameters().unwrap(), device.memory().unwrap());
    assert_eq!(after, before, "what the device holds is kept");
    let checks = checks?;
    let failed = checks.iter().filter(|check| !check.within);
    Ok(failed.map(|check| check.quantity.to_string()).collect())
}

/// By each optimizer, with and without clipping, penalties, batches and dropout: a right device passes, and whatever
/// roundings to f32 do not explain is found by the check that is there for it.
#[test]
fn every_wrong_number_is_found_by_its_check() {
    let plain = (UpdateRule::gradient_descent(0.01), None);
    let mut rules = vec![plain];
    for (number, optimizer) in Optimizer::FIRST_ORDER.into_iter().enumerate() {
        for clip_norm in [None, Some(0.1), Some(100.0)] {
            let rule = UpdateRule {
                optimizer,
                momentum: 0.9,
                weight_decay: if optimizer == Optimizer::AdamW {
                    0.1
                } else {
                    0.0
                },
                clip_norm,
                l1: if number < 2 { 0.01 } else { 0.0 },
                l2: if number % 2 == 0 { 0.01 } else { 0.0 },
                average_decay: clip_norm.map(|_| 0.9),
                warm_up: 10,
                batches: (number % 2 == 1).then_some(Batches { seed: 1, size: 11 }),
                ..UpdateRule::gradient_descent(0.01)
            };
            let dropout = (number % 3 == 0).then_some(Dropout { rate: 0.5, seed: 1 });
            rules.push((rule, dropout));
        }
    }
    for (rule, dropout) in &rules {
        let found = |fault, by| found((rule, *dropout), fault, by).unwrap();
        let what = format!("{:?}, {:?}, {dropout:?}", rule.optimizer, rule.clip_norm);
        assert!(found(Fault::None, 0.0).is_empty(), "{what}");
        for (fault, by, quantity) in [
            (Fault::Parameter, 1e-6, "updated parameters"),
            (Fault::Kept, 1e-3, "optimizer memory"),
            (Fault::TwoParameters, 1e-9, "two updates at once"),
            (Fault::TwoKept, 1e-9, "two updates at once"),
            (Fault::Loss, 1e-9, "progress"),
            (Fault::Slope, 1e-9, "progress"),
            (Fault::Penalty, 1e-5, "penalty"),
            (Fault::Gradient, 1e-9, "gradient of a batch"),
        ] {
            if fault == Fault::Gradient && rule.batches.is_none() {
                continue;
            }
            let is_penalised = rule.l1 > 0.0 || rule.l2 > 0.0;
            if !is_penalised && fault == Fault::Penalty {
                continue;
            }
            let keeps = !rule.optimizer.memory().is_empty() || rule.average_decay.is_some();
            if !keeps && matches!(fault, Fault::Kept | Fault::TwoKept) {
                continue;
            }
            for by in [by, f64::NAN, f64::INFINITY] {
                let quantities = found(fault, by);
                let is_found = quantities.iter().any(|it| it == quantity);
                assert!(is_found, "{what}, {fault:?} by {by}: {quantities:?}");
            }
        }
        if rule.batches.is_some() || dropout.is_some() {
            let quantities = found(Fault::OtherUpdates, 0.0);
            for quantity in ["updated parameters", "progress"] {
                let is_found = quantities.iter().any(|it| it == quantity);
                assert!(is_found, "{what}: {quantities:?}");
            }
        }
    }
}

/// Where an update of the reference may leave f32 no bound says anything, and that is said with the number that does it. A
/// device is not to blame for that, but for a number that it alone has.
#[test]
fn what_leaves_f32_in_an_update_is_told_with_its_cause() {
    let adam = UpdateRule {
        optimizer: Optimizer::Adam,
        ..UpdateRule::gradient_descent(0.01)
    };
    for (rule, cause, remedy) in [
        (
            UpdateRule {
                l2: 1e21,
                ..adam.clone()
            },
            "the gradient of a ",
            Remedy::Lower("l2"),
        ),
        (
            UpdateRule {
                clip_norm: Some(3e38),
                ..adam
            },
            "the largest norm, 3.00e38, is ",
            Remedy::Lower("clip_norm"),
        ),
    ] {
        for (fault, by) in [(Fault::None, 0.0), (Fault::Parameter, f64::NAN)] {
            let error = found((&rule, None), fault, by).unwrap_err();
            assert!(matches!(error, Error::BeyondF32 { .. }), "{error}");
            assert!(error.to_string().contains(cause), "{error}");
            assert!(error.remedies().contains(&remedy), "{error}");
        }
    }
}
