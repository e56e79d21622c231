//! The arguments for checkpoints.

use super::output::is_same;
use crate::error::{Error, Result};
use clap::Args;
use neuralnet::Training;
use neuralnet::atomic_file::Destination;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(next_help_heading = "Checkpoints")]
pub(crate) struct CheckpointArgs {
    /// Save the state of the training in FILE, from which --resume goes on; it is written whole or not at all
    #[arg(long, value_name = "FILE")]
    pub(super) checkpoint: Option<PathBuf>,
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
    pub(super) resume: Option<PathBuf>,
}

impl CheckpointArgs {
    /// Refuses to replace a checkpoint that is not resumed.
    pub(super) fn check(&self) -> Result<()> {
        let Some(path) = &self.checkpoint else {
            return Ok(());
        };
        if self.is_resumed(path) || path.symlink_metadata().is_err() {
            return Ok(());
        }
        let path = path.display();
        let remedies = "go on from it with --resume, take another name, or remove it";
        let reason = format!("`{path}` exists; {remedies}");
        Err(Error::setting("--checkpoint", reason))
    }

    /// Whether the training goes on from the file `path`.
    fn is_resumed(&self, path: &Path) -> bool {
        self.resume.as_ref().is_some_and(|old| is_same(old, path))
    }

    /// Resumes `training` and starts its checkpoints, if these are asked for.
    pub(crate) fn prepare(&self, training: &mut Training<'_>) -> Result<()> {
        if let Some(path) = &self.resume {
            training.resume(path)?;
        }
        if let Some(path) = &self.checkpoint {
            let replaces = self.is_resumed(path);
            training.checkpoint(Destination { path, replaces }, self.checkpoint_seconds)?;
        }
        Ok(())
    }
}
