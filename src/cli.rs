//! The command line as typed, turned into checked settings once.

mod checkpoint;
mod optimizer;
mod table;
mod validation;

use checkpoint::CheckpointArgs;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use neuralnet::bench::Shape;
use neuralnet::network::Activation;
use neuralnet::{
    BackendChoice, BenchConfig, Dataset, Error, GpuOptions, Hardware, Loss, Reduction, Result,
    Storage, TrainConfig,
};
use optimizer::OptimizerArgs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use table::{LabelsArgs, TableArgs};
use validation::ValidationArgs;

/// Trains neural networks on any GPU, and proves each result against a float64 reference.
#[derive(Debug, Parser)]
#[command(
    version,
    help_expected = true,
    after_help = "Exit codes: 0 done; 1 a check failed, or training diverged; 2 bad input or usage; 3 no usable device, or out of its memory."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a network and print its weights
    Train(Box<Train>),
    /// Use a model: its predictions for each row of a table
    Predict(Predict),
    /// Measure a model: its predictions beside the targets of a table, and beside no model at all
    Evaluate(Evaluate),
    /// Write a table in another format, every number the same f32
    Convert(Convert),
    /// Show what is in a model
    Inspect(Inspect),
    /// Write a model as ONNX, which other programs run
    Export(Export),
    /// Hold the GPU against the float64 CPU reference; exit 1 where an error exceeds its bound
    Validate(Box<Validate>),
    /// Measure iterations beside the speed at which the memory can be read
    Bench(Bench),
    /// List the adapters wgpu sees, and their limits
    Devices(Devices),
}

#[derive(Debug, Args)]
pub(crate) struct Train {
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    optimizer: OptimizerArgs,
    #[command(flatten)]
    validation: ValidationArgs,
    #[command(flatten)]
    pub(crate) checkpoint: CheckpointArgs,
    /// Where to train: `auto` takes a real GPU if there is one, otherwise the CPU
    #[arg(long, value_enum, default_value_t = Backend::Auto, help_heading = "Hardware")]
    backend: Backend,
    #[command(flatten)]
    pub(crate) hardware: HardwareArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// The page to write: settings, metrics, curves and weights, in one HTML file
    #[arg(long, value_name = "FILE", group = "written")]
    report: Option<PathBuf>,
    /// Print one JSON object and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Predict {
    /// A file that `train --output` wrote
    pub(crate) model: PathBuf,
    /// A file as `train` takes it, with the model's features, found by name, and any other columns; or `article`, or `synthetic:…`
    pub(crate) data: String,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// A table: .csv, .csv.gz, .npy, .npz, .parquet, or pictures in the IDX format (-ubyte or .idx, also .gz)
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// The file to write: .csv, .csv.gz, .npy, .npz or .parquet
    #[arg(value_name = "OUT")]
    output: PathBuf,
    #[command(flatten)]
    pub(crate) labels: LabelsArgs,
    /// Replace OUT where it exists
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// A file that `train --output` wrote
    pub(crate) model: PathBuf,
    /// A CSV (or .csv.gz) or .npy file with the model's features and targets, found by name, and any other columns; or `article`, or `synthetic:…`
    pub(crate) data: String,
    /// Print one JSON object and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// A file that `train --output` wrote
    pub(crate) model: PathBuf,
    /// The file to write, its name ending in .onnx
    #[arg(value_name = "OUT.onnx")]
    output: PathBuf,
    /// Replace the file where it exists
    #[arg(long)]
    force: bool,
}

impl Export {
    /// The file to write.
    ///
    /// # Errors
    /// As [`OutputArgs::path`] has them.
    pub(crate) fn path(&self) -> Result<&Path> {
        writable(&self.output, "OUT.onnx", self.force)
    }
}

