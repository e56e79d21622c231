//! Polyak's heavy ball and Nesterov's momentum, without dampening: the same as `torch.optim.SGD(momentum=…)`.

use serde::{Deserialize, Serialize};

/// The memory of past steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::train) struct Momentum {
    #[serde(skip)]
    velocity: Vec<f64>,
}

impl Momentum {
    /// At rest.
    pub(in crate::train) fn new(n_parameters: usize) -> Self {
        Self {
            velocity: vec![0.0; n_parameters],
        }
    }

    pub(in crate::train) fn vectors_mut(&mut self) -> Vec<(String, &mut Vec<f64>)> {
        vec![("velocity".to_owned(), &mut self.velocity)]
    }

    /// `velocity ← momentum · velocity + gradient`, then `parameters ← parameters − rate · velocity`, or if the step is
    /// Nesterov's `parameters ← parameters − rate · (gradient + momentum · velocity)`.
    pub(in crate::train) fn step(
        &mut self,
        momentum: f64,
        rate: f64,
        gradient: &[f64],
        parameters: &mut [f64],
        is_nesterovs: bool,
    ) {
        let terms = self.velocity.iter_mut().zip(gradient).zip(parameters);
        for ((velocity, gradient), parameter) in terms {
            *velocity = momentum * *velocity + gradient;
            *parameter -= rate
                * match is_nesterovs {
                    true => gradient + momentum * *velocity,
                    false => *velocity,
                };
        }
    }

    /// `velocity ← (from − to) / rate`, after a step that a proximal operator changed (Ochs et al., iPiano, SIAM J.
    /// Imaging Sci. 7, 2014, Algorithm 1).
    pub(in crate::train) fn set_velocity_from_step(&mut self, rate: f64, from: &[f64], to: &[f64]) {
        for (velocity, (from, to)) in self.velocity.iter_mut().zip(from.iter().zip(to)) {
            *velocity = (from - to) / rate;
        }
    }
}
