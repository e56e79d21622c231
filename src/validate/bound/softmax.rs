//! The bounds of a softmax, whose outputs belong together.

use super::{Bounded, E, FLOAT64, FLUSHED, LOG, Neuron, Of, gamma};
use crate::network::{Activation, sigmoid};
use crate::objective::log_sum_exp;

/// The outputs of one sample, `y = exp(z − max z) / Σ exp(z − max z)`.
pub(super) fn softmax(z: &[Bounded]) -> Vec<Neuron> {
    let values: Vec<f64> = z.iter().map(|z| z.value).collect();
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // The f32 pre-activations lie within this of theirs, and their differences within twice that.
    let moved = z.iter().map(|z| z.bound).fold(0.0, f64::max);
    // exp at those: z − max z is rounded, which shifts the result like an error of its argument.
    let relative = |z: f64| {
        let distance = largest - z + 2.0 * moved;
        let shift = E * distance;
        (3.0 + 2.0 * distance) * E + shift / (1.0 - shift).max(0.0)
    };
    let (mut least_sum, mut sum_error) = (0.0_f64, 0.0);
    for z in &values {
        least_sum += (z - largest - 2.0 * moved).exp();
        let most = (z - largest + 2.0 * moved).min(0.0).exp();
        // Far out, exp is smaller than any factor is large.
        let error = relative(*z) * most;
        sum_error += if most > 0.0 { error } else { 0.0 } + FLUSHED;
    }
    let additions = gamma(z.len() as f64);
    let of_sum = additions + (1.0 + additions) * sum_error / least_sum.max(1.0);
    let of_sum = if of_sum < 0.5 {
        of_sum / (1.0 - of_sum)
    } else {
        f64::INFINITY
    };

    let log_sum = log_sum_exp(&values);
    let log_of_sum = log_sum - largest;
    // log is off absolutely near 1, and by 3 ULP beyond 2.
    let log_error = of_sum + LOG + 3.0 * E * (log_of_sum + of_sum) + FLOAT64;
    let log_sum = Bounded::new(largest, moved).plus(Bounded::new(log_of_sum, log_error));

    let mut predictions = values.clone();
    Activation::Softmax.apply(&mut predictions);
    let of_one = |(o, y): (usize, &f64)| {
        // As a function of all pre-activations y moves most where its own moves one way and all others the
        // other way, by twice the shift of one: it is the sigmoid of its own less ln Σ exp of the others.
        let others: Vec<f64> = (0..z.len())
            .filter(|k| *k != o)
            .map(|k| values[k])
            .collect();
        let logit = values[o] - log_sum_exp(&others);
        let inherited = (sigmoid(logit + 2.0 * moved) - y)
            .max(y - sigmoid(logit - 2.0 * moved))
            .max(0.0)
            + FLOAT64;
        let most = y + inherited;
        let quotient = match relative(values[o]) * (1.0 + of_sum) + of_sum {
            relative if relative.is_finite() => relative * most,
            // What exp leaves is below every bound.
            _ if of_sum.is_finite() => FLUSHED,
            _ => f64::INFINITY,
        };
        let rounded = gamma(2.5) * (most + quotient) + 2.0 * FLUSHED;
        Neuron {
            z: z[o],
            y: Bounded::new(*y, inherited + quotient + rounded),
            of: Of::Softmax { log_sum },
        }
    };
    predictions.iter().enumerate().map(of_one).collect()
}
