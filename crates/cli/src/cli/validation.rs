//! What is held back to look at, as typed.

use super::TaskArgs;
use crate::error::Result;
use clap::Args;
use neuralnet::{Dataset, TrainConfig};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(next_help_heading = "Validation")]
pub(super) struct ValidationArgs {
    /// Hold this share of the samples back, of each class where there are classes, and tell the loss on them
    #[arg(
        long,
        value_name = "SHARE",
        conflicts_with = "validation_data",
        allow_negative_numbers = true
    )]
    validation: Option<f64>,
    /// Tell the loss on the samples of another file, of the same columns
    #[arg(long, value_name = "FILE")]
    validation_data: Option<PathBuf>,
    /// Iterations from one look at them to the next (default: 1 for lbfgs; otherwise a hundredth of all, 1000 at most)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    validation_every: Option<u64>,
    /// Stop where that loss has not fallen for PATIENCE looks, and keep the best weights (PATIENCE: 10 where it is not given, as in --early-stopping=20)
    #[arg(
        long,
        value_name = "PATIENCE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "10"
    )]
    early_stopping: Option<u32>,
}

impl ValidationArgs {
    /// The samples to train on and those held back.
    pub(super) fn open(
        &self,
        dataset: Dataset,
        task: &TaskArgs,
    ) -> Result<(Dataset, Option<Dataset>)> {
        if let Some(share) = self.validation {
            let (dataset, held) = dataset.split(share, task.seed)?;
            return Ok((dataset, Some(held)));
        }
        let Some(path) = &self.validation_data else {
            return Ok((dataset, None));
        };
        let held = neuralnet_table::open_alike(&dataset, &path.to_string_lossy())?;
        Ok((dataset, Some(held)))
    }

    pub(super) fn complete(&self, config: TrainConfig) -> TrainConfig {
        TrainConfig {
            validation_every: self.validation_every,
            early_stopping: self.early_stopping,
            ..config
        }
    }
}
