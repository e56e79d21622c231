//! What the tests share: data, backends, and the one sentence for machines without an adapter.
#![allow(dead_code, reason = "each test file uses its own part")]

use neuralnet::backend::{Backend, Problem};
use neuralnet::cpu::Cpu;
use neuralnet::gpu::{Gpu, GpuOptions, Software};
use neuralnet::network::Activation;
use neuralnet::objective::Objective;
use neuralnet::validate::{Check, check};
use neuralnet::{Dataset, Loss, Network, Reduction};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::process::{Command, Output, Stdio};

/// Every activation with every loss that suits it.
pub(crate) const PAIRS: [(Activation, Loss); 5] = [
    (Activation::Sigmoid, Loss::SquaredError),
    (Activation::Sigmoid, Loss::CrossEntropy),
    (Activation::Softmax, Loss::CrossEntropy),
    (Activation::Identity, Loss::SquaredError),
    (Activation::Tanh, Loss::SquaredError),
];

/// Every activation of hidden layers.
pub(crate) const HIDDEN: [Activation; 6] = [
    Activation::Relu,
    Activation::LeakyRelu,
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::Gelu,
    Activation::Silu,
];

/// Test data, the same on every run.
pub(crate) struct Random(SmallRng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// A number in [−1, 1).
    pub(crate) fn next(&mut self) -> f32 {
        self.0.random_range(-1.0..1.0)
    }

    /// A number in 0..`end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    /// One of `all`.
    pub(crate) fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    /// Any byte.
    pub(crate) fn byte(&mut self) -> u8 {
        self.0.random()
    }

    /// A copy of `bytes`, up to three times a byte replaced, a byte removed, or the end cut off.
    pub(crate) fn damaged(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut damaged = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(damaged.len());
            match self.below(3) {
                0 => damaged[at] = self.byte(),
                1 if damaged.len() > 1 => drop(damaged.remove(at)),
                _ => damaged.truncate(at + 1),
            }
        }
        damaged
    }
}

/// Inputs in [−1, 1), targets both classes and, one in three, between them.
pub(crate) fn random_dataset(n_samples: usize, n_inputs: usize, n_outputs: usize) -> Dataset {
    let mut random = Random::new((n_samples * 31 + n_inputs * 7 + n_outputs) as u64);
    let inputs = (0..n_samples * n_inputs).map(|_| random.next()).collect();
    let targets = (0..n_samples * n_outputs)
        .map(|i| match i % 3 {
            0 => (random.next() + 1.0) / 2.0,
            _ => f32::from(random.next() > 0.0),
        })
        .collect();
    Dataset::from_rows("random", n_inputs, n_outputs, inputs, targets).unwrap()
}

pub(crate) fn problem(
    dataset: &Dataset,
    loss: Loss,
    reduction: Reduction,
    bias: bool,
) -> Problem<'_> {
    Problem {
        dataset,
        network: Network::single_layer(dataset.n_inputs(), dataset.n_outputs(), bias),
        objective: Objective { loss, reduction },
        dropout: None,
    }
}

/// Parameters in [−`size`, `size`) over √I, so that not every prediction is certain however wide the rows are.
pub(crate) fn small_parameters(problem: &Problem<'_>, size: f64) -> Vec<f64> {
    let mut random = Random::new(5);
    let size = size / (problem.dataset.n_inputs() as f64).sqrt();
    (0..problem.network.n_parameters())
        .map(|_| size * f64::from(random.next()))
        .collect()
}

/// Asserts that the gradient of `backend` is the derivative of its loss, by central differences in every parameter.
///
/// The third derivative's share of a central difference is about h², its rounding about 1e-16 / h: both are near
/// 1e-10 of the loss here. A loss summed over N samples is N times as large.
pub(crate) fn assert_derivative(backend: &mut dyn Backend, parameters: &[f64], what: &str) {
    const STEP: f64 = 1e-5;
    const TOLERANCE_PER_LOSS: f64 = 1e-8;
    let mut evaluate = |parameters: &[f64]| {
        backend.set_parameters(parameters).unwrap();
        backend.evaluate().unwrap()
    };
    let analytical = evaluate(parameters);
    for at in 0..parameters.len() {
        let mut loss_at = |shift: f64| {
            let mut shifted = parameters.to_vec();
            shifted[at] += shift;
            evaluate(&shifted).summary.loss
        };
        let numerical = (loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP);
        let error = (numerical - analytical.gradient[at]).abs();
        assert!(
            error <= TOLERANCE_PER_LOSS * (analytical.summary.loss + analytical.gradient[at].abs()),
            "{what}, parameter {at}: {} but numerically {numerical}",
            analytical.gradient[at]
        );
    }
}

