//! Metrics are what scikit-learn says they are, and `evaluate` tells them.
//!
//! The numbers in `sklearn/reference.json` come from `sklearn/reference.py`, which knows nothing of this program. Its
//! pre-activations are the features here, of a network whose weights are the identity: so predictions, classes,
//! weights, ties and sums are all held against it.

use crate::common::{Random, neuralnet, neuralnet_json, scratch};
use neuralnet::backend::Problem;
use neuralnet::metrics::Metrics;
use neuralnet::network::Activation;
use neuralnet::objective::Objective;
use neuralnet::{Classes, Dataset, Error, Loss, Network, Reduction, measure};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

const CASES: &str = include_str!("../sklearn/reference.json");

/// Sums of a few hundred terms in another order than scikit-learn's: a few hundred times 2⁻⁵³, and those terms are
/// about as large as their sum.
const TOLERANCE: f64 = 1e-12;

fn cases() -> Vec<Value> {
    serde_json::from_str(CASES).unwrap()
}

fn rows(value: &Value) -> Vec<Vec<f32>> {
    serde_json::from_value(value.clone()).unwrap()
}

fn dataset(case: &Value) -> Dataset {
    let (inputs, targets) = (rows(&case["inputs"]), rows(&case["targets"]));
    let (n_inputs, n_outputs) = (inputs[0].len(), targets[0].len());
    let dataset = Dataset::from_rows(
        case["name"].as_str().unwrap(),
        n_inputs,
        n_outputs,
        inputs.concat(),
        targets.concat(),
    );
    let mut dataset = dataset.unwrap();
    if let Some(names) = case["classes"].as_array() {
        let names = names.iter().map(|name| name.as_str().unwrap().to_owned());
        let classes = Classes {
            column: "t".to_owned(),
            names: names.collect(),
        };
        dataset = dataset.with_classes(classes).unwrap();
    }
    let weights: Option<Vec<f32>> = serde_json::from_value(case["weights"].clone()).unwrap();
    match weights {
        Some(weights) => dataset.with_weights(&weights).unwrap(),
        None => dataset,
    }
}

/// Measures pre-activations that are the features.
fn measured(dataset: &Dataset, activation: Activation, loss: Loss) -> Result<Metrics, Error> {
    let n = dataset.n_inputs();
    let problem = Problem {
        dataset,
        network: Network::single_layer(n, n, false).with_activation(activation),
        objective: Objective {
            loss,
            reduction: Reduction::Mean,
        },
        dropout: None,
    };
    let identity = (0..n * n).map(|at| f64::from(u8::from(at % (n + 1) == 0)));
    measure(&problem, &identity.collect::<Vec<f64>>())
}

fn setting<T: serde::de::DeserializeOwned>(case: &Value, key: &str) -> T {
    serde_json::from_value(case[key].clone()).unwrap()
}

/// Differences between what is expected and what is found at the same place, each with its path.
fn differences(path: &str, found: &Value, expected: &Value, all: &mut Vec<String>) {
    match expected {
        Value::Object(keys) => {
            for (key, expected) in keys {
                differences(&format!("{path}.{key}"), &found[key], expected, all);
            }
        }
        Value::Array(items) => {
            let n_found = found.as_array().map(Vec::len);
            if n_found != Some(items.len()) {
                all.push(format!("{path}: {n_found:?} items, not {}", items.len()));
            }
            for (at, expected) in items.iter().enumerate() {
                differences(&format!("{path}[{at}]"), &found[at], expected, all);
            }
        }
        Value::Number(number) => {
            let expected = number.as_f64().unwrap();
            let error = found.as_f64().map(|found| (found - expected).abs());
            if !error.is_some_and(|error| error <= TOLERANCE * expected.abs().max(1.0)) {
                all.push(format!("{path}: {found}, not {expected}"));
            }
        }
        other => {
            if found != other {
                all.push(format!("{path}: {found}, not {other}"));
            }
        }
    }
}

