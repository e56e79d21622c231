//! Adam (Kingma and Ba, ICLR 2015, Algorithm 1), the same as `torch.optim.Adam`.

use crate::simd::{Arithmetic, Instructions};

/// The decay rates β₁ and β₂ of the moments that the paper proposes.
pub(crate) const DECAY: [f64; 2] = [0.9, 0.999];
/// Keeps the step finite if a gradient has always been 0.
pub(crate) const EPSILON: f64 = 1e-8;

/// What each moment has seen of a whole mean after `steps` updates, since it began at 0.
pub(crate) fn shares(steps: u64) -> [f64; 2] {
    let steps = i32::try_from(steps).unwrap_or(i32::MAX);
    DECAY.map(|decay| 1.0 - decay.powi(steps))
}

/// Step number `steps`, counted from 1: `parameters ← parameters − rate · m̂ / (√v̂ + ε)`, where m̂ and v̂ are the
/// running means of the gradient and of its square without the bias of their start from 0.
pub(super) fn step(
    rate: f64,
    steps: u64,
    gradient: &[f64],
    [mean, square]: [&mut [f64]; 2],
    parameters: &mut [f64],
) {
    // The vector instructions change no bit: nothing in the step is fused.
    Instructions::detect().run(Step {
        rate,
        shares: shares(steps),
        gradient,
        mean,
        square,
        parameters,
    });
}

struct Step<'a> {
    rate: f64,
    shares: [f64; 2],
    gradient: &'a [f64],
    mean: &'a mut [f64],
    square: &'a mut [f64],
    parameters: &'a mut [f64],
}

impl Arithmetic for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let [mean_share, square_share] = self.shares;
        let moments = self.mean.iter_mut().zip(self.square);
        let numbers = self.gradient.iter().zip(moments).zip(self.parameters);
        for ((gradient, (mean, square)), parameter) in numbers {
            *mean = DECAY[0] * *mean + (1.0 - DECAY[0]) * gradient;
            *square = DECAY[1] * *square + (1.0 - DECAY[1]) * gradient * gradient;
            let root = (*square / square_share).sqrt();
            *parameter -= self.rate * (*mean / mean_share) / (root + EPSILON);
        }
    }
}
