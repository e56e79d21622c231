//! A line search that satisfies the strong Wolfe conditions (Nocedal and Wright, Numerical Optimization,
//! Algorithms 3.5 and 3.6, in one loop), by cubic interpolation.

use crate::error::Result;

/// A step must lower the loss by this share of what its slope promises. Nocedal and Wright propose this value and the
/// next for quasi-Newton methods.
pub(super) const DECREASE: f64 = 1e-4;
/// A step may leave at most this share of the slope.
pub(super) const CURVATURE: f64 = 0.9;
/// A search gives up after this many evaluations.
pub(super) const MAX_EVALUATIONS: usize = 25;
/// The least and the largest factor by which a step that is too short grows.
const EXPANSION: [f64; 2] = [2.0, 10.0];
/// The share of the distance between two steps that a step between them keeps from both.
const MARGIN: f64 = 0.1;

/// The loss at one step along a line, and its derivative along the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinePoint {
    pub(super) step: f64,
    pub(super) loss: f64,
    pub(super) slope: f64,
}

/// Searches from `start`, at step 0, where the slope is negative; tries a step of 1 first. Takes a step that satisfies both
/// conditions, or else the one of the lowest loss, or `None` if no loss is lower. Losses that differ by less than
/// `slack` may be equal but for rounding: the slopes alone decide between these, similar to Hager and Zhang's
/// approximate Wolfe conditions (SIAM J. Optim. 16, 2005, section 2).
pub(super) fn search<T>(
    start: LinePoint,
    slack: f64,
    evaluate: &mut dyn FnMut(f64) -> Result<(LinePoint, T)>,
) -> Result<Option<T>> {
    let mut low = start;
    let mut low_at = None;
    // `None` until the minimum is known to lie between two steps.
    let mut high: Option<LinePoint> = None;
    let mut step = 1.0;
    for _ in 0..MAX_EVALUATIONS {
        let (point, at) = evaluate(step)?;
        let most = (start.loss + DECREASE * step * start.slope).min(low.loss) + slack;
        let low_enough = point.loss <= most && point.slope.is_finite();
        if low_enough && point.slope.abs() <= -CURVATURE * start.slope {
            return Ok(Some(at));
        }
        let before = low;
        if low_enough {
            let beyond = high.map_or(1.0, |high| high.step - low.step);
            if point.slope * beyond >= 0.0 {
                high = Some(low);
            }
            (low, low_at) = (point, Some(at));
        } else {
            high = Some(point);
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
    Ok(low_at.filter(|_| low.loss < start.loss))
}

/// A longer step: the root of a straight line through the slopes, within limits.
fn extrapolated(before: LinePoint, low: LinePoint) -> f64 {
    let root = secant(before, low);
    let [least, most] = EXPANSION.map(|factor| factor * low.step);
    // While the slope still falls, the line has no root beyond.
    if root > low.step {
        root.clamp(least, most)
    } else {
        most
    }
}

/// A step between two: the minimum of the cubic through both (Nocedal and Wright, equation 3.59), or, if rounding hides
/// which loss is lower, of the parabola through the slopes; the middle if that minimum is not between them.
fn interpolated(low: LinePoint, high: LinePoint, slack: f64) -> f64 {
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

fn secant(a: LinePoint, b: LinePoint) -> f64 {
    b.step - b.slope * (b.step - a.step) / (b.slope - a.slope)
}

fn cubic(a: LinePoint, b: LinePoint) -> f64 {
    let width = b.step - a.step;
    let d1 = a.slope + b.slope - 3.0 * (b.loss - a.loss) / width;
    let d2 = width.signum() * (d1 * d1 - a.slope * b.slope).sqrt();
    b.step - width * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2)
}
