//! Held-out samples, as backends hold them.

use crate::error::Result;

/// Samples that are not trained on, held for their loss alone.
pub trait Holdout: std::fmt::Debug + Send {
    /// Their loss at `parameters`, in the layout of the network, for unscaled features and targets; without
    /// penalties.
    ///
    /// # Errors
    /// Where the device fails.
    fn loss_at(&mut self, parameters: &[f64]) -> Result<f64>;
}
