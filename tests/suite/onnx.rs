//! A runtime that knows nothing of this program predicts from an exported model what the model predicts.

use crate::common::{HIDDEN, neuralnet, random_dataset, scratch};
use arrow_array::{ArrayRef, Date32Array, Float64Array, RecordBatch, StringArray};
use neuralnet::network::{Activation, Hidden};
use neuralnet::{Dataset, Hardware, Loss, Model, TrainConfig, Trained, train};
use parquet::arrow::ArrowWriter;
use rten::{Dimension, Value};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Of parameters and arithmetic in f32, where features are below 1, and weights below 4.
const TOLERANCE: f64 = 1e-6;

const ACTIVATIONS: [Activation; 4] = [
    Activation::Sigmoid,
    Activation::Softmax,
    Activation::Identity,
    Activation::Tanh,
];

fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(scratch()).join("onnx");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// A model with parameters that no f32 holds, positive and negative ones.
fn model(dataset: &Dataset, activation: Activation, bias: bool) -> Model {
    let config = TrainConfig {
        iterations: 0,
        bias,
        ..TrainConfig::default()
    };
    let start = train(dataset, &config, &Hardware::cpu()).unwrap();
    let trained = Trained {
        network: start.network.clone().with_activation(activation),
        parameters: start.parameters.iter().map(|p| 3.7 * p).collect(),
        ..start
    };
    let config = TrainConfig {
        activation,
        loss: Loss::usual(activation),
        ..config
    };
    Model::new(dataset, &config, &trained)
}

/// Exports the model by the command, and gives the rounding that it tells, or its error.
fn export(model: &Model, file: &Path) -> Result<f64, String> {
    let saved = file.with_extension("safetensors");
    model.save(&saved).unwrap();
    let paths = [saved.as_path(), file].map(|path| path.to_str().unwrap());
    let exported = neuralnet(&["export", paths[0], paths[1], "--force"]);
    let stderr = String::from_utf8(exported.stderr).unwrap();
    if !exported.status.success() {
        return Err(stderr);
    }
    let (_, rest) = stderr.split_once("rounded to f32, by ").unwrap();
    let (rounding, _) = rest.split_once(' ').unwrap();
    Ok(rounding.parse().unwrap())
}

#[test]
fn a_runtime_predicts_what_the_model_predicts() {
    let (n_samples, n_inputs) = (33, 7);
    for activation in ACTIVATIONS {
        for (n_outputs, bias) in [(5, true), (5, false), (1, true), (1, false)] {
            let what = format!("{activation:?}, {n_outputs} outputs, bias {bias}");
            let dataset = random_dataset(n_samples, n_inputs, n_outputs);
            let model = model(&dataset, activation, bias);
            let file = path(&format!("{activation:?}-{n_outputs}-{bias}.onnx"));
            let rounding = export(&model, &file).unwrap();
            assert!(
                rounding > 0.0 && rounding <= 1.05 * 2.0_f64.powi(-23), // two digits are told
                "{what}: {rounding}"
            );
            let runtime = rten::Model::load_file(&file).unwrap();
            let shape = runtime.input_shape(0).unwrap();
            let [Dimension::Symbolic(_), Dimension::Fixed(width)] = shape[..] else {
                panic!("{what}: {shape:?}");
            };
            assert_eq!(width, n_inputs, "{what}");
            let mut inputs = vec![0.0; n_samples * n_inputs];
            let mut targets = vec![0.0; n_samples * n_outputs];
            dataset.read(0..n_samples, &mut inputs, &mut targets);
            let inputs = Value::from_shape([n_samples, n_inputs], inputs).unwrap();
            let node = |name| runtime.node_id(name).unwrap();
            let run = runtime.run(
                vec![(node("inputs"), inputs.into())],
                &[node("predictions")],
                None,
            );
            let (shape, found) = run.unwrap().remove(0).into_shape_vec::<f32, 2>().unwrap();
            assert_eq!(shape, [n_samples, n_outputs], "{what}");
            let expected = model.predict(&dataset, 0..n_samples);
            let error = std::iter::zip(&found, &expected)
                .map(|(found, expected)| (f64::from(*found) - expected).abs())
                .fold(0.0, f64::max);
            // Not that of predictions that are all the same, but for the softmax of one.
            let least = expected.iter().copied().fold(f64::INFINITY, f64::min);
            let most = expected.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let varies = activation != Activation::Softmax || n_outputs > 1;
            assert!(most - least > 0.5 || !varies, "{what}: {least} to {most}");
            assert!(error <= TOLERANCE, "{what}: off by {error:e}");
            assert!(found.iter().all(|found| found.is_finite()), "{what}");
        }
    }
}

