//! Optimizers make the steps of torch's, and minima are those of scikit-learn.
//!
//! The table and the numbers beside this file come from `optimizer/reference.py`.

use crate::common::{assert_refused, neuralnet, neuralnet_json, random_dataset, root};
use neuralnet::backend::Backend;
use neuralnet::cpu::Reference;
use neuralnet::network::{Activation, Hidden, Init};
use neuralnet::{
    Dataset, Error, Hardware, Loss, Optimizer, Reduction, Schedule, StopReason, Synthetic,
    TrainConfig, Trained, Training, train,
};
use neuralnet_table::TableOptions;
use serde_json::Value;
use std::ops::ControlFlow;
use std::path::PathBuf;

fn table() -> Dataset {
    let path = PathBuf::from(root()).join("tests/optimizer/table.csv");
    neuralnet_table::open(path.to_str().unwrap(), &TableOptions::default()).unwrap()
}

fn reference() -> Value {
    serde_json::from_str(include_str!("../optimizer/reference.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn on_cpu(dataset: &Dataset, config: &TrainConfig) -> Trained {
    train(dataset, config, &Hardware::cpu()).unwrap()
}

/// Gradient descent of the settings of `reference.py`.
fn descent() -> TrainConfig {
    TrainConfig {
        iterations: 10,
        learning_rate: 0.5,
        seed: 5,
        ..TrainConfig::default()
    }
}

#[test]
fn ten_updates_are_those_of_torch() {
    let dataset = table();
    let trajectories = &reference()["trajectories"];
    let scheduled = |schedule| TrainConfig {
        schedule,
        ..descent()
    };
    let step = Schedule::Step {
        every: 3,
        factor: 0.5,
    };
    let momentum = TrainConfig {
        optimizer: Optimizer::Momentum,
        momentum: 0.8,
        l2: 0.03,
        ..descent()
    };
    let adam = TrainConfig {
        optimizer: Optimizer::Adam,
        learning_rate: 0.2,
        l2: 0.03,
        ..descent()
    };
    let nesterov = TrainConfig {
        optimizer: Optimizer::Nesterov,
        ..momentum.clone()
    };
    let rmsprop = TrainConfig {
        optimizer: Optimizer::RmsProp,
        ..adam.clone()
    };
    let adamw = TrainConfig {
        optimizer: Optimizer::AdamW,
        weight_decay: 0.3,
        l2: 0.0,
        ..adam.clone()
    };
    let clip = TrainConfig {
        clip_norm: Some(0.2),
        l2: 0.0,
        ..momentum.clone()
    };
    let warm_up = TrainConfig {
        warm_up: 4,
        ..descent()
    };
    for (name, config) in [
        ("momentum", momentum),
        ("adam", adam),
        ("nesterov", nesterov),
        ("rmsprop", rmsprop),
        ("adamw", adamw),
        ("clip", clip),
        ("warm_up", warm_up),
        ("step", scheduled(step)),
        ("cosine", scheduled(Schedule::Cosine)),
        ("inverse", scheduled(Schedule::Inverse)),
    ] {
        let steps = trajectories[name].as_array().unwrap();
        assert_eq!(steps.len(), 10, "{name}");
        let mut training = Training::start(&dataset, &config, &Hardware::cpu()).unwrap();
        for (iteration, expected) in (1..).zip(steps) {
            let observe = &mut |_: &_| ControlFlow::Continue(());
            training.advance_to(iteration, observe).unwrap();
            let found = training.parameters().unwrap();
            let expected = numbers(expected);
            assert_eq!(found.len(), expected.len(), "{name}");
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    (found - expected).abs() <= 1e-12,
                    "{name}, iteration {iteration}: {found}, not {expected}"
                );
            }
        }
    }
}

