//! Updates that the host makes, in float64, from the evaluations of a backend.

#[cfg(test)]
pub(super) mod tests;

use super::curvature::Curvature;
use super::quasi_newton::{Iterate, LBfgs};
use super::stop::Convergence;
use super::warm_start::{self, WarmStart};
use super::{Progress, StopReason, TrainConfig};
use crate::backend::{Backend, Evaluation, Problem, Summary};
use crate::error::Result;
use crate::objective::Reduction;
use crate::optimizer::{Memory, Optimizer, Penalty, Step, UpdateRule};
use crate::precision::Precision;
use serde::{Deserialize, Serialize};

/// What the next iterations depend on, beside the parameters.
/// The vectors are apart from what serde reads and writes: a checkpoint keeps them as tensors.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct OptimizerState {
    pub(super) memory: Option<Memory>,
    lbfgs: Option<LBfgs>,
    /// The last evaluation, if it was made at the parameters. L-BFGS moves them afterwards to where a softmax predicts
    /// the same, and another evaluation there would have other roundings.
    evaluated: Option<Iterate>,
    convergence: Convergence,
    warm_start: Option<WarmStart>,
}

impl OptimizerState {
    /// Before the first update. `resolution` is the share of a loss by which two losses have to differ to be told apart.
    pub(super) fn new(rule: &UpdateRule, n_parameters: usize, resolution: f64) -> Self {
        match rule.optimizer {
            Optimizer::LBfgs => Self {
                lbfgs: Some(LBfgs::new(resolution)),
                ..Self::default()
            },
            _ => Self::of_memory(Memory::new(rule, n_parameters)),
        }
    }

    /// Of a first-order method, which keeps `memory` from update to update.
    pub(super) fn of_memory(memory: Memory) -> Self {
        Self {
            memory: Some(memory),
            ..Self::default()
        }
    }

    /// The vectors by their names, each as long as the parameters.
    pub(super) fn vectors_mut(&mut self) -> Vec<(String, &mut Vec<f64>)> {
        let of_memory = self.memory.iter_mut().flat_map(Memory::vectors_mut);
        let of_memory = of_memory.map(|(name, vector)| (name.to_owned(), vector));
        let of_lbfgs = self.lbfgs.iter_mut().flat_map(LBfgs::vectors_mut);
        let gradient = self.evaluated.iter_mut().map(|it| &mut it.gradient);
        let gradient = gradient.map(|vector| ("gradient".to_owned(), vector));
        of_memory.chain(of_lbfgs).chain(gradient).collect()
    }
}

/// The parameters and the method that moves them.
#[derive(Debug)]
pub(super) struct HostOptimizer {
    rule: UpdateRule,
    penalty: Penalty,
    /// What the gradient is held against; `None` if nothing asks for it.
    curvature: Option<Curvature>,
    n_samples: usize,
    /// The share of a loss by which two losses have to differ to be told apart.
    resolution: f64,
    state: OptimizerState,
    /// The parameters, and the last evaluation.
    current: Iterate,
    /// Whether the last evaluation was made at the parameters, on all samples.
    pub(super) is_evaluated: bool,
    /// The share of the loss by which the next step promises to lower it, once a tolerance or L-BFGS ends the training.
    pub(super) promised: Option<f64>,
}

impl HostOptimizer {
    /// Starts from the parameters `start`. Takes a pass over the data if the curvature is needed.
    pub(super) fn new(
        config: &TrainConfig,
        problem: &Problem<'_>,
        start: Vec<f64>,
        resolution: f64,
    ) -> Self {
        let n_parameters = start.len();
        let rule = config.rule();
        let penalty = rule.penalty(&problem.network);
        let asks_for_curvature =
            config.optimizer == Optimizer::LBfgs || config.gradient_tolerance.is_some();
        Self {
            curvature: asks_for_curvature.then(|| Curvature::new(problem, &penalty, resolution)),
            n_samples: problem.dataset.n_samples(),
            resolution,
            state: OptimizerState::new(&rule, n_parameters, resolution),
            current: Iterate::new(&penalty, start, Evaluation::zero(n_parameters)),
            penalty,
            rule,
            is_evaluated: false,
            promised: None,
        }
    }

