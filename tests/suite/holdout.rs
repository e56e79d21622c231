//! Samples held back, early stopping, mini-batches, and the history of the loss.

use crate::common::{
    assert_refused, gpu, neuralnet, neuralnet_json, problem, random_dataset, root, scratch,
    small_parameters,
};
use neuralnet::backend::Backend;
use neuralnet::cpu::Cpu;
use neuralnet::network::{Activation, Hidden};
use neuralnet::{
    Dataset, GpuOptions, Hardware, Loss, Optimizer, Reduction, StopReason, Storage, Synthetic,
    TrainConfig, Trained, Training, train,
};
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Few rows of many features: what is learnt of them soon harms others. What is trained, with the loss on the others as
/// the same hardware evaluates it.
fn watched(config: &TrainConfig, hardware: &Hardware) -> (Trained, f64) {
    let dataset = Dataset::synthetic(Synthetic::new(200, 40, 0.2, 1).unwrap());
    let (rest, held) = dataset.split(0.5, 1).unwrap();
    let rest = rest.standardised(true);
    let mut training = Training::start(&rest, config, hardware).unwrap();
    training.set_holdout(&held, None).unwrap();
    let observe = &mut |_: &_| ControlFlow::Continue(());
    training.advance_to(config.iterations, observe).unwrap();
    let trained = training.finish().unwrap();
    let (backend, _) = hardware.open(config.problem(&rest).unwrap()).unwrap();
    let loss = match backend.holdout(&held).unwrap() {
        Some(mut holdout) => holdout.loss_at(&trained.parameters).unwrap(),
        None => {
            let mut cpu = Cpu::new(config.problem(&held).unwrap(), None).unwrap();
            cpu.set_parameters(&trained.parameters).unwrap();
            cpu.evaluate().unwrap().summary.loss
        }
    };
    (trained, loss)
}

fn stopping() -> TrainConfig {
    TrainConfig {
        iterations: 3000,
        early_stopping: Some(3),
        ..TrainConfig::default()
    }
}

#[test]
fn early_stopping_keeps_the_best_parameters() {
    let gpu = Hardware {
        backend: neuralnet::BackendChoice::Gpu,
        ..Hardware::default()
    };
    for (optimizer, hardware) in [
        (Optimizer::GradientDescent, Hardware::cpu()),
        (Optimizer::GradientDescent, gpu),
        (Optimizer::Momentum, Hardware::cpu()),
        (Optimizer::LBfgs, Hardware::cpu()),
        (Optimizer::LBfgs, gpu),
    ] {
        let config = TrainConfig {
            optimizer,
            // Momentum of 0.9 goes ten times as far.
            learning_rate: if optimizer == Optimizer::Momentum {
                0.05
            } else {
                0.5
            },
            ..stopping()
        };
        let (trained, loss) = watched(&config, &hardware);
        assert_eq!(trained.stop, StopReason::EarlyStopping, "{optimizer:?}");
        let told = trained.validation.unwrap();
        assert!(
            (loss - told).abs() <= 1e-12,
            "{optimizer:?}: {told} is told, {loss} found"
        );
        let looks = trained.validation_history.iter().map(|point| point.loss);
        let lowest = looks.fold(f64::INFINITY, f64::min);
        assert!(
            (lowest - told).abs() <= 1e-15,
            "{optimizer:?}: {lowest} was lower than {told}"
        );
        let kept = trained.kept.unwrap();
        let every = if optimizer == Optimizer::LBfgs { 1 } else { 30 };
        assert_eq!(
            trained.iterations,
            kept + 3 * every,
            "{optimizer:?}: three looks more"
        );
        // Without it the loss on them ends higher.
        let on = TrainConfig {
            early_stopping: None,
            iterations: if every == 1 { 40 } else { 3000 },
            ..config
        };
        let (trained, loss) = watched(&on, &hardware);
        assert!(
            loss > told * 1.01,
            "{optimizer:?}: {loss} is not above {told}"
        );
        assert!(
            (loss - trained.validation.unwrap()).abs() <= 1e-12,
            "{optimizer:?}: the last"
        );
    }
}