/// What a machine without an adapter is told.
const NO_ADAPTER: &str =
    "this test needs a GPU or a software adapter: run `sh tests/run`, which installs one";

/// The GPU, software or not. A machine without any fails here, and says what to do.
pub(crate) fn gpu(problem: Problem<'_>, options: GpuOptions) -> Gpu<'_> {
    match Gpu::new(problem, Software::Allowed, options) {
        Ok(gpu) => gpu,
        Err(neuralnet::Error::NoAdapter { .. }) => panic!("{NO_ADAPTER}"),
        Err(error) => panic!("{error}"),
    }
}

/// Everything validation looks at, on the GPU at `parameters`, and that all of it is within bounds.
pub(crate) fn assert_within(
    problem: &Problem<'_>,
    options: GpuOptions,
    parameters: &[f64],
    what: &str,
) -> Vec<Check> {
    let mut candidate = gpu(problem.clone(), options);
    let mut reference = Cpu::rounded(problem.clone(), None).unwrap();
    candidate.set_parameters(parameters).unwrap();
    let rounding = candidate.rounding();
    let checks = check(problem, &mut candidate, rounding, &mut reference, 0.5).unwrap();
    let exceeded: Vec<_> = checks.iter().filter(|check| !check.within).collect();
    assert!(exceeded.is_empty(), "{what}: {exceeded:#?}");
    let n_rows = (problem.dataset.n_samples() * problem.dataset.n_outputs()) as u64;
    assert_eq!(checks[0].n_values, n_rows, "{what}: every row is looked at");
    checks
}

/// What cargo baked in; the environment names other paths where test executables run on a machine without
/// cargo (`benches/on-gpu.sh`).
macro_rules! from_cargo {
    ($name:literal) => {
        std::env::var($name).unwrap_or_else(|_| env!($name).to_owned())
    };
}

/// The binary under test.
pub(crate) fn binary() -> String {
    from_cargo!("CARGO_BIN_EXE_neuralnet")
}

/// The folder of the repository.
pub(crate) fn root() -> String {
    std::env::var("NEURALNET_ROOT")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../..").to_owned())
}

/// A folder of the test that runs on this thread, which no other test writes to.
pub(crate) fn scratch() -> String {
    let thread = std::thread::current();
    // The thread of a test has its name.
    let test = thread.name().unwrap_or("unnamed").replace("::", "/");
    let folder = format!("{}/{test}", from_cargo!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs the binary.
pub(crate) fn neuralnet(args: &[&str]) -> Output {
    let mut command = Command::new(binary());
    // What the shell of whoever runs the tests may ask of all programs.
    for variable in ["CLICOLOR_FORCE", "NO_COLOR", "RAYON_NUM_THREADS"] {
        command.env_remove(variable);
    }
    let output = command.args(args).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("neuralnet: no adapter"), "{NO_ADAPTER}");
    output
}

/// Runs the binary, and expects it to end in order with the exit code `code`, a message that has all of `parts`, and
/// no result.
pub(crate) fn assert_refused(args: &[&str], code: i32, parts: &[&str]) {
    let output = neuralnet(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{args:?} printed a result");
    assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    for part in parts {
        assert!(
            stderr.contains(part),
            "{args:?}: `{part}` is not in: {stderr}"
        );
    }
}

/// Runs a training, sends it Ctrl-C once it has begun, and expects it to end in order; returns what it printed on
/// stdout.
#[cfg(unix)]
pub(crate) fn interrupted(args: &[&str]) -> Vec<u8> {
    let mut running = Running::of(Command::new(binary()).args(args));
    running.wait_for("training on the");
    // A terminal that closes, and `timeout`, signal twice at once.
    running.signal("INT");
    running.signal("TERM");
    let (output, told) = running.end();
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(told.contains("interrupted: ending with"), "{told}");
    assert!(told.contains("interrupted after"), "{told}");
    output.stdout
}

/// A program that runs, and what it has told on stderr.
#[cfg(unix)]
pub(crate) struct Running {
    child: std::process::Child,
    stderr: std::io::BufReader<std::process::ChildStderr>,
    told: String,
}

#[cfg(unix)]
impl Running {
    pub(crate) fn of(command: &mut Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let stderr = std::io::BufReader::new(child.stderr.take().unwrap());
        let told = String::new();
        Self {
            child,
            stderr,
            told,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads stderr up to the line with `text`.
    pub(crate) fn wait_for(&mut self, text: &str) {
        use std::io::BufRead;
        while !self.told.contains(text) {
            let read = self.stderr.read_line(&mut self.told).unwrap();
            assert!(read > 0, "`{text}` is not in: {}", self.told);
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let (name, id) = (format!("-{name}"), self.id().to_string());
        let sent = Command::new("kill").args([name, id]).status();
        assert!(sent.unwrap().success(), "the signal was sent");
    }

    /// Waits for the end; gives all that was told on stderr, too.
    pub(crate) fn end(mut self) -> (Output, String) {
        use std::io::Read;
        self.stderr.read_to_string(&mut self.told).unwrap();
        let mut stdout = Vec::new();
        let mut out = self.child.stdout.take().unwrap();
        out.read_to_end(&mut stdout).unwrap();
        let output = Output {
            status: self.child.wait().unwrap(),
            stdout,
            stderr: Vec::new(),
        };
        (output, std::mem::take(&mut self.told))
    }
}

/// A test that fails leaves nothing that runs.
#[cfg(unix)]
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// Runs the binary, expects success, and reads its JSON.
pub(crate) fn neuralnet_json(args: &[&str]) -> serde_json::Value {
    let output = neuralnet(&[args, &["--json"]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The weights (O, I) and the bias of each layer, flat, as the network lays them out.
pub(crate) fn parameters(train: &serde_json::Value) -> Vec<f64> {
    let of_layer = |layer: &serde_json::Value| {
        let rows = layer["weight"].as_array().unwrap().iter();
        let weights = rows.flat_map(|row| row.as_array().unwrap());
        let bias = layer["bias"].as_array().into_iter().flatten();
        let all = weights.chain(bias).map(|value| value.as_f64().unwrap());
        all.collect::<Vec<f64>>()
    };
    let layers = train["layers"].as_array().unwrap().iter();
    layers.flat_map(of_layer).collect()
}

/// Tables opened with the usual options.
pub(crate) mod tables {
    use neuralnet::{BackendChoice, Dataset, Model, Predictor};
    use neuralnet_table::{
        Converted, ModelOptions, Result, Stream, TableOptions, TextOptions,
        stream_in_spans as spans,
    };
    use std::io;
    use std::path::Path;

    pub(crate) fn open(path: &Path, options: &TableOptions) -> Result<Dataset> {
        neuralnet_table::open(&path.to_string_lossy(), options)
    }

    pub(crate) fn open_for(model: &Model, data: &str) -> Result<Dataset> {
        neuralnet_table::open_for(model, data, &ModelOptions::default())
    }

    pub(crate) fn open_labelled(model: &Model, data: &str) -> Result<Dataset> {
        neuralnet_table::open_labelled(model, data, &ModelOptions::default())
    }

    pub(crate) fn stream(model: &Model, data: &str) -> Result<Stream> {
        neuralnet_table::stream(model, data, &[], &ModelOptions::default())
    }

    pub(crate) fn stream_in_spans(model: &Model, data: &str, n_cells: usize) -> Result<Stream> {
        spans(model, data, &[], &ModelOptions::default(), n_cells)
    }

    fn on_cpu<'m>(model: &'m Model, rows: &Stream) -> Predictor<'m> {
        Predictor::open(model, rows.first().unwrap(), BackendChoice::Cpu).unwrap()
    }

    pub(crate) fn predict(
        model: &Model,
        rows: &mut Stream,
        out: &mut dyn io::Write,
    ) -> Result<io::Result<()>> {
        neuralnet_table::predict(&mut on_cpu(model, rows), rows, out)
    }

    pub(crate) fn predict_to(model: &Model, rows: &mut Stream, path: &Path) -> Result<()> {
        neuralnet_table::predict_to(&mut on_cpu(model, rows), rows, path)
    }

    pub(crate) fn convert(input: &Path, labels: Option<&Path>, output: &Path) -> Result<Converted> {
        neuralnet_table::convert(input, labels, &TextOptions::default(), output)
    }
}
