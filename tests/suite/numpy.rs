//! The CPU and the plain reference train what NumPy trains, and the GPU follows within its bounds.
//!
//! The tables and weights beside this file come from `numpy/reference.py`, ten lines of NumPy in float64
//! that know nothing of this program: its CSV reader, its start, its losses, its reductions and its bias
//! are all held against them, through the binary.

use crate::common::{neuralnet_json, parameters, problem, root};
use neuralnet::backend::Backend;
use neuralnet::cpu::Reference;
use neuralnet::{Loss, Reduction};
use neuralnet_table::TableOptions;
use serde_json::Value;
use std::num::NonZeroU32;

const RUNS: &str = include_str!("../numpy/reference.json");

/// The arguments that make the program do what a run of NumPy did.
fn args(run: &Value) -> Vec<String> {
    let text = |key: &str| run[key].as_str().unwrap().to_owned();
    let table = text("table");
    let targets = match table.as_str() {
        "one_output" => "y0",
        _ => "y0,y1,y2",
    };
    let file = format!("{}/tests/numpy/{table}.csv", root());
    let bias = if run["bias"].as_bool().unwrap() {
        "--bias"
    } else {
        "--no-bias"
    };
    [
        &file,
        "--target",
        targets,
        "--loss",
        &text("loss"),
        "--reduction",
        &text("reduction"),
        "--learning-rate",
        &run["learning_rate"].to_string(),
        "--iterations",
        &run["iterations"].to_string(),
        "--seed",
        &run["seed"].to_string(),
        bias,
        "--no-standardise",
    ]
    .map(str::to_owned)
    .into()
}

/// NumPy's weights as the network lays its parameters out: its last input is the bias.
fn expected(run: &Value) -> Vec<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(run["weights"].clone()).unwrap();
    if !run["bias"].as_bool().unwrap() {
        return rows.concat();
    }
    let (mut weight, mut bias) = (Vec::new(), Vec::new());
    for row in rows {
        let (last, inputs) = row.split_last().unwrap();
        weight.extend_from_slice(inputs);
        bias.push(*last);
    }
    [weight, bias].concat()
}

fn runs() -> Vec<Value> {
    let runs: Vec<Value> = serde_json::from_str(RUNS).unwrap();
    assert_eq!(runs.len(), 5, "settings of reference.py");
    runs
}

#[test]
fn the_cpu_reaches_numpys_weights() {
    for run in runs() {
        let args = args(&run);
        let mut all = vec!["train", "--backend", "cpu"];
        all.extend(args.iter().map(String::as_str));
        let reached = parameters(&neuralnet_json(&all));
        let expected = expected(&run);
        assert_eq!(reached.len(), expected.len(), "{all:?}");
        for (at, (reached, expected)) in reached.iter().zip(&expected).enumerate() {
            let relative = ((reached - expected) / expected).abs();
            assert!(
                relative <= 1e-9,
                "{all:?}: parameter {at} is {reached}, not {expected}"
            );
        }
    }
}

/// The plain reference, posed the same problems without the command line.
#[test]
fn the_reference_reaches_numpys_weights() {
    for run in runs() {
        let table = run["table"].as_str().unwrap();
        let file = format!("{}/tests/numpy/{table}.csv", root());
        let targets: &[&str] = match table {
            "one_output" => &["y0"],
            _ => &["y0", "y1", "y2"],
        };
        let dataset = neuralnet_table::open(&file, &TableOptions::with_targets(targets)).unwrap();
        let value = |key: &str| run[key].clone();
        let loss: Loss = serde_json::from_value(value("loss")).unwrap();
        let reduction: Reduction = serde_json::from_value(value("reduction")).unwrap();
        let problem = problem(&dataset, loss, reduction, run["bias"].as_bool().unwrap());
        let seed: u32 = serde_json::from_value(value("seed")).unwrap();
        let start = problem.network.initial_parameters(seed);
        let mut reference = Reference::new(problem, Some(1)).unwrap();
        reference.set_parameters(&start).unwrap();
        let iterations: NonZeroU32 = serde_json::from_value(value("iterations")).unwrap();
        let learning_rate = run["learning_rate"].as_f64().unwrap();
        reference.advance(iterations, learning_rate).unwrap();
        let reached = reference.parameters().unwrap();
        let expected = expected(&run);
        assert_eq!(reached.len(), expected.len(), "{run}");
        for (at, (reached, expected)) in reached.iter().zip(&expected).enumerate() {
            let relative = ((reached - expected) / expected).abs();
            assert!(
                relative <= 1e-12,
                "{table} {loss:?}: parameter {at} is {reached}, not {expected}"
            );
        }
    }
}

#[test]
fn the_gpu_follows_within_its_bounds() {
    for run in runs() {
        let args = args(&run);
        let mut all = vec!["validate"];
        all.extend(args.iter().map(String::as_str));
        let validation = neuralnet_json(&all);
        assert_eq!(validation["passed"], true, "{all:?}");
        assert_eq!(
            validation["distance"]["iterations"], run["iterations"],
            "{all:?}"
        );
    }
}
