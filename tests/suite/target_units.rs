//! Targets of networks are standardised for the training, and nobody sees more of that than a better model: losses and
//! parameters are those of the targets as they were, and their unit decides nothing.

use crate::common::{neuralnet, neuralnet_json, random_dataset, scratch, small_parameters};
use neuralnet::backend::{Backend, Holdout};
use neuralnet::cpu::Cpu;
use neuralnet::network::{Activation, Hidden};
use neuralnet::{
    BackendChoice, Dataset, Hardware, Loss, Model, Optimizer, Reduction, TrainConfig, Training,
};
use serde_json::Value;
use std::fs;
use std::ops::ControlFlow;

/// Two targets of different spreads, the first about `mean` and the second about −1,000, and weights if there are any.
fn far(n_samples: usize, is_weighted: bool, mean: f32) -> Dataset {
    let (mut inputs, mut targets) = (vec![0.0; 5 * n_samples], vec![0.0; 2 * n_samples]);
    random_dataset(n_samples, 5, 2).read(0..n_samples, &mut inputs, &mut targets);
    let rows = inputs.chunks(5).zip(targets.chunks_mut(2));
    rows.for_each(|(x, t)| {
        let noise = [t[0], t[1]];
        t[0] = mean + 4e3 * (x[0] * x[1] + 0.1 * noise[0]);
        t[1] = -1e3 + 7e3 * (x[2] + 0.1 * noise[1]);
    });
    let dataset = Dataset::from_rows("far", 5, 2, inputs, targets).unwrap();
    let weights = (0_u8..=255).cycle().take(n_samples);
    let weights: Vec<f32> = weights.map(|row| f32::from(row % 5) / 2.0).collect();
    match is_weighted {
        true => dataset.with_weights(&weights).unwrap(),
        false => dataset,
    }
}

fn config(optimizer: Optimizer) -> TrainConfig {
    TrainConfig {
        optimizer,
        iterations: 40,
        learning_rate: 0.05,
        activation: Activation::Identity,
        loss: Loss::SquaredError,
        hidden: Hidden {
            widths: vec![6],
            activation: Activation::Tanh,
        },
        ..TrainConfig::default()
    }
}

fn loss_of(dataset: &Dataset, config: &TrainConfig, parameters: &[f64]) -> f64 {
    let mut cpu = Cpu::new(config.problem(dataset).unwrap(), None).unwrap();
    cpu.set_parameters(parameters).unwrap();
    cpu.evaluate().unwrap().summary.loss
}

/// All losses that a training tells, at its start and at its end, of its samples and of those held out, are those of the
/// unscaled targets at the parameters that it gives.
#[test]
fn losses_and_parameters_are_those_of_unscaled_targets() {
    for (n_samples, is_weighted, reduction) in [
        (90, false, Reduction::Mean),
        (9000, true, Reduction::Mean),
        (90, false, Reduction::Sum),
    ] {
        // So far from 0 unscaled predictions in f32 would be off by a hundredth of the deviation.
        let (rest, held) = far(n_samples, is_weighted, 3e8).split(0.3, 1).unwrap();
        let scaled = rest.standardised(true).targets_standardised(true);
        for (backend, optimizer) in [
            (BackendChoice::Cpu, Optimizer::AdamW),
            (BackendChoice::Cpu, Optimizer::LBfgs),
            (BackendChoice::Gpu, Optimizer::AdamW),
            (BackendChoice::Gpu, Optimizer::LBfgs),
        ] {
            let what = format!("{n_samples} {reduction:?} {backend:?} {optimizer:?}");
            let config = TrainConfig {
                reduction,
                ..config(optimizer)
            };
            let hardware = Hardware {
                backend,
                ..Hardware::default()
            };
            let is = |told: f64, dataset: &Dataset, parameters: &[f64]| {
                let loss = loss_of(dataset, &config, parameters);
                assert!((told / loss - 1.0).abs() <= 1e-5, "{what}: {told}, {loss}");
            };
            let mut training = Training::start(&scaled, &config, &hardware).unwrap();
            training.set_holdout(&held, None).unwrap();
            let start = training.parameters().unwrap();
            let mut losses = Vec::new();
            let observe = &mut |progress: &neuralnet::Progress| {
                losses.push((progress.loss, progress.summary.loss));
                ControlFlow::Continue(())
            };
            training.advance_to(1, observe).unwrap();
            training.advance_to(40, observe).unwrap();
            let trained = training.finish().unwrap();
            if optimizer == Optimizer::AdamW {
                // A pass is taken before its update.
                let (objective, of_data) = losses[0];
                is(objective, &rest, &start);
                is(of_data, &rest, &start);
                is(trained.history[0].loss, &rest, &start);
            }
            is(trained.loss, &rest, &trained.parameters);
            is(trained.summary.loss, &rest, &trained.parameters);
            is(trained.validation.unwrap(), &held, &trained.parameters);
            let before = loss_of(&rest, &config, &start);
            assert!(trained.loss < 0.5 * before, "{what}: hardly trained");

            // A training that begins with the parameters of another one finds the same loss.
            let none = TrainConfig {
                iterations: 0,
                ..config.clone()
            };
            let mut training = Training::start(&scaled, &none, &hardware).unwrap();
            training.set_start(&trained.parameters).unwrap();
            is(training.finish().unwrap().loss, &rest, &trained.parameters);
        }
    }
}