impl Convert {
    /// The file to write.
    ///
    /// # Errors
    /// As of [`OutputArgs::path`].
    pub(crate) fn output(&self) -> Result<&Path> {
        writable(&self.output, "OUT", self.force)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A file that `train --output` wrote
    pub(crate) model: PathBuf,
    /// Print one JSON object and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

/// A file to write.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("written").multiple(true))]
pub(crate) struct OutputArgs {
    /// The file to write: of `train` the model (safetensors), of `predict` a table (.csv, .npy or .parquet; default: CSV on stdout)
    #[arg(short, long, value_name = "FILE", group = "written")]
    output: Option<PathBuf>,
    /// Replace what is to be written where it exists
    #[arg(long, requires = "written")]
    force: bool,
}

impl OutputArgs {
    /// The file to write, where there is one.
    ///
    /// # Errors
    /// Where it exists and is not to be replaced, or its folder does not exist: before any work is done.
    pub(crate) fn path(&self) -> Result<Option<&Path>> {
        let output = self.output.as_deref();
        output
            .map(|path| writable(path, "--output", self.force))
            .transpose()
    }
}

/// `path`, where a file may be written; `flag` names it, and `force` lets it replace one.
fn writable<'a>(path: &'a Path, flag: &'static str, force: bool) -> Result<&'a Path> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if path.is_dir() || folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(Error::Setting {
            flag,
            problem: format!(
                "`{}` is a folder, or in one that does not exist; name a file in a folder that does",
                path.display()
            ),
        });
    }
    if !force && path.symlink_metadata().is_ok() {
        return Err(Error::Exists {
            path: path.to_owned(),
        });
    }
    Ok(path)
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    pub(crate) hardware: HardwareArgs,
    /// Print one JSON object and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// `ROWSxFEATURES` or `ROWSxFEATURESxOUTPUTS`, several (default: a table from 4000000x16 to 60000x784x10)
    #[arg(value_name = "SHAPE")]
    shapes: Vec<Shape>,
    /// Measurements of each shape, of which the median counts
    #[arg(long, value_name = "N", default_value_t = NonZeroU32::new(9).expect("not 0"))]
    repeats: NonZeroU32,
    /// Loss of one prediction
    #[arg(long, value_enum, default_value_t = LossArg::SquaredError)]
    loss: LossArg,
    /// Where to measure: `auto` takes a real GPU if there is one, otherwise the CPU
    #[arg(long, value_enum, default_value_t = Backend::Auto, help_heading = "Hardware")]
    backend: Backend,
    #[command(flatten)]
    hardware: HardwareArgs,
    /// Print one JSON object and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Devices {
    /// Print one JSON array and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

/// Iterations of `train` on the user's own data, where nothing was said.
const TRAIN_ITERATIONS: u64 = 1000;

/// What is trained, as typed: `None` where the data set decides.
#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    /// A table (CSV with a header, also .csv.gz; .npy; .npz with X and y; .parquet; pictures in the IDX format as MNIST's), `article`, or `synthetic:ROWSxFEATURES[,noise=0.05][,seed=1]`
    #[arg(default_value = "article")]
    data: String,
    #[command(flatten)]
    table: TableArgs,
    /// Updates of the weights; 0 shows the start (default: 10000 for article; otherwise 1000 to train, 100 to validate)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    iterations: Option<u64>,
    /// Step along the gradient; L-BFGS searches its own (default: 1 for article, 0.01 for Adam, otherwise 0.1)
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    learning_rate: Option<f64>,
    /// What turns an output into a prediction (default: softmax for more than two classes, sigmoid for two and for targets in [0, 1], identity for other numbers)
    #[arg(long, value_enum)]
    activation: Option<ActivationArg>,
    /// Loss of one prediction (default: squared-error for article and with the identity, otherwise cross-entropy)
    #[arg(long, value_enum)]
    loss: Option<LossArg>,
    /// Train on standardised features: each less its mean, over its standard deviation; the weights told and kept are those of the features as they came (default: yes for files, unless they are stored as f16 or u8)
    #[arg(long, overrides_with = "no_standardise")]
    standardise: bool,
    /// Train on the features as they came
    #[arg(long, overrides_with = "standardise")]
    no_standardise: bool,
    /// Over the samples; `sum` saturates on large batches (default: sum for article, otherwise mean)
    #[arg(long, value_enum)]
    reduction: Option<ReductionArg>,
    /// Give each output a bias (default: no for article, otherwise yes)
    #[arg(long, overrides_with = "no_bias")]
    bias: bool,
    /// Give no output a bias
    #[arg(long, overrides_with = "bias")]
    no_bias: bool,
    /// Seed of the start, as for numpy.random.RandomState
    #[arg(
        long,
        value_name = "S",
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    seed: u32,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct HardwareArgs {
    /// Threads of the CPU backend; the bits do not depend on it (default: every core)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Hardware")]
    threads: Option<u16>,
    /// How the inputs are kept: f16 and u8 take half and a quarter of the memory and its traffic, and round the inputs; `validate` says by how much, and what that does to the loss. Bytes, as of pictures, lose nothing as u8
    #[arg(long, value_enum, default_value_t = StorageArg::F32, help_heading = "Hardware")]
    storage: StorageArg,
    /// Bytes of one chunk of the data on the GPU; the bits do not depend on it (default: what one binding holds)
    #[arg(long, value_name = "BYTES", help_heading = "Hardware")]
    max_chunk_bytes: Option<u64>,
    /// Bytes of the data on the GPU at any time; what exceeds them streams in every iteration, the bits do not depend on it (default: what the GPU grants)
    #[arg(long, value_name = "BYTES", help_heading = "Hardware")]
    max_device_bytes: Option<u64>,
    /// Exchange sums through workgroup memory even where the GPU has subgroups
    #[arg(long, help_heading = "Hardware")]
    no_subgroups: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Backend {
    Auto,
    Gpu,
    Cpu,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StorageArg {
    /// In full
    F32,
    /// Half precision: 11 significant bits, magnitudes from 6.1e-5 to 65504
    F16,
    /// 256 equal steps from the smallest to the largest value of each column
    U8,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LossArg {
    /// ½ (t − y)²
    SquaredError,
    /// −t ln y − (1 − t) ln(1 − y), for targets in [0, 1]
    CrossEntropy,
}

impl From<LossArg> for Loss {
    fn from(loss: LossArg) -> Self {
        match loss {
            LossArg::SquaredError => Self::SquaredError,
            LossArg::CrossEntropy => Self::CrossEntropy,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ActivationArg {
    /// 1 / (1 + exp(−z))
    Sigmoid,
    /// exp(z) / Σ exp(z) over the outputs, each a class
    Softmax,
    /// z: linear regression
    Identity,
}

impl From<ActivationArg> for Activation {
    fn from(activation: ActivationArg) -> Self {
        match activation {
            ActivationArg::Sigmoid => Self::Sigmoid,
            ActivationArg::Softmax => Self::Softmax,
            ActivationArg::Identity => Self::Identity,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReductionArg {
    Sum,
    Mean,
}

impl TaskArgs {
    /// Whether the activation is said.
    pub(crate) fn names_activation(&self) -> bool {
        self.activation.is_some()
    }

    /// Whether DATA is a file of the user's own.
    fn is_file(&self) -> bool {
        self.data != "article" && !self.data.starts_with("synthetic:")
    }

    /// Opens the data and completes the settings: `iterations` where the data are the user's own and
    /// nothing was said.
    pub(crate) fn open(
        &self,
        iterations: u64,
        hardware: HardwareArgs,
    ) -> Result<(Dataset, TrainConfig)> {
        self.complete(self.open_data()?, iterations, hardware)
    }

    fn open_data(&self) -> Result<Dataset> {
        Dataset::open(&self.data, &self.table.options())
    }

    /// Completes the settings for `dataset`, and scales and stores its features as they say.
    fn complete(
        &self,
        dataset: Dataset,
        iterations: u64,
        hardware: HardwareArgs,
    ) -> Result<(Dataset, TrainConfig)> {
        let mut defaults = TrainConfig::suited_to(&dataset);
        if !dataset.is_article() {
            defaults.iterations = iterations;
        }
        match (self.activation, self.loss) {
            (Some(activation), _) => {
                defaults.activation = activation.into();
                if !defaults.loss.suits(defaults.activation) {
                    defaults.loss = match defaults.activation {
                        Activation::Identity => Loss::SquaredError,
                        Activation::Sigmoid | Activation::Softmax => Loss::CrossEntropy,
                    };
                }
            }
            // Who asks for cross-entropy means targets that it can use, and is told of others.
            (None, Some(LossArg::CrossEntropy)) if defaults.activation == Activation::Identity => {
                defaults.activation = Activation::Sigmoid;
            }
            (None, _) => {}
        }
        let config = TrainConfig {
            iterations: self.iterations.unwrap_or(defaults.iterations),
            learning_rate: self.learning_rate.unwrap_or(defaults.learning_rate),
            loss: self.loss.map_or(defaults.loss, Loss::from),
            reduction: match self.reduction {
                None => defaults.reduction,
                Some(ReductionArg::Sum) => Reduction::Sum,
                Some(ReductionArg::Mean) => Reduction::Mean,
            },
            bias: self.bias || (defaults.bias && !self.no_bias),
            activation: defaults.activation,
            seed: self.seed,
            ..defaults
        };
        // Codes may be the very values of a column as it came, and are not those of a scaled one.
        let suits = self.is_file() && hardware.storage() == Storage::F32;
        let dataset = match self.standardise || (suits && !self.no_standardise) {
            // What a mean is taken from a bias has to make up for.
            true => dataset.standardised(config.bias),
            false => dataset,
        };
        Ok((dataset.stored_as(hardware.storage())?, config))
    }
}

impl HardwareArgs {
    pub(crate) fn gpu(self) -> GpuOptions {
        GpuOptions {
            max_chunk_bytes: self.max_chunk_bytes,
            max_device_bytes: self.max_device_bytes,
            without_subgroups: self.no_subgroups,
            rows_from_host: false,
        }
    }

    fn storage(self) -> Storage {
        match self.storage {
            StorageArg::F32 => Storage::F32,
            StorageArg::F16 => Storage::F16,
            StorageArg::U8 => Storage::U8,
        }
    }

    pub(crate) fn threads(self) -> Option<usize> {
        self.threads.map(usize::from)
    }

    fn on(self, backend: Backend) -> Hardware {
        Hardware {
            backend: match backend {
                Backend::Auto => BackendChoice::Auto,
                Backend::Gpu => BackendChoice::Gpu,
                Backend::Cpu => BackendChoice::Cpu,
            },
            threads: self.threads(),
            gpu: self.gpu(),
        }
    }
}

impl Train {
    /// Opens the data, and samples to hold back where there are to be any, and completes the settings.
    pub(crate) fn open(&self) -> Result<(Dataset, Option<Dataset>, TrainConfig)> {
        let dataset = self.task.open_data()?;
        let (dataset, held) = self.validation.open(dataset, &self.task)?;
        let (dataset, config) = self
            .task
            .complete(dataset, TRAIN_ITERATIONS, self.hardware)?;
        let config = self.optimizer.complete(config, &dataset, &self.task)?;
        let config = self.validation.complete(config);
        Ok((dataset, held, config))
    }

    pub(crate) fn hardware(&self) -> Hardware {
        self.hardware.on(self.backend)
    }

    /// The page to write, where there is one.
    ///
    /// # Errors
    /// As [`OutputArgs::path`] has them.
    pub(crate) fn report(&self) -> Result<Option<&Path>> {
        let report = self.report.as_deref();
        let report = report.map(|path| writable(path, "--report", self.output.force));
        report.transpose()
    }
}

impl Bench {
    pub(crate) fn hardware(&self) -> Hardware {
        self.hardware.on(self.backend)
    }

    pub(crate) fn config(&self) -> BenchConfig {
        BenchConfig {
            shapes: match &self.shapes[..] {
                [] => Shape::table(),
                shapes => shapes.to_vec(),
            },
            repeats: self.repeats,
            loss: self.loss.into(),
        }
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
}