    pub(super) fn parameters(&self) -> &[f64] {
        &self.current.parameters
    }

    pub(super) fn set_parameters(&mut self, parameters: &[f64]) {
        self.current.parameters.copy_from_slice(parameters);
        self.is_evaluated = false;
    }

    pub(super) fn warm_start(&self) -> Option<WarmStart> {
        self.state.warm_start
    }

    /// What the next iterations depend on.
    pub(super) fn state(&self) -> OptimizerState {
        OptimizerState {
            evaluated: self.is_evaluated.then(|| self.current.clone()),
            ..self.state.clone()
        }
    }

    /// Goes on from `state` at the present parameters. Gives what the last pass there saw of the data, if it is known.
    pub(super) fn set_state(&mut self, mut state: OptimizerState) -> Option<Summary> {
        let evaluated = state.evaluated.take();
        self.state = state;
        let current = evaluated?;
        let parameters = std::mem::take(&mut self.current.parameters);
        self.current = Iterate {
            parameters,
            ..current
        };
        self.is_evaluated = true;
        Some(self.current.summary)
    }

    /// Makes one iteration, or leaves the parameters as they are and says why.
    pub(super) fn make_iteration(
        &mut self,
        config: &TrainConfig,
        backend: &mut dyn Backend,
        progress: &mut Progress,
    ) -> Result<Option<StopReason>> {
        self.warm_up(config, backend)?;
        if !self.is_evaluated {
            backend.set_parameters(&self.current.parameters)?;
            let rows = self.rule.rows(progress.iteration, self.n_samples);
            let evaluation = backend.evaluate_for(Some(progress.iteration), rows.as_deref())?;
            progress.evaluations += 1;
            let parameters = std::mem::take(&mut self.current.parameters);
            let mut current = Iterate::new(&self.penalty, parameters, evaluation);
            if config.optimizer == Optimizer::LBfgs {
                current.center(&self.penalty);
            }
            self.record(current, progress);
            self.is_evaluated = config.batch_size.is_none() && config.dropout == 0.0;
        }
        config.check_loss(progress)?;
        let relative = self.relative_gradient();
        let convergence = &mut self.state.convergence;
        match convergence.reached(config, progress.loss, relative) {
            Some(reason) => {
                self.promised = relative.map(|relative| 0.5 * relative * relative);
                Ok(Some(reason))
            }
            None => self.update(backend, progress),
        }
    }

    /// The size of the gradient, by what is known of the curvature.
    fn relative_gradient(&self) -> Option<f64> {
        let curvature = self.curvature.as_ref()?;
        let gradient = self.current.pseudo_gradient(&self.penalty);
        let promised = match &self.state.lbfgs {
            Some(lbfgs) => lbfgs.promised(curvature, &gradient)?,
            None => curvature.promised(&gradient, self.current.summary.mean_slope),
        };
        Some(curvature.relative_gradient(promised, self.current.objective))
    }

    /// Why L-BFGS, which finds no lower loss, ends, and the share of the loss that its next step promises.
    fn end_of_search(&self, curvature: &Curvature) -> (StopReason, f64) {
        let gradient = self.current.pseudo_gradient(&self.penalty);
        let estimated = curvature.promised(&gradient, self.current.summary.mean_slope);
        let exact = curvature.promised_at(&self.current.parameters, &gradient);
        let promised = exact.unwrap_or(0.0).max(estimated);
        let loss = self.current.objective.abs();
        if loss <= 0.0 {
            // No loss is negative.
            return (StopReason::Rounding, 0.0);
        }
        let reason = match promised <= (self.resolution * loss).max(curvature.least_loss) {
            true => StopReason::Rounding,
            false => StopReason::Stalled,
        };
        (reason, promised / loss.max(curvature.least_loss))
    }