/// The CPU folds the scaling into the parameters where the rows lie in memory; that is the arithmetic of rows that were
/// scaled before, but for their rounding to f32.
#[test]
fn folded_scaling_is_that_of_scaled_rows() {
    for is_weighted in [false, true] {
        let dataset = far(9000, is_weighted, 3e4);
        let dataset = dataset.standardised(true).targets_standardised(true);
        assert!(dataset.leaves().count() > 1, "several leaves");
        let config = config(Optimizer::AdamW);
        let problem = config.problem(&dataset).unwrap();
        let parameters = small_parameters(&problem, 1.0);
        let rows: Vec<usize> = (0..300).map(|row| row * 7 % 9000).collect();
        let found = [
            Cpu::new(problem.clone(), None).unwrap(),
            Cpu::rounded(problem, None).unwrap(),
        ]
        .map(|mut cpu| {
            cpu.set_parameters(&parameters).unwrap();
            let all = cpu.evaluate().unwrap();
            let some = cpu.evaluate_rows(&rows).unwrap();
            let predicted = cpu.predict(5..3000).unwrap();
            let loss = [all.summary.loss, some.summary.loss];
            let alone = cpu.loss_at(&parameters).unwrap();
            assert_eq!(alone.to_bits(), loss[0].to_bits(), "without a gradient");
            let numbers = [
                &all.gradient[..],
                &some.gradient,
                &predicted.prediction,
                &predicted.pre_activation,
                &loss,
            ];
            numbers.concat()
        });
        let [folded, scaled] = &found;
        assert!(folded != scaled, "both are made of the same rows");
        for (folded, scaled) in folded.iter().zip(scaled) {
            let error = (folded - scaled).abs();
            assert!(error <= 1e-6 * scaled.abs().max(1.0), "{folded} {scaled}");
        }
    }
}

/// The same table in several units: what is trained differs by the unit alone, to the last bit where the unit is a power of
/// two, and otherwise but for roundings.
#[test]
fn the_unit_of_a_target_decides_nothing() {
    let dataset = far(400, false, 3e4);
    let (mut inputs, mut targets) = (vec![0.0; 5 * 400], vec![0.0; 2 * 400]);
    dataset.read(0..400, &mut inputs, &mut targets);
    let table = |unit: f32| {
        let rows = inputs.chunks(5).zip(targets.chunks(2));
        let rows = rows.map(|(x, t)| {
            let x: String = x.iter().map(|x| format!("{x},")).collect();
            format!("{x}{}\n", f64::from(t[0]) * f64::from(unit))
        });
        let path = format!("{}/unit.csv", scratch());
        let rows: String = rows.collect();
        fs::write(&path, format!("a,b,c,d,e,y\n{rows}")).unwrap();
        path
    };
    let layers = |json: &Value| -> [Vec<f64>; 2] {
        [0, 1].map(|at| {
            let layer = &json["layers"][at];
            let weights = layer["weight"].as_array().unwrap().iter();
            let weights = weights.flat_map(|row| row.as_array().unwrap());
            let all = weights.chain(layer["bias"].as_array().unwrap());
            all.map(|it| it.as_f64().unwrap()).collect()
        })
    };
    for flags in [
        &["--backend", "cpu"][..],
        &["--backend", "gpu", "--iterations", "50"],
        &["--backend", "cpu", "--optimizer", "momentum"],
        &["--backend", "cpu", "--optimizer", "lbfgs", "--l2", "0.001"],
    ] {
        let train = |unit: f32| {
            let path = table(unit);
            let train = ["train", &path, "--hidden", "6", "--validation", "0.2"];
            // Of targets between 0 and 1 a sigmoid would be the default.
            let identity = ["--activation", "identity"];
            neuralnet_json(&[&train[..], &identity, flags].concat())
        };
        let plain = train(1.0);
        let first = plain["history"][0]["loss"].as_f64().unwrap();
        let last = plain["loss"].as_f64().unwrap();
        assert!(last < 0.9 * first, "{flags:?}: {last}, at first {first}");
        let other = train(1000.0);
        let loss = |json: &Value| json["validation_loss"].as_f64().unwrap();
        let ratio = loss(&other) / loss(&plain) / 1e6;
        // Roundings grow in up to 1,000 iterations, of which L-BFGS takes other ones then.
        assert!((ratio - 1.0).abs() <= 0.02, "{flags:?}: {ratio}");
        for exponent in [-40, 17] {
            let unit = 2.0_f32.powi(exponent);
            let other = train(unit);
            for key in ["iterations", "stop"] {
                assert_eq!(plain[key], other[key], "{flags:?} {unit}: {key}");
            }
            let unit = f64::from(unit);
            let losses = ["loss", "data_loss", "validation_loss"];
            let loss = |json: &Value| losses.map(|key| json[key].as_f64().unwrap());
            let expected = loss(&plain).map(|loss| (loss * unit * unit).to_bits());
            let found = loss(&other).map(f64::to_bits);
            assert_eq!(found, expected, "{flags:?} {unit}");
            let [[first, last], [other_first, other_last]] = [&plain, &other].map(layers);
            assert_eq!(first, other_first, "{flags:?} {unit}");
            let last: Vec<f64> = last.iter().map(|it| it * unit).collect();
            assert_eq!(last, other_last, "{flags:?} {unit}");
        }
    }
}

