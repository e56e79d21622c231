//! Updates that the host makes, in float64, from the evaluations of a backend.

use super::batch;
use super::checkpoint::Checkpoint;
use super::config::TrainConfig;
use super::optimizer::{Adam, LBfgs, Momentum, Optimizer, Pair, Point};
use super::pace::Pace;
use super::penalty::Penalty;
use super::stop::{Convergence, StopReason};
use super::warm_start::{self, WarmStart};
use crate::backend::{Backend, Evaluation, Summary};
use crate::cpu::gradient_descent;
use crate::error::Result;
use crate::objective::Reduction;
use std::num::NonZeroU32;
use std::path::Path;

/// The method, with what it remembers.
#[derive(Debug)]
enum Method {
    GradientDescent,
    Momentum(Momentum),
    Adam(Adam),
    LBfgs(LBfgs),
}

/// The parameters and the method that moves them.
#[derive(Debug)]
pub(super) struct Host {
    method: Method,
    penalty: Penalty,
    convergence: Convergence,
    /// Rows on which it is still to begin.
    warm_start_rows_read: Option<Vec<usize>>,
    n_samples: usize,
    warm_start: Option<WarmStart>,
    parameters: Vec<f64>,
    /// The evaluation at the parameters, once there is one.
    here: Option<Point>,
    /// What is minimised, and what the pass saw, where the last evaluation that counts looked.
    seen: (f64, Summary),
    evaluations: u64,
    /// Whether the last iteration left the parameters where they were.
    stands: bool,
}

impl Host {
    pub(super) fn new(
        config: &TrainConfig,
        penalty: Penalty,
        start: Vec<f64>,
        backend: &dyn Backend,
        n_samples: usize,
    ) -> Self {
        let n_parameters = start.len();
        let resolution = backend.resolution();
        let unseen = Summary {
            loss: f64::NAN,
            mean_slope: f64::NAN,
        };
        Self {
            method: match config.optimizer {
                Optimizer::GradientDescent => Method::GradientDescent,
                Optimizer::Momentum => Method::Momentum(Momentum::new(n_parameters)),
                Optimizer::Adam => Method::Adam(Adam::new(n_parameters)),
                Optimizer::LBfgs => Method::LBfgs(LBfgs::new(resolution)),
            },
            penalty,
            convergence: Convergence::new(n_parameters),
            warm_start_rows_read: warm_start::rows(config, backend, n_samples, n_parameters),
            n_samples,
            warm_start: None,
            parameters: start,
            here: None,
            seen: (f64::NAN, unseen),
            evaluations: 0,
            stands: false,
        }
    }

    /// How many iterations to make between two looks, where `left` are left: those of L-BFGS are few and long.
    pub(super) fn batch(&self, pace: Pace, left: u64) -> Option<NonZeroU32> {
        match self.method {
            Method::LBfgs(_) => (left > 0).then_some(NonZeroU32::MIN),
            _ => pace.batch(left),
        }
    }

    pub(super) fn parameters(&self) -> &[f64] {
        &self.parameters
    }

    /// What it began on, once it has.
    pub(super) fn warm_start(&self) -> Option<WarmStart> {
        self.warm_start
    }

    pub(super) fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// What is minimised, and what the pass saw, where the last evaluation that counts looked.
    pub(super) fn seen(&self) -> (f64, Summary) {
        self.seen
    }

    /// Whether the last iteration left the parameters where they were.
    pub(super) fn stands(&self) -> bool {
        self.stands
    }

