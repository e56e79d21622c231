//! The loop of a training: submissions of iterations, and what happens between them.

use super::config::check::require;
use super::{Progress, StopReason, Training};
use crate::error::{Error, Remedy, Result};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Instant;

impl Training<'_> {
    /// Trains to `iteration`, to the last of the settings, or until a stop rule holds. Calls `observe` about ten times a second; `Break` stops soon
    /// after. The bits of the parameters do not depend on how a training is cut into calls.
    ///
    /// # Errors
    /// If the device fails, the loss is no longer finite, or a setting needs [held-out samples](Self::set_holdout) and there
    /// are none.
    pub fn advance_to(
        &mut self,
        iteration: u64,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        let config = &self.run.config;
        let iteration = iteration.min(config.iterations);
        for (setting, is_given) in [
            ("early_stopping", config.early_stopping.is_some()),
            ("validation_every", config.validation_every.is_some()),
        ] {
            let remedies = &[
                Remedy::Set("validation", "0.2"),
                Remedy::Set("validation_data", "a file of the same columns"),
            ];
            let holds = !is_given || self.holdout.is_some();
            require(holds, setting, "needs held-out samples", remedies)?;
        }
        let interval = self
            .run
            .config
            .holdout_interval(self.run.dataset.n_samples());
        if self.run.config.early_stopping.is_some() && self.iteration() == 0 {
            // What a training begins with may be better than all that it reaches, such as the weights of a model.
            self.evaluate_holdout()?;
        }
        while self.run.stop.is_none() && self.iteration() < iteration {
            let next_evaluation = match self.holdout {
                Some(_) => (self.iteration() / interval + 1).saturating_mul(interval),
                None => u64::MAX,
            };
            let advanced = self.submit_until(iteration.min(next_evaluation), observe);
            let evaluated = advanced.and_then(|()| match self.iteration() % interval {
                0 => self.evaluate_holdout(),
                _ => Ok(()),
            });
            self.end_if_diverged(evaluated)?;
            if self.checkpoint_is_due() {
                self.save_checkpoint()?;
            }
        }
        if self.run.is_complete() {
            self.run.stop.get_or_insert(StopReason::Iterations);
        }
        Ok(())
    }

    /// Ends a training that has diverged, if early stopping has parameters from before to return to.
    fn end_if_diverged(&mut self, advanced: Result<()>) -> Result<()> {
        match advanced {
            Err(Error::Diverged { .. }) if self.best().is_some() => {
                self.run.stop = Some(StopReason::Diverged);
                Ok(())
            }
            advanced => advanced,
        }
    }

    /// Keeps the backend busy until iteration `iteration`, a stop rule, or the time for a checkpoint.
    fn submit_until(
        &mut self,
        iteration: u64,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut submitted = VecDeque::new();
        let (mut next, mut last) = (self.iteration(), iteration);
        let mut since = Instant::now();
        // So many submissions are under way at once that the hardware never waits.
        let depth = match self.run.optimizer {
            Some(_) => 1,
            None => self.run.backend.queue_depth(),
        };
        loop {
            if submitted.is_empty() {
                // What `observe` took is no time of an iteration.
                since = Instant::now();
            }
            while submitted.len() < depth
                && let Some(iterations) = self
                    .run
                    .submission_size
                    .iterations(last.saturating_sub(next))
            {
                let end = next + u64::from(iterations.get());
                if self.run.optimizer.is_none() {
                    self.run.backend.submit(next..end)?;
                }
                submitted.push_back(iterations);
                next = end;
            }
            let Some(iterations) = submitted.pop_front() else {
                return Ok(());
            };
            if let Err(error) = self.run.complete(iterations) {
                if matches!(error, Error::Diverged { .. }) {
                    // What is still under way would be taken for the answer to what follows.
                    submitted.iter().for_each(|_| drop(self.run.backend.wait()));
                }
                return Err(error);
            }
            let now = Instant::now();
            self.run.add_time(iterations, now - since);
            since = now;
            if observe(&self.run.told()).is_break() && !self.run.is_complete() {
                self.run.stop.get_or_insert(StopReason::Interrupted);
            }
            if self.run.stop.is_some() || self.checkpoint_is_due() {
                last = next;
            }
        }
    }
}
