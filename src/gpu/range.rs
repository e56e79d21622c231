//! Settings that have to be numbers that a GPU can multiply by.

use crate::error::{Error, ON_THE_CPU, Remedy, Result};
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