    /// Moves the parameters, unless L-BFGS finds nowhere to go.
    fn update(
        &mut self,
        backend: &mut dyn Backend,
        progress: &mut Progress,
    ) -> Result<Option<StopReason>> {
        let penalty = self.penalty.clone();
        if let Some(memory) = &mut self.state.memory {
            let step = Step {
                rule: &self.rule,
                penalty: &penalty,
                update: progress.iteration,
                precision: Precision::F64,
            };
            let Iterate {
                parameters,
                gradient,
                ..
            } = &mut self.current;
            let of_part = |first, _: &[f64], part: &mut [f64]| {
                part.copy_from_slice(&gradient[first..][..part.len()]);
            };
            step.make(of_part, memory, parameters);
            self.is_evaluated = false;
            return Ok(None);
        }
        let curvature = self.curvature.as_ref().expect("taken for L-BFGS");
        let lbfgs = self.state.lbfgs.as_mut().expect("the other method");
        let next = lbfgs.step(&penalty, curvature, &self.current, &mut |parameters| {
            progress.evaluations += 1;
            backend.set_parameters(&parameters)?;
            // What is evaluated are the parameters as the backend rounds them.
            let parameters = backend.parameters()?;
            Ok(Iterate::new(&penalty, parameters, backend.evaluate()?))
        })?;
        let Some(mut next) = next else {
            let (reason, promised) = self.end_of_search(curvature);
            self.promised = Some(promised);
            return Ok(Some(reason));
        };
        next.center(&penalty);
        self.record(next, progress);
        Ok(None)
    }

    fn record(&mut self, iterate: Iterate, progress: &mut Progress) {
        progress.loss = iterate.objective;
        progress.summary = iterate.summary;
        self.current = iterate;
    }

    /// Before the first iteration of L-BFGS: moves the parameters to about the minimum of the loss of some rows, and
    /// keeps what it learns about the curvature.
    fn warm_up(&mut self, config: &TrainConfig, backend: &mut dyn Backend) -> Result<()> {
        let Some(lbfgs) = &mut self.state.lbfgs else {
            return Ok(());
        };
        if self.state.warm_start.is_some() {
            return Ok(());
        }
        let n_parameters = self.current.parameters.len();
        let Some(rows) = warm_start::rows(config, backend.kind(), self.n_samples, n_parameters)
        else {
            return Ok(());
        };
        let (penalty, mut evaluations) = (self.penalty.clone(), 0);
        // The penalties do not grow with the number of rows, but a sum over them does.
        let scale = match config.reduction {
            Reduction::Sum => self.n_samples as f64 / rows.len() as f64,
            Reduction::Mean => 1.0,
        };
        let mut evaluate = |parameters: Vec<f64>| {
            evaluations += 1;
            backend.set_parameters(&parameters)?;
            let parameters = backend.parameters()?;
            let mut evaluation = backend.evaluate_rows(&rows)?;
            evaluation.summary.loss *= scale;
            let gradient = &mut evaluation.gradient;
            gradient.iter_mut().for_each(|term| *term *= scale);
            Ok(Iterate::new(&penalty, parameters, evaluation))
        };
        let mut current = evaluate(self.current.parameters.clone())?;
        let curvature = self.curvature.as_ref().expect("taken for L-BFGS");
        let tolerance = warm_start::tolerance(rows.len());
        let tolerance = tolerance.max(config.gradient_tolerance.unwrap_or(0.0));
        for _ in 0..warm_start::ITERATIONS {
            let gradient = current.pseudo_gradient(&penalty);
            let promised = lbfgs.promised(curvature, &gradient);
            let is_near =
                |promised| curvature.relative_gradient(promised, current.objective) <= tolerance;
            if !current.loss.is_finite() || promised.is_some_and(is_near) {
                break;
            }
            match lbfgs.step(&penalty, curvature, &current, &mut evaluate)? {
                Some(next) => current = next,
                None => break,
            }
        }
        lbfgs.forget_lowest();
        self.state.warm_start = Some(WarmStart {
            rows: rows.len(),
            evaluations,
        });
        self.current = current;
        Ok(())
    }
}
