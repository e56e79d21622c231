//! Training in float32 on the CPU.

use crate::common::{assert_refused, neuralnet_json, random_dataset, scratch};
use neuralnet::network::Hidden;
use neuralnet::{
    BackendChoice, Dataset, Hardware, Model, Optimizer, Precision, Progress, TrainConfig, Trained,
    Training, train,
};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

fn fresh(name: &str) -> String {
    let path = PathBuf::from(scratch()).join("precision").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = std::fs::remove_file(&path);
    path.to_str().unwrap().to_owned()
}

fn bits(trained: &Trained) -> Vec<u64> {
    let numbers = trained.parameters.iter().chain([&trained.loss]);
    numbers.map(|x| x.to_bits()).collect()
}

fn network() -> TrainConfig {
    TrainConfig {
        hidden: Hidden {
            widths: vec![128, 128],
            ..Hidden::default()
        },
        optimizer: Optimizer::Adam,
        learning_rate: 0.001,
        // Fewer than a leaf has: threads share its products.
        batch_size: Some(200),
        iterations: 40,
        ..TrainConfig::default()
    }
}

fn on_cpu(threads: usize, precision: Precision) -> Hardware {
    Hardware {
        threads: Some(threads),
        precision: Some(precision),
        ..Hardware::cpu()
    }
}

fn layer() -> TrainConfig {
    TrainConfig {
        hidden: Hidden::default(),
        ..network()
    }
}

#[test]
fn the_bits_do_not_depend_on_threads() {
    // A leaf, and several.
    for (network, n_rows) in [(network(), 700), (layer(), 700), (layer(), 10_000)] {
        assert_bits_by_any_threads(&network, &random_dataset(n_rows, 64, 3));
    }
}

fn assert_bits_by_any_threads(network: &TrainConfig, dataset: &Dataset) {
    for optimizer in [&Optimizer::FIRST_ORDER[..], &[Optimizer::LBfgs]].concat() {
        // Plain gradient descent of all rows is made in calls of its own, and L-BFGS takes no batches.
        let takes_all = matches!(optimizer, Optimizer::GradientDescent | Optimizer::LBfgs);
        let config = TrainConfig {
            optimizer,
            batch_size: (!takes_all).then_some(200),
            iterations: 8,
            ..network.clone()
        };
        let run = |threads, precision| {
            bits(&train(dataset, &config, &on_cpu(threads, precision)).unwrap())
        };
        let [wide, narrow] = [Precision::F64, Precision::F32].map(|precision| {
            let once = run(1, precision);
            for threads in [2, 5] {
                let what = format!("{threads} threads, {precision:?}, {optimizer:?}");
                assert_eq!(once, run(threads, precision), "{what}");
            }
            once
        });
        assert_ne!(wide, narrow, "other numbers, {optimizer:?}");
    }
}

/// 30 updates, each from numbers that are off by 2⁻²⁴ of themselves. Features far from 0 beside their deviation have to be
/// scaled before they are rounded.
#[test]
fn float32_trains_to_about_the_loss_of_float64() {
    let near = random_dataset(700, 20, 2);
    let (mut inputs, mut targets) = (vec![0.0; 700 * 20], vec![0.0; 700 * 2]);
    near.read(0..700, &mut inputs, &mut targets);
    let inputs = inputs.iter().map(|x| 20_000.0 + x).collect();
    let far = Dataset::from_rows("far", 20, 2, inputs, targets).unwrap();
    for dataset in [near, far] {
        let dataset = dataset.standardised(true);
        for (optimizer, network) in [
            (Optimizer::Adam, network()),
            (Optimizer::Momentum, network()),
            (Optimizer::Adam, layer()),
            (Optimizer::Momentum, layer()),
        ] {
            let config = TrainConfig {
                optimizer,
                l2: 0.01,
                ..network
            };
            let [wide, narrow] = [Precision::F64, Precision::F32]
                .map(|precision| train(&dataset, &config, &on_cpu(2, precision)).unwrap());
            let difference = (wide.loss - narrow.loss).abs();
            assert!(
                difference <= 2e-6 * wide.loss,
                "{:?} of {}: {}, in float32 {}",
                config.optimizer,
                dataset.source(),
                wide.loss,
                narrow.loss
            );
            assert!(narrow.adapter.ends_with("float32"), "{}", narrow.adapter);
        }
    }
}

#[test]
fn a_training_in_float32_goes_on_in_float32_alone() {
    let dataset = random_dataset(700, 10, 2);
    let mut go_on = |_: &Progress| ControlFlow::Continue(());
    for config in [
        network(),
        TrainConfig {
            optimizer: Optimizer::GradientDescent,
            batch_size: None,
            ..network()
        },
        TrainConfig {
            optimizer: Optimizer::GradientDescent,
            batch_size: None,
            ..layer()
        },
    ] {
        let start = |precision| Training::start(&dataset, &config, &on_cpu(1, precision)).unwrap();
        let unbroken = train(&dataset, &config, &on_cpu(1, Precision::F32)).unwrap();
        let file = fresh("network.checkpoint");
        let mut training = start(Precision::F32);
        training.checkpoint(Path::new(&file), 0.0).unwrap();
        training.advance_to(17, &mut go_on).unwrap();
        training.finish().unwrap();
        let mut training = start(Precision::F32);
        training.resume(Path::new(&file)).unwrap();
        training.advance_to(40, &mut go_on).unwrap();
        assert_eq!(
            bits(&training.finish().unwrap()),
            bits(&unbroken),
            "{config:?}"
        );
        let refused = start(Precision::F64).resume(Path::new(&file)).unwrap_err();
        assert!(refused.to_string().contains("float32"), "{refused}");
    }
}

#[test]
fn the_precision_is_told() {
    let model = fresh("network.safetensors");
    let data = [
        "train",
        "synthetic:500x8",
        "--hidden",
        "8",
        "--iterations",
        "5",
    ];
    let flags = [
        "--backend",
        "cpu",
        "--precision",
        "f32",
        "--threads",
        "1",
        "--output",
        &model,
    ];
    let json = neuralnet_json(&[&data[..], &flags].concat());
    assert_eq!(json["config"]["precision"], "f32");
    assert!(
        json["adapter"].as_str().unwrap().ends_with(", float32"),
        "{}",
        json["adapter"]
    );
    let model = Model::open(Path::new(&model)).unwrap();
    assert!(model.description().adapter.ends_with(", float32"));
}

#[test]
fn no_other_precision_is_taken_in_silence() {
    let on_gpu = [
        "train",
        "synthetic:500x8",
        "--backend",
        "gpu",
        "--precision",
        "f64",
    ];
    assert_refused(&on_gpu, 2, &["--precision", "f32 alone", "--backend cpu"]);
    let dataset = random_dataset(50, 3, 1);
    let hardware = Hardware {
        precision: Some(Precision::F64),
        ..Hardware::default()
    };
    let config = TrainConfig {
        iterations: 1,
        ..TrainConfig::default()
    };
    let training = Training::start(&dataset, &config, &hardware).unwrap();
    assert_eq!(
        training.backend().kind().name(),
        "cpu",
        "auto finds one that computes in f64"
    );
    let hardware = Hardware {
        backend: BackendChoice::Gpu,
        precision: Some(Precision::F32),
        ..Hardware::default()
    };
    let training = Training::start(&dataset, &config, &hardware).unwrap();
    assert_eq!(
        training.backend().kind().name(),
        "gpu",
        "a GPU computes in f32"
    );
}
