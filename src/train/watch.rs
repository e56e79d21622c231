//! The samples held back, and when they say that it is enough.

use super::Training;
use super::config::TrainConfig;
use super::history::Point;
use super::stop::StopReason;
use crate::backend::Backend;
use crate::cpu::Cpu;
use crate::data::Dataset;
use crate::error::{Error, Result};

/// What training is looked at with, and what was seen.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    cpu: Cpu<'a>,
    pub(super) dataset: &'a Dataset,
    /// The last iteration looked at, and the loss there.
    pub(super) last: Option<(u64, f64)>,
    /// The best look.
    pub(super) best: Option<Best>,
    /// Looks since.
    pub(super) waited: u32,
}

/// The parameters with the lowest loss on the samples held back.
#[derive(Clone, Debug)]
pub(super) struct Best {
    pub(super) iteration: u64,
    pub(super) loss: f64,
    /// As the backend holds them.
    pub(super) parameters: Vec<f64>,
}

impl<'a> Watch<'a> {
    /// Holds `dataset`, whose columns are those of `train`.
    pub(super) fn new(
        train: &Dataset,
        dataset: &'a Dataset,
        config: &TrainConfig,
        threads: Option<usize>,
    ) -> Result<Self> {
        let fail = |what: &str, found: &[String], wanted: &[String]| {
            Err(Error::Dataset {
                source_name: dataset.source().to_owned(),
                reason: format!(
                    "has the {what} {found:?}, and {} the {what} {wanted:?}; take samples of the same columns, in the same order",
                    train.source()
                ),
            })
        };
        if dataset.input_names() != train.input_names() {
            return fail("features", dataset.input_names(), train.input_names());
        }
        if dataset.target_names() != train.target_names() {
            return fail("targets", dataset.target_names(), train.target_names());
        }
        if dataset.classes() != train.classes() {
            let names = |dataset: &Dataset| -> Vec<String> {
                dataset
                    .classes()
                    .map(|classes| classes.names.clone())
                    .unwrap_or_default()
            };
            return fail("classes", &names(dataset), &names(train));
        }
        Ok(Self {
            cpu: Cpu::new(super::problem(dataset, config)?, threads)?,
            dataset,
            last: None,
            best: None,
            waited: 0,
        })
    }

    /// The loss at `parameters`, which are those of features as they came.
    pub(super) fn loss(&mut self, parameters: &[f64]) -> Result<f64> {
        self.cpu.set_parameters(parameters)?;
        Ok(self.cpu.evaluate()?.summary.loss)
    }

    /// Takes note of the loss `loss`; `held` are the parameters as the backend holds them.
    pub(super) fn note(&mut self, iteration: u64, loss: f64, held: Vec<f64>) {
        self.last = Some((iteration, loss));
        if self.best.as_ref().is_none_or(|best| loss < best.loss) {
            self.waited = 0;
            self.best = Some(Best {
                iteration,
                loss,
                parameters: held,
            });
        } else {
            self.waited += 1;
        }
    }
}

impl Training<'_> {
    /// The next iteration at which to look at the samples held back.
    pub(super) fn next_look(&self) -> u64 {
        let every = self.config.look_every();
        match self.watch {
            Some(_) => (self.iteration / every + 1).saturating_mul(every),
            None => u64::MAX,
        }
    }

    /// Looks at the samples held back, where that was not done at this iteration.
    pub(super) fn look(&mut self) -> Result<()> {
        let Some(mut watch) = self.watch.take() else {
            return Ok(());
        };
        if watch.last.is_none_or(|(last, _)| last != self.iteration) {
            let loss = watch.loss(&self.parameters()?)?;
            watch.note(self.iteration, loss, self.held_parameters()?);
            self.history.push(Point {
                iteration: self.iteration,
                loss: self.loss,
                validation: Some(loss),
            });
            let patience = self.config.early_stopping;
            if self.stop.is_none() && patience.is_some_and(|patience| watch.waited >= patience) {
                self.stop = Some(StopReason::EarlyStopping);
            }
        }
        self.watch = Some(watch);
        Ok(())
    }

    /// The parameters as they are trained.
    pub(super) fn held_parameters(&mut self) -> Result<Vec<f64>> {
        match &self.host {
            Some(host) => Ok(host.parameters().to_vec()),
            None => self.backend.parameters(),
        }
    }

    /// Goes back to where the loss on the samples held back was lowest, where that was asked for: the iteration, and the
    /// loss there.
    pub(super) fn keep_best(&mut self) -> Result<Option<(u64, f64)>> {
        let (Some(_), Some(watch)) = (self.config.early_stopping, &self.watch) else {
            return Ok(None);
        };
        let Some(best) = &watch.best else {
            return Ok(None);
        };
        if best.iteration != self.iteration {
            match &mut self.host {
                Some(host) => host.set_parameters(&best.parameters),
                None => self.backend.set_parameters(&best.parameters)?,
            }
        }
        Ok(Some((best.iteration, best.loss)))
    }
}