#[test]
fn samples_that_are_scaled_already_are_not_held_out() {
    let (rest, held) = random_dataset(90, 6, 2).split(0.3, 4).unwrap();
    for scaled in [held.standardised(true), held.targets_standardised(true)] {
        let mut training =
            Training::start(&rest, &TrainConfig::default(), &Hardware::cpu()).unwrap();
        let refused = training.set_holdout(&scaled, None).unwrap_err();
        let message = refused.to_string();
        assert!(message.contains("is standardised or rounded"), "{message}");
    }
}

/// A table's columns lose a number that depends on the table, so that another table's values mean something else.
#[test]
fn samples_with_other_offsets_are_not_held_out() {
    let folder = PathBuf::from(scratch()).join("offsets");
    fs::create_dir_all(&folder).unwrap();
    let [rest, held] = [0, 500].map(|more| {
        let path = folder.join(format!("{more}.csv"));
        let rows = (0..10).map(|i| format!("{},{i}\n", 1_000_000_000 + more + i));
        fs::write(&path, "t,y\n".to_owned() + &rows.collect::<String>()).unwrap();
        neuralnet_table::open(
            path.to_str().unwrap(),
            &neuralnet_table::TableOptions::default(),
        )
        .unwrap()
    });
    let config = TrainConfig::suited_to(&rest);
    let mut training = Training::start(&rest, &config, &Hardware::cpu()).unwrap();
    let refused = training.set_holdout(&held, None).unwrap_err();
    let message = refused.to_string();
    assert!(
        message.contains("has other numbers taken from"),
        "{message}"
    );
}

#[test]
fn an_interval_of_evaluations_needs_samples() {
    let config = TrainConfig {
        validation_every: Some(3),
        ..TrainConfig::default()
    };
    let refused = train(&random_dataset(90, 6, 2), &config, &Hardware::cpu()).unwrap_err();
    let message = refused.to_string();
    assert!(
        message.starts_with("`validation_every`: needs held-out"),
        "{message}"
    );
}

/// A batch may have more rows than are held out.
#[test]
fn the_history_of_no_iterations_has_a_loss() {
    let (rest, held) = random_dataset(90, 6, 2).split(0.3, 4).unwrap();
    let config = TrainConfig {
        iterations: 0,
        batch_size: Some(50),
        ..TrainConfig::default()
    };
    let mut training = Training::start(&rest, &config, &Hardware::cpu()).unwrap();
    training.set_holdout(&held, None).unwrap();
    let trained = training.finish().unwrap();
    let losses: Vec<f64> = trained.history.iter().map(|point| point.loss).collect();
    assert_eq!(losses, [trained.loss]);
}

/// Standardised, the features of one held-out sample are beyond float32. Of weight 0 it is none.
#[test]
fn a_loss_that_is_no_number_is_never_the_best() {
    let (rest, held) = random_dataset(90, 6, 2).split(0.3, 4).unwrap();
    let n = held.n_samples();
    let (mut inputs, mut targets) = (vec![0.0; 6 * n], vec![0.0; 2 * n]);
    held.read(0..n, &mut inputs, &mut targets);
    inputs[..6].fill(3e38);
    let held = Dataset::from_rows("held", 6, 2, inputs, targets).unwrap();
    let rest = rest.standardised(true);
    let mut weights = vec![1.0; n];
    weights[0] = 0.0;
    for (held, is_finite) in [(held.with_weights(&weights).unwrap(), true), (held, false)] {
        let gpu = Hardware {
            backend: neuralnet::BackendChoice::Gpu,
            ..Hardware::default()
        };
        let config = TrainConfig {
            iterations: 300,
            ..stopping()
        };
        let mut training = Training::start(&rest, &config, &gpu).unwrap();
        training.set_holdout(&held, None).unwrap();
        let observe = &mut |_: &_| ControlFlow::Continue(());
        training.advance_to(300, observe).unwrap();
        let trained = training.finish().unwrap();
        let found = (
            trained.validation.unwrap().is_finite(),
            trained.kept.is_some(),
        );
        assert_eq!(found, (is_finite, is_finite), "{:?}", trained.validation);
    }
}

