//! A weight of w is w copies of a row, and 0 is no row: in standardising, imputing, balancing, penalties and metrics.

use crate::common::{neuralnet, neuralnet_json, parameters, scratch};
use neuralnet::data::Classes;
use neuralnet::{ClassWeight, Dataset, Synthetic};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

fn file(name: &str, content: &str) -> String {
    let path = PathBuf::from(scratch()).join("sample_weights").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn trained(data: &str, flags: &[&str]) -> Value {
    neuralnet_json(&[&["train", data, "--backend", "cpu"], flags].concat())
}

/// Asserts that losses agree to `tolerance`, and parameters to `of_parameters` of the largest.
fn assert_close(one: &Value, other: &Value, [tolerance, of_parameters]: [f64; 2], what: &str) {
    let losses = [one, other].map(|json| json["loss"].as_f64().unwrap());
    assert!(
        (losses[0] / losses[1] - 1.0).abs() <= tolerance,
        "{what}: {losses:?}"
    );
    let largest = parameters(other)
        .iter()
        .fold(0.0_f64, |a, b| a.max(b.abs()));
    for (a, b) in parameters(one).iter().zip(parameters(other)) {
        assert!(
            (a - b).abs() <= of_parameters * largest,
            "{what}: {a} and {b}"
        );
    }
}

/// Random tables of numbers, texts and gaps, their rows weighted, and copied and removed, trained in every way that
/// does not draw rows.
#[test]
fn a_weight_is_as_many_copies_of_a_row() {
    let ways: [&[&str]; 8] = [
        &[],
        &["--no-standardise"],
        &["--reduction", "sum"],
        &["--class-weight", "balanced"],
        &["--class-weight", "b=3", "--l2", "0.1"],
        &["--l1", "0.01"],
        &["--optimizer", "momentum", "--iterations", "50"],
        &[
            "--optimizer",
            "adam",
            "--iterations",
            "50",
            "--learning-rate",
            "0.01",
        ],
    ];
    let imputes = ["mean", "median", "zero"];
    for problem in 0..200 {
        let mut random = SmallRng::seed_from_u64(problem);
        let (mut weighted, mut copied) = ("x,z,port,w,y\n".to_owned(), "x,z,port,y\n".to_owned());
        let n_rows = random.random_range(8..40);
        for row in 0..n_rows {
            let x: f64 = random.random_range(-1.0..1.0);
            let z = match random.random_range(0..5) {
                0 if row > 1 => String::new(),
                _ => format!("{:.3}", 1e3 * random.random_range(-1.0..1.0)),
            };
            let port = ["S", "C", "Q", ""][if row < 3 {
                row
            } else {
                random.random_range(0..4)
            }];
            // Both classes are there, whatever is left out.
            let weight = if row < 4 {
                1 + row
            } else {
                random.random_range(0..4)
            };
            let y = match row {
                0 | 1 => ["a", "b"][row],
                _ if x + random.random_range(-0.5..0.5) > 0.0 => "a",
                _ => "b",
            };
            weighted += &format!("{x:.4},{z},{port},{weight},{y}\n");
            copied += &format!("{x:.4},{z},{port},{y}\n").repeat(weight);
        }
        let way = ways[usize::try_from(problem).unwrap() % ways.len()];
        let impute = imputes[usize::try_from(problem).unwrap() % 3];
        let flags = [&["--one-hot", "port", "--impute", impute], way].concat();
        let weighted = file("weighted.csv", &weighted);
        let copied = file("copied.csv", &copied);
        // A balanced weight is no f32, so w times it is rounded otherwise than it itself.
        let on_cpu = match way.contains(&"balanced") {
            true => [1e-7, 1e-5],
            false => [1e-9, 1e-5],
        };
        let backends = [("cpu", on_cpu), ("gpu", [1e-6, 1e-3])];
        // Each way on a GPU some times: a software adapter takes long for all.
        let n_backends = if problem < 32 { 2 } else { 1 };
        for (backend, tolerances) in &backends[..n_backends] {
            let train = |data: &str, more: &[&str]| {
                let start = ["train", data, "--backend", backend];
                neuralnet_json(&[&start[..], &flags, more].concat())
            };
            let weighted = train(&weighted, &["--sample-weight", "w"]);
            let what = format!("problem {problem}, {backend}, {flags:?}");
            assert_close(&weighted, &train(&copied, &[]), *tolerances, &what);
        }
    }
}

/// A row that weighs nothing has no say in anything: not in whether a column is constant, nor in its mean.
#[test]
fn what_weighs_nothing_is_no_row() {
    let rows: String = (0..20)
        .map(|row| format!("{},7,1,{}\n", row - 10, u8::from((row * row) % 7 > row % 5)))
        .collect();
    let flags = ["--sample-weight", "w"];
    let clean = trained(&file("clean.csv", &format!("x,c,w,y\n{rows}")), &flags);
    for odd in ["1e30,7,0,0\n", "0,8,0,1\n", "-5,7,0,0.5\n"] {
        let data = file("odd.csv", &format!("x,c,w,y\n{rows}{odd}"));
        let found = trained(&data, &flags);
        assert_eq!(found["layers"], clean["layers"], "{odd}");
        assert_eq!(found["dataset"]["n_samples"], 20, "{odd}");
    }
}

/// Generated samples have classes too; a class of which no sample weighs anything takes no share.
#[test]
fn a_class_of_no_weight_leaves_the_others_balanced() {
    let classes = Classes {
        column: "y".to_owned(),
        names: vec!["a".to_owned(), "b".to_owned()],
    };
    let generated = Dataset::synthetic(Synthetic::new(400, 3, 0.1, 1).unwrap());
    let generated = generated.with_classes(classes.clone()).unwrap();
    let (mut inputs, mut targets) = (vec![0.0; 3 * 400], vec![0.0; 400]);
    generated.read(0..400, &mut inputs, &mut targets);
    let of_b = targets.iter().sum::<f32>();
    let given = ClassWeight::Given(vec![("b".to_owned(), 5.0)]);
    let weighed = generated.with_class_weights(&given).unwrap();
    let expected = f64::from(400.0 + 4.0 * of_b);
    assert!((weighed.total_weight() - expected).abs() <= 0.0, "{of_b}");
    let only_a: Vec<f32> = targets.iter().map(|target| 1.0 - target).collect();
    let only_a = generated.with_weights(&only_a).unwrap();
    let balanced = only_a.with_class_weights(&ClassWeight::Balanced).unwrap();
    let expected = f64::from(400.0 - of_b);
    assert!((balanced.total_weight() - expected).abs() <= 0.0, "{of_b}");
}

/// Weights of held-back samples count in what is measured on them, wherever they come from; weights of classes never
/// do.
#[test]
fn every_measure_counts_samples_by_their_weights() {
    let table = |name: &str, rows: &[(i32, u32, &str)]| {
        let lines = rows.iter().map(|(x, w, y)| format!("{x},{w},{y}\n"));
        file(name, &format!("x,w,y\n{}", lines.collect::<String>()))
    };
    let train = table(
        "train.csv",
        &[(0, 1, "a"), (1, 1, "b"), (2, 1, "a"), (3, 1, "b")],
    );
    let held = table("held.csv", &[(0, 1000, "a"), (5, 1, "b"), (9, 0, "a")]);
    let model = file("model.safetensors", "");
    for class_weight in [
        &[][..],
        &["--class-weight", "balanced"],
        &["--class-weight", "b=9"],
    ] {
        let flags = [
            "--sample-weight",
            "w",
            "--validation-data",
            &held,
            "-o",
            &model,
            "--force",
        ];
        let json = trained(&train, &[&flags[..], class_weight].concat());
        let evaluated = neuralnet_json(&["evaluate", &model, &held, "--sample-weight", "w"]);
        let loss = evaluated["loss"].as_f64().unwrap();
        let validation = json["validation_loss"].as_f64().unwrap();
        assert!(
            (loss / validation - 1.0).abs() <= 1e-12,
            "{loss} and {validation}"
        );
        // Nearly all of the weight is on one sample.
        let predicted = neuralnet(&["predict", &model, &held]);
        let text = String::from_utf8(predicted.stdout).unwrap();
        let of_first: f64 = text
            .lines()
            .nth(1)
            .unwrap()
            .split(',')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            (loss + of_first.ln()).abs() <= 0.01 * loss.max(0.1),
            "{loss}: {text}"
        );
    }
}

