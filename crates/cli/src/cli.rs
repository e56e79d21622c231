//! The command line: its arguments, and the settings made of them.

mod bench;
mod checkpoint;
mod choice;
mod color;
mod hardware;
mod holdout;
mod manual;
mod optimizer;
mod output;
mod start;
mod table;
mod task;
mod train;

use crate::error::Result;
pub(crate) use bench::BenchArgs;
use choice::choice;
use clap::{Args, CommandFactory, Parser, Subcommand};
pub(crate) use color::ColorArgs;
use hardware::HardwareArgs;
pub(crate) use manual::{CompletionsArgs, ManArgs};
use neuralnet::{BackendChoice, Dataset, Optimizer, ReferenceChoice, TrainConfig};
use neuralnet_table::ModelOptions;
pub(crate) use optimizer::BatchSize;
use optimizer::OptimizerArgs;
pub(crate) use output::{check_unread, writable};
use std::path::PathBuf;
use table::{LabelsArgs, ModelDataArgs, TextArgs};
use task::TaskArgs;
pub(crate) use train::{Task, TrainArgs};

/// Trains neural networks on any GPU, and proves each result against a float64 reference.
#[derive(Debug, Parser)]
#[command(
    name = "neuralnet",
    version,
    help_expected = true,
    after_help = "Exit codes: 0 done; 1 a check failed, or training diverged; 2 bad input or usage; 3 no usable device, or out of its memory; 130 interrupted (Ctrl-C, SIGTERM, SIGHUP), a training with the results reached so far."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    color: ColorArgs,
}

impl Cli {
    /// The command that the arguments of this process ask for, as clap knows it.
    pub(crate) fn asked() -> clap::Command {
        let mut program = Self::command();
        let matches = program.get_matches_mut();
        let command = matches.subcommand_name();
        let command = command.and_then(|name| program.find_subcommand(name));
        command.cloned().unwrap_or(program)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a network and print its weights
    Train(Box<TrainArgs>),
    /// Predict each row of a table with a model
    Predict(PredictArgs),
    /// Measure the predictions of a model against the targets of a table, beside a baseline without a model
    Evaluate(EvaluateArgs),
    /// Write a table in another format, every value as it is
    Convert(ConvertArgs),
    /// Show the settings and weights of a model
    Inspect(InspectArgs),
    /// Write a model as ONNX, which other programs run
    Export(ExportArgs),
    /// Compare the GPU with the float64 CPU reference; exit 1 if an error exceeds its bound
    Validate(Box<ValidateArgs>),
    /// Measure the time of iterations, and compare it with the speed at which the memory can be read; of networks with hidden layers that of updates, and with the speed of arithmetic too
    Bench(BenchArgs),
    /// List the adapters wgpu sees, and their limits
    Devices(DevicesArgs),
    /// Print the script that completes commands and flags in a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or that of one command, in roff
    Man(ManArgs),
}

impl Command {
    /// Starts the threads that this command takes.
    pub(crate) fn start_threads(&self) -> Result<()> {
        HardwareArgs::start_threads(match self {
            Self::Train(args) => Some(args.hardware),
            Self::Validate(args) => Some(args.hardware),
            Self::Bench(args) => Some(args.hardware),
            _ => None,
        })
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  neuralnet predict exam.safetensors later.csv\n  neuralnet predict exam.safetensors later.csv --output predictions.csv"
)]
pub(crate) struct PredictArgs {
    /// A file that `train --output` wrote
    pub(crate) model: PathBuf,
    /// A file as `train` takes it (CSV, .npy, .npz, .parquet, .feather, pictures in the IDX format), with the model's features, found by name, and any other columns; all but .npz and pictures are read in parts; or `article`, or `synthetic:…`
    pub(crate) data: String,
    /// A column of the data to write beside the predictions, or several, separated by commas
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id: Vec<String>,
    /// The backend that predicts: `auto` takes a real GPU if there is one and the network has 128 FLOPs or more for each byte of a row, and 10⁹ for all rows that are read at once, otherwise the CPU; a GPU computes in f32
    #[arg(long, value_parser = choice::<BackendChoice>(), default_value = "auto", help_heading = "Hardware")]
    pub(crate) backend: BackendChoice,
    /// The file to write the predictions to: .csv, .csv.gz, .csv.zst, .npy, .parquet, .feather or .arrow (default: CSV on stdout)
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "output", help_heading = "Output")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) table: ModelDataArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neuralnet convert exam.csv exam.parquet")]
pub(crate) struct ConvertArgs {
    /// A table: CSV (also .csv.gz and .csv.zst), .npy, .npz, .parquet, .feather, or pictures in the IDX format (-ubyte or .idx, also .gz)
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// The file to write: .csv, .csv.gz, .csv.zst, .npy, .npz, .parquet, .feather or .arrow
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) labels: LabelsArgs,
    /// Replace OUT if it exists
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) text: TextArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neuralnet evaluate exam.safetensors later.csv")]
pub(crate) struct EvaluateArgs {
    /// A file that `train --output` wrote
    pub(crate) model: PathBuf,
    /// A file as `train` takes it (CSV, .npy, .npz, .parquet, .feather, pictures in the IDX format), with the model's features and targets, found by name, and any other columns; or `article`, or `synthetic:…`
    pub(crate) data: String,
    /// The column of the samples' weights, which are 0 or more
    #[arg(long, value_name = "COLUMN")]
    sample_weight: Option<String>,
    /// Leave out the rows whose target is missing (default: they are an error)
    #[arg(long)]
    drop_missing_targets: bool,
    /// The backend that predicts: `auto` takes a real GPU if there is one and the network has 128 FLOPs or more for each byte of a row, and 10⁹ for all rows that are read at once, otherwise the CPU; a GPU computes in f32
    #[arg(long, value_parser = choice::<BackendChoice>(), default_value = "auto", help_heading = "Hardware")]
    pub(crate) backend: BackendChoice,
    /// Print one JSON object and nothing else
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    table: ModelDataArgs,
}