    /// One iteration, number `update` from 0, or the reason why none is needed.
    pub(super) fn iterate(
        &mut self,
        config: &TrainConfig,
        update: u64,
        backend: &mut dyn Backend,
    ) -> Result<Option<StopReason>> {
        if let Some(rows) = self.warm_start_rows_read.take() {
            self.begin_on(&rows, config, backend)?;
        }
        match config.batch_size {
            None => self.look(backend)?,
            Some(size) => {
                backend.set_parameters(&self.parameters)?;
                self.evaluations += 1;
                let rows = batch::rows(config.seed, size, self.n_samples, update);
                let evaluation = backend.evaluate_rows(&rows)?;
                self.arrive(point(&self.penalty, self.parameters.clone(), evaluation));
            }
        }
        self.stands = true;
        let here = self.here.take().expect("it was looked at");
        let (loss, _) = self.seen;
        // The caller tells of a loss that is not finite.
        if !loss.is_finite() {
            return Ok(None);
        }
        let pseudo = self
            .penalty
            .pseudo_gradient(&here.parameters, &here.gradient);
        if let Some(reason) = self.convergence.reached(config, loss, &pseudo) {
            self.here = Some(here);
            return Ok(Some(reason));
        }
        let rate = config.rate(update);
        let parameters = &mut self.parameters;
        match &mut self.method {
            Method::GradientDescent => {
                gradient_descent(rate, &here.gradient, parameters);
                self.penalty.shrink(rate, parameters);
            }
            Method::Momentum(momentum) => {
                momentum.step(config.momentum, rate, &here.gradient, parameters);
                if self.penalty.l1 > 0.0 {
                    self.penalty.shrink(rate, parameters);
                    momentum.went(rate, &here.parameters, parameters);
                }
            }
            Method::Adam(adam) => adam.step(rate, &here.gradient, parameters),
            Method::LBfgs(lbfgs) => {
                let (penalty, evaluations) = (self.penalty, &mut self.evaluations);
                let found = lbfgs.iterate(&penalty, &here, &mut |there| {
                    *evaluations += 1;
                    // What is evaluated are the parameters as the backend rounds them.
                    backend.set_parameters(&there)?;
                    let there = backend.parameters()?;
                    Ok(point(&penalty, there, backend.evaluate()?))
                })?;
                let Some(there) = found else {
                    self.here = Some(here);
                    return Ok(Some(StopReason::Rounding));
                };
                parameters.copy_from_slice(&there.parameters);
                self.arrive(there);
                self.stands = false;
                return Ok(None);
            }
        }
        self.stands = false;
        Ok(None)
    }

    /// Moves the parameters to about the minimum of the loss of the rows `rows`, and keeps what L-BFGS has seen of the
    /// curvature.
    fn begin_on(
        &mut self,
        rows: &[usize],
        config: &TrainConfig,
        backend: &mut dyn Backend,
    ) -> Result<()> {
        let Method::LBfgs(lbfgs) = &mut self.method else {
            return Ok(());
        };
        let (penalty, mut evaluations) = (self.penalty, 0);
        // A sum over all rows is larger, and the penalties beside it are not.
        let scale = match config.reduction {
            Reduction::Sum => self.n_samples as f64 / rows.len() as f64,
            Reduction::Mean => 1.0,
        };
        let mut evaluate = |parameters: Vec<f64>| {
            evaluations += 1;
            backend.set_parameters(&parameters)?;
            let parameters = backend.parameters()?;
            let mut evaluation = backend.evaluate_rows(rows)?;
            evaluation.summary.loss *= scale;
            evaluation
                .gradient
                .iter_mut()
                .for_each(|term| *term *= scale);
            Ok(point(&penalty, parameters, evaluation))
        };
        let mut here = evaluate(self.parameters.clone())?;
        let tolerance =
            warm_start::tolerance(rows.len()).max(config.gradient_tolerance.unwrap_or(0.0));
        for _ in 0..warm_start::ITERATIONS {
            let gradient = penalty.pseudo_gradient(&here.parameters, &here.gradient);
            if !here.loss.is_finite() || self.convergence.fall(&gradient) <= tolerance {
                break;
            }
            match lbfgs.iterate(&penalty, &here, &mut evaluate)? {
                Some(there) => here = there,
                None => break,
            }
        }
        (lbfgs.lowest, lbfgs.stalled) = (None, 0);
        self.warm_start = Some(WarmStart {
            rows: rows.len(),
            evaluations,
        });
        self.parameters = here.parameters;
        Ok(())
    }