/// Products with such numbers are 10⁴ times what they differ by: the constant that stands for their centers is found in
/// float64, whether or not they were standardised or have a bias.
#[test]
fn numbers_far_from_0_do_not_cancel() {
    let numbers: Vec<u16> = (0..66).map(|i| i * 37 % 100).collect();
    let inputs: Vec<f32> = numbers.iter().map(|n| 1e6 + f32::from(*n)).collect();
    let dataset = Dataset::from_rows("far", 2, 1, inputs.clone(), vec![0.5; 33]).unwrap();
    for (bias, weights) in [(true, &[0.37, -0.37, 0.1][..]), (false, &[0.37, -0.37])] {
        for dataset in [&dataset, &dataset.standardised(bias)] {
            let config = TrainConfig {
                iterations: 0,
                bias,
                activation: Activation::Identity,
                loss: Loss::SquaredError,
                ..TrainConfig::default()
            };
            let mut trained = train(dataset, &config, &Hardware::cpu()).unwrap();
            trained.parameters = weights.to_vec();
            let model = Model::new(dataset, &config, &trained);
            let file = path("far.onnx");
            export(&model, &file).unwrap();
            let runtime = rten::Model::load_file(&file).unwrap();
            let values = Value::from_shape([33, 2], inputs.clone()).unwrap();
            let node = |name| runtime.node_id(name).unwrap();
            let run = runtime.run(
                vec![(node("inputs"), values.into())],
                &[node("predictions")],
                None,
            );
            let (_, found) = run.unwrap().remove(0).into_shape_vec::<f32, 2>().unwrap();
            let expected = model.predict(dataset, 0..33);
            for (found, expected) in found.iter().zip(expected) {
                let error = (f64::from(*found) - expected).abs();
                // Weights, products and sums, each rounded, of numbers below 100 · 0.37.
                assert!(error <= 2e-5, "bias {bias}: off by {error:e}");
            }
        }
    }
}

/// Hidden layers of each activation, one after the other.
#[test]
fn hidden_layers_predict_what_the_model_predicts() {
    for activation in HIDDEN {
        let dataset = random_dataset(33, 7, 3);
        let config = TrainConfig {
            iterations: 0,
            hidden: Hidden {
                widths: vec![6, 5],
                activation,
            },
            ..TrainConfig::default()
        };
        let start = train(&dataset, &config, &Hardware::cpu()).unwrap();
        let trained = Trained {
            parameters: start.parameters.iter().map(|p| 2.3 * p).collect(),
            ..start
        };
        let model = Model::new(&dataset, &config, &trained);
        let file = path(&format!("hidden-{activation:?}.onnx"));
        export(&model, &file).unwrap();
        let runtime = rten::Model::load_file(&file).unwrap();
        let (mut inputs, mut targets) = (vec![0.0; 33 * 7], vec![0.0; 33 * 3]);
        dataset.read(0..33, &mut inputs, &mut targets);
        let inputs = Value::from_shape([33, 7], inputs).unwrap();
        let node = |name| runtime.node_id(name).unwrap();
        let run = runtime.run(
            vec![(node("inputs"), inputs.into())],
            &[node("predictions")],
            None,
        );
        let (_, found) = run.unwrap().remove(0).into_shape_vec::<f32, 2>().unwrap();
        let expected = model.predict(&dataset, 0..33);
        let least = expected.iter().copied().fold(f64::INFINITY, f64::min);
        let most = expected.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!(most - least > 0.3, "{activation:?}: {least} to {most}");
        for (found, expected) in found.iter().zip(&expected) {
            let error = (f64::from(*found) - expected).abs();
            assert!(error <= TOLERANCE, "{activation:?}: off by {error:e}");
        }
    }
}

/// By the command, with names that want escaping; a file that is there is replaced with `--force` alone.
#[test]
fn the_command_writes_names_and_replaces_no_file_unasked() {
    let (table, saved, exported) = (path("t.csv"), path("t.safetensors"), path("t.onnx"));
    let texts = [&table, &saved, &exported].map(|path| path.to_str().unwrap());
    let [table, saved, exported] = texts;
    fs::write(table, "\"a \"\"x\"\"\",b,\"t,1\"\n1,2,0\n3,1,1\n0,1,1\n").unwrap();
    let trained = neuralnet(&[
        "train",
        table,
        "--output",
        saved,
        "--force",
        "--backend",
        "cpu",
        "--classes",
    ]);
    assert!(trained.status.success(), "{trained:?}");
    drop(fs::remove_file(exported));
    let export = |more: &[&str]| neuralnet(&[&["export", saved, exported], more].concat());
    let first = export(&[]);
    let stderr = String::from_utf8_lossy(&first.stderr).into_owned();
    assert!(
        first.status.success() && first.stdout.is_empty(),
        "{stderr}"
    );
    for part in ["rounded to f32, by ", "wrote "] {
        assert!(stderr.contains(part), "{stderr}");
    }
    let bytes = fs::read(exported).unwrap();
    for text in [
        r#"["a \"x\"","b"]"#,
        r#"["t,1"]"#,
        r#""cross-entropy""#,
        // Of two classes, the second.
        "Predictions of: t,1=1",
    ] {
        let found = bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes());
        assert!(found, "`{text}` is not in the file");
    }
    rten::Model::load(bytes.clone()).unwrap();
    let second = export(&[]);
    assert_eq!(second.status.code(), Some(2), "{second:?}");
    assert!(
        String::from_utf8_lossy(&second.stderr).contains("--force"),
        "{second:?}"
    );
    assert!(export(&["--force"]).status.success());
    assert_eq!(
        fs::read(exported).unwrap(),
        bytes,
        "the same bytes for the same model"
    );
    let other = neuralnet(&["export", saved, path("t.txt").to_str().unwrap()]);
    assert_eq!(other.status.code(), Some(2), "{other:?}");
    assert!(!path("t.txt").exists());
}

