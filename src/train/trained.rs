//! What a training came to.

use super::history::Point;
use super::stop::StopReason;
use super::warm_start::WarmStart;
use crate::backend::Summary;
use crate::network::Network;

/// A trained network.
#[derive(Clone, Debug)]
pub struct Trained {
    /// `cpu` or `gpu`.
    pub backend: &'static str,
    /// The hardware it was trained on.
    pub adapter: String,
    /// The network.
    pub network: Network,
    /// Its parameters, in the layout of the network, for features as they came.
    pub parameters: Vec<f64>,
    /// Updates that were made.
    pub iterations: u64,
    /// After how many of them the parameters were best on the samples held back, and kept, where that was asked for.
    pub kept: Option<u64>,
    /// Passes over the data that these took.
    pub evaluations: u64,
    /// What L-BFGS began on, before these, where that was a sample of the rows.
    pub warm_start: Option<WarmStart>,
    /// Why they were enough.
    pub stop: StopReason,
    /// What was minimised, at these parameters: the loss of the data and the penalties.
    pub loss: f64,
    /// The loss on the samples held back, at these parameters, where there are any.
    pub validation: Option<f64>,
    /// How the loss went, a few hundred points of it.
    pub history: Vec<Point>,
    /// Loss of the data alone and mean slope at these parameters.
    pub summary: Summary,
    /// Seconds of the iterations alone.
    pub seconds: f64,
    /// Inputs and targets counted once an evaluation; `None` without an iteration.
    pub bytes_per_second: Option<f64>,
}

impl Trained {
    /// The predictions (O) for one sample `x` (I).
    ///
    /// # Panics
    /// Where `x` is not as long as the network has inputs.
    #[must_use]
    pub fn predict(&self, x: &[f32]) -> Vec<f64> {
        self.network.predict(&self.parameters, x)
    }
}
