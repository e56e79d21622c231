//! Trainings that are kept in a file, and resume from there to the same bits.

mod file;
mod key;

use super::config::check::require;
use super::{StopReason, Training};
use crate::atomic_file::Destination;
use crate::error::{Error, LEAVE_OUT, Result};
use file::TrainingState;
use key::DatasetKey;
pub(super) use key::RunKey;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What tells why a checkpoint cannot be written.
pub(super) type TellFailure = Box<dyn FnMut(&Error) + Send>;

/// Where and how often to write checkpoints.
#[derive(Debug)]
pub(super) struct Checkpoints {
    path: PathBuf,
    /// Whether the next one may take the place of a file.
    replaces: bool,
    seconds: f64,
    last: Instant,
    /// Why the last one could not be written.
    pub(super) failure: Option<String>,
}

impl Checkpoints {
    fn destination(&self) -> Destination<'_> {
        Destination {
            path: &self.path,
            replaces: self.replaces,
        }
    }
}

impl Training<'_> {
    /// Keeps the training in `file`, of which a name is enough, about every `seconds` and at its end. The file is replaced whole or not
    /// at all, so that a crash at any moment leaves a checkpoint. The first one takes a pass over the data, for their fingerprint.
    ///
    /// # Errors
    /// If `seconds` is negative or not finite.
    pub fn checkpoint<'f>(&mut self, file: impl Into<Destination<'f>>, seconds: f64) -> Result<()> {
        let Destination { path, replaces } = file.into();
        require(
            seconds >= 0.0 && seconds.is_finite(),
            "checkpoint_seconds",
            format_args!("{seconds} must be finite and not negative"),
            &[],
        )?;
        self.checkpoints = Some(Checkpoints {
            path: path.to_owned(),
            replaces,
            seconds,
            last: Instant::now(),
            failure: None,
        });
        Ok(())
    }

    /// Calls `tell` when a checkpoint cannot be written, after which the training goes on and tries again, but not again
    /// before one was written.
    pub fn on_checkpoint_failure(&mut self, tell: impl FnMut(&Error) + Send + 'static) {
        self.tell_failure = Some(Box::new(tell));
    }

    /// Continues from the file `path`, to the bits that the training would have reached without a break. To be called
    /// after [`Training::set_holdout`] and before the first iteration. The settings may ask for more iterations than
    /// those of the checkpoint did.
    ///
    /// # Errors
    /// If the file is not a checkpoint, or one of other data, settings or hardware; the first difference is named. If an
    /// iteration was made.
    pub fn resume(&mut self, path: &Path) -> Result<()> {
        let reason = "is where a training goes on, and this one has begun";
        require(self.iteration() == 0, "resume", reason, &[LEAVE_OUT])?;
        let n_parameters = self.run.network.n_parameters();
        let key = self.key();
        let state = TrainingState::read(path, key, n_parameters)?;
        state.key.check_iterations(key, state.progress.iteration)?;
        self.run.set_raw_parameters(&state.parameters)?;
        self.run.progress = state.progress;
        self.run.seconds_before = state.progress.seconds;
        self.run.history = state.history;
        self.run.set_optimizer_state(state.optimizer)?;
        if let (Some(holdout), Some(state)) = (&mut self.holdout, state.holdout) {
            holdout.state = state;
            holdout.stop(&mut self.run);
        }
        Ok(())
    }

    pub(super) fn checkpoint_is_due(&self) -> bool {
        self.checkpoints
            .as_ref()
            .is_some_and(|it| it.last.elapsed().as_secs_f64() >= it.seconds)
    }

    /// Writes a checkpoint if any are kept, unless the training has diverged: from the last one before, it can go on with
    /// other settings. Where the file cannot be written the training goes on.
    pub(super) fn save_checkpoint(&mut self) -> Result<()> {
        if self.checkpoints.is_none() || self.run.stop == Some(StopReason::Diverged) {
            return Ok(());
        }
        let state = TrainingState {
            version: file::VERSION,
            key: self.key().clone(),
            progress: self.run.progress,
            history: self.run.history.clone(),
            optimizer: self.run.optimizer_state()?,
            holdout: self.holdout.as_ref().map(|it| it.state.clone()),
            parameters: self.run.raw_parameters()?,
        };
        let goes_on = self.run.stop.is_none() && !self.run.is_complete();
        if let Some(checkpoints) = &mut self.checkpoints {
            let failure = state.write(checkpoints.destination()).err();
            if let (Some(error), Some(tell)) = (&failure, &mut self.tell_failure)
                && checkpoints.failure.is_none()
                && goes_on
            {
                tell(error);
            }
            checkpoints.replaces |= failure.is_none();
            checkpoints.failure = failure.map(|error| error.to_string());
            checkpoints.last = Instant::now();
        }
        Ok(())
    }

    /// What tells this run from others. Takes a pass over the data the first time.
    fn key(&self) -> &RunKey {
        self.key.get_or_init(|| {
            let data = DatasetKey::new(self.run.dataset);
            let holdout = self.holdout.as_ref().map(|it| DatasetKey::new(it.dataset));
            let holdout = holdout.unwrap_or_default();
            RunKey::new(&self.run.config, self.start, data, holdout, self.backend())
        })
    }
}