/// Samples held out on a GPU, weighted and scaled as those that are trained on: in one chunk, in several, streamed; of a
/// data set in memory, and made by the device. The last one trains on rounded samples and does not scale them.
#[test]
fn a_gpu_evaluates_held_out_samples_wherever_they_lie() {
    let weights = (0_u8..=255).cycle().take(9000);
    let weights: Vec<f32> = weights.map(|i| f32::from(i % 7) / 4.0).collect();
    // Features this far from 0 lose most of their digits in float32 sums unless they are scaled first.
    let (mut inputs, mut targets) = (vec![0.0; 9000 * 33], vec![0.0; 9000 * 2]);
    random_dataset(9000, 33, 2).read(0..9000, &mut inputs, &mut targets);
    inputs.iter_mut().for_each(|x| *x += 1000.0);
    let far = Dataset::from_rows("far", 33, 2, inputs, targets).unwrap();
    let (rest, held) = far.with_weights(&weights).unwrap().split(0.6, 4).unwrap();
    let made = |n, seed| Dataset::synthetic(Synthetic::new(n, 33, 0.05, seed).unwrap());
    let rounded = made(3000, 1).stored_as(Storage::U8).unwrap();
    let row_bytes = 4 * (36 + 3);
    for (rest, held, widths, loss) in [
        (&rest.standardised(true), &held, vec![], Loss::SquaredError),
        (&rest.standardised(true), &held, vec![8], Loss::CrossEntropy),
        (&rounded, &made(5400, 2), vec![20], Loss::CrossEntropy),
    ] {
        let config = TrainConfig {
            hidden: Hidden {
                widths,
                activation: Activation::Tanh,
            },
            reduction: Reduction::Sum,
            loss,
            ..TrainConfig::default()
        };
        let problem = config.problem(held).unwrap();
        let mut parameters = small_parameters(&problem, 3.0);
        if let Some(scaling) = rest.scaling() {
            let ones = [1.0; 33];
            parameters = (problem.network).unscale_parameters(scaling.center(), &ones, &parameters);
        }
        let mut cpu = Cpu::new(problem, None).unwrap();
        cpu.set_parameters(&parameters).unwrap();
        let expected = cpu.evaluate().unwrap().summary.loss;
        let losses = [(None, None), (Some(1), None), (Some(1), Some(3))].map(|(chunk, device)| {
            let options = GpuOptions {
                max_chunk_bytes: chunk.map(|n: u64| n * 1024 * 36 * 4),
                max_device_bytes: device.map(|n: u64| n * 1024 * row_bytes),
                ..GpuOptions::default()
            };
            let trained = gpu(config.problem(rest).unwrap(), options);
            let mut holdout = trained.holdout(held).unwrap().expect("on the device");
            let first = holdout.loss_at(&vec![0.0; parameters.len()]).unwrap();
            let found = holdout.loss_at(&parameters).unwrap();
            assert!(
                (first - found).abs() > 1e-2 * first,
                "{first} at other parameters"
            );
            found
        });
        assert!(
            (losses[0] - expected).abs() <= 1e-6 * expected,
            "{config:?}: {}, not {expected}",
            losses[0]
        );
        assert_eq!(bits(&losses), bits(&[losses[0]; 3]), "{config:?}");
    }
}

