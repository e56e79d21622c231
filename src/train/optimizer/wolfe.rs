//! A line search that satisfies the strong Wolfe conditions (Nocedal and Wright, Numerical Optimization,
//! Algorithms 3.5 and 3.6, in one loop), by cubic interpolation.

use crate::error::Result;

/// A step must lower the loss by this share of what its slope promises …
pub(super) const DECREASE: f64 = 1e-4;
/// … and leave at most this share of the slope. Both as Nocedal and Wright propose for quasi-Newton methods.
pub(super) const CURVATURE: f64 = 0.9;
/// A search gives up after this many evaluations.
pub(super) const MAX_EVALUATIONS: usize = 25;
/// A step that is still too short becomes between these many times as long.
const EXPANSION: [f64; 2] = [2.0, 10.0];
/// A step between two others keeps this share of their distance from both.
const MARGIN: f64 = 0.1;

/// The loss on the line, and its derivative along it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) step: f64,
    pub(super) loss: f64,
    pub(super) slope: f64,
}

/// What a search came to.
#[derive(Debug)]
pub(super) enum Found<T> {
    /// A step that satisfies both conditions.
    Wolfe(T),
    /// One that lowers the loss enough, and no more evaluations.
    Lower(T),
    /// None that lowers the loss.
    Nothing,
}

/// Searches from `start`, at step 0, where the slope is negative; `first` is tried first. Losses that differ by
/// no more than `slack` may be equal but for rounding: there the slopes decide alone, in the manner of Hager and
/// Zhang's approximate Wolfe conditions (SIAM J. Optim. 16, 2005, section 2).
pub(super) fn search<T>(
    start: Sample,
    first: f64,
    slack: f64,
    evaluate: &mut dyn FnMut(f64) -> Result<(Sample, T)>,
) -> Result<Found<T>> {
    let mut low = start;
    let mut low_at = None;
    // None until the minimum is known to lie between two steps.
    let mut high: Option<Sample> = None;
    let mut step = first;
    for _ in 0..MAX_EVALUATIONS {
        let (sample, at) = evaluate(step)?;
        let most = (start.loss + DECREASE * step * start.slope).min(low.loss) + slack;
        let low_enough = sample.loss <= most && sample.slope.is_finite();
        if low_enough && sample.slope.abs() <= -CURVATURE * start.slope {
            return Ok(Found::Wolfe(at));
        }
        let before = low;
        if low_enough {
            let beyond = high.map_or(1.0, |high| high.step - low.step);
            if sample.slope * beyond >= 0.0 {
                high = Some(low);
            }
            (low, low_at) = (sample, Some(at));
        } else {
            high = Some(sample);
        }
        step = match high {
            None => extrapolated(before, low),
            Some(high) => interpolated(low, high, slack),
        };
        let ends = [Some(low.step), high.map(|high| high.step)];
        if !step.is_finite() || ends.contains(&Some(step)) {
            break;
        }
    }
    Ok(match low_at {
        Some(at) if low.loss < start.loss => Found::Lower(at),
        _ => Found::Nothing,
    })
}

/// A longer step: where a straight line through the slopes is 0, within limits.
fn extrapolated(before: Sample, low: Sample) -> f64 {
    let root = secant(before, low);
    let [least, most] = EXPANSION.map(|factor| factor * low.step);
    // Slopes that fall on promise nothing near.
    if root > low.step {
        root.clamp(least, most)
    } else {
        most
    }
}

/// A step between two: the minimum of the cubic through both (Nocedal and Wright, equation 3.59), or of the
/// parabola through the slopes where rounding hides which loss is lower; the middle where that says nothing.
fn interpolated(low: Sample, high: Sample, slack: f64) -> f64 {
    let hidden = (high.loss - low.loss).abs() <= slack;
    let minimum = if hidden {
        secant(low, high)
    } else {
        cubic(low, high)
    };
    let margin = MARGIN * (high.step - low.step).abs();
    let (least, most) = (low.step.min(high.step), low.step.max(high.step));
    if (least..=most).contains(&minimum) && 2.0 * margin < most - least {
        minimum.clamp(least + margin, most - margin)
    } else {
        least + 0.5 * (most - least)
    }
}

fn secant(a: Sample, b: Sample) -> f64 {
    b.step - b.slope * (b.step - a.step) / (b.slope - a.slope)
}

fn cubic(a: Sample, b: Sample) -> f64 {
    let width = b.step - a.step;
    let d1 = a.slope + b.slope - 3.0 * (b.loss - a.loss) / width;
    let d2 = width.signum() * (d1 * d1 - a.slope * b.slope).sqrt();
    b.step - width * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2)
}
