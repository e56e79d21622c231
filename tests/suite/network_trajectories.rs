//! Networks with hidden layers end where NumPy and torch end, from the same start and along the same mini-batches.
//!
//! The tables and numbers beside this file come from `networks/reference.py`, whose programs know nothing of this one:
//! starts, layers, activations, losses, penalties, optimizers and the order of the rows are all held against them.
//! The gradient is written out in one of them and derived by torch in the other.

use crate::common::{neuralnet_json, root, scratch};
use neuralnet::TrainConfig;
use neuralnet::backend::Backend;
use neuralnet::cpu::Reference;
use neuralnet::network::Hidden;
use neuralnet_table::TableOptions;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// The largest difference after 50 updates, as a share of the largest weight.
///
/// A gradient is off by a few 10⁻¹⁶ of its largest number, and so are the steps along it. Adam makes the steps of all
/// parameters about equally long: where a gradient is a thousand times smaller than the largest, 50 steps of the rate
/// 0.03 are off by 50 · 0.03 · 10⁻¹³. These problems hardly amplify what was off before.
const TOLERANCE: f64 = 1e-12;

/// The same of the shaders: each of the 50 updates rounds a weight by up to 2⁻²⁴ of it.
const TOLERANCE_OF_F32: f64 = 50.0 / 16_777_216.0;

/// The runs that `by` made.
fn runs(by: &str) -> Vec<Value> {
    let runs: Vec<Value> =
        serde_json::from_str(include_str!("../networks/reference.json")).unwrap();
    runs.into_iter().filter(|run| run["by"] == by).collect()
}

fn file(run: &Value) -> String {
    let table = run["table"].as_str().unwrap();
    format!("{}/tests/networks/{table}.csv", root())
}

/// What the program trains on `data` with the settings of a run, each of which is a flag.
fn trained(data: &str, run: &Value, backend: &str) -> Value {
    let mut args = ["train", data, "--backend", backend, "--no-standardise"]
        .map(str::to_owned)
        .to_vec();
    for (flag, value) in run["settings"].as_object().unwrap() {
        match value {
            Value::Bool(true) => args.push(format!("--{flag}")),
            Value::Bool(false) => args.push(format!("--no-{flag}")),
            Value::String(text) => args.extend([format!("--{flag}"), text.clone()]),
            number => args.extend([format!("--{flag}"), number.to_string()]),
        }
    }
    neuralnet_json(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The parameters of all layers as the network lays them out: of each the weight (O, I), then the bias.
fn parameters(layers: &Value) -> Vec<f64> {
    let mut all = Vec::new();
    for layer in layers.as_array().unwrap() {
        let weight: Vec<Vec<f64>> = serde_json::from_value(layer["weight"].clone()).unwrap();
        let bias: Option<Vec<f64>> = serde_json::from_value(layer["bias"].clone()).unwrap();
        all.extend(weight.concat());
        all.extend(bias.unwrap_or_default());
    }
    all
}

/// Asserts that `found` are the parameters that a run reached, but for `tolerance` of the largest.
fn assert_reached(found: &[f64], run: &Value, tolerance: f64) {
    let (expected, settings) = (parameters(&run["layers"]), &run["settings"]);
    assert_eq!(found.len(), expected.len(), "{settings}");
    let largest = expected.iter().fold(0.0_f64, |most, it| most.max(it.abs()));
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let error = (found - expected).abs() / largest;
        assert!(
            error <= tolerance,
            "{settings}: parameter {at} is {found}, not {expected}: off by {error:e}"
        );
    }
}

/// Asserts that the program ends at the weights and at the loss of a run, whose table is `data`.
fn assert_trained(data: &str, run: &Value) {
    let train = trained(data, run, "cpu");
    assert_reached(&parameters(&train["layers"]), run, TOLERANCE);
    let [found, expected] = [&train["data_loss"], &run["loss"]].map(|it| it.as_f64().unwrap());
    assert!(
        (found / expected - 1.0).abs() <= TOLERANCE,
        "{}: loss {found}, not {expected}",
        run["settings"]
    );
}

#[test]
fn the_cpu_reaches_numpys_weights() {
    let runs = runs("numpy");
    assert_eq!(runs.len(), 6, "runs of reference.py");
    runs.iter().for_each(|run| assert_trained(&file(run), run));
}

/// Each activation with Adam, AdamW and momentum.
#[test]
fn the_cpu_reaches_torchs_weights() {
    let mut runs = runs("torch");
    runs.retain(|run| run["settings"]["batch-size"] == "all");
    assert_eq!(runs.len(), 18, "runs of reference.py");
    runs.iter().for_each(|run| assert_trained(&file(run), run));
}

/// Over epochs whose last batch is smaller than the others, and a table whose rows do not fill a block.
#[test]
fn mini_batches_are_those_of_the_documentation() {
    let mut runs = runs("torch");
    runs.retain(|run| run["settings"]["batch-size"] != "all");
    assert_eq!(runs.len(), 4, "runs of reference.py");
    runs.iter().for_each(|run| assert_trained(&file(run), run));
}

/// Every run once more, updated by the shaders.
#[test]
fn the_shaders_reach_the_same_weights() {
    let runs = [runs("numpy"), runs("torch")].concat();
    assert_eq!(runs.len(), 28, "runs of reference.py");
    for run in &runs {
        let train = trained(&file(run), run, "gpu");
        assert_reached(&parameters(&train["layers"]), run, TOLERANCE_OF_F32);
    }
}

/// A table of f32 is used where it lies: the number after the targets of a row is a feature of the next.
#[test]
fn rows_in_place_are_those_of_a_copy() {
    let text = fs::read_to_string(format!("{}/tests/networks/numbers.csv", root())).unwrap();
    let cells = text.lines().skip(1).flat_map(|line| line.split(','));
    let numbers: Vec<f32> = cells.map(|cell| cell.parse().unwrap()).collect();
    let shape = format!("({}, 5)", numbers.len() / 5);
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.into_bytes());
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    let path = PathBuf::from(scratch()).join("network_trajectories.npy");
    fs::write(&path, bytes).unwrap();
    let runs: Vec<Value> = [runs("numpy"), runs("torch")].concat();
    let of_numbers = runs.into_iter().filter(|run| run["table"] == "numbers");
    let mut n_runs = 0;
    for mut run in of_numbers {
        run["settings"]["target"] = "#4,#5".into();
        assert_trained(path.to_str().unwrap(), &run);
        n_runs += 1;
    }
    assert_eq!(n_runs, 9, "runs of reference.py");
}

