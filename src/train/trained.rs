//! The result of a training.

use super::{HistoryPoint, StopReason, WarmStart};
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
    /// The parameters reached, in the layout of the network, for unscaled features and targets.
    pub parameters: Vec<f64>,
    /// Updates made.
    pub iterations: u64,
    /// The iteration that `parameters` are those of, if early stopping returned to the best ones.
    pub kept: Option<u64>,
    /// Evaluations for the iterations, each a pass over the samples, or over those of a mini-batch.
    pub evaluations: u64,
    /// The sample of rows on which L-BFGS began, if it did.
    pub warm_start: Option<WarmStart>,
    /// Why the training ended.
    pub stop: StopReason,
    /// Why the last checkpoint could not be written; `None` if it was, or none was asked for.
    pub checkpoint_failure: Option<String>,
    /// About the share of the loss that separates it from its minimum: what the next step promises to take from it.
    /// `None` if nothing asked for it, or the training ended before it was near one.
    pub promised_decrease: Option<f64>,
    /// What is minimised, at `parameters`: the loss of the data and the penalties.
    pub loss: f64,
    /// Why the device could not measure the loss at `parameters`; `loss` and `summary` are then those of the last update.
    /// `None` if it did.
    pub loss_failure: Option<String>,
    /// The loss on the held-out samples at `parameters`, if there are any.
    pub validation: Option<f64>,
    /// The course of what is minimised, as iterations saw it, in a few hundred points. All optimizers but L-BFGS see it
    /// before they update, with mini-batches on the rows of the batch.
    pub history: Vec<HistoryPoint>,
    /// The course of the loss on the held-out samples, if there are any.
    pub validation_history: Vec<HistoryPoint>,
    /// Loss of the data alone and mean slope at `parameters`.
    pub summary: Summary,
    /// Seconds of the iterations alone.
    pub seconds: f64,
    /// Bytes of inputs and targets, counted once an evaluation; `None` without an iteration.
    pub bytes_per_second: Option<f64>,
}

impl Trained {
    /// The predictions (O) for one sample `x` (I), each number less the [offset](crate::data::Column::offset) of its column;
    /// the offsets of targets are not added, as [`Model::predict`](crate::Model::predict) does.
    ///
    /// # Panics
    /// If `x` is not as long as the network has inputs.
    #[must_use]
    pub fn predict(&self, x: &[f32]) -> Vec<f64> {
        self.network.predict(&self.parameters, x)
    }
}