/// Loshchilov and Hutter, Algorithm 2: each weight falls by a share of itself, no bias does, and the rest is Adam's
/// step.
#[test]
fn adamw_is_adam_with_a_decay_of_weights_alone() {
    let dataset = random_dataset(60, 4, 2);
    let hidden = Hidden {
        widths: vec![5, 3],
        activation: Activation::Tanh,
    };
    let from_start = |optimizer, weight_decay, iterations| {
        let config = TrainConfig {
            iterations,
            optimizer,
            weight_decay,
            learning_rate: 0.1,
            hidden: hidden.clone(),
            // Biases are not 0.
            init: Some(Init::Numpy),
            ..TrainConfig::default()
        };
        on_cpu(&dataset, &config)
    };
    let start = from_start(Optimizer::Adam, 0.0, 0);
    let adam = from_start(Optimizer::Adam, 0.0, 1).parameters;
    let adamw = from_start(Optimizer::AdamW, 0.3, 1).parameters;
    for (layer, range) in start.network.parts() {
        for (number, at) in range.enumerate() {
            let is_weight = number < layer.n_weights();
            let decay = if is_weight { 0.1 * 0.3 } else { 0.0 };
            let expected = adam[at] - decay * start.parameters[at];
            assert!(
                (adamw[at] - expected).abs() <= 1e-14,
                "{layer:?}, parameter {number}: {}, not {expected}",
                adamw[at]
            );
        }
    }
}

/// With hidden layers no weight of one is moved between two iterations, as those of a softmax of one layer are: the loss
/// is that of the parameters.
#[test]
fn an_l1_penalty_and_hidden_layers_give_the_loss_of_their_parameters() {
    let inputs = (0..320).map(|at| (at * 37 % 61) as f32 / 30.0 - 1.0);
    let classes = (0..240).map(|at| f32::from(at % 3 == at / 3 * 7 % 5 % 3));
    let dataset = Dataset::from_rows("classes", 4, 3, inputs.collect(), classes.collect());
    let dataset = dataset.unwrap();
    let config = TrainConfig {
        iterations: 8,
        activation: Activation::Softmax,
        hidden: Hidden {
            widths: vec![5],
            activation: Activation::Tanh,
        },
        l1: 1e-3,
        ..TrainConfig::lbfgs()
    };
    let trained = on_cpu(&dataset, &config);
    assert_eq!(trained.iterations, 8);
    let mut reference = Reference::new(config.problem(&dataset).unwrap(), None).unwrap();
    reference.set_parameters(&trained.parameters).unwrap();
    let expected = reference.evaluate().unwrap().summary.loss;
    let mut magnitudes = 0.0;
    for (layer, range) in trained.network.parts() {
        let (weight, _) = layer.split(&trained.parameters[range]);
        magnitudes += weight.iter().map(|w| w.abs()).sum::<f64>();
    }
    let objective = expected + config.l1 * magnitudes;
    assert!(
        (trained.loss - objective).abs() <= 1e-12 * objective,
        "{}, not {objective}",
        trained.loss
    );
}

/// With an L1 penalty the same weights are 0, exactly. A bias that is penalised ends elsewhere by far.
#[test]
fn penalised_minima_are_those_of_scikit_learn() {
    let dataset = table();
    for minimum in reference()["minima"].as_array().unwrap() {
        let penalty = |name: &str| minimum[name].as_f64().unwrap();
        let config = TrainConfig {
            l1: penalty("l1"),
            l2: penalty("l2"),
            gradient_tolerance: Some(1e-7),
            ..TrainConfig::lbfgs()
        };
        let trained = on_cpu(&dataset, &config);
        let (loss, expected) = (penalty("loss"), numbers(&minimum["parameters"]));
        assert!(
            (trained.loss - loss).abs() <= 1e-11 * loss,
            "{minimum}: loss {}",
            trained.loss
        );
        for (found, expected) in trained.parameters.iter().zip(&expected) {
            assert!(
                (found - expected).abs() <= 1e-5,
                "{minimum}: {found}, not {expected}"
            );
            assert_eq!(*found == 0.0, *expected == 0.0, "{minimum}: {found}");
        }
        assert_eq!(trained.stop, StopReason::Gradient, "{minimum}");
        assert!(trained.iterations < 60, "{minimum}: {}", trained.iterations);
        let penalties: f64 = trained.parameters[..6]
            .iter()
            .map(|weight| config.l1 * weight.abs() + config.l2 / 2.0 * weight * weight)
            .sum();
        let sum = trained.summary.loss + penalties;
        assert!((sum - trained.loss).abs() <= 1e-14, "the data's loss alone");
    }
}

