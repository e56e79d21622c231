//! How fast passes over data are, beside how fast the same hardware can read its memory.
//!
//! Machines are shared and clocks drift, so the two are measured in turn, and medians are compared.

use crate::backend::{Backend, Problem};
use crate::cpu;
use crate::dataset::{Dataset, Synthetic};
use crate::error::{Error, Result};
use crate::gpu::{self, Software};
use crate::network::Network;
use crate::objective::{Loss, Objective, Reduction};
use crate::train::{BackendChoice, Hardware, TrainConfig, problem};
use serde::Serialize;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Instant;

/// One repetition takes about this long, or one iteration where that takes longer.
const REPETITION_SECONDS: f64 = 0.2;
/// What is read to find the ceiling, as a multiple of the caches.
const CACHES: u64 = 4;
/// … and at least.
const LEAST_BYTES: u64 = 256 << 20;
/// No GPU of today has larger caches; wgpu tells no size.
const GPU_CACHE_BYTES: u64 = 256 << 20;
/// So that a long batch of the article's iterations counts as one measurement.
const ARTICLE_ITERATIONS: NonZeroU32 = NonZeroU32::new(10_000).expect("not 0");

/// `ROWSxFEATURES`, or `ROWSxFEATURESxOUTPUTS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    n_samples: u64,
    n_inputs: u64,
    n_outputs: u64,
}

impl Shape {
    /// The shapes measured where none is named: narrow and wide rows, one output and ten.
    #[must_use]
    pub fn table() -> Vec<Self> {
        let shape = |n_samples, n_inputs, n_outputs| Self {
            n_samples,
            n_inputs,
            n_outputs,
        };
        vec![
            shape(1_000_000, 32, 1),
            shape(4_000_000, 16, 1),
            shape(200_000, 256, 1),
            shape(60_000, 784, 1),
            shape(60_000, 784, 10),
        ]
    }

    /// A data set of this shape: synthetic rows; where there are several targets, one of them is 1.
    fn dataset(self) -> Result<Dataset> {
        let synthetic = Synthetic::new(self.n_samples, self.n_inputs, 0.05, 1)?;
        let rows = Dataset::synthetic(synthetic);
        if self.n_outputs == 1 {
            return Ok(rows);
        }
        let (n, n_outputs) = (rows.n_samples(), self.outputs()?);
        let mut inputs = vec![0.0; n * rows.n_inputs()];
        rows.read(0..n, &mut inputs, &mut vec![0.0; n]);
        let one_hot = |i: usize| f32::from(i % n_outputs == i / n_outputs * 7 % n_outputs);
        let targets = (0..n * n_outputs).map(one_hot).collect();
        Dataset::from_rows(
            self.to_string(),
            rows.n_inputs(),
            n_outputs,
            inputs,
            targets,
        )
    }

    fn outputs(self) -> Result<usize> {
        match usize::try_from(self.n_outputs) {
            Ok(n_outputs @ 1..=1024) => Ok(n_outputs),
            _ => Err(self.fault("1 to 1024 outputs can be measured")),
        }
    }

    fn fault(self, problem: &str) -> Error {
        Error::Dataset {
            source_name: self.to_string(),
            problem: problem.to_owned(),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.n_samples, self.n_inputs)?;
        match self.n_outputs {
            1 => Ok(()),
            n_outputs => write!(f, "x{n_outputs}"),
        }
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let numbers: Vec<u64> = text.split('x').map_while(|n| n.parse().ok()).collect();
        let (n_samples, n_inputs, n_outputs) = match numbers[..] {
            [n_samples, n_inputs] => (n_samples, n_inputs, 1),
            [n_samples, n_inputs, n_outputs] => (n_samples, n_inputs, n_outputs),
            _ => (0, 0, 0),
        };
        let whole = text.split('x').count() == numbers.len();
        if !whole || [n_samples, n_inputs, n_outputs].contains(&0) {
            return Err("write ROWSxFEATURES or ROWSxFEATURESxOUTPUTS, as 1000000x32".to_owned());
        }
        Ok(Self {
            n_samples,
            n_inputs,
            n_outputs,
        })
    }
}