/// What is looked at changes nothing of what is trained.
#[test]
fn looking_changes_no_bit() {
    let (rest, held) = random_dataset(900, 6, 2).split(0.3, 4).unwrap();
    for optimizer in [
        Optimizer::GradientDescent,
        Optimizer::Adam,
        Optimizer::LBfgs,
    ] {
        let config = TrainConfig {
            optimizer,
            iterations: 25,
            ..TrainConfig::default()
        };
        let alone = train(&rest, &config, &Hardware::cpu()).unwrap();
        let mut training = Training::start(&rest, &config, &Hardware::cpu()).unwrap();
        training.set_holdout(&held, None).unwrap();
        let observe = &mut |_: &_| ControlFlow::Continue(());
        training.advance_to(25, observe).unwrap();
        let watched = training.finish().unwrap();
        assert_eq!(
            bits(&watched.parameters),
            bits(&alone.parameters),
            "{optimizer:?}"
        );
        assert!(
            alone.validation.is_none() && watched.validation.is_some(),
            "{optimizer:?}"
        );
    }
}

#[test]
fn held_out_samples_are_evaluated_after_each_epoch_of_mini_batches() {
    let (rest, held) = random_dataset(900, 6, 2).split(0.3, 4).unwrap();
    let config = TrainConfig {
        optimizer: Optimizer::Adam,
        batch_size: Some(100),
        iterations: 20,
        ..TrainConfig::default()
    };
    assert_eq!(config.updates_an_epoch(rest.n_samples()), 7);
    let mut training = Training::start(&rest, &config, &Hardware::cpu()).unwrap();
    training.set_holdout(&held, None).unwrap();
    let observe = &mut |_: &_| ControlFlow::Continue(());
    training.advance_to(20, observe).unwrap();
    let trained = training.finish().unwrap();
    let points = trained.validation_history.iter();
    let iterations: Vec<u64> = points.map(|point| point.iteration).collect();
    assert_eq!(
        iterations,
        [7, 14, 20],
        "the end of the training among them"
    );
    let alone = train(&rest, &config, &Hardware::cpu()).unwrap();
    assert_eq!(trained.history, alone.history, "with them and without");
}

/// A batch is the rows it names, in either reduction, scaled and weighted as all are.
#[test]
fn a_batch_is_a_data_set_of_its_rows() {
    let plain = random_dataset(700, 9, 2);
    let weights: Vec<f32> = (0_u8..=255)
        .cycle()
        .take(700)
        .map(|i| f32::from(i % 7))
        .collect();
    let weighted = plain.with_weights(&weights).unwrap();
    let rows: Vec<usize> = (0..300).map(|i| (i * 389) % 700).collect();
    for (dataset, reduction) in [
        (&plain, Reduction::Mean),
        (&plain, Reduction::Sum),
        (&weighted, Reduction::Mean),
        (&weighted.standardised(true), Reduction::Mean),
    ] {
        let of_all = problem(dataset, Loss::CrossEntropy, reduction, true);
        let start = of_all.network.initial_parameters(3);
        let mut cpu = Cpu::new(of_all, Some(2)).unwrap();
        cpu.set_parameters(&start).unwrap();
        let found = cpu.evaluate_rows(&rows).unwrap();
        // The same rows as a data set of their own: each read where it lies.
        let (mut inputs, mut targets, mut of_rows) = (Vec::new(), Vec::new(), Vec::new());
        for row in &rows {
            let mut x = vec![0.0; 9];
            let mut t = vec![0.0; dataset.target_width()];
            dataset.read(*row..row + 1, &mut x, &mut t);
            inputs.extend(x);
            targets.extend_from_slice(&t[..2]);
            of_rows.push(t.get(2).copied().unwrap_or(1.0));
        }
        let own = Dataset::from_rows("rows", 9, 2, inputs, targets).unwrap();
        let own = own.with_weights(&of_rows).unwrap();
        let mut expected =
            Cpu::new(problem(&own, Loss::CrossEntropy, reduction, true), None).unwrap();
        expected.set_parameters(&start).unwrap();
        let expected = expected.evaluate().unwrap();
        let pairs = std::iter::zip(&found.gradient, &expected.gradient);
        for (found, expected) in pairs.chain([(&found.summary.loss, &expected.summary.loss)]) {
            // Standardised features are f32 in a data set of their own.
            let tolerance = 1e-6 * expected.abs().max(0.1);
            assert!(
                (found - expected).abs() <= tolerance,
                "{reduction:?}: {found}, not {expected}"
            );
        }
    }
}