/// The proximal step of gradient descent and momentum ends where OWL-QN does.
#[test]
fn first_order_methods_reach_the_minimum_of_l1() {
    let dataset = table();
    for optimizer in [Optimizer::GradientDescent, Optimizer::Momentum] {
        let config = TrainConfig {
            l1: 0.03,
            optimizer,
            iterations: 20_000,
            learning_rate: 0.1,
            gradient_tolerance: Some(1e-9),
            ..TrainConfig::default()
        };
        let trained = on_cpu(&dataset, &config);
        let loss = reference()["minima"][2]["loss"].as_f64().unwrap();
        assert!(
            (trained.loss - loss).abs() <= 1e-12,
            "{optimizer:?}: {}",
            trained.loss
        );
        assert!(trained.parameters[4] == 0.0, "{optimizer:?}");
        assert_eq!(trained.stop, StopReason::Gradient, "{optimizer:?}");
    }
}

/// A rate that has fallen to 0 leaves everything where it is.
#[test]
fn a_rate_of_0_is_no_divergence() {
    let config = TrainConfig {
        l1: 0.001,
        optimizer: Optimizer::Momentum,
        iterations: 1000,
        schedule: Schedule::Step {
            every: 1,
            factor: 0.1,
        },
        ..TrainConfig::default()
    };
    let short = TrainConfig {
        iterations: 320,
        ..config.clone()
    };
    let (dataset, long) = (table(), config);
    let [short, long] = [short, long].map(|config| on_cpu(&dataset, &config).parameters);
    assert_eq!(short, long);
}

/// The rate of a training in one over the updates is the highest one at the end of its warm-up, and falls from there.
#[test]
fn a_warm_up_reaches_the_rate() {
    let rates = |schedule, warm_up| {
        let config = TrainConfig {
            learning_rate: 12.0,
            schedule,
            warm_up,
            ..TrainConfig::default()
        };
        [0, 1, 2, 3, 4].map(|update| config.rule().rate(update))
    };
    for (schedule, warm_up, expected) in [
        (Schedule::Constant, 3, [4.0, 8.0, 12.0, 12.0, 12.0]),
        (Schedule::Inverse, 3, [4.0, 8.0, 12.0, 6.0, 4.0]),
        (Schedule::Inverse, 1, [12.0, 6.0, 4.0, 3.0, 2.4]),
        (Schedule::Inverse, 0, [12.0, 6.0, 4.0, 3.0, 2.4]),
    ] {
        for (found, expected) in rates(schedule, warm_up).iter().zip(expected) {
            let what = format_args!("{schedule:?}, {warm_up}");
            assert!(
                (found - expected).abs() <= 1e-14,
                "{what}: {found}, not {expected}"
            );
        }
    }
    let told = |warm_up| {
        let train = [
            "train",
            "--backend",
            "cpu",
            "--iterations",
            "5",
            "--warm-up",
            warm_up,
        ];
        String::from_utf8(neuralnet(&train).stderr).unwrap()
    };
    assert!(told("6").contains("the warm-up of 6 iterations ends after the last one"));
    assert!(
        !told("5").contains("the warm-up"),
        "the last one has the full rate"
    );
}

/// What a schedule spreads over no updates at all is its first rate.
#[test]
fn a_cosine_over_no_iterations_begins_at_1() {
    assert!((Schedule::Cosine.factor(0, 0) - 1.0).abs() <= 0.0);
}

/// Of every loss and shape, with columns of scales far apart: no gradient descent gets lower, and what stops is said.
#[test]
fn lbfgs_reaches_the_minimum_whatever_the_scale() {
    for (factor, reduction) in [
        (1.0_f32, Reduction::Mean),
        (1e-4, Reduction::Mean),
        (1e5, Reduction::Sum),
    ] {
        let plain = random_dataset(400, 5, 2);
        let (mut inputs, mut targets) = (vec![0.0; 2000], vec![0.0; 800]);
        plain.read(0..400, &mut inputs, &mut targets);
        let minimum = |inputs: &[f32], reduction| {
            let dataset =
                Dataset::from_rows("scaled", 5, 2, inputs.to_vec(), targets.clone()).unwrap();
            let config = TrainConfig {
                reduction,
                ..TrainConfig::lbfgs()
            };
            on_cpu(&dataset, &config)
        };
        let expected = minimum(&inputs, Reduction::Mean);
        for (at, input) in inputs.iter_mut().enumerate() {
            *input *= if at % 5 < 3 { factor } else { 1.0 };
        }
        let found = minimum(&inputs, reduction);
        let scale = match reduction {
            Reduction::Mean => 1.0,
            Reduction::Sum => 400.0,
        };
        let error = (found.loss / scale / expected.loss - 1.0).abs();
        assert!(error <= 1e-8, "{factor}: off by {error:e}: {found:?}");
        assert!(
            [StopReason::Gradient, StopReason::Rounding].contains(&found.stop),
            "{factor}: {found:?}"
        );
    }
}

