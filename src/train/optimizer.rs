//! How the parameters are updated: one file a method, each a pure step that knows nothing of data.

mod adam;
mod lbfgs;
mod momentum;
mod owlqn;
mod wolfe;

pub(super) use adam::Adam;
pub(super) use lbfgs::{LBfgs, Pair};
pub(super) use momentum::Momentum;

use crate::backend::Summary;

/// How the parameters are updated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// `W ← W − learning_rate · gradient`, the article's. Where nothing else is asked for, the device makes the
    /// updates by itself.
    #[default]
    GradientDescent,
    /// Gradient descent with a memory of its past steps (Polyak's heavy ball), as `torch.optim.SGD(momentum=…)`.
    Momentum,
    /// A step for each parameter, from the moments of its gradient (Kingma and Ba, ICLR 2015), as
    /// `torch.optim.Adam`.
    Adam,
    /// Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, section 7.2): a quasi-Newton method
    /// that searches its steps itself; OWL-QN (Andrew and Gao, ICML 2007) where there is an L1 penalty.
    #[serde(rename = "lbfgs")]
    LBfgs,
}

/// Parameters, and what an evaluation there gave: the smooth part of what is minimised, which is the loss of
/// the data and the L2 penalty.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) parameters: Vec<f64>,
    pub(super) loss: f64,
    pub(super) gradient: Vec<f64>,
    /// Of the data alone.
    pub(super) summary: Summary,
}

/// `Σ a b`
fn dot(a: &[f64], b: &[f64]) -> f64 {
    std::iter::zip(a, b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}