#[test]
fn batches_of_all_rows_are_full_batches_and_smaller_ones_learn_as_well() {
    let dataset = Dataset::synthetic(Synthetic::new(2000, 8, 0.05, 1).unwrap());
    let config = |batch_size, iterations| TrainConfig {
        batch_size,
        iterations,
        optimizer: Optimizer::Momentum,
        ..TrainConfig::default()
    };
    let run = |batch_size, iterations, threads| {
        let hardware = Hardware {
            threads: Some(threads),
            ..Hardware::cpu()
        };
        train(&dataset, &config(batch_size, iterations), &hardware).unwrap()
    };
    let (full, all) = (run(None, 50, 2), run(Some(2000), 50, 2));
    assert!(
        (full.loss - all.loss).abs() <= 1e-12,
        "{} {}",
        full.loss,
        all.loss
    );
    let batches = run(Some(50), 400, 2);
    let epochs = run(None, 10, 2);
    assert!(
        batches.loss < 0.9 * epochs.loss,
        "{} {}",
        batches.loss,
        epochs.loss
    );
    let once = bits(&batches.parameters);
    assert_eq!(once, bits(&run(Some(50), 400, 1).parameters), "threads");
}

#[test]
fn the_command_line_holds_back_and_draws() {
    let table = format!("{}/tests/optimizer/table.csv", root());
    let on_cpu = |args: &[&str]| neuralnet_json(&[&["train", "--backend", "cpu"], args].concat());
    let held = on_cpu(&[&table, "--validation", "0.25"]);
    assert_eq!(held["dataset"]["n_samples"], 60, "a quarter is held back");
    assert!(held["validation_loss"].is_f64(), "{held}");
    assert!(held["kept_iteration"].is_null(), "{held}");
    let same = on_cpu(&[&table, "--validation-data", &table]);
    let loss = |key: &str| same[key].as_f64().unwrap();
    assert!(
        (loss("validation_loss") - loss("data_loss")).abs() <= 1e-6,
        "the same samples: {same}"
    );
    let stopped = on_cpu(&[&table, "--validation", "0.25", "--early-stopping"]);
    assert_eq!(stopped["config"]["early_stopping"], 10, "its default");
    assert!(stopped["kept_iteration"].is_u64(), "{stopped}");
    let epochs = on_cpu(&[&table, "--batch-size", "7", "--epochs", "3"]);
    assert_eq!(epochs["iterations"], 36, "80 rows are 12 batches of 7");
    assert_eq!(epochs["config"]["optimizer"], "adam", "for batches");
    for (args, part) in [
        (
            &["--early-stopping"][..],
            "--early-stopping: needs held-out samples",
        ),
        (&["--validation", "1.5"], "--validation: 1.5 is not a share"),
        (
            &["--validation", "0.01"],
            "--validation: 0.01 of 3 samples leaves",
        ),
        (&["--validation-data", &table], "`x0`, `x1`, `x2`"),
        (&["--batch-size", "0"], "--batch-size: 0"),
        (
            &["--batch-size", "4"],
            "--batch-size: 4 rows are more than the 3",
        ),
        (
            &["--batch-size", "2", "--optimizer", "lbfgs"],
            "--batch-size: L-BFGS needs all rows",
        ),
        (
            &["--batch-size", "2", "--loss-tolerance", "1"],
            "--loss-tolerance: what one batch",
        ),
        (
            &["--validation", "0.4", "--validation-every", "0"],
            "--validation-every: 0",
        ),
    ] {
        assert_refused(&[&["train", "--backend", "cpu"], args].concat(), 2, &[part]);
    }
    // Of a table that is to be fitted to what a split leaves, too.
    for (share, part) in [
        ("1", "--validation: 1 is not a share of the samples"),
        (
            "0.999",
            "--validation: 0.999 of 80 samples leaves 0 to train on",
        ),
    ] {
        assert_refused(&["train", &table, "--validation", share], 2, &[part]);
    }
}

