//! How the learning rate changes from update to update.

/// The factor of the learning rate. Updates are counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// 1.
    #[default]
    Constant,
    /// `factor^⌊update / every⌋`: `torch.optim.lr_scheduler.StepLR`.
    Step {
        /// Updates from one rate to the next; positive.
        every: u64,
        /// Positive and finite.
        factor: f64,
    },
    /// `½ (1 + cos(π update / iterations))`, which falls to 0 over the iterations (Loshchilov and Hutter, SGDR, ICLR
    /// 2017, equation 5): `torch.optim.lr_scheduler.CosineAnnealingLR`.
    Cosine,
    /// `1 / (1 + update)` (Robbins and Monro, 1951), of updates since the end of a warm-up.
    Inverse,
}

impl Schedule {
    /// The factor for update number `update` of `iterations`.
    #[must_use]
    pub fn factor(self, update: u64, iterations: u64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Step { every, factor } => {
                factor.powi(i32::try_from(update / every).unwrap_or(i32::MAX))
            }
            Self::Cosine => {
                let share = update as f64 / iterations.max(1) as f64;
                0.5 * (1.0 + (std::f64::consts::PI * share).cos())
            }
            Self::Inverse => 1.0 / (1.0 + update as f64),
        }
    }
}
