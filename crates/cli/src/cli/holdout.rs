//! The arguments for held-out samples and early stopping.

use crate::error::{Error, Result};
use clap::Args;
use neuralnet::Dataset;
use neuralnet_table::ModelOptions;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(next_help_heading = "Validation")]
pub(crate) struct HoldoutArgs {
    /// Hold out this share of the samples, of each class if there are classes, and report the loss on them
    #[arg(
        long,
        value_name = "SHARE",
        conflicts_with = "validation_data",
        allow_negative_numbers = true
    )]
    pub(super) validation: Option<f64>,
    /// Take another file with the same columns as the held-out samples, and report the loss on them
    #[arg(long, value_name = "FILE", group = "known_categories")]
    pub(crate) validation_data: Option<PathBuf>,
    /// Iterations from one evaluation of the held-out samples to the next (default: 1 for lbfgs; those of an epoch with mini-batches; otherwise a hundredth of all, 1000 at most)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(super) validation_every: Option<u64>,
    /// Stop if the held-out loss has not fallen for PATIENCE evaluations, and keep the best weights (default of PATIENCE: 10; set it as in --early-stopping=20)
    #[arg(
        long,
        value_name = "PATIENCE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "10"
    )]
    pub(super) early_stopping: Option<u32>,
}

impl HoldoutArgs {
    /// The training samples, and the held-out ones if any are asked for: split off with `seed`, or read as `options`
    /// says.
    pub(super) fn open(
        &self,
        dataset: Dataset,
        seed: u32,
        options: &ModelOptions,
    ) -> Result<(Dataset, Option<Dataset>)> {
        if let Some(share) = self.validation {
            let (dataset, holdout) = dataset.split(share, seed)?;
            return Ok((dataset, Some(holdout)));
        }
        let Some(path) = &self.validation_data else {
            return Ok((dataset, None));
        };
        let Some(path) = path.to_str() else {
            let reason = format!(
                "`{}` is not a name in UTF-8; rename the file",
                path.display()
            );
            return Err(Error::setting("--validation-data", reason));
        };
        let holdout = neuralnet_table::open_alike(&dataset, path, options)?;
        Ok((dataset, Some(holdout)))
    }
}