    /// Goes on from `parameters`.
    pub(super) fn set_parameters(&mut self, parameters: &[f64]) {
        self.parameters.copy_from_slice(parameters);
        self.forget();
    }

    /// Makes the next look evaluate anew.
    pub(super) fn forget(&mut self) {
        self.here = None;
    }

    /// Writes all that the next iterations depend on.
    pub(super) fn save(&self, to: &mut Checkpoint) {
        let Checkpoint { standing, vectors } = to;
        let mut keep = |name: &str, vector: &[f64]| {
            vectors.insert(name.to_owned(), vector.to_vec());
        };
        keep("parameters", &self.parameters);
        keep("largest", &self.convergence.largest);
        standing.loss_before = self.convergence.loss;
        match &self.method {
            Method::GradientDescent => {}
            Method::Momentum(momentum) => keep("velocity", &momentum.velocity),
            Method::Adam(adam) => {
                keep("mean", &adam.mean);
                keep("square", &adam.square);
                standing.steps = adam.steps;
            }
            Method::LBfgs(lbfgs) => {
                for (at, Pair { step, change }) in lbfgs.pairs.iter().enumerate() {
                    keep(&format!("step.{at}"), step);
                    keep(&format!("change.{at}"), change);
                }
                standing.lowest = lbfgs.lowest;
                standing.stalled = lbfgs.stalled;
                standing.warm_start = self.warm_start;
            }
        }
    }

    /// Goes on from where [`Host::save`] stood.
    pub(super) fn restore(&mut self, from: &Checkpoint, path: &Path) -> Result<()> {
        let n_parameters = self.parameters.len();
        let vector = |name: &str| from.vector(path, name, n_parameters);
        self.set_parameters(&vector("parameters")?);
        self.evaluations = from.standing.evaluations;
        self.convergence = Convergence {
            largest: vector("largest")?,
            loss: from.standing.loss_before,
        };
        match &mut self.method {
            Method::GradientDescent => {}
            Method::Momentum(momentum) => momentum.velocity = vector("velocity")?,
            Method::Adam(adam) => {
                adam.mean = vector("mean")?;
                adam.square = vector("square")?;
                adam.steps = from.standing.steps;
            }
            Method::LBfgs(lbfgs) => {
                lbfgs.lowest = from.standing.lowest;
                lbfgs.stalled = from.standing.stalled;
                self.warm_start = from.standing.warm_start;
                if self.warm_start.is_some() {
                    self.warm_start_rows_read = None;
                }
                lbfgs.pairs.clear();
                while let at = lbfgs.pairs.len()
                    && from.vectors.contains_key(&format!("step.{at}"))
                {
                    lbfgs.pairs.push_back(Pair {
                        step: vector(&format!("step.{at}"))?,
                        change: vector(&format!("change.{at}"))?,
                    });
                }
            }
        }
        Ok(())
    }

    /// Whether the method evaluates where an update arrives, not only where the next one starts.
    pub(super) fn looks_ahead(&self) -> bool {
        matches!(self.method, Method::LBfgs(_))
    }

    /// Evaluates at the parameters, of all samples, where that was not done yet.
    pub(super) fn look(&mut self, backend: &mut dyn Backend) -> Result<()> {
        if self.here.is_none() {
            backend.set_parameters(&self.parameters)?;
            self.evaluations += 1;
            let here = point(&self.penalty, self.parameters.clone(), backend.evaluate()?);
            self.arrive(here);
        }
        Ok(())
    }

    fn arrive(&mut self, here: Point) {
        let loss = here.loss + self.penalty.l1_loss(&here.parameters);
        self.seen = (loss, here.summary);
        self.here = Some(here);
    }
}

/// The loss of the data with the L2 penalty, and the gradient of both.
fn point(penalty: &Penalty, parameters: Vec<f64>, evaluation: Evaluation) -> Point {
    let Evaluation {
        summary,
        mut gradient,
    } = evaluation;
    penalty.add_l2_gradient(&parameters, &mut gradient);
    Point {
        loss: summary.loss + penalty.l2_loss(&parameters),
        parameters,
        gradient,
        summary,
    }
}