/// `validate` proves a network on standardised targets, and tells what a storage does to the loss of the unscaled ones.
#[test]
fn a_network_of_far_targets_is_proven() {
    let dataset = far(300, false, 3e4);
    let (mut inputs, mut targets) = (vec![0.0; 5 * 300], vec![0.0; 2 * 300]);
    dataset.read(0..300, &mut inputs, &mut targets);
    let rows = inputs.chunks(5).zip(targets.chunks(2));
    let rows = rows.map(|(x, t)| format!("{},{},{},{}\n", x[0], x[1], t[0], t[1]));
    let path = format!("{}/proven.csv", scratch());
    fs::write(&path, format!("a,b,y,z\n{}", rows.collect::<String>())).unwrap();
    let targets = ["--target", "y,z", "--hidden", "6"];
    let validate = [&["validate", &path][..], &targets].concat();
    let output = neuralnet(&validate);
    let text = String::from_utf8(output.stdout).unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}{told}");
    assert!(text.contains("features and targets standardised"), "{text}");
    let json = neuralnet_json(&[&validate[..], &["--storage", "f16"]].concat());
    for loss in ["loss_of_original", "loss_of_stored"] {
        let loss = json["rounding"][loss].as_f64().unwrap();
        assert!(loss > 1e4, "{loss} is no loss of such targets");
    }
}

/// A model says how each of its targets was scaled, or of none.
#[test]
fn a_model_that_lacks_the_scaling_of_a_target_is_refused() {
    let folder = scratch();
    let (data, model) = (format!("{folder}/kept.csv"), format!("{folder}/kept.model"));
    fs::write(&data, "x,y\n1,20\n2,50\n3,20\n4,70\n").unwrap();
    let train = ["train", &data, "--hidden", "2", "--iterations", "1"];
    neuralnet_json(
        &[
            &train[..],
            &["--backend", "cpu", "--output", &model, "--force"],
        ]
        .concat(),
    );
    let bytes = fs::read(&model).unwrap();
    let inspected = neuralnet_json(&["inspect", &model]);
    let scaling = &inspected["target_scaling"];
    for key in ["center", "deviation"] {
        let number = scaling[key][0].as_f64().unwrap();
        assert!(number > 0.0, "{key} of {inspected}");
        let json = format!(r#"\"{key}\":[{number:?}]"#);
        let found = bytes
            .windows(json.len())
            .position(|it| it == json.as_bytes());
        let at = found.unwrap_or_else(|| panic!("{json} is not in the file"));
        let mut changed = bytes.clone();
        let digits = at + json.find('[').unwrap() + 1..at + json.len() - 1;
        changed[digits].fill(b' ');
        fs::write(&model, &changed).unwrap();
        let refused = Model::open(model.as_ref()).unwrap_err().to_string();
        assert!(refused.contains("what no training says"), "{refused}");
    }
}
