//! Updates that the host makes, in float64, from the evaluations of a backend.

use super::config::TrainConfig;
use super::optimizer::{Adam, LBfgs, Momentum, Optimizer, Point};
use super::pace::Pace;
use super::penalty::Penalty;
use super::stop::{Convergence, StopReason};
use crate::backend::{Backend, Evaluation, Pass};
use crate::cpu::gradient_descent;
use crate::error::Result;
use std::num::NonZeroU32;

/// Losses of the float64 backend that differ by this share, four units in the last place, may be equal: a sum
/// over samples, taken in a tree, is off by a few.
const RESOLUTION_OF_F64: f64 = 4.0 * f64::EPSILON;
/// Likewise of a backend that computes in f32.
const RESOLUTION_OF_F32: f64 = 4.0 * 1.192_092_9e-7;

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
    parameters: Vec<f64>,
    /// The evaluation at the parameters, once there is one.
    here: Option<Point>,
    /// What is minimised, and what the pass saw, where the last evaluation that counts looked.
    seen: (f64, Pass),
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
    ) -> Self {
        let n_parameters = start.len();
        let resolution = match backend.name() {
            "cpu" => RESOLUTION_OF_F64,
            _ => RESOLUTION_OF_F32,
        };
        let unseen = Pass {
            loss: f64::NAN,
            saturation: f64::NAN,
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

    pub(super) fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// What is minimised, and what the pass saw, where the last evaluation that counts looked.
    pub(super) fn seen(&self) -> (f64, Pass) {
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
        self.look(backend)?;
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

    /// Evaluates at the parameters, where that was not done yet.
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
        self.seen = (loss, here.pass);
        self.here = Some(here);
    }
}

/// The loss of the data with the L2 penalty, and the gradient of both.
fn point(penalty: &Penalty, parameters: Vec<f64>, evaluation: Evaluation) -> Point {
    let Evaluation { pass, mut gradient } = evaluation;
    penalty.add_l2_gradient(&parameters, &mut gradient);
    Point {
        loss: pass.loss + penalty.l2_loss(&parameters),
        parameters,
        gradient,
        pass,
    }
}
