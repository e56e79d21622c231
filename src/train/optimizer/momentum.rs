//! Polyak's heavy ball, as `torch.optim.SGD(momentum=…)` has it: without dampening, not Nesterov's.

/// The step that goes on from update to update.
#[derive(Clone, Debug)]
pub(in crate::train) struct Momentum {
    /// As long as the parameters.
    pub(in crate::train) velocity: Vec<f64>,
}

impl Momentum {
    /// At rest.
    pub(in crate::train) fn new(n_parameters: usize) -> Self {
        Self {
            velocity: vec![0.0; n_parameters],
        }
    }

    /// `velocity ← momentum · velocity + gradient`, `parameters ← parameters − rate · velocity`.
    pub(in crate::train) fn step(
        &mut self,
        momentum: f64,
        rate: f64,
        gradient: &[f64],
        parameters: &mut [f64],
    ) {
        let terms = self.velocity.iter_mut().zip(gradient).zip(parameters);
        for ((velocity, gradient), parameter) in terms {
            *velocity = momentum * *velocity + gradient;
            *parameter -= rate * *velocity;
        }
    }

    /// The velocity of a step that something else had a part in (the inertial proximal step: Ochs et al., iPiano,
    /// SIAM J. Imaging Sci. 7, 2014, Algorithm 1).
    pub(in crate::train) fn went(&mut self, rate: f64, from: &[f64], to: &[f64]) {
        for (velocity, (from, to)) in self.velocity.iter_mut().zip(from.iter().zip(to)) {
            *velocity = (from - to) / rate;
        }
    }
}