/// What is measured.
#[derive(Clone, Debug)]
pub struct BenchConfig {
    /// One after the other.
    pub shapes: Vec<Shape>,
    /// Measurements of each, of which the median counts.
    pub repeats: NonZeroU32,
    /// The loss of one prediction; the squared error is the article's.
    pub loss: Loss,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Bench {
    /// `cpu` or `gpu`.
    pub backend: &'static str,
    /// The hardware.
    pub adapter: String,
    /// The loss.
    pub loss: Loss,
    /// Of reading memory and nothing else.
    pub ceiling: Ceiling,
    /// Each shape.
    pub shapes: Vec<ShapeTimes>,
    /// The article's 10,000 iterations on its three samples.
    pub article: ArticleTimes,
}

/// Reading memory and nothing else.
#[derive(Clone, Debug, Serialize)]
pub struct Ceiling {
    /// Read each time.
    pub bytes: u64,
    /// Of each time.
    pub seconds: Vec<f64>,
    /// The median.
    pub bytes_per_second: f64,
}

/// The iterations of one shape.
#[derive(Clone, Debug, Serialize)]
pub struct ShapeTimes {
    /// As it was named.
    pub shape: String,
    /// N
    pub n_samples: usize,
    /// I
    pub n_inputs: usize,
    /// O
    pub n_outputs: usize,
    /// Inputs and targets, counted once.
    pub bytes: u64,
    /// Whether the largest cache may hold them: then it is not the memory that is measured.
    pub fits_in_cache: bool,
    /// Of one repetition.
    pub iterations: u32,
    /// Of one iteration, in each repetition.
    pub seconds: Vec<f64>,
    /// Their median.
    pub median: f64,
    /// By the median.
    pub bytes_per_second: f64,
    /// By the median of what was read between the repetitions.
    pub ceiling_bytes_per_second: f64,
    /// The one over the other.
    pub share_of_ceiling: f64,
}

/// The article's iterations.
#[derive(Clone, Debug, Serialize)]
pub struct ArticleTimes {
    /// Of one repetition.
    pub iterations: u32,
    /// Of all of them, in each repetition.
    pub seconds: Vec<f64>,
    /// Their median.
    pub median: f64,
}

/// Memory that is read and nothing else, of the hardware a backend runs on.
enum Reader {
    Cpu(cpu::Reader),
    Gpu(gpu::Reader),
}

impl Reader {
    fn new(backend: &dyn Backend, hardware: &Hardware) -> Result<Self> {
        let bytes = |cache: u64| (CACHES * cache).max(LEAST_BYTES);
        let on_cpu = || {
            let bytes = bytes(cpu::cache_bytes());
            Ok(Self::Cpu(cpu::Reader::new(bytes, hardware.threads)?))
        };
        if backend.name() == "cpu" {
            return on_cpu();
        }
        let software = match hardware.backend {
            BackendChoice::Auto => Software::Refused,
            BackendChoice::Gpu | BackendChoice::Cpu => Software::Allowed,
        };
        let reader = gpu::Reader::new(bytes(GPU_CACHE_BYTES), software)?;
        // Where the CPU runs the shaders, no shader reads as fast as it does by itself.
        if reader.is_software() {
            return on_cpu();
        }
        Ok(Self::Gpu(reader))
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Cpu(reader) => reader.bytes(),
            Self::Gpu(reader) => reader.bytes(),
        }
    }

    fn seconds(&mut self) -> Result<f64> {
        match self {
            Self::Cpu(reader) => Ok(reader.seconds()),
            Self::Gpu(reader) => reader.seconds(),
        }
    }

    /// The largest cache between this memory and what reads it.
    fn cache_bytes(&self) -> u64 {
        match self {
            Self::Cpu(_) => cpu::cache_bytes(),
            Self::Gpu(_) => GPU_CACHE_BYTES,
        }
    }
}

/// Measures `config.shapes` on `hardware`, and tells `observe` what comes next.
///
/// # Errors
/// Where a shape cannot be made or held, or the device fails.
pub fn bench(
    config: &BenchConfig,
    hardware: &Hardware,
    observe: &mut dyn FnMut(&str),
) -> Result<Bench> {
    observe("article");
    let article = Dataset::article();
    let settings = TrainConfig::article();
    let (mut backend, _) = hardware.open(problem(&article, &settings)?)?;
    let start = Network::single_layer(3, 1, false).initial_parameters(settings.seed);
    let mut seconds = Vec::new();
    // The first one warms up.
    for _ in 0..=config.repeats.get() {
        backend.set_parameters(&start)?;
        let since = Instant::now();
        backend.advance(ARTICLE_ITERATIONS, settings.learning_rate)?;
        seconds.push(since.elapsed().as_secs_f64());
    }
    seconds.remove(0);
    let article = ArticleTimes {
        iterations: ARTICLE_ITERATIONS.get(),
        median: median(&seconds),
        seconds,
    };

    let mut reader = Reader::new(backend.as_ref(), hardware)?;
    let (name, adapter) = (backend.name(), backend.adapter());
    drop(backend);
    let mut ceilings = Vec::new();
    let mut shapes = Vec::new();
    for shape in &config.shapes {
        observe(&shape.to_string());
        shapes.push(measure(
            *shape,
            config,
            hardware,
            &mut reader,
            &mut ceilings,
        )?);
    }
    if ceilings.is_empty() {
        ceilings.push(reader.seconds()?);
    }
    Ok(Bench {
        backend: name,
        adapter,
        loss: config.loss,
        ceiling: Ceiling {
            bytes: reader.bytes(),
            bytes_per_second: reader.bytes() as f64 / median(&ceilings),
            seconds: ceilings,
        },
        shapes,
        article,
    })
}

