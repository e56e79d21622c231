//! Settings and sums that have to be numbers that a GPU can multiply by, and targets whose squares it can tell from 0.

use crate::backend::Problem;
use crate::error::{Error, ON_THE_CPU, Remedy, Result};
use crate::objective::{Loss, Reduction};
use crate::optimizer::UpdateRule;

/// The learning rate, or what it comes to as `relation` says, rounded to the f32 that the shaders multiply by.
///
/// # Errors
/// If that is not a normal number.
pub(super) fn f32_rate(relation: &str, rate: f64) -> Result<f32> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to f32 is the purpose; the rest is an error"
    )]
    let rounded = rate as f32;
    if rounded.is_normal() {
        return Ok(rounded);
    }
    Err(Error::Setting {
        setting: "learning_rate",
        reason: format!(
            "{relation} {rate:e}, which a GPU cannot multiply by: the least is {:e}, the largest {:e}",
            f32::MIN_POSITIVE,
            f32::MAX
        ),
        remedies: &[Remedy::Do("take another"), ON_THE_CPU],
    })
}

/// What the sums of rows of the weight `weight` are multiplied by.
pub(super) fn scale_of_rows(reduction: Reduction, weight: f64) -> f64 {
    // Rows that weigh nothing have no sums to scale.
    if weight > 0.0 {
        reduction.scale(weight)
    } else {
        1.0
    }
}

/// Fails if rows of the weight `weight` have a scale that is no number to multiply by in the f32 of the shaders: their
/// sums would have lost their digits too.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what rounding to f32 makes of it is the question"
)]
pub(super) fn check_weight(problem: &Problem<'_>, weight: f64) -> Result<()> {
    let scale = scale_of_rows(problem.objective.reduction, weight) as f32;
    if scale.is_normal() {
        return Ok(());
    }
    Err(Error::Input {
        place: problem.dataset.source().to_owned(),
        reason: format!(
            "the weights of the rows add up to {weight:e}, by which a GPU cannot divide"
        ),
        remedies: &[Remedy::Do("rescale the weights"), ON_THE_CPU],
    })
}

/// Fails if all targets are so small that squares of errors far below them are 0 in f32: a loss of 0 would seem a minimum.
pub(super) fn check_targets(problem: &Problem<'_>) -> Result<()> {
    /// 2^-50: the square of a ten thousandth of it is the least normal f32.
    const LEAST: f32 = 8.881_784e-16;
    let largest = match problem.objective.loss {
        Loss::SquaredError => problem.dataset.largest_target_up_to(LEAST),
        Loss::CrossEntropy => 0.0,
    };
    if largest <= 0.0 || largest >= LEAST {
        return Ok(());
    }
    Err(Error::Input {
        place: problem.dataset.source().to_owned(),
        reason: format!(
            "no target is larger than {largest:e}, and the f32 of a GPU takes the squares of much smaller errors for 0"
        ),
        remedies: &[Remedy::Do("rescale the targets"), ON_THE_CPU],
    })
}

/// Fails if a setting of `rule` is another number in the f32 of the shaders: a limit on the norm that becomes 0, which
/// stands for none, or a penalty that becomes infinite.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what rounding to f32 makes of it is the question"
)]
pub(super) fn check_rule(rule: &UpdateRule) -> Result<()> {
    let clip_norm = rule.clip_norm.unwrap_or(1.0) as f32;
    for (setting, value, holds) in [
        (
            "clip_norm",
            rule.clip_norm.unwrap_or(1.0),
            clip_norm.is_normal(),
        ),
        ("l1", rule.l1, (rule.l1 as f32).is_finite()),
        ("l2", rule.l2, (rule.l2 as f32).is_finite()),
    ] {
        if !holds {
            return Err(Error::Setting {
                setting,
                reason: format!(
                    "is {value:e}, which a GPU cannot multiply by: the least is {:e}, the largest {:e}",
                    f32::MIN_POSITIVE,
                    f32::MAX
                ),
                remedies: &[Remedy::Do("take another"), ON_THE_CPU],
            });
        }
    }
    Ok(())
}
