//! Validation sees a fault when there is one.
//!
//! A backend that is right but for one fault at a time, each as small as faults get: one row of
//! 5,000, one component, one update. Every one must be found, by the check that is there for it, and
//! a backend without a fault must pass. (What the shaders themselves may get wrong is tried in the other
//! tests, on a real adapter.)

use crate::common::{problem, random_dataset};
use neuralnet::backend::{
    ArithmeticRounding, Backend, BackendKind, Evaluation, Predictions, UpdateSummary,
};
use neuralnet::cpu::Cpu;
use neuralnet::optimizer::UpdateRule;
use neuralnet::validate::check;
use neuralnet::{Dataset, Loss, Reduction, Result};
use std::ops::Range;

const N_SAMPLES: usize = 5000;

/// About what a GPU has for this shape.
const ROUNDING: ArithmeticRounding = ArithmeticRounding {
    pre_activation: 9,
    sum: 80,
    input: 0,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// The sums of the last leaf lack its last row.
    LastRow,
    GradientSign,
    NanInGradient,
    NanInPrediction,
    /// The last prediction is the one before.
    StalePrediction,
    /// A pre-activation is off by what f32 cannot explain.
    PreActivation,
    Loss,
    MeanSlope,
    BiasGradient,
    NoUpdate,
    UpdateSign,
    LastParameterNotUpdated,
    /// Of several updates asked for at once, one is not made.
    OneUpdateShort,
}

struct Faulty<'a> {
    right: Cpu<'a>,
    /// The same problem without its last row.
    short: Cpu<'a>,
    fault: Fault,
}

impl Backend for Faulty<'_> {
    fn kind(&self) -> BackendKind {
        BackendKind::Gpu
    }

    fn adapter(&self) -> String {
        self.right.adapter()
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.short.set_parameters(parameters)?;
        self.right.set_parameters(parameters)
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        self.right.parameters()
    }

    fn evaluate_for(&mut self, update: Option<u64>, rows: Option<&[usize]>) -> Result<Evaluation> {
        let mut evaluation = self.right.evaluate_for(update, rows)?;
        match self.fault {
            Fault::GradientSign => evaluation.gradient[0] *= -1.0,
            Fault::NanInGradient => evaluation.gradient[1] = f64::NAN,
            Fault::BiasGradient => *evaluation.gradient.last_mut().expect("a bias") = 0.0,
            Fault::Loss => evaluation.summary.loss *= 1.01,
            Fault::MeanSlope => {
                evaluation.summary.mean_slope = 0.25 - evaluation.summary.mean_slope
            }
            _ => {}
        }
        Ok(evaluation)
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        let mut evaluations = self.right.leaf_evaluations(leaves.clone())?;
        if self.fault == Fault::LastRow {
            let ratio = (N_SAMPLES - 1) as f64 / N_SAMPLES as f64;
            let last = leaves.end - 1;
            evaluations.pop();
            for mut evaluation in self.short.leaf_evaluations(last..last + 1)? {
                evaluation.gradient.iter_mut().for_each(|sum| *sum *= ratio);
                evaluation.summary.loss *= ratio;
                evaluation.summary.mean_slope *= ratio;
                evaluations.push(evaluation);
            }
        }
        Ok(evaluations)
    }

    fn follow(&mut self, rule: &UpdateRule) -> Result<()> {
        self.right.follow(rule)
    }

    fn submit(&mut self, updates: Range<u64>) -> Result<()> {
        let before = self.right.parameters()?;
        let n_updates = updates.end - updates.start;
        let short = self.fault == Fault::OneUpdateShort && n_updates > 1;
        self.right
            .submit(updates.start..updates.end - u64::from(short))?;
        let mut after = self.right.parameters()?;
        match self.fault {
            Fault::NoUpdate => after.copy_from_slice(&before),
            Fault::UpdateSign => {
                for (after, before) in after.iter_mut().zip(&before) {
                    *after = 2.0 * before - *after;
                }
            }
            Fault::LastParameterNotUpdated => {
                *after.last_mut().expect("parameters") = *before.last().expect("parameters");
            }
            _ => {}
        }
        self.right.set_parameters(&after)
    }

    fn wait(&mut self) -> Result<Vec<UpdateSummary>> {
        self.right.wait()
    }

    fn queue_depth(&self) -> usize {
        self.right.queue_depth()
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        let mut predictions = self.right.predict(rows.clone())?;
        let last = rows.len() - 1;
        match self.fault {
            Fault::NanInPrediction => predictions.prediction[last] = f64::NAN,
            Fault::StalePrediction => {
                predictions.prediction[last] = predictions.prediction[last - 1]
            }
            Fault::PreActivation => predictions.pre_activation[0] += 1e-5,
            _ => {}
        }
        Ok(predictions)
    }
}

