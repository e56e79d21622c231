//! Quasi-Newton methods, which search their steps themselves and so ask for evaluations.

mod lbfgs;
mod owlqn;
mod wolfe;

pub(super) use lbfgs::LBfgs;

use crate::backend::{Evaluation, Summary};
use crate::optimizer::{Penalty, dot, norm};
use serde::{Deserialize, Serialize};

/// Parameters and the evaluation there. The smooth part of what is minimised is the loss of the data and the L2
/// penalty.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Iterate {
    #[serde(skip)]
    pub(super) parameters: Vec<f64>,
    /// The smooth part.
    pub(super) loss: f64,
    /// The smooth part and the L1 penalty.
    pub(super) objective: f64,
    /// The gradient of the smooth part.
    #[serde(skip)]
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
        penalty.add_l2_gradient(0, &parameters, &mut gradient);
        let loss = summary.loss + penalty.l2_loss(&parameters);
        Self {
            loss,
            objective: loss + penalty.l1_loss(&parameters),
            parameters,
            gradient,
            summary,
        }
    }

    /// Moves to the parameters of the least penalty that give the same predictions, as [`Penalty::center`] says.
    pub(super) fn center(&mut self, penalty: &Penalty) {
        let before = penalty.l2_loss(&self.parameters);
        penalty.center(&mut self.parameters, &mut self.gradient);
        self.loss += penalty.l2_loss(&self.parameters) - before;
        self.objective = self.loss + penalty.l1_loss(&self.parameters);
    }

    /// The subgradient of the objective that is nearest to 0.
    pub(super) fn pseudo_gradient(&self, penalty: &Penalty) -> Vec<f64> {
        penalty.pseudo_gradient(&self.parameters, &self.gradient)
    }
}

/// `to − from`
fn difference(to: &[f64], from: &[f64]) -> Vec<f64> {
    std::iter::zip(to, from)
        .map(|(to, from)| to - from)
        .collect()
}
