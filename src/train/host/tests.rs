//! Why L-BFGS says that it ends; and its first updates, which tests of other rooms compare.

use super::HostOptimizer;
use crate::backend::{
    Backend, BackendKind, Evaluation, Predictions, Problem, Summary, UpdateSummary,
};
use crate::data::Dataset;
use crate::error::Result;
use crate::objective::Objective;
use crate::optimizer::UpdateRule;
use crate::train::{Progress, StopReason, TrainConfig};
use crate::{Loss, Network, Reduction};
use std::ops::Range;

/// A device that finds one loss everywhere, and a gradient that promises a lower one.
struct Flat {
    parameters: Vec<f64>,
    loss: f64,
    gradient: f64,
}

impl Backend for Flat {
    fn kind(&self) -> BackendKind {
        BackendKind::Cpu
    }

    fn adapter(&self) -> String {
        String::new()
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.parameters = parameters.to_vec();
        Ok(())
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        Ok(self.parameters.clone())
    }

    fn evaluate_for(&mut self, _: Option<u64>, _: Option<&[usize]>) -> Result<Evaluation> {
        Ok(Evaluation {
            summary: Summary {
                loss: self.loss,
                mean_slope: 0.25,
            },
            gradient: vec![self.gradient; self.parameters.len()],
        })
    }

    fn leaf_evaluations(&mut self, _: Range<usize>) -> Result<Vec<Evaluation>> {
        unreachable!("an optimizer asks for no leaf")
    }

    fn follow(&mut self, _: &UpdateRule) -> Result<()> {
        unreachable!("the host makes the updates")
    }

    fn submit(&mut self, _: Range<u64>) -> Result<()> {
        unreachable!("the host makes the updates")
    }

    fn wait(&mut self) -> Result<Vec<UpdateSummary>> {
        unreachable!("the host makes the updates")
    }

    fn queue_depth(&self) -> usize {
        1
    }

    fn predict(&mut self, _: Range<usize>) -> Result<Predictions> {
        unreachable!("an optimizer asks for no predictions")
    }
}

/// Where nothing lower is found, the gradient decides whether that is said to be the minimum.
#[test]
fn rounding_is_blamed_only_if_the_gradient_promises_no_more() {
    let dataset = Dataset::article();
    let problem = Problem {
        dataset: &dataset,
        network: Network::single_layer(3, 1, true),
        objective: Objective {
            loss: Loss::CrossEntropy,
            reduction: Reduction::Mean,
        },
        dropout: None,
    };
    for (loss, gradient, expected) in [
        (1.0, 1e-9, StopReason::Rounding),
        (1.0, 1e-5, StopReason::Stalled),
        (1.0, 1.0, StopReason::Stalled),
        (0.0, 1.0, StopReason::Rounding),
    ] {
        let config = TrainConfig {
            gradient_tolerance: None,
            ..TrainConfig::lbfgs()
        };
        let mut flat = Flat {
            parameters: vec![0.0; 4],
            loss,
            gradient,
        };
        let start = flat.parameters.clone();
        let resolution = flat.precision().resolution();
        let mut optimizer = HostOptimizer::new(&config, &problem, start, resolution);
        let mut progress = Progress::default();
        let stop = (0..100).find_map(|_| {
            let stop = optimizer.make_iteration(&config, &mut flat, &mut progress);
            stop.unwrap()
        });
        assert_eq!(stop, Some(expected), "a gradient of {gradient}");
        let promised = optimizer.promised.unwrap();
        assert!(
            (promised > 4.0 * f64::EPSILON) == (expected == StopReason::Stalled),
            "{gradient}: {promised:e}"
        );
    }
}

/// Makes the first `iterations` updates from the parameters `start`, whatever the tolerances, and leaves the parameters
/// reached in `backend`.
pub(crate) fn update_on_host(
    config: &TrainConfig,
    problem: &Problem<'_>,
    backend: &mut dyn Backend,
    start: Vec<f64>,
    iterations: u64,
) -> Result<()> {
    let config = &TrainConfig {
        gradient_tolerance: None,
        loss_tolerance: None,
        ..config.clone()
    };
    let mut optimizer =
        HostOptimizer::new(config, problem, start, backend.precision().resolution());
    let mut progress = Progress::default();
    while progress.iteration < iterations {
        optimizer.make_iteration(config, backend, &mut progress)?;
        progress.iteration += 1;
    }
    backend.set_parameters(optimizer.parameters())
}