/// The quantities whose checks failed.
fn found(fault: Fault, first_parameter: Option<f64>) -> Vec<String> {
    let dataset = random_dataset(N_SAMPLES, 32, 1);
    let (mut inputs, mut targets) = (vec![0.0; (N_SAMPLES - 1) * 32], vec![0.0; N_SAMPLES - 1]);
    dataset.read(0..N_SAMPLES - 1, &mut inputs, &mut targets);
    let short = Dataset::from_rows("short", 32, 1, inputs, targets).expect("rows of a data set");
    let cpu = |dataset| {
        let problem = problem(dataset, Loss::CrossEntropy, Reduction::Mean, true);
        Cpu::new(problem, None).expect("a small problem")
    };
    let mut faulty = Faulty {
        right: cpu(&dataset),
        short: cpu(&short),
        fault,
    };
    let problem = problem(&dataset, Loss::CrossEntropy, Reduction::Mean, true);
    let mut parameters = problem.network.initial_parameters(1);
    if let Some(first) = first_parameter {
        parameters[0] = first;
    }
    faulty
        .set_parameters(&parameters)
        .expect("the CPU takes any");
    let checks = check(&problem, &mut faulty, ROUNDING, &mut cpu(&dataset), 0.1)
        .expect("the CPU does not fail");
    assert_eq!(checks.len(), 10, "{checks:#?}");
    let failed = checks.iter().filter(|check| !check.within);
    failed.map(|check| check.quantity.to_string()).collect()
}

#[test]
fn every_fault_is_found_by_its_check() {
    for (fault, expected) in [
        (Fault::None, &[][..]),
        (Fault::LastRow, &["sums of each leaf"]),
        (
            Fault::GradientSign,
            &["gradient of weight", "updated parameters"],
        ),
        (
            Fault::NanInGradient,
            &["gradient of weight", "updated parameters"],
        ),
        (Fault::NanInPrediction, &["prediction y"]),
        (Fault::StalePrediction, &["prediction y"]),
        (Fault::PreActivation, &["pre-activation z"]),
        (Fault::Loss, &["loss", "progress"]),
        (Fault::MeanSlope, &["mean slope dy/dz", "progress"]),
        (
            Fault::BiasGradient,
            &["gradient of bias", "updated parameters"],
        ),
        (Fault::NoUpdate, &["updated parameters"]),
        (
            Fault::UpdateSign,
            &["updated parameters", "two updates at once"],
        ),
        (
            Fault::LastParameterNotUpdated,
            &["updated parameters", "two updates at once"],
        ),
        (Fault::OneUpdateShort, &["two updates at once"]),
    ] {
        assert_eq!(found(fault, None), expected, "{fault:?}");
    }
}

/// A device that has lost its parameters is at fault, not the range of the data.
#[test]
fn parameters_that_are_not_numbers_are_found() {
    let found = found(Fault::None, Some(f64::NAN));
    for quantity in [
        "pre-activation z",
        "gradient of weight",
        "loss",
        "updated parameters",
    ] {
        assert!(
            found.iter().any(|it| it == quantity),
            "{quantity} is not in {found:?}"
        );
    }
}