/// Where no tolerance ends it, rounding does, soon, and with the best that was seen.
#[test]
fn lbfgs_ends_where_rounding_hides_the_rest() {
    let dataset = random_dataset(3000, 8, 1);
    for loss in [Loss::CrossEntropy, Loss::SquaredError] {
        let config = TrainConfig {
            loss,
            optimizer: Optimizer::LBfgs,
            ..TrainConfig::default()
        };
        let trained = on_cpu(&dataset, &config);
        assert_eq!(trained.stop, StopReason::Rounding, "{trained:?}");
        assert!(trained.evaluations < 120, "{trained:?}");
        let to_a_tolerance = TrainConfig {
            gradient_tolerance: Some(1e-7),
            ..config
        };
        let tolerant = on_cpu(&dataset, &to_a_tolerance);
        assert!(
            (tolerant.loss - trained.loss).abs() <= 1e-12 * trained.loss,
            "{trained:?}, {tolerant:?}"
        );
    }
}

/// On a GPU of f32 the same minimum, as far as f32 goes.
#[test]
fn lbfgs_ends_on_a_gpu_too() {
    let dataset = Dataset::synthetic(Synthetic::new(3000, 8, 0.05, 1).unwrap());
    for l1 in [0.0, 0.01] {
        let config = TrainConfig {
            l1,
            ..TrainConfig::lbfgs()
        };
        let gpu = Hardware {
            backend: neuralnet::BackendChoice::Gpu,
            ..Hardware::default()
        };
        let (found, expected) = (
            train(&dataset, &config, &gpu).unwrap(),
            on_cpu(&dataset, &config),
        );
        let error = (found.loss / expected.loss - 1.0).abs();
        assert!(error <= 1e-6, "off by {error:e}: {found:?}");
        assert!(found.evaluations < 150, "{found:?}");
        assert_ne!(found.stop, StopReason::Iterations, "{found:?}");
    }
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    let dataset = random_dataset(30_001, 33, 3);
    for optimizer in [Optimizer::Momentum, Optimizer::Adam, Optimizer::LBfgs] {
        let config = TrainConfig {
            optimizer,
            iterations: 15,
            l2: 0.01,
            ..TrainConfig::default()
        };
        let run = |threads| {
            let hardware = Hardware {
                threads: Some(threads),
                ..Hardware::cpu()
            };
            bits(&train(&dataset, &config, &hardware).unwrap().parameters)
        };
        assert_eq!(run(1), run(2), "{optimizer:?}");
    }
}

#[test]
fn a_training_ends_when_its_settings_say_so() {
    let dataset = table();
    let stop = |config: &TrainConfig| {
        let trained = on_cpu(&dataset, config);
        (trained.stop, trained.iterations)
    };
    let endless = TrainConfig {
        iterations: u64::MAX,
        ..TrainConfig::default()
    };
    let seconds = TrainConfig {
        max_seconds: Some(0.05),
        ..endless.clone()
    };
    assert_eq!(stop(&seconds).0, StopReason::Seconds, "plain descent");
    let momentum = TrainConfig {
        optimizer: Optimizer::Momentum,
        ..seconds
    };
    assert_eq!(stop(&momentum).0, StopReason::Seconds, "with a memory");
    let last = TrainConfig {
        iterations: 1,
        max_seconds: Some(0.0),
        ..TrainConfig::default()
    };
    assert_eq!(stop(&last), (StopReason::Iterations, 1), "nothing is left");
    let loss = TrainConfig {
        loss_tolerance: Some(1e-6),
        ..endless
    };
    let (reason, iterations) = stop(&loss);
    assert_eq!(reason, StopReason::Loss, "the loss");
    // One iteration before, it still changed by more.
    let before = |iterations| {
        let config = TrainConfig {
            iterations,
            ..TrainConfig::default()
        };
        on_cpu(&dataset, &config).loss
    };
    let [a, b, c] = [2, 1, 0].map(|back| before(iterations - back));
    assert!(
        (b - c).abs() <= 1e-6 * b && (a - b).abs() > 1e-6 * a,
        "{a} {b} {c}"
    );
    let few = TrainConfig {
        iterations: 3,
        ..TrainConfig::lbfgs()
    };
    assert_eq!(stop(&few), (StopReason::Iterations, 3), "L-BFGS");
    let none = TrainConfig {
        iterations: 0,
        ..TrainConfig::lbfgs()
    };
    assert_eq!(stop(&none), (StopReason::Iterations, 0), "no iteration");
}

