//! RMSprop (Tieleman and Hinton, Neural Networks for Machine Learning, lecture 6.5, 2012), the same as
//! `torch.optim.RMSprop`.

/// The share of the mean square that each step keeps.
pub(crate) const DECAY: f64 = 0.99;
/// Keeps the step finite if a gradient has always been 0.
pub(crate) const EPSILON: f64 = 1e-8;

/// `parameters ← parameters − rate · gradient / (√square + ε)`, where `square` is the mean square of each gradient.
pub(super) fn step(rate: f64, gradient: &[f64], square: &mut [f64], parameters: &mut [f64]) {
    let terms = square.iter_mut().zip(gradient).zip(parameters);
    for ((square, gradient), parameter) in terms {
        *square = DECAY * *square + (1.0 - DECAY) * gradient * gradient;
        *parameter -= rate * gradient / (square.sqrt() + EPSILON);
    }
}