/// What fills gaps and which categories there are is learned from the rows that are trained on.
#[test]
fn encodings_are_learned_from_what_is_trained_on() {
    // The held-back rows of seed 1, found by their numbers, get numbers and texts that no other row has.
    let rows = 40;
    let table = |cell: &dyn Fn(usize) -> (String, String)| {
        let line = |row| {
            let (a, port) = cell(row);
            format!("{row},{a},{port},{}\n", row % 2)
        };
        let lines: String = (0..rows).map(line).collect();
        let path = PathBuf::from(scratch()).join("learned.csv");
        fs::write(&path, format!("row,a,port,y\n{lines}")).unwrap();
        let options = neuralnet_table::TableOptions {
            impute: Some(neuralnet_table::Impute::Mean),
            one_hot: vec!["port".to_owned()],
            holdout: Some((0.25, 1)),
            ..neuralnet_table::TableOptions::default()
        };
        neuralnet_table::open(path.to_str().unwrap(), &options).unwrap()
    };
    let usual = |row: usize| {
        let a = if row.is_multiple_of(5) {
            String::new()
        } else {
            "2".to_owned()
        };
        (a, ["S", "C"][row / 2 % 2].to_owned())
    };
    let (rest, held) = table(&usual).split(0.25, 1).unwrap();
    let held: Vec<usize> = (0..held.n_samples())
        .map(|row| {
            let (mut x, mut t) = (vec![0.0; held.n_inputs()], vec![0.0]);
            held.read(row..row + 1, &mut x, &mut t);
            format!("{}", x[0]).parse().unwrap()
        })
        .collect();
    assert_eq!(held.len(), 10);
    let (other, odd) = table(&|row| match held.contains(&row) {
        true => ("1000".to_owned(), "Q".to_owned()),
        false => usual(row),
    })
    .split(0.25, 1)
    .unwrap();
    assert_eq!(
        other.columns(),
        rest.columns(),
        "nothing of the held-back rows shows"
    );
    assert_eq!(other.input_names(), ["row", "a", "port=C", "port=S"]);
    let n = odd.n_samples();
    let (mut x, mut t) = (vec![0.0; 4 * n], vec![0.0; n]);
    odd.read(0..n, &mut x, &mut t);
    assert!(
        x.chunks_exact(4).all(|x| x[1..] == [1000.0, 0.0, 0.0]),
        "{x:?}"
    );
}

/// Whichever samples a seed holds out, the same is trained.
#[test]
fn the_targets_of_all_samples_decide_what_is_trained() {
    let path = PathBuf::from(scratch()).join("counts.csv");
    let rows: String = (0..20)
        .map(|row| format!("{row},{}\n", if row == 7 { 2 } else { row % 2 }))
        .collect();
    fs::write(&path, format!("x,n\n{rows}")).unwrap();
    for seed in ["1", "2", "3", "4", "5", "6"] {
        let json = neuralnet_json(&[
            "train",
            path.to_str().unwrap(),
            "--backend",
            "cpu",
            "--validation",
            "0.5",
            "--seed",
            seed,
        ]);
        assert_eq!(json["config"]["activation"], "identity", "seed {seed}");
    }
    let on_cpu = ["train", "article", "--backend", "cpu"];
    let held = ["--validation", "0.4"];
    let [whole, held] = [&[][..], &held].map(|more| neuralnet_json(&[&on_cpu, more].concat()));
    for setting in ["reduction", "learning_rate", "bias", "iterations", "loss"] {
        assert_eq!(
            whole["config"][setting], held["config"][setting],
            "{setting}"
        );
    }
}