/// By the definition: after n updates, parameters p₁ … pₙ and a share d, `Σ (1 − d) d^(n − k) pₖ / (1 − dⁿ)`. Held-out
/// samples are measured at the mean, and the loss that is told is the one there.
#[test]
fn a_training_ends_with_the_running_mean_of_its_parameters() {
    const N: u32 = 12;
    let dataset = table();
    let config = TrainConfig {
        optimizer: Optimizer::Adam,
        batch_size: Some(30),
        ..descent()
    };
    let averaged = TrainConfig {
        average_decay: Some(0.7),
        iterations: u64::from(N),
        ..config.clone()
    };
    let found = on_cpu(&dataset, &averaged);
    let mut expected = vec![0.0; found.parameters.len()];
    for k in 1..=N {
        let iterations = u64::from(k);
        let last = on_cpu(
            &dataset,
            &TrainConfig {
                iterations,
                ..config.clone()
            },
        );
        let share = 0.3 * 0.7_f64.powf(f64::from(N - k)) / (1.0 - 0.7_f64.powf(f64::from(N)));
        for (sum, parameter) in expected.iter_mut().zip(&last.parameters) {
            *sum += share * parameter;
        }
    }
    for (found, expected) in found.parameters.iter().zip(&expected) {
        assert!((found - expected).abs() <= 1e-12, "{found}, not {expected}");
    }
    let problem = config.problem(&dataset).unwrap();
    let mut reference = Reference::new(problem, Some(1)).unwrap();
    reference.set_parameters(&found.parameters).unwrap();
    let loss = reference.evaluate().unwrap().summary.loss;
    assert!(
        (found.loss - loss).abs() <= 1e-12,
        "{}, not {loss}",
        found.loss
    );

    let mut training = Training::start(&dataset, &averaged, &Hardware::cpu()).unwrap();
    training.set_holdout(&dataset, None).unwrap();
    training
        .advance_to(u64::from(N), &mut |_| ControlFlow::Continue(()))
        .unwrap();
    let measured = training.finish().unwrap();
    let holdout = measured.validation.unwrap();
    assert!(
        (holdout - loss).abs() <= 1e-9,
        "held out {holdout}, not {loss}"
    );
    assert_eq!(
        bits(&measured.parameters),
        bits(&found.parameters),
        "the same end"
    );

    let none = on_cpu(
        &dataset,
        &TrainConfig {
            iterations: 0,
            ..averaged
        },
    );
    let start = on_cpu(
        &dataset,
        &TrainConfig {
            iterations: 0,
            ..config
        },
    );
    assert_eq!(bits(&none.parameters), bits(&start.parameters), "no update");
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_their_flag() {
    let dataset = table();
    let default = TrainConfig::default;
    let schedule = |every, factor| TrainConfig {
        schedule: Schedule::Step { every, factor },
        ..default()
    };
    for (setting, config) in [
        (
            "momentum",
            TrainConfig {
                momentum: 1.0,
                ..default()
            },
        ),
        (
            "momentum",
            TrainConfig {
                momentum: f64::NAN,
                ..default()
            },
        ),
        (
            "average_decay",
            TrainConfig {
                average_decay: Some(1.0),
                ..default()
            },
        ),
        (
            "average_decay",
            TrainConfig {
                average_decay: Some(0.9),
                optimizer: Optimizer::LBfgs,
                ..default()
            },
        ),
        (
            "l1",
            TrainConfig {
                l1: -1.0,
                ..default()
            },
        ),
        (
            "l2",
            TrainConfig {
                l2: f64::INFINITY,
                ..default()
            },
        ),
        (
            "gradient_tolerance",
            TrainConfig {
                gradient_tolerance: Some(-1.0),
                ..default()
            },
        ),
        (
            "loss_tolerance",
            TrainConfig {
                loss_tolerance: Some(f64::NAN),
                ..default()
            },
        ),
        (
            "max_seconds",
            TrainConfig {
                max_seconds: Some(-0.1),
                ..default()
            },
        ),
        ("schedule_every", schedule(0, 0.5)),
        ("schedule_factor", schedule(5, 0.0)),
        (
            "l1",
            TrainConfig {
                optimizer: Optimizer::Adam,
                l1: 0.1,
                ..default()
            },
        ),
        (
            "schedule",
            TrainConfig {
                optimizer: Optimizer::LBfgs,
                schedule: Schedule::Cosine,
                ..default()
            },
        ),
        (
            "gradient_tolerance",
            TrainConfig {
                gradient_tolerance: Some(0.1),
                average_decay: Some(0.9),
                ..default()
            },
        ),
        (
            "gradient_tolerance",
            TrainConfig {
                gradient_tolerance: Some(0.1),
                hidden: Hidden {
                    widths: vec![2],
                    ..Hidden::default()
                },
                ..default()
            },
        ),
        (
            "batch_size",
            TrainConfig {
                batch_size: Some(dataset.n_samples() + 1),
                ..default()
            },
        ),
    ] {
        let refused = config.problem(&dataset).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("`{setting}`")), "{refused}");
        match train(&dataset, &config, &Hardware::cpu()) {
            Err(Error::Setting { setting: named, .. }) => assert_eq!(named, setting, "{config:?}"),
            other => panic!("{setting}: {other:?}"),
        }
    }
}

