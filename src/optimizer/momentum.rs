//! Polyak's heavy ball and Nesterov's momentum, without dampening: the same as `torch.optim.SGD(momentum=…)`.

/// `velocity ← momentum · velocity + gradient`, then `parameters ← parameters − rate · velocity`, or if the step is
/// Nesterov's `parameters ← parameters − rate · (gradient + momentum · velocity)`.
pub(super) fn step(
    momentum: f64,
    rate: f64,
    gradient: &[f64],
    velocity: &mut [f64],
    parameters: &mut [f64],
    is_nesterovs: bool,
) {
    let terms = velocity.iter_mut().zip(gradient).zip(parameters);
    for ((velocity, gradient), parameter) in terms {
        *velocity = momentum * *velocity + gradient;
        *parameter -= rate
            * match is_nesterovs {
                true => gradient + momentum * *velocity,
                false => *velocity,
            };
    }
}

/// `velocity ← (from − to) / rate`, after a step that a proximal operator changed (Ochs et al., iPiano, SIAM J. Imaging
/// Sci. 7, 2014, Algorithm 1).
pub(super) fn set_velocity_from_step(rate: f64, from: &[f64], to: &[f64], velocity: &mut [f64]) {
    for (velocity, (from, to)) in velocity.iter_mut().zip(from.iter().zip(to)) {
        *velocity = (from - to) / rate;
    }
}
