//! A device with one wrong number, and the check that finds it.

use super::check;
use crate::backend::{Backend, BackendKind, Evaluation, Predictions, Problem, Seen};
use crate::cpu::Reference;
use crate::data::Dataset;
use crate::error::Result;
use crate::network::{Activation, Hidden, Network};
use crate::objective::{Loss, Objective, Reduction};
use crate::optimizer::{Batches, Memory, Optimizer, Step, UpdateRule};
use crate::precision::Precision;
use crate::random::test_numbers;
use crate::validate::gathered::seen;
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
    /// The last number of the gradient of a batch.
    Gradient,
}

/// A reference that makes updates by itself, but for the fault.
struct Device<'a> {
    right: Reference<'a>,
    problem: &'a Problem<'a>,
    rule: UpdateRule,
    memory: Memory,
    seen: Seen,
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

    fn follow(&mut self, _: &UpdateRule) -> Result<bool> {
        Ok(true)
    }

    fn submit(&mut self, updates: Range<u64>) -> Result<()> {
        let penalty = self.rule.penalty(&self.problem.network);
        let is_one = updates.end - updates.start == 1;
        for update in updates {
            let Evaluation {
                summary,
                mut gradient,
            } = match self.rule.batches {
                None => self.evaluate()?,
                Some(batches) => {
                    self.evaluate_rows(&batches.rows(update, self.problem.dataset.n_samples()))?
                }
            };
            let mut parameters = self.parameters()?;
            penalty.add_l2_gradient(0, &parameters, &mut gradient);
            let step = Step {
                rule: &self.rule,
                penalty: &penalty,
                update,
                precision: Precision::F64,
            };
            let of_part = |first, _: &[f64], part: &mut [f64]| {
                part.copy_from_slice(&gradient[first..][..part.len()]);
            };
            step.make(of_part, &mut self.memory, &mut parameters);
            self.seen.summary = summary;
            self.right.set_parameters(&parameters)?;
        }
        let mut parameters = self.parameters()?;
        let mut memory = self.memory.clone();
        let last = memory
            .vectors_mut()
            .last()
            .and_then(|(_, vector)| vector.last_mut());
        match is_one {
            true => {
                self.spoil(Fault::Parameter, parameters.last_mut());
                self.spoil(Fault::Kept, last);
            }
            false => {
                self.spoil(Fault::TwoParameters, parameters.last_mut());
                self.spoil(Fault::TwoKept, last);
            }
        }
        self.memory = memory;
        self.right.set_parameters(&parameters)
    }

    fn wait(&mut self) -> Result<Vec<Seen>> {
        let mut seen = self.seen;
        self.spoil(Fault::Loss, Some(&mut seen.summary.loss));
        self.spoil(Fault::Slope, Some(&mut seen.summary.mean_slope));
        Ok(vec![seen])
    }

    fn memory(&mut self) -> Result<Memory> {
        Ok(self.memory.clone())
    }

    fn set_memory(&mut self, memory: &Memory) -> Result<()> {
        self.memory = memory.clone();
        Ok(())
    }

    fn queue_depth(&self) -> usize {
        1
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        self.right.predict(rows)
    }
}

/// The checks that a device by `rule` fails with a number that is off by `by`.
fn found(rule: &UpdateRule, fault: Fault, by: f64) -> Vec<String> {
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
        dropout: None,
    };
    // 24 bits of each, which a GPU would hold.
    let start = problem.network.parameters_from(1, None);
    let start: Vec<f64> = start
        .iter()
        .map(|it| (it * 16_777_216.0).round() / 16_777_216.0)
        .collect();
    let mut device = Device {
        right: Reference::new(problem.clone(), Some(1)).unwrap(),
        problem: &problem,
        memory: Memory::new(rule, start.len()),
        rule: rule.clone(),
        seen: Seen::default(),
        fault: Fault::None,
        by,
    };
    device.set_parameters(&start).unwrap();
    device.submit(0..3).unwrap();
    device.fault = fault;
    let before = (device.parameters().unwrap(), device.memory().unwrap());
    let elsewhere = |problem: Problem<'_>, parameters: &[f64], update| {
        seen(Reference::new(problem, Some(1))?, parameters, update)
    };
    let checks = check(&problem, &mut device, (rule, 3), &elsewhere).unwrap();
    let after = (device.parameters().unwrap(), device.memory().unwrap());
    assert_eq!(after, before, "what the device holds is kept");
    let failed = checks.iter().filter(|check| !check.within);
    failed.map(|check| check.quantity.to_string()).collect()
}

/// By each optimizer, with and without clipping, penalties and batches: a right device passes, and whatever roundings to
/// f32 do not explain is found by the check that is there for it.
#[test]
fn every_wrong_number_is_found_by_its_check() {
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
            let what = format!("{optimizer:?}, {clip_norm:?}");
            assert!(found(&rule, Fault::None, 0.0).is_empty(), "{what}");
            for (fault, by, quantity) in [
                (Fault::Parameter, 1e-6, "stepped parameters"),
                (Fault::Kept, 1e-3, "optimizer memory"),
                (Fault::TwoParameters, 1e-9, "two steps at once"),
                (Fault::TwoKept, 1e-9, "two steps at once"),
                (Fault::Loss, 1e-9, "progress of steps"),
                (Fault::Slope, 1e-9, "progress of steps"),
                (Fault::Gradient, 1e-9, "gradient of a batch"),
            ] {
                if fault == Fault::Gradient && rule.batches.is_none() {
                    continue;
                }
                let keeps = !optimizer.memory().is_empty() || clip_norm.is_some();
                if !keeps && matches!(fault, Fault::Kept | Fault::TwoKept) {
                    continue;
                }
                for by in [by, f64::NAN] {
                    let quantities = found(&rule, fault, by);
                    let is_found = quantities.iter().any(|it| it == quantity);
                    assert!(is_found, "{what}, {fault:?} by {by}: {quantities:?}");
                }
            }
        }
    }
}
