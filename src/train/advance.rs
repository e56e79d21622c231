//! The loop: iterations on the host or on the device, and what is told of them.

use super::history::Point;
use super::host::Host;
use super::stop::StopReason;
use super::{Progress, Training};
use crate::backend::Summary;
use crate::error::{Error, Remedy, Result};
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::time::Instant;

impl Training<'_> {
    /// Trains up to iteration `iteration`, or to where the settings say that it is enough, and shows `observe` where
    /// it stands about ten times a second; up to where it stands then, or little further, where `observe` breaks
    /// off. The bits do not depend on how a training is cut into calls.
    ///
    /// # Errors
    /// Where the device fails, or the loss is no longer finite.
    pub fn advance_to(
        &mut self,
        iteration: u64,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        if self.config.early_stopping.is_some() && self.watch.is_none() {
            return Err(Error::Setting {
                setting: "early_stopping",
                reason: "needs samples held back to look at".to_owned(),
                remedies: &[
                    Remedy::Set("validation", "0.2"),
                    Remedy::Set("validation_data", "a file of the same columns"),
                ],
            });
        }
        while self.stop.is_none() && self.iteration < iteration {
            let until = self.next_look().min(iteration);
            match self.host.take() {
                None => self.advance_on_device(until, observe)?,
                Some(mut host) => {
                    let advanced = self.advance_on_host(&mut host, until, observe);
                    self.host = Some(host);
                    advanced?;
                }
            }
            if self.iteration.is_multiple_of(self.config.look_every()) {
                self.look()?;
            }
            if self.checkpoint_due() {
                self.save_checkpoint()?;
            }
        }
        if self.stop.is_none() && self.iteration >= self.config.iterations {
            self.stop = Some(StopReason::Iterations);
        }
        Ok(())
    }

    /// Takes note of the loss, where the samples held back do not say when.
    fn note(&mut self, iteration: u64, loss: f64) {
        self.loss = loss;
        if self.watch.is_none() && loss.is_finite() {
            let validation = None;
            self.history.push(Point {
                iteration,
                loss,
                validation,
            });
        }
    }

    /// The host makes the updates, from one evaluation after the other.
    fn advance_on_host(
        &mut self,
        host: &mut Host,
        iteration: u64,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        while self.stop.is_none()
            && let Some(batch) = host.batch(self.pace, iteration.saturating_sub(self.iteration))
        {
            let since = Instant::now();
            let mut made = 0;
            while made < batch.get() && self.stop.is_none() {
                let backend = self.backend.as_mut();
                self.stop = host.iterate(&self.config, self.iteration, backend)?;
                let (loss, _) = host.seen();
                if host.stands() {
                    self.loss = loss;
                    break;
                }
                self.iteration += 1;
                made += 1;
                self.note(self.iteration - u64::from(!host.looks_ahead()), loss);
            }
            self.evaluations = host.evaluations();
            let seconds = since.elapsed().as_secs_f64();
            self.took(batch, seconds);
            let (loss, summary) = host.seen();
            self.tell(loss, summary, observe)?;
            if self.checkpoint_due() {
                break;
            }
        }
        Ok(())
    }

    /// The backend makes the updates by itself, many at a time, and goes on while the host looks at the last ones.
    fn advance_on_device(
        &mut self,
        iteration: u64,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut started = VecDeque::new();
        let mut left = iteration.saturating_sub(self.iteration);
        let mut since = Instant::now();
        loop {
            while started.len() < self.backend.queue_depth()
                && let Some(batch) = self.pace.batch(left)
            {
                self.backend.submit(batch, self.config.learning_rate)?;
                started.push_back(batch);
                left -= u64::from(batch.get());
            }
            let Some(batch) = started.pop_front() else {
                return Ok(());
            };
            let summary = self.backend.wait()?;
            let seconds = since.elapsed().as_secs_f64();
            since = Instant::now();
            self.iteration += u64::from(batch.get());
            self.evaluations = self.iteration;
            self.took(batch, seconds);
            self.note(self.iteration - 1, summary.loss);
            self.tell(summary.loss, summary, observe)?;
            if self.stop.is_some() || self.checkpoint_due() {
                left = 0;
            }
        }
    }

    fn took(&mut self, batch: NonZeroU32, seconds: f64) {
        self.seconds += seconds;
        self.pace.took(batch, seconds);
        let most = self.config.max_seconds.unwrap_or(f64::INFINITY);
        if self.stop.is_none() && self.seconds >= most {
            self.stop = Some(StopReason::Seconds);
        }
    }

    fn tell(
        &mut self,
        loss: f64,
        summary: Summary,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        if !loss.is_finite() {
            return Err(self.diverged("loss"));
        }
        let told = observe(&Progress {
            iteration: self.iteration,
            evaluations: self.evaluations,
            loss,
            summary,
            validation: self
                .watch
                .as_ref()
                .and_then(|watch| watch.last)
                .map(|(_, loss)| loss),
            seconds: self.seconds,
        });
        if told.is_break() && self.stop.is_none() {
            self.stop = Some(StopReason::Interrupted);
        }
        Ok(())
    }
}
