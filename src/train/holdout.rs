//! The held-out samples, and when their loss ends a training.

use super::history::History;
use super::run::TrainingRun;
use super::stop::StopReason;
use super::{TrainConfig, Training};
use crate::backend::Holdout;
use crate::cpu::Cpu;
use crate::data::{Dataset, Storage};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

#[derive(Debug)]
pub(super) struct HoldoutLoss<'a> {
    samples: Box<dyn Holdout + 'a>,
    pub(super) dataset: &'a Dataset,
    /// Why the host evaluates the held-out samples while a device trains, if it does.
    pub(super) notice: Option<String>,
    pub(super) state: HoldoutState,
}

/// What the evaluations so far have shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct HoldoutState {
    /// The iteration of the last evaluation.
    last: Option<u64>,
    pub(super) best: Option<Best>,
    evaluations_since_best: u32,
    pub(super) history: History,
}

/// The parameters with the lowest loss on the held-out samples.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Best {
    iteration: u64,
    loss: f64,
    /// Those of [`TrainingRun::reached`].
    #[serde(skip)]
    pub(super) parameters: Vec<f64>,
}

impl<'a> HoldoutLoss<'a> {
    /// Takes `dataset`, whose columns have to be those that `run` trains on, to its backend, or to `threads` of the host.
    pub(super) fn new(
        run: &TrainingRun<'_>,
        dataset: &'a Dataset,
        threads: Option<usize>,
    ) -> Result<Self> {
        check_columns(dataset, run.dataset)?;
        // A batch and a warm start are rows of the samples that are trained on, and may be more than are held out.
        let config = TrainConfig {
            batch_size: None,
            warm_start_rows: None,
            ..run.config.clone()
        };
        let problem = config.problem(dataset)?;
        let (samples, notice) = match run.backend.holdout(dataset) {
            Err(full @ Error::DeviceMemory { .. }) => (None, Some(full.statement())),
            samples => (samples?, None),
        };
        Ok(Self {
            samples: match samples {
                Some(samples) => samples,
                None => Box::new(Cpu::new(problem, threads)?),
            },
            notice,
            dataset,
            state: HoldoutState::default(),
        })
    }

    /// Evaluates the loss at the parameters of `run`, unless that was done at this iteration.
    fn evaluate(&mut self, run: &mut TrainingRun<'_>) -> Result<()> {
        let iteration = run.progress.iteration;
        if self.state.last == Some(iteration) {
            return Ok(());
        }
        let loss = self.samples.loss_at(&run.parameters()?)?;
        self.state.last = Some(iteration);
        let best = self.state.best.as_ref();
        if loss.is_finite() && best.is_none_or(|best| loss < best.loss) {
            self.state.evaluations_since_best = 0;
            self.state.best = Some(Best {
                iteration,
                loss,
                parameters: run.reached()?,
            });
        } else {
            self.state.evaluations_since_best += 1;
        }
        run.progress.validation = Some(loss);
        self.state.history.push(iteration, loss);
        self.stop(run);
        Ok(())
    }

    /// Ends the training if the loss has not fallen for as long as its settings allow.
    pub(super) fn stop(&self, run: &mut TrainingRun<'_>) {
        let patience = run.config.early_stopping;
        if patience.is_some_and(|patience| self.state.evaluations_since_best >= patience) {
            run.stop.get_or_insert(StopReason::EarlyStopping);
        }
    }
}

/// Checks that the features and targets of `dataset` are those of `train`, which is scaled.
fn check_columns(dataset: &Dataset, train: &Dataset) -> Result<()> {
    let refuse = |reason| Error::Dataset {
        source_name: dataset.source().to_owned(),
        reason,
    };
    let source = train.source();
    let classes = |dataset: &Dataset| {
        let names = dataset.classes().map(|classes| classes.names.clone());
        names.unwrap_or_default()
    };
    for (what, found, wanted) in [
        ("features", dataset.input_names(), train.input_names()),
        ("targets", dataset.target_names(), train.target_names()),
        ("classes", &classes(dataset), &classes(train)),
    ] {
        if found != wanted {
            return Err(refuse(format!(
                "has the {what} {found:?}, and {source} the {what} {wanted:?}; take samples of the same columns, in the same order"
            )));
        }
    }
    let offsets = |dataset: &Dataset| -> Vec<u64> {
        let of_columns = dataset.columns().iter().map(|column| column.offset);
        let all = of_columns.chain(dataset.target_offsets().iter().copied());
        all.map(f64::to_bits).collect()
    };
    if offsets(dataset) != offsets(train) {
        return Err(refuse(format!(
            "has other numbers taken from its columns than {source}; read it by the columns of {source}"
        )));
    }
    let is_scaled = dataset.scaling().is_some() || dataset.target_scaling().is_some();
    if is_scaled || dataset.storage() != Storage::F32 {
        return Err(refuse(
            "is standardised or rounded to a storage; pass the samples as they were before, which are scaled like those that are trained on".to_owned(),
        ));
    }
    Ok(())
}

impl Training<'_> {
    /// Evaluates the loss on the held-out samples if there are any.
    pub(super) fn evaluate_holdout(&mut self) -> Result<()> {
        match &mut self.holdout {
            Some(holdout) => holdout.evaluate(&mut self.run),
            None => Ok(()),
        }
    }

    /// If early stopping is on, returns to the parameters with the lowest loss on the held-out samples. Gives their
    /// iteration and that loss.
    pub(super) fn return_to_best(&mut self) -> Result<Option<(u64, f64)>> {
        let Some(best) = self.best().cloned() else {
            return Ok(None);
        };
        let has_diverged = self.run.stop == Some(StopReason::Diverged);
        if has_diverged || best.iteration != self.run.progress.iteration {
            self.run.kept = Some(best.parameters);
        }
        Ok(Some((best.iteration, best.loss)))
    }

    /// What early stopping would return to.
    pub(super) fn best(&self) -> Option<&Best> {
        self.run.config.early_stopping?;
        self.holdout.as_ref()?.state.best.as_ref()
    }
}
