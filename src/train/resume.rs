//! Trainings that are kept in a file as they go, and go on from there.

use super::Training;
use super::checkpoint::{Checkpoint, Checkpoints, Data, Identity, Standing};
use super::watch::Best;
use crate::error::{Error, Result};
use std::path::Path;

impl Training<'_> {
    /// Keeps the training in the file `path`, about every `seconds` and at its end: written whole or not at all, so that
    /// a crash at any moment leaves a checkpoint. Takes one pass over the data, to tell them from others.
    ///
    /// # Errors
    /// Where `seconds` is negative or not finite.
    pub fn checkpoint(&mut self, path: &Path, seconds: f64) -> Result<()> {
        if !(seconds >= 0.0 && seconds.is_finite()) {
            return Err(Error::Setting {
                setting: "checkpoint_seconds",
                reason: format!("{seconds} must be finite and not negative"),
                remedies: &[],
            });
        }
        let checkpoints = Checkpoints::new(path.to_owned(), seconds);
        self.checkpoints = Some((checkpoints, self.identity()));
        Ok(())
    }

    /// Goes on from the file `path`, to the bits that the training would have reached without a break. To be called after
    /// [`Training::watch`] and before the first iteration.
    ///
    /// # Errors
    /// Where the file is no checkpoint, or one of other data, settings or hardware; the first difference is named.
    pub fn resume(&mut self, path: &Path) -> Result<()> {
        let checkpoint = Checkpoint::open(path, &self.identity())?;
        let n_parameters = self.network.n_parameters();
        match &mut self.host {
            Some(host) => host.restore(&checkpoint, path)?,
            None => {
                let parameters = checkpoint.vector(path, "parameters", n_parameters)?;
                self.backend.set_parameters(&parameters)?;
            }
        }
        if let Some(watch) = &mut self.watch {
            watch.last = checkpoint.standing.last;
            watch.waited = checkpoint.standing.waited;
            watch.best = match checkpoint.standing.best {
                Some((iteration, loss)) => Some(Best {
                    iteration,
                    loss,
                    parameters: checkpoint.vector(path, "best", n_parameters)?,
                }),
                None => None,
            };
        }
        let standing = checkpoint.standing;
        self.iteration = standing.iteration;
        self.evaluations = standing.evaluations;
        self.seconds = standing.seconds;
        self.loss = standing.loss.unwrap_or(f64::NAN);
        self.history = standing.history;
        Ok(())
    }

    pub(super) fn checkpoint_due(&self) -> bool {
        let checkpoints = self.checkpoints.as_ref();
        checkpoints.is_some_and(|(checkpoints, _)| checkpoints.due())
    }

    /// Writes a checkpoint, where any are kept.
    pub(super) fn save_checkpoint(&mut self) -> Result<()> {
        let Some((mut checkpoints, identity)) = self.checkpoints.take() else {
            return Ok(());
        };
        let mut checkpoint = Checkpoint {
            standing: Standing {
                iteration: self.iteration,
                evaluations: self.evaluations,
                seconds: self.seconds,
                loss: self.loss.is_finite().then_some(self.loss),
                history: self.history.clone(),
                ..Standing::new(identity.clone())
            },
            vectors: [("parameters".to_owned(), self.held_parameters()?)].into(),
        };
        if let Some(host) = &self.host {
            host.save(&mut checkpoint);
        }
        if let Some(watch) = &self.watch {
            let Checkpoint { standing, vectors } = &mut checkpoint;
            standing.last = watch.last;
            standing.waited = watch.waited;
            if let Some(best) = &watch.best {
                standing.best = Some((best.iteration, best.loss));
                vectors.insert("best".to_owned(), best.parameters.clone());
            }
        }
        checkpoints.save(&checkpoint)?;
        self.checkpoints = Some((checkpoints, identity));
        Ok(())
    }

    fn identity(&self) -> Identity {
        let held = self.watch.as_ref().map(|watch| Data::of(watch.dataset));
        let backend = self.backend.as_ref();
        Identity::new(&self.config, Data::of(self.dataset), held, backend)
    }
}