#[test]
fn the_command_line_takes_what_fits_the_data() {
    let table = format!("{}/tests/optimizer/table.csv", root());
    let config = |args: &[&str]| {
        let all = [&["train", "--backend", "cpu", "--iterations", "5"], args].concat();
        let train = neuralnet_json(&all);
        (train["config"].clone(), train["stop"].clone())
    };
    for (args, optimizer) in [
        (&[][..], "gradient-descent"),
        (&["synthetic:50x3"], "gradient-descent"),
        (&[&table], "lbfgs"),
        (&[&table, "--l1", "0.1"], "lbfgs"),
        (&[&table, "--learning-rate", "0.1"], "gradient-descent"),
        (&[&table, "--schedule", "cosine"], "gradient-descent"),
        (&[&table, "--momentum", "0.5"], "momentum"),
        (
            &[&table, "--optimizer", "adam", "--learning-rate", "0.1"],
            "adam",
        ),
        (&["--optimizer", "lbfgs"], "lbfgs"),
    ] {
        let (config, stop) = config(args);
        assert_eq!(config["optimizer"], optimizer, "{args:?}");
        assert_eq!(stop, "iterations", "{args:?}");
    }
    let step = ["--schedule", "step", "--schedule-every", "2"];
    let (config, _) = config(&step);
    assert_eq!(config["schedule"]["step"]["factor"], 0.1, "the default");
    for (args, part) in [
        (
            &["--schedule", "step"][..],
            "--schedule: step needs --schedule-every",
        ),
        (
            &["--schedule-every", "3"],
            "--schedule-every: is a setting of --schedule step",
        ),
        (
            &["--schedule-factor", "3"],
            "--schedule-factor: is a setting of --schedule step",
        ),
        (
            &["--optimizer", "lbfgs", "--learning-rate", "1"],
            "--learning-rate: L-BFGS searches",
        ),
        (
            &["--optimizer", "adam", "--momentum", "0.5"],
            "--momentum: is a setting of --optimizer momentum",
        ),
        (
            &["--optimizer", "adam", "--l1", "0.5"],
            "--l1: this optimizer",
        ),
        (&["--l2", "-1"], "--l2: -1 must be finite and not negative"),
        (&["--optimizer", "newton"], "invalid value"),
    ] {
        assert_refused(&[&["train", "--backend", "cpu"], args].concat(), 2, &[part]);
    }
}