/// One target's metrics with what the reference keeps in lists.
fn flat(mut found: Value) -> Value {
    if let Some(classes) = found["classes"].as_array().cloned() {
        for (key, list) in [
            ("precision", "precision"),
            ("recall", "recall"),
            ("f1", "f1"),
            ("auc", "aucs"),
        ] {
            found[list] = classes.iter().map(|class| class[key].clone()).collect();
        }
    }
    let bins = found["calibration"].as_array().cloned().unwrap_or_default();
    let filled = bins.iter().filter(|bin| !bin["prediction"].is_null());
    found["calibration"] = filled
        .map(|bin| json!([bin["prediction"], bin["observed"]]))
        .collect();
    found
}

#[test]
fn metrics_are_scikit_learns() {
    let mut wrong = Vec::new();
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        let dataset = dataset(&case);
        let metrics = measured(
            &dataset,
            setting(&case, "activation"),
            setting(&case, "loss"),
        );
        let found = serde_json::to_value(metrics.unwrap()).unwrap();
        let measured = found["measured"].as_array().unwrap().iter().cloned();
        let measured: Value = measured.map(flat).collect();
        differences(name, &measured, &case["measured"], &mut wrong);
        // What is minimised, from the metrics that scikit-learn has.
        let sum = |of: &dyn Fn(&Value) -> f64| -> f64 {
            case["measured"].as_array().unwrap().iter().map(of).sum()
        };
        let loss = match case["loss"].as_str().unwrap() {
            "cross-entropy" => sum(&|each| each["log_loss"].as_f64().unwrap()),
            _ => sum(&|each| 0.5 * each["rmse"].as_f64().unwrap().powi(2)),
        };
        differences(name, &found, &json!({ "loss": loss }), &mut wrong);
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_cannot_be_measured_is_told() {
    for (name, part) in [
        (
            "five classes, one of them absent",
            "no sample of `t` is `d`: AUC",
        ),
        ("a constant target", "`y0` is 2.5 in every row"),
    ] {
        let case = cases()
            .into_iter()
            .find(|case| case["name"] == name)
            .unwrap();
        let metrics = measured(
            &dataset(&case),
            setting(&case, "activation"),
            setting(&case, "loss"),
        );
        let notes = metrics.unwrap().notes;
        assert_eq!(notes.len(), 1, "{name}: {notes:?}");
        assert!(notes[0].contains(part), "{name}: {notes:?}");
    }
    // Every other case is whole.
    let told = cases()
        .iter()
        .filter(|case| {
            let metrics = measured(
                &dataset(case),
                setting(case, "activation"),
                setting(case, "loss"),
            );
            !metrics.unwrap().notes.is_empty()
        })
        .count();
    assert_eq!(told, 2);
}

/// Many leaves, ties and weights, in pools of different sizes; the number of rows is odd.
#[test]
fn the_bits_do_not_depend_on_the_threads() {
    let mut random = Random::new(5);
    let n = 150_001;
    let inputs: Vec<f32> = (0..n).map(|_| random.next()).collect();
    let weights: Vec<f32> = (0..n).map(|_| random.next().abs()).collect();
    let noise = inputs
        .iter()
        .map(|x| x + random.next())
        .collect::<Vec<f32>>();
    let labels = noise.iter().map(|x| f32::from(*x > 0.0)).collect();
    for (activation, targets) in [(Activation::Sigmoid, labels), (Activation::Identity, noise)] {
        let dataset = Dataset::from_rows("random", 1, 1, inputs.clone(), targets).unwrap();
        let dataset = dataset.with_weights(&weights).unwrap();
        assert!(dataset.leaves().count() > 5, "{}", dataset.leaves().count());
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| measured(&dataset, activation, Loss::SquaredError))
                .unwrap()
        };
        let one = with(1);
        for threads in [2, 5] {
            assert_eq!(with(threads), one, "{activation:?}, {threads} threads");
        }
    }
}

