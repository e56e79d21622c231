//! The arguments of `train`, and what is trained by them.

use super::checkpoint::CheckpointArgs;
use super::choice::choice;
use super::hardware::HardwareArgs;
use super::holdout::HoldoutArgs;
use super::optimizer::{OptimizerArgs, StopArgs};
use super::output::{check_unread, is_same, writable};
use super::start::StartArgs;
use super::table::UnknownCategory;
use super::task::{TaskArgs, suited_to};
use crate::error::{Error, Result};
use crate::report::{SampleSettings, TrainingSettings};
use clap::{ArgGroup, Args};
use neuralnet::atomic_file::Destination;
use neuralnet::{BackendChoice, Dataset, Model, Optimizer, Precision, TrainConfig};
use neuralnet_table::ModelOptions;
use std::path::{Path, PathBuf};

/// The default of `train --iterations` for data other than the article's.
const TRAIN_ITERATIONS: u64 = 1000;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  neuralnet train\n  neuralnet train people.csv --drop name --one-hot port --impute median\n  neuralnet train exam.csv --output exam.safetensors --report exam.html"
)]
#[command(group = ArgGroup::new("written").multiple(true))]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    optimizer: OptimizerArgs,
    #[command(flatten)]
    stop: StopArgs,
    #[command(flatten)]
    pub(crate) holdout: HoldoutArgs,
    #[command(flatten)]
    start: StartArgs,
    #[command(flatten)]
    pub(crate) checkpoint: CheckpointArgs,
    /// The backend that trains: `auto` takes a real GPU if there is one, otherwise the CPU
    #[arg(long, value_parser = choice::<BackendChoice>(), default_value = "auto", help_heading = "Hardware")]
    pub(crate) backend: BackendChoice,
    /// The numbers to compute in: f32 is faster on the CPU for networks with hidden layers; a GPU has no other (default: f64 on the CPU)
    #[arg(long, value_parser = choice::<Precision>(), help_heading = "Hardware")]
    pub(crate) precision: Option<Precision>,
    #[command(flatten)]
    pub(crate) hardware: HardwareArgs,
    /// The file to write the model to, in the safetensors format
    #[arg(
        short,
        long,
        value_name = "FILE",
        group = "written",
        help_heading = "Output"
    )]
    pub(crate) output: Option<PathBuf>,
    /// The report page to write: settings, metrics, curves and weights in one HTML file
    #[arg(long, value_name = "FILE", group = "written", help_heading = "Output")]
    pub(crate) report: Option<PathBuf>,
    /// Replace files that exist, but no checkpoint
    #[arg(long, requires = "written", help_heading = "Output")]
    force: bool,
    /// Print one JSON object and nothing else
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// What `train` is about.
pub(crate) struct Task {
    /// The samples to train on, each with the weight of its class.
    pub(crate) training: Dataset,
    /// These samples as they are, to be measured.
    pub(crate) samples: Dataset,
    /// The samples that are not trained on.
    pub(crate) holdout: Option<Dataset>,
    /// The settings.
    pub(crate) config: TrainConfig,
    /// The model that the training begins with, if not with random weights.
    pub(crate) init: Option<Model>,
}

impl TrainArgs {
    /// Opens the training samples and any held-out ones, and completes the settings.
    pub(crate) fn open(&self) -> Result<Task> {
        let table = &self.task.table;
        // For data that are encoded as others were: as those of a model, or as the training samples.
        let options = ModelOptions {
            text: table.text.options(),
            sample_weight: table.sample_weight.clone(),
            drop_missing_targets: table.drop_missing_targets,
            unknown_as_zero: self.start.unknown_category == UnknownCategory::Zero,
        };
        let init = self.start.model(&self.task)?;
        let samples = match &init {
            Some(model) => self.task.open_labelled(model, &options)?,
            None => self.task.open_data(self.holdout.validation)?,
        };
        // All targets decide what is trained, those that are held out too.
        let usual = suited_to(&samples, TRAIN_ITERATIONS);
        let suited = match &init {
            Some(model) => self.start.suited(&self.task, usual, model)?,
            None => usual,
        };
        let (samples, holdout) = self.holdout.open(samples, self.task.seed, &options)?;
        let (samples, config) = self.task.complete(samples, suited, self.hardware)?;
        let training = self.task.weigh_classes(&samples)?;
        let config = self
            .optimizer
            .complete(config, &training, &self.task, Optimizer::LBfgs)?;
        let mut config = self.stop.complete(config);
        if init.is_some() && config.optimizer == Optimizer::LBfgs {
            // A warm start would leave the weights of the model for those that suit a few rows.
            config.warm_start_rows.get_or_insert(0);
        }
        config.init = self.start.drawn();
        config.validation_every = self.holdout.validation_every;
        config.early_stopping = self.holdout.early_stopping;
        Ok(Task {
            init,
            config,
            training,
            samples,
            holdout,
        })
    }

    /// What the samples weigh, which of them are held out, and the model that the training begins with.
    pub(crate) fn sample_settings(&self) -> SampleSettings {
        SampleSettings {
            training: Some(TrainingSettings {
                validation: self.holdout.validation,
                validation_data: self.holdout.validation_data.clone(),
                init_model: self.start.path().cloned(),
            }),
            ..self.task.sample_settings()
        }
    }

    /// Refuses files that must not be written, so that nothing is trained for them.
    pub(crate) fn check_files(&self) -> Result<()> {
        let named = [
            ("--output", &self.output),
            ("--report", &self.report),
            ("--checkpoint", &self.checkpoint.checkpoint),
        ];
        let named = named
            .iter()
            .filter_map(|(flag, path)| Some((*flag, path.as_ref()?)));
        let named: Vec<(&str, &PathBuf)> = named.collect();
        for (at, (flag, path)) in named.iter().enumerate() {
            let mut before = named[..at].iter();
            if let Some((other, _)) = before.find(|(_, other)| is_same(path, other)) {
                let reason = format!(
                    "`{}` is the file of {other} too; name another",
                    path.display()
                );
                return Err(Error::setting(flag, reason));
            }
            check_unread(path, flag, self.read_for(flag).iter().map(PathBuf::as_path))?;
            writable(path, flag, self.force || *flag == "--checkpoint")?;
        }
        if let Some(path) = &self.output
            && (path.extension().is_some_and(|ending| ending == "onnx")
                || neuralnet_table::check_output(path).is_ok())
        {
            let reason = format!(
                "`{}` is to be a model in the safetensors format; take another ending, as .safetensors (`neuralnet export` makes .onnx of one)",
                path.display()
            );
            return Err(Error::setting("--output", reason));
        }
        self.checkpoint.check()
    }

    /// The files that are read and must not be replaced by that of `flag`. A model may go on from itself, and so may a
    /// checkpoint.
    fn read_for(&self, flag: &str) -> Vec<PathBuf> {
        let (data, held_out) = (self.task.path(), self.holdout.validation_data.as_deref());
        let labels = self.task.table.labels.path.as_deref();
        let mut read: Vec<PathBuf> = [Some(data), held_out, labels]
            .into_iter()
            .flatten()
            .flat_map(|path| [Some(path.to_owned()), neuralnet_table::labels_beside(path)])
            .flatten()
            .collect();
        let resumed = self.checkpoint.resume.as_ref();
        read.extend(self.start.path().filter(|_| flag != "--output").cloned());
        read.extend(resumed.filter(|_| flag != "--checkpoint").cloned());
        read
    }

    /// The file `path` of the output.
    pub(crate) fn destination<'a>(&self, path: &'a Path) -> Destination<'a> {
        Destination {
            path,
            replaces: self.force,
        }
    }
}