/// The plain reference, which the fast CPU code is held against, posed the same problems without the command line.
#[test]
fn the_reference_reaches_numpys_weights() {
    let mut runs = runs("numpy");
    runs.retain(|run| run["settings"]["optimizer"] == "gradient-descent");
    assert_eq!(runs.len(), 3, "runs of reference.py");
    for run in runs {
        let settings = &run["settings"];
        let text = |key: &str| settings[key].as_str().unwrap();
        let widths = text("hidden").split(',');
        let config = TrainConfig {
            activation: setting(settings, "activation"),
            hidden: Hidden {
                widths: widths.map(|width| width.parse().unwrap()).collect(),
                activation: setting(settings, "hidden-activation"),
            },
            loss: setting(settings, "loss"),
            reduction: setting(settings, "reduction"),
            bias: setting(settings, "bias"),
            ..TrainConfig::default()
        };
        let targets: Vec<&str> = text("target").split(',').collect();
        let options = TableOptions::with_targets(&targets);
        let dataset = neuralnet_table::open(&file(&run), &options).unwrap();
        let problem = config.problem(&dataset).unwrap();
        let (seed, init) = (setting(settings, "seed"), setting(settings, "init"));
        let start = problem.network.parameters_from(seed, init);
        let mut reference = Reference::new(problem, Some(1)).unwrap();
        reference.set_parameters(&start).unwrap();
        let iterations: NonZeroU32 = setting(settings, "iterations");
        let rate = setting(settings, "learning-rate");
        reference.advance(iterations, rate).unwrap();
        assert_reached(&reference.parameters().unwrap(), &run, TOLERANCE);
    }
}

fn setting<T: DeserializeOwned>(settings: &Value, key: &str) -> T {
    serde_json::from_value(settings[key].clone()).unwrap()
}