/// A model that its baseline surpasses is told as such, with what helps, and one that surpasses it is not.
#[test]
fn a_model_that_is_of_no_use_is_told() {
    let folder = scratch();
    let write = |name: &str, target: &dyn Fn(u32) -> String| {
        let rows =
            (0..200_u32).map(|row| format!("{},{}\n", row * 37 % 200, target(row * 37 % 200)));
        let path = format!("{folder}/{name}");
        fs::write(&path, format!("x,y\n{}", rows.collect::<String>())).unwrap();
        path
    };
    let numbers = write("numbers.csv", &|x| (f64::from(x) / 50.0 - 1.5).to_string());
    let classes = write("classes.csv", &|x| {
        if x < 60 { "low" } else { "high" }.to_owned()
    });
    let told = |data: &str, more: &[&str]| {
        let train = [
            "train",
            data,
            "--validation",
            "0.2",
            "--backend",
            "cpu",
            "--hidden",
            "4",
        ];
        let output = neuralnet(&[&train[..], more].concat());
        String::from_utf8(output.stderr).unwrap()
    };
    let start = ["--iterations", "0"];
    for (text, baseline) in [
        (told(&numbers, &start), "always the mean, "),
        (told(&classes, &start), "always high, "),
    ] {
        let expected = "no metric of `y` on the held-out samples is better than the baseline's, ";
        assert!(text.contains(&format!("{expected}{baseline}")), "{text}");
        assert!(
            text.contains("train longer (--epochs or --iterations) or take --optimizer lbfgs;"),
            "{text}"
        );
    }
    for data in [&numbers, &classes] {
        for flags in [&[][..], &["--optimizer", "lbfgs"]] {
            let text = told(data, flags);
            assert!(!text.contains("no metric"), "{flags:?}: {text}");
        }
    }

    let several = format!("{folder}/several.csv");
    let rows = (0..200_u32).map(|row| {
        let x = f64::from(row * 37 % 200);
        format!("{x},{},{},{}\n", x - 100.0, x / 1e3, 50.0 - x * x)
    });
    let rows: String = rows.collect();
    fs::write(&several, format!("x,y,small,z\n{rows}")).unwrap();
    let targets = ["--target", "y,small,z", "--iterations", "0"];
    let text = told(&several, &targets);
    for part in [
        "hardly show in the loss: `y`, `small`; train on such a target alone",
        "no metric of `y` on the held-out samples is better than the baseline's, always the mean, ",
        "; the same is true of `small`, `z`;",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let one = told(&several, &["--target", "small", "--drop", "y,z"]);
    assert!(!one.contains("hardly show"), "{one}");

    for (scale, is_told) in [(1e5, true), (1e-5, true), (1.0, false)] {
        let scaled = write("scaled.csv", &|x| {
            (scale * (f64::from(x) / 50.0 - 1.5)).to_string()
        });
        for (optimizer, suits_any) in [("adamw", false), ("momentum", true), ("lbfgs", true)] {
            for (flag, is_standardised) in [("--standardise", true), ("--no-standardise", false)] {
                let settings = ["--iterations", "0", "--optimizer", optimizer, flag];
                let text = told(&scaled, &settings);
                let expected = is_told && !suits_any && !is_standardised;
                assert!(text.contains("no metric"), "{scale} {settings:?}: {text}");
                assert_eq!(
                    text.contains("where AdamW suits about 1: train on it divided by "),
                    expected,
                    "{scale} {settings:?}: {text}"
                );
            }
        }
    }
}

/// Each backend, with hidden layers and without.
fn hardware_and_layers() -> Vec<(Hardware, Hidden)> {
    let gpu = Hardware {
        backend: neuralnet::BackendChoice::Gpu,
        ..Hardware::default()
    };
    let hidden = Hidden {
        widths: vec![5],
        ..Hidden::default()
    };
    let pairs = [Hardware::cpu(), gpu]
        .map(|hardware| [Hidden::default(), hidden.clone()].map(|hidden| (hardware, hidden)));
    pairs.concat()
}

/// A training on `split` from `start`, and through a checkpoint after each submission if there is a file.
fn stopped_early(
    (rest, held): &(Dataset, Dataset),
    config: &TrainConfig,
    hardware: &Hardware,
    start: Option<&[f64]>,
    checkpoint: Option<(&std::path::Path, bool)>,
) -> neuralnet::Result<Trained> {
    let mut training = Training::start(rest, config, hardware)?;
    training.set_holdout(held, None)?;
    if let Some(start) = start {
        training.set_start(start)?;
    }
    if let Some((file, is_resumed)) = checkpoint {
        training.checkpoint(file, 0.0)?;
        if is_resumed {
            training.resume(file)?;
        }
    }
    training.advance_to(config.iterations, &mut |_: &_| ControlFlow::Continue(()))?;
    training.finish()
}

/// Weights to begin with that are better than all that updates of too high a rate reach are kept.
#[test]
fn early_stopping_may_keep_the_start() {
    let split = random_dataset(120, 4, 1).split(0.3, 1).unwrap();
    for (hardware, hidden) in hardware_and_layers() {
        let good = TrainConfig {
            iterations: 200,
            hidden,
            ..TrainConfig::default()
        };
        let start = train(&split.0, &good, &hardware).unwrap().parameters;
        let wild = TrainConfig {
            learning_rate: 60.0,
            early_stopping: Some(4),
            ..good
        };
        let kept = stopped_early(&split, &wild, &hardware, Some(&start), None).unwrap();
        assert_eq!((kept.kept, kept.stop), (Some(0), StopReason::EarlyStopping));
        assert_eq!(bits(&kept.parameters), bits(&start));
        assert_eq!(kept.validation_history[0].iteration, 0);
        assert!(kept.loss < 1.0, "the loss at the start: {}", kept.loss);
    }
}

/// A rate that grows until the training diverges costs nothing that early stopping holds, with a checkpoint neither.
#[test]
fn a_training_that_diverges_keeps_its_best_parameters() {
    let folder = PathBuf::from(scratch()).join("diverged.checkpoint");
    let inputs: Vec<f32> = (0..240)
        .map(|at| (at * 37 % 61) as f32 / 20.0 - 1.5)
        .collect();
    let targets = inputs
        .chunks(4)
        .map(|row| 3.0 * row[0] - 2.0 * row[1] + row[2] * row[3]);
    let targets = targets.collect();
    let dataset = Dataset::from_rows("rows", 4, 1, inputs, targets).unwrap();
    let split = dataset.split(0.3, 1).unwrap();
    for (hardware, hidden) in hardware_and_layers() {
        let config = TrainConfig {
            iterations: 4000,
            learning_rate: 0.01,
            activation: Activation::Identity,
            loss: Loss::SquaredError,
            hidden,
            schedule: neuralnet::Schedule::Step {
                every: 50,
                factor: 3.0,
            },
            early_stopping: Some(1000),
            validation_every: Some(5),
            ..TrainConfig::default()
        };
        let _ = fs::remove_file(&folder);
        let run = |is_resumed| {
            let checkpoint = Some((&*folder, is_resumed));
            stopped_early(&split, &config, &hardware, None, checkpoint).unwrap()
        };
        let [whole, resumed] = [run(false), run(true)];
        let what = format!("{hardware:?}, {:?}", config.hidden);
        for trained in [&whole, &resumed] {
            assert_eq!(trained.stop, StopReason::Diverged, "{what}");
            let lowest = trained.validation_history.iter().map(|point| point.loss);
            let lowest = lowest.fold(f64::INFINITY, f64::min);
            assert!(
                (trained.validation.unwrap() - lowest).abs() <= 0.0,
                "{what}"
            );
            assert!(
                trained.kept.unwrap() < trained.iterations,
                "{what}: {trained:?}"
            );
            assert!(
                trained.loss < 1.0 && trained.loss.is_finite(),
                "{what}: {}",
                trained.loss
            );
        }
        assert_eq!(bits(&whole.parameters), bits(&resumed.parameters), "{what}");
        let without = TrainConfig {
            early_stopping: None,
            ..config
        };
        let error = stopped_early(&split, &without, &hardware, None, None).unwrap_err();
        assert!(error.to_string().contains("diverged"), "{error}");
    }
}