/// A file of this test file's own.
fn file(name: &str, text: &str) -> String {
    let folder = PathBuf::from(scratch()).join("evaluate");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn trained(name: &str, table: &str) -> String {
    let model = format!("{}.safetensors", file(name, ""));
    let output = neuralnet(&[
        "train",
        table,
        "--output",
        &model,
        "--force",
        "--backend",
        "cpu",
    ]);
    assert!(output.status.success(), "{output:?}");
    model
}

/// Columns and classes are found by name: in another order, among others, one class absent.
#[test]
fn the_command_holds_predictions_against_the_targets() {
    let train = file(
        "train.csv",
        "x,kind\n-2,small\n-1,small\n1,large\n2,large\n-3,small\n",
    );
    let model = trained("kinds", &train);
    let test = file(
        "test.csv",
        "kind,other,x\nlarge,a,3\nlarge,b,-3\nlarge,c,4\nsmall,d,-2\n",
    );
    let output = neuralnet(&["evaluate", &model, &test]);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    for line in [
        "kind              model    baseline",
        "accuracy         0.7500      0.7500",
        "AUC              0.6667      0.5000",
        "is          large   small  recall",
        "large           2       1  0.6667",
        "small           0       1  1.0000",
        "precision  1.0000  0.5000",
    ] {
        assert!(
            stdout.lines().any(|other| other == line),
            "`{line}`: {stdout}"
        );
    }
    let json = neuralnet_json(&["evaluate", &model, &test]);
    assert_eq!(json["n_samples"], 4, "{json}");
    assert_eq!(
        json["measured"][0]["confusion"],
        json!([[2.0, 1.0], [0.0, 1.0]])
    );
    assert_eq!(json["measured"][0]["baseline"]["class"], "large");
    let one = file("one.csv", "x,kind\n-5,small\n");
    let holdout = [
        "train",
        &train,
        "--backend",
        "cpu",
        "--validation-data",
        &one,
    ];
    for args in [&["evaluate", &model, &one][..], &holdout] {
        let output = neuralnet(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{stderr}");
        let reason = "no sample of `kind` is `large`: AUC is left out";
        assert!(stderr.contains(reason), "{stderr}");
        assert!(!stdout.contains("AUC"), "{stdout}");
    }
}

/// Far too many classes for a matrix on a screen.
#[test]
fn of_many_classes_the_largest_confusions_are_shown() {
    let rows: String = (0..60)
        .map(|row| format!("{},c{:02}\n", row / 3, row % 20))
        .collect();
    let table = file("many.csv", &format!("x,kind\n{rows}"));
    let model = trained("many", &table);
    let output = neuralnet(&["evaluate", &model, &table]);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        stdout.contains("largest confusions of 20 classes"),
        "{stdout}"
    );
    assert!(!stdout.contains("precision"), "{stdout}");
    let taken = stdout
        .lines()
        .filter(|line| line.contains(" taken for "))
        .count();
    assert_eq!(taken, 12, "{stdout}");
}

#[test]
fn what_cannot_be_evaluated_is_refused() {
    let model = trained(
        "refused",
        &file("two.csv", "x,kind\n-2,0\n-1,0\n1,1\n2,1\n"),
    );
    for (name, text, part) in [
        ("no-target.csv", "x\n1\n", "kind"),
        ("no-feature.csv", "z,kind\n1,0\n", "`x`"),
        (
            "outside.csv",
            "x,kind\n1,0\n1,2\n",
            "the training, whose targets lie within [0, 1] (",
        ),
    ] {
        let output = neuralnet(&["evaluate", &model, &file(name, text)]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {stderr}");
        assert!(output.stdout.is_empty(), "{name}: {output:?}");
        assert!(stderr.contains(part), "{name}: {stderr}");
        assert!(!stderr.contains("--loss"), "{name}: {stderr}");
    }
}
