//! What the tests share: data, backends, and the one sentence for machines without an adapter.
#![allow(dead_code, reason = "each test file uses its own part")]

use neuralnet::backend::{Backend, Problem};
use neuralnet::cpu::Cpu;
use neuralnet::gpu::{Gpu, GpuOptions, Software};
use neuralnet::network::Activation;
use neuralnet::objective::Objective;
use neuralnet::validate::{Check, check};
use neuralnet::{Dataset, Loss, Network, Reduction};
use std::process::{Command, Output};

/// Every activation with every loss that suits it.
pub(crate) const PAIRS: [(Activation, Loss); 5] = [
    (Activation::Sigmoid, Loss::SquaredError),
    (Activation::Sigmoid, Loss::CrossEntropy),
    (Activation::Softmax, Loss::CrossEntropy),
    (Activation::Identity, Loss::SquaredError),
    (Activation::Tanh, Loss::SquaredError),
];

/// Numbers in [−1, 1), the same on every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Knuth's MMIX generator; its upper bits are good enough for test data.
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f32::from(i16::from_be_bytes([
            self.0.to_be_bytes()[0],
            self.0.to_be_bytes()[1],
        ])) / 32_768.0
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

/// A folder that tests may write to.
pub(crate) fn scratch() -> String {
    from_cargo!("CARGO_TARGET_TMPDIR")
}

/// Runs the binary.
pub(crate) fn neuralnet(args: &[&str]) -> Output {
    let output = Command::new(binary()).args(args).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("neuralnet: no adapter"), "{NO_ADAPTER}");
    output
}

/// Runs the binary, expects success, and reads its JSON.
pub(crate) fn neuralnet_json(args: &[&str]) -> serde_json::Value {
    let output = neuralnet(&[args, &["--json"]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The weights (O, I) and the bias of the first layer, flat, as the network lays them out.
pub(crate) fn parameters(train: &serde_json::Value) -> Vec<f64> {
    let layer = &train["layers"][0];
    let rows = layer["weight"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap());
    let bias = layer["bias"].as_array().into_iter().flatten();
    rows.chain(bias)
        .map(|value| value.as_f64().unwrap())
        .collect()
}
