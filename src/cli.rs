//! The command line as typed, turned into checked settings once.

use clap::{Args, Parser, Subcommand, ValueEnum};
use neuralnet::bench::Shape;
use neuralnet::{
    BackendChoice, BenchConfig, Dataset, Error, GpuOptions, Hardware, Loss, Reduction, Result,
    Storage, TrainConfig,
};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

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
    Train(Train),
    /// Use a model: its predictions for each row of a table
    Predict(Predict),
    /// Write a table in another format, every number the same f32
    Convert(Convert),
    /// Show what is in a model
    Inspect(Inspect),
    /// Hold the GPU against the float64 CPU reference; exit 1 where an error exceeds its bound
    Validate(Validate),
    /// Measure iterations beside the speed at which the memory can be read
    Bench(Bench),
    /// List the adapters wgpu sees, and their limits
    Devices(Devices),
}

#[derive(Debug, Args)]
pub(crate) struct Train {
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    /// Where to train: `auto` takes a real GPU if there is one, otherwise the CPU
    #[arg(long, value_enum, default_value_t = Backend::Auto, help_heading = "Hardware")]
    backend: Backend,
    #[command(flatten)]
    pub(crate) hardware: HardwareArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
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

impl Convert {
    /// The file to write.
    ///
    /// # Errors
    /// As of [`OutputArgs::path`].
    pub(crate) fn output(&self) -> Result<&Path> {
        writable(&self.output, "OUT", self.force)?;
        Ok(&self.output)
    }
}

#[derive(Debug, Args)]
pub(crate) struct LabelsArgs {
    /// The labels of pictures in the IDX format (default: beside `…images…` the file `…labels…`)
    #[arg(long = "labels", value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,
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
pub(crate) struct OutputArgs {
    /// The file to write: of `train` the model (safetensors), of `predict` a table (.csv, .npy or .parquet; default: CSV on stdout)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the output where it exists
    #[arg(long, requires = "output")]
    force: bool,
}

impl OutputArgs {
    /// The file to write, where there is one.
    ///
    /// # Errors
    /// Where it exists and is not to be replaced, or its folder does not exist: before any work is done.
    pub(crate) fn path(&self) -> Result<Option<&Path>> {
        let Some(path) = self.output.as_deref() else {
            return Ok(None);
        };
        writable(path, "--output", self.force)?;
        Ok(Some(path))
    }
}

/// Whether the file `path`, which `flag` names, may be written.
fn writable(path: &Path, flag: &'static str, force: bool) -> Result<()> {
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
    Ok(())
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

/// What is trained, as typed: `None` where the data set decides.
#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    /// A table (CSV with a header, also .csv.gz; .npy; .npz with X and y; .parquet; pictures in the IDX format as MNIST's), `article`, or `synthetic:ROWSxFEATURES[,noise=0.05][,seed=1]`
    #[arg(default_value = "article")]
    data: String,
    /// The file's target column, or several, separated by commas (default: the last column)
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    target: Vec<String>,
    #[command(flatten)]
    labels: LabelsArgs,
    /// Updates of the weights; 0 shows the start (default: 10000 for article; otherwise 1000 to train, 100 to validate)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    iterations: Option<u64>,
    /// Step along the gradient (default: 1 for article, otherwise 0.1)
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    learning_rate: Option<f64>,
    /// Loss of one prediction (default: squared-error for article, otherwise cross-entropy)
    #[arg(long, value_enum)]
    loss: Option<LossArg>,
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
enum ReductionArg {
    Sum,
    Mean,
}

impl TaskArgs {
    /// Opens the data and completes the settings: `iterations` where the data are the user's own and
    /// nothing was said.
    pub(crate) fn open(
        &self,
        iterations: u64,
        hardware: HardwareArgs,
    ) -> Result<(Dataset, TrainConfig)> {
        let dataset = match &self.labels.path {
            None => Dataset::open(&self.data, &self.target)?,
            Some(labels) => Dataset::labelled(Path::new(&self.data), labels, &self.target)?,
        };
        let defaults = if dataset.is_article() {
            TrainConfig::article()
        } else {
            TrainConfig {
                iterations,
                ..TrainConfig::default()
            }
        };
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
    pub(crate) fn hardware(&self) -> Hardware {
        self.hardware.on(self.backend)
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
