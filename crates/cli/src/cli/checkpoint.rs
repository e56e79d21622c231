//! The arguments for checkpoints.

use crate::error::{Error, Result};
use clap::Args;
use neuralnet::Training;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(next_help_heading = "Checkpoints")]
pub(crate) struct CheckpointArgs {
    /// Save the state of the training in FILE, from which --resume goes on; it is written whole or not at all
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Seconds from one checkpoint to the next; there is one more at the end and on Ctrl-C
    #[arg(
        long,
        value_name = "S",
        default_value_t = 10.0,
        requires = "checkpoint",
        allow_negative_numbers = true
    )]
    checkpoint_seconds: f64,
    /// Go on from the checkpoint FILE to the weights that an unbroken training reaches, bit for bit; name the same data and settings
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
}

impl CheckpointArgs {
    /// Resumes `training` and starts its checkpoints, if these are asked for.
    ///
    /// # Errors
    /// If a checkpoint cannot be read, is of another training, or would replace one that is not resumed.
    pub(crate) fn prepare(&self, training: &mut Training<'_>) -> Result<()> {
        if let Some(path) = &self.checkpoint
            && path.symlink_metadata().is_ok()
            && self.resume.as_ref() != Some(path)
        {
            let path = path.display();
            let remedies = "go on from it with --resume, take another name, or remove it";
            let reason = format!("`{path}` exists; {remedies}");
            return Err(Error::setting("--checkpoint", reason));
        }
        if let Some(path) = &self.resume {
            training.resume(path)?;
        }
        if let Some(path) = &self.checkpoint {
            training.checkpoint(path, self.checkpoint_seconds)?;
        }
        Ok(())
    }
}