/// 100 rows held back are 100 samples, whatever their classes weigh.
#[test]
fn weights_of_classes_steer_the_training_alone() {
    let rows: String = (0..400)
        .map(|row| {
            format!(
                "{},{}\n",
                (row * 37) % 101,
                if row % 10 == 0 { "rare" } else { "common" }
            )
        })
        .collect();
    let data = file("classes.csv", &format!("x,y\n{rows}"));
    let held = |flags: &[&str]| trained(&data, &[&["--validation", "0.25"], flags].concat());
    let (plain, balanced) = (held(&[]), held(&["--class-weight", "balanced"]));
    let on_gpu = ["--backend", "gpu", "--class-weight", "balanced"];
    let on_gpu = neuralnet_json(&[&["train", &data, "--validation", "0.25"], &on_gpu[..]].concat());
    for json in [&plain, &balanced, &on_gpu] {
        let confusion = &json["validation"]["measured"][0]["confusion"];
        let cells: Vec<f64> = confusion
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .map(|cell| cell.as_f64().unwrap())
            .collect();
        assert!(
            cells.iter().all(|cell| cell.fract().abs() <= 0.0),
            "{confusion}"
        );
        let n_samples: f64 = cells.iter().sum();
        assert!((n_samples - 100.0).abs() < 0.5, "{confusion}");
    }
    assert_ne!(plain["layers"], balanced["layers"]);
}
