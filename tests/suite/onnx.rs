//! A runtime that knows nothing of this program predicts from an exported model what the model predicts.

use crate::common::{neuralnet, random_dataset, scratch};
use neuralnet::network::{Activation, Hidden};
use neuralnet::{Dataset, Hardware, Model, TrainConfig, Trained, train};
use rten::{Dimension, Value};
use std::fs;
use std::path::{Path, PathBuf};

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

/// Hidden layers of each activation, one after the other.
#[test]
fn hidden_layers_predict_what_the_model_predicts() {
    for activation in [
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Gelu,
        Activation::Silu,
    ] {
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
    for text in [r#"["a \"x\"","b"]"#, r#"["t,1"]"#, r#""cross-entropy""#] {
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