/// 10³⁰⁰ is a parameter, and no f32.
#[test]
fn a_parameter_beyond_f32_is_refused() {
    let dataset = random_dataset(5, 2, 1);
    let config = TrainConfig {
        iterations: 0,
        ..TrainConfig::default()
    };
    let mut trained = train(&dataset, &config, &Hardware::cpu()).unwrap();
    trained.parameters[1] = -1e300;
    let model = Model::new(&dataset, &config, &trained);
    let file = path("beyond.onnx");
    let error = export(&model, &file).unwrap_err();
    assert!(error.contains("-1e300"), "{error}");
    assert!(!file.exists());
}

/// The number at the start of `bytes`, which is cut off.
fn varint(bytes: &mut &[u8]) -> usize {
    let mut value = 0;
    for place in 0.. {
        let byte = bytes.split_off_first().unwrap();
        value |= usize::from(byte & 127) << (7 * place);
        if *byte < 128 {
            break;
        }
    }
    value
}

/// The fields `tag` of a message that hold bytes.
fn fields(mut message: &[u8], tag: usize) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let (key, value) = (varint(&mut message), varint(&mut message));
        if key & 7 == 2 {
            let bytes = message.split_off(..value).unwrap();
            found.extend((key >> 3 == tag).then_some(bytes));
        }
    }
    found
}

/// A column that has the name of the output, and a category that is the empty text, which is a missing cell, too: names
/// of values, and keys of categories, have to be unique.
#[test]
fn names_and_keys_stand_once_in_a_graph() {
    let file = |ending: &str| path(&format!("once.{ending}"));
    let texts = [Some(""), Some("a"), None, Some("b")].repeat(3);
    let numbers =
        |factor: f64| Float64Array::from_iter_values((0..12).map(|i| factor * f64::from(i)));
    let columns: [(_, ArrayRef); 3] = [
        (
            "predictions",
            Arc::new(Date32Array::from_iter_values(0..12)),
        ),
        ("port", Arc::new(StringArray::from(texts))),
        ("y", Arc::new(numbers(0.5))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    fs::write(file("parquet"), bytes).unwrap();
    let paths = ["parquet", "safetensors", "onnx"].map(file);
    let [table, saved, exported] = paths.each_ref().map(|path| path.to_str().unwrap());
    let encoded = ["--one-hot", "port", "--impute", "mean"];
    let flags = ["--backend", "cpu", "--output", saved, "--force"];
    let trained = neuralnet(&[&["train", table][..], &encoded, &flags].concat());
    assert!(trained.status.success(), "{trained:?}");
    let told = neuralnet(&["export", saved, exported, "--force"]).stderr;
    let model = fs::read(exported).unwrap();
    let graph = fields(&model, 7)[0];
    let nodes = fields(graph, 1);
    let named = [(5, 8), (11, 1)].map(|(part, name)| {
        let parts = fields(graph, part).into_iter();
        parts.flat_map(|part| fields(part, name)).collect()
    });
    let given: Vec<_> = nodes.iter().flat_map(|node| fields(node, 2)).collect();
    let names = [&named[..], &[given]].concat().concat();
    let unique: HashSet<_> = names.iter().collect();
    assert_eq!(unique.len(), names.len(), "values have names of their own");
    let attributes = nodes.iter().flat_map(|node| fields(node, 5));
    let keys = attributes.filter(|attribute| fields(attribute, 1) == [b"keys_strings"]);
    let keys: Vec<_> = keys.map(|keys| fields(keys, 9)).collect();
    assert_eq!(keys, [[&b"a"[..], b"b", b""]]);
    let docs = fields(graph, 11)
        .into_iter()
        .map(|input| fields(input, 3)[0]);
    let docs: Vec<_> = docs.map(String::from_utf8_lossy).collect();
    assert!(
        docs[0].starts_with("predictions (days since 1970) of the table"),
        "{docs:?}"
    );

    let told = String::from_utf8(told).unwrap();
    for part in [
        "; the output is `predictions_`, as a column is `predictions`",
        "; the empty text of `port` is a missing cell, not the category",
    ] {
        assert!(told.contains(part), "`{part}` is not in {told}");
    }
}
