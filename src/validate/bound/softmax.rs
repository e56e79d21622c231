//! The bounds of a softmax, whose outputs belong together.

use super::neuron::NeuronKind;
use super::{Bounded, E, FLOAT64, FLUSHED, LOG, Neuron, gamma};
use crate::network::{Activation, sigmoid};
use crate::objective::log_sum_exp;

/// The relative error of exp at a rounded `z − max z` that is at least `−distance`: the rounding shifts the result like
/// an error of its argument.
fn exp_error(distance: f64) -> f64 {
    let shift = E * distance;
    let (own, shifted) = ((3.0 + 2.0 * distance) * E, shift / (1.0 - shift).max(0.0));
    own + shifted + own * shifted
}

/// The relative error of `Σ exp(z − max z)` with pre-activations that are off by at most `moved`.
fn sum_error(z: &[f64], largest: f64, moved: f64) -> f64 {
    let (mut least_sum, mut sum_error) = (0.0_f64, 0.0);
    for z in z {
        least_sum += (z - largest - 2.0 * moved).exp();
        let most = (z - largest + 2.0 * moved).min(0.0).exp();
        // If exp is 0, its error is too, even if the relative error is infinite.
        let error = exp_error(largest - z + 2.0 * moved) * most;
        sum_error += if most > 0.0 { error } else { 0.0 } + FLUSHED;
    }
    let additions = gamma(z.len() as f64);
    let of_sum = additions + (1.0 + additions) * sum_error / least_sum.max(1.0);
    match of_sum < 0.5 {
        true => of_sum / (1.0 - of_sum),
        false => f64::INFINITY,
    }
}

/// The outputs of one sample, `y = exp(z − max z) / Σ exp(z − max z)`.
pub(super) fn softmax(z: &[Bounded]) -> Vec<Neuron> {
    let values: Vec<f64> = z.iter().map(|z| z.value).collect();
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // The f32 pre-activations are off by at most this, and their differences by twice that. f64::max passes over NaN, which
    // promises as little as what is infinite.
    let bounds = z.iter().map(|z| match z.bound.is_nan() {
        true => f64::INFINITY,
        false => z.bound,
    });
    let moved = bounds.fold(0.0, f64::max);
    let of_sum = sum_error(&values, largest, moved);

    let log_sum = log_sum_exp(&values);
    let log_of_sum = log_sum - largest;
    // The error of log is absolute near 1, and 3 ULP beyond 2.
    let log_error = of_sum + LOG + 3.0 * E * (log_of_sum + of_sum) + FLOAT64;
    let log_sum = Bounded::new(largest, moved).plus(Bounded::new(log_of_sum, log_error));

    let mut predictions = values.clone();
    Activation::Softmax.apply(&mut predictions);
    let of_one = |(o, y): (usize, &f64)| {
        // y is the sigmoid of its own z less ln Σ exp of the others. It moves most if its own z moves one way and all
        // others the other way, by twice the shift of one.
        let logit = if *y < 0.5 {
            values[o] - (largest + log_of_sum + (-y).ln_1p())
        } else {
            // What the largest leaves to the others would be lost in the difference.
            let others: Vec<f64> = (0..z.len())
                .filter(|k| *k != o)
                .map(|k| values[k])
                .collect();
            values[o] - log_sum_exp(&others)
        };
        let inherited = (sigmoid(logit + 2.0 * moved) - y)
            .max(y - sigmoid(logit - 2.0 * moved))
            .max(0.0)
            + FLOAT64;
        let most = y + inherited;
        let quotient = match exp_error(largest - values[o] + 2.0 * moved) * (1.0 + of_sum) + of_sum
        {
            relative if relative.is_finite() => relative * most,
            // What exp leaves is below every bound.
            _ if of_sum.is_finite() => FLUSHED,
            _ => f64::INFINITY,
        };
        let rounded = gamma(2.5) * (most + quotient) + 2.0 * FLUSHED;
        Neuron {
            z: z[o],
            y: Bounded::new(*y, inherited + quotient + rounded),
            kind: NeuronKind::Softmax { log_sum },
        }
    };
    predictions.iter().enumerate().map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use super::{Bounded, softmax};

    /// Each output moves with the pre-activation of every other.
    #[test]
    fn one_pre_activation_without_a_bound_leaves_no_output_one() {
        for bound in [f64::NAN, f64::INFINITY] {
            let z = [0.0, bound, 0.0].map(|bound| Bounded { value: 0.5, bound });
            for neuron in softmax(&z) {
                assert!(!neuron.y.bound.is_finite(), "{bound}: {neuron:?}");
            }
        }
    }
}
