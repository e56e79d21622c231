//! The optimizers: one file a method, each a pure step that knows nothing of data.

mod adam;
mod lbfgs;
mod momentum;
mod owlqn;
mod rmsprop;
mod wolfe;

pub(super) use adam::Adam;
pub(super) use lbfgs::LBfgs;
pub(super) use momentum::Momentum;
pub(super) use rmsprop::RmsProp;

use super::penalty::Penalty;
use crate::backend::{Evaluation, Summary};

/// How the parameters are updated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// `W ← W − learning_rate · gradient`, the article's. A plain one, without schedule, penalties, batches and
    /// tolerances, never leaves the device.
    #[default]
    GradientDescent,
    /// Gradient descent with a memory of its past steps: Polyak's heavy ball, `torch.optim.SGD(momentum=…)`.
    Momentum,
    /// Momentum that looks ahead: each step has the gradient once more, `torch.optim.SGD(nesterov=True)`.
    Nesterov,
    /// A step size for each parameter, from the mean square of its gradient: Tieleman and Hinton, Lecture 6.5, 2012,
    /// `torch.optim.RMSprop`.
    #[serde(rename = "rmsprop")]
    RmsProp,
    /// A step size for each parameter, from the moments of its gradient: Kingma and Ba, ICLR 2015,
    /// `torch.optim.Adam`.
    Adam,
    /// Adam, and each weight falls by a share of itself with each update: Loshchilov and Hutter, Decoupled Weight Decay
    /// Regularization, ICLR 2019, `torch.optim.AdamW`.
    #[serde(rename = "adamw")]
    AdamW,
    /// Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, section 7.2): a quasi-Newton method
    /// that searches its steps itself; with an L1 penalty OWL-QN (Andrew and Gao, ICML 2007).
    #[serde(rename = "lbfgs")]
    LBfgs,
}

/// Parameters and the evaluation there. The smooth part of what is minimised is the loss of the data and the L2
/// penalty.
#[derive(Clone, Debug)]
pub(super) struct Iterate {
    pub(super) parameters: Vec<f64>,
    /// The smooth part.
    pub(super) loss: f64,
    /// The smooth part and the L1 penalty.
    pub(super) objective: f64,
    /// The gradient of the smooth part.
    pub(super) gradient: Vec<f64>,
    /// What the pass saw of the data, without penalties.
    pub(super) summary: Summary,
}

impl Iterate {
    /// Adds the penalties to an evaluation of the data at `parameters`.
    pub(super) fn new(penalty: &Penalty, parameters: Vec<f64>, evaluation: Evaluation) -> Self {
        let Evaluation {
            summary,
            mut gradient,
        } = evaluation;
        penalty.add_l2_gradient(&parameters, &mut gradient);
        let loss = summary.loss + penalty.l2_loss(&parameters);
        Self {
            loss,
            objective: loss + penalty.l1_loss(&parameters),
            parameters,
            gradient,
            summary,
        }
    }
}

/// `to − from`
fn difference(to: &[f64], from: &[f64]) -> Vec<f64> {
    std::iter::zip(to, from)
        .map(|(to, from)| to - from)
        .collect()
}

/// `Σ a b`
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    std::iter::zip(a, b).map(|(a, b)| a * b).sum()
}

/// `√Σ a²`
pub(super) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}
