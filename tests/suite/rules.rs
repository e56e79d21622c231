//! The rules of synthetic data: networks with hidden layers learn them, and how well one can is told.

use crate::common::{neuralnet, neuralnet_json, parameters, scratch};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// The settings of a short training whose rate falls to 0.
const TRAIN: [&str; 8] = [
    "--backend",
    "cpu",
    "--schedule",
    "cosine",
    "--validation",
    "0.2",
    "--batch-size",
    "256",
];

fn path(name: &str) -> String {
    let path = PathBuf::from(scratch()).join("rules").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Accuracy and Bayes accuracy of what `metrics` measured.
fn accuracies(metrics: &Value) -> [f64; 2] {
    ["accuracy", "bayes_accuracy"].map(|key| metrics["measured"][0][key].as_f64().unwrap())
}

/// The accuracies on the held-out rows.
fn learned(data: &str, flags: &str) -> [f64; 2] {
    let flags: Vec<&str> = flags.split(' ').collect();
    let train = neuralnet_json(&[&["train", data], &TRAIN[..], &flags].concat());
    accuracies(&train["validation"])
}

#[test]
fn hidden_layers_come_within_a_percent_of_the_bayes_accuracy() {
    for data in [
        "synthetic:40000x2,rule=xor",
        "synthetic:100000x2,rule=circle",
        "synthetic:200000x8,rule=teacher",
    ] {
        let [accuracy, bayes] = learned(data, "--hidden 32,16 --learning-rate 0.01 --epochs 15");
        assert!((bayes - 0.95).abs() < 1e-12, "{data}: {bayes}");
        assert!(accuracy >= bayes - 0.01, "{data}: {accuracy}");
        let [accuracy, _] = learned(data, "--optimizer adam --epochs 2");
        assert!(
            accuracy < bayes - 0.1,
            "{data} without hidden layers: {accuracy}"
        );
    }
}

#[test]
fn both_arms_of_the_spiral_are_learned() {
    let data = "synthetic:60000x2,rule=spiral,noise=0";
    let [accuracy, bayes] = learned(data, "--hidden 64,64 --learning-rate 0.02 --epochs 30");
    assert!((bayes - 1.0).abs() < 1e-12, "{bayes}");
    assert!(accuracy >= 0.99, "{accuracy}");
}

/// Rows made by the device, resident and streamed, and the CPU's.
#[test]
fn streamed_rows_of_every_rule_are_those_that_stay() {
    for rule in ["linear", "xor", "circle", "spiral", "teacher"] {
        let data = format!("synthetic:9001x35,rule={rule}");
        let train = |flags: &[&str]| {
            let train = [
                "train",
                &data,
                "--iterations",
                "3",
                "--loss",
                "squared-error",
            ];
            let json = neuralnet_json(&[&train[..], flags].concat());
            let bits = parameters(&json)
                .into_iter()
                .map(f64::to_bits)
                .collect::<Vec<_>>();
            (bits, json["loss"].as_f64().unwrap())
        };
        let resident = train(&["--backend", "gpu"]);
        let streamed = [
            "--max-device-bytes",
            "600000",
            "--max-chunk-bytes",
            "150000",
        ];
        assert_eq!(
            train(&[&["--backend", "gpu"], &streamed[..]].concat()),
            resident,
            "{rule}"
        );
        // One label in 9,001 that differs changes the mean loss by more than 1e-5.
        let (_, loss) = train(&["--backend", "cpu"]);
        assert!(
            (loss - resident.1).abs() <= 1e-6,
            "{rule}: {loss} and {}",
            resident.1
        );
    }
}

#[test]
fn the_bayes_accuracy_stands_beside_the_models() {
    let model = path("circle.safetensors");
    let data = "synthetic:3000x2,rule=circle,noise=0.125";
    let page = path("circle.html");
    let train = ["train", data, "--backend", "cpu", "--hidden", "8"];
    let flags = [
        "--validation",
        "0.2",
        "-o",
        &model,
        "--report",
        &page,
        "--force",
    ];
    let text = String::from_utf8(neuralnet(&[&train[..], &flags].concat()).stdout).unwrap();
    let line = "(Bayes accuracy, that of the rule itself: 0.8750)\n";
    assert!(text.contains(line), "{text}");
    let html = fs::read_to_string(&page).unwrap();
    assert!(
        html.contains("Bayes accuracy, that of the rule itself: 0.8750."),
        "{html}"
    );

    // The circle is that of any seed, so these are other rows of the same rule.
    let others = "synthetic:500x2,rule=circle,noise=0,seed=2";
    let json = neuralnet_json(&["evaluate", &model, others]);
    let [_, bayes] = accuracies(&json);
    assert!((bayes - 1.0).abs() < 1e-12, "{json}");
    let text = String::from_utf8(neuralnet(&["evaluate", &model, others]).stdout).unwrap();
    assert!(
        text.contains("(Bayes accuracy, that of the rule itself: 1.0000)\n"),
        "{text}"
    );

    // Of rows from elsewhere it is not known.
    let table = path("rows.csv");
    fs::write(&table, "x0,x1,y\n0.1,0.2,0\n0.9,-0.9,1\n").unwrap();
    let text = String::from_utf8(neuralnet(&["evaluate", &model, &table]).stdout).unwrap();
    assert!(
        text.contains("accuracy") && !text.contains("Bayes"),
        "{text}"
    );
    let json = neuralnet_json(&["evaluate", &model, &table]);
    assert_eq!(json["measured"][0].get("bayes_accuracy"), None, "{json}");
}