fn measure(
    shape: Shape,
    config: &BenchConfig,
    hardware: &Hardware,
    reader: &mut Reader,
    ceilings: &mut Vec<f64>,
) -> Result<ShapeTimes> {
    // A step that no shape diverges with.
    const LEARNING_RATE: f64 = 0.1;
    let dataset = shape.dataset()?;
    let network = Network::single_layer(dataset.n_inputs(), dataset.n_outputs(), false);
    let start = network.initial_parameters(1);
    let (mut backend, _) = hardware.open(Problem {
        dataset: &dataset,
        network,
        objective: Objective {
            loss: config.loss,
            reduction: Reduction::Mean,
        },
    })?;
    backend.set_parameters(&start)?;
    let mut timed = |iterations: NonZeroU32| {
        let since = Instant::now();
        backend.advance(iterations, LEARNING_RATE)?;
        Ok::<_, Error>(since.elapsed().as_secs_f64())
    };
    // Once for what is only done once, then once for the time.
    timed(NonZeroU32::MIN)?;
    let one = timed(NonZeroU32::MIN)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float becomes the nearest u32"
    )]
    let iterations = (REPETITION_SECONDS / one) as u32;
    let iterations = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
    let (mut seconds, mut reads) = (Vec::new(), Vec::new());
    for _ in 0..config.repeats.get() {
        reads.push(reader.seconds()?);
        seconds.push(timed(iterations)? / f64::from(iterations.get()));
    }
    let median_seconds = median(&seconds);
    let rate = dataset.bytes() as f64 / median_seconds;
    let ceiling = reader.bytes() as f64 / median(&reads);
    ceilings.extend(reads);
    Ok(ShapeTimes {
        shape: shape.to_string(),
        n_samples: dataset.n_samples(),
        n_inputs: dataset.n_inputs(),
        n_outputs: dataset.n_outputs(),
        bytes: dataset.bytes(),
        fits_in_cache: dataset.bytes() <= reader.cache_bytes(),
        iterations: iterations.get(),
        median: median_seconds,
        bytes_per_second: rate,
        ceiling_bytes_per_second: ceiling,
        share_of_ceiling: rate / ceiling,
        seconds,
    })
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = ((sorted.len() - 1) / 2, sorted.len() / 2);
    f64::midpoint(sorted[low], sorted[high])
}

#[cfg(test)]
mod tests {
    use super::{Shape, median};

    #[test]
    #[expect(clippy::float_cmp, reason = "halves are exact")]
    fn the_median_is_in_the_middle() {
        for (values, expected) in [
            (&[3.0][..], 3.0),
            (&[4.0, 1.0], 2.5),
            (&[9.0, 1.0, 2.0], 2.0),
        ] {
            assert_eq!(median(values), expected, "{values:?}");
        }
    }

    #[test]
    fn shapes_are_read_as_they_are_written() {
        for text in ["1000000x32", "60000x784x10"] {
            let shape: Shape = text.parse().unwrap();
            assert_eq!(shape.to_string(), text);
        }
        for text in [
            "", "x", "12", "3x", "3x0", "0x3", "3x4x", "3x4x5x6", "axb", "3x4y",
        ] {
            assert!(text.parse::<Shape>().is_err(), "{text}");
        }
    }

    #[test]
    fn several_targets_are_one_hot() {
        let shape: Shape = "20x3x4".parse().unwrap();
        let dataset = shape.dataset().unwrap();
        let (mut inputs, mut targets) = (vec![0.0; 60], vec![0.0; 80]);
        dataset.read(0..20, &mut inputs, &mut targets);
        for (row, targets) in targets.chunks_exact(4).enumerate() {
            let ones = targets.iter().filter(|t| **t > 0.5).count();
            assert_eq!(
                (ones, targets[row * 7 % 4]),
                (1, 1.0),
                "row {row}: {targets:?}"
            );
        }
    }
}