impl EvaluateArgs {
    /// How the data are read.
    pub(crate) fn options(&self) -> ModelOptions {
        ModelOptions {
            sample_weight: self.sample_weight.clone(),
            drop_missing_targets: self.drop_missing_targets,
            ..self.table.options()
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neuralnet export exam.safetensors exam.onnx")]
pub(crate) struct ExportArgs {
    /// A file that `train --output` wrote
    pub(crate) model: PathBuf,
    /// The file to write, its name ending in .onnx
    #[arg(value_name = "OUT.onnx")]
    pub(crate) output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neuralnet inspect exam.safetensors")]
pub(crate) struct InspectArgs {
    /// A file that `train --output` wrote
    pub(crate) model: PathBuf,
    /// Print one JSON object and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  neuralnet validate synthetic:1000x32 --iterations 10\n  neuralnet validate exam.csv --storage f16\n  neuralnet validate synthetic:1000x32 --hidden 64 --iterations 10"
)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    optimizer: OptimizerArgs,
    #[command(flatten)]
    pub(crate) hardware: HardwareArgs,
    /// What the GPU is held against
    #[arg(long, value_parser = choice::<ReferenceChoice>(), default_value = "fast", help_heading = "Hardware")]
    pub(crate) reference: ReferenceChoice,
    /// Print one JSON object and nothing else
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neuralnet devices")]
pub(crate) struct DevicesArgs {
    /// Print one JSON array and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

impl ValidateArgs {
    /// Opens the samples, and completes the settings; `iterations` are the usual ones.
    pub(crate) fn open(&self, iterations: u64) -> Result<(Dataset, TrainConfig)> {
        let (dataset, config) = self.task.open(iterations, self.hardware)?;
        let iterations = config.iterations;
        // A validation makes all its iterations by first-order updates, so a file does not make it take L-BFGS.
        let for_file = Optimizer::GradientDescent;
        let mut config = self
            .optimizer
            .complete(config, &dataset, &self.task, for_file)?;
        if self.optimizer.epochs.is_none() {
            config.iterations = iterations;
        }
        Ok((dataset, config))
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// A heading holds for all that follows it, also behind what was flattened.
    #[test]
    fn flags_stand_under_their_headings() {
        let program = Cli::command();
        for (command, flag, heading) in [
            ("convert", "force", None),
            ("evaluate", "sample_weight", None),
            ("evaluate", "drop_missing_targets", None),
            ("evaluate", "json", None),
            ("evaluate", "separator", Some("CSV")),
            ("validate", "epochs", Some("Optimizer")),
            ("validate", "json", Some("Output")),
        ] {
            let mut flags = program.find_subcommand(command).unwrap().get_arguments();
            let found = flags.find(|it| it.get_id() == flag).unwrap();
            assert_eq!(found.get_help_heading(), heading, "{command} {flag}");
        }
    }
}
