//! A training that is killed at any moment goes on from its checkpoint, to the bits of one that was not.

#![allow(
    clippy::print_stdout,
    reason = "how many kills hit is for whoever asks"
)]

use crate::common::{
    Random, binary, interrupted, neuralnet, neuralnet_json, parameters, random_dataset, root,
    scratch,
};
use neuralnet::network::{Activation, Hidden};
use neuralnet::{Dataset, Hardware, Loss, Optimizer, Progress, StopReason, TrainConfig, Training};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// A file of this test's own that is not there.
fn fresh(name: &str) -> PathBuf {
    let folder = PathBuf::from(scratch()).join("resume");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    let _ = std::fs::remove_file(&path);
    path
}

/// Every optimizer, with all that it may remember.
fn runs() -> Vec<(&'static str, Vec<&'static str>)> {
    let data = "synthetic:3000x10";
    vec![
        ("descent", vec![data, "--iterations", "20000"]),
        (
            "momentum",
            vec![
                data,
                "--optimizer",
                "momentum",
                "--schedule",
                "cosine",
                "--iterations",
                "4000",
                "--l1",
                "0.001",
            ],
        ),
        (
            "adam",
            vec![
                data,
                "--batch-size",
                "100",
                "--epochs",
                "200",
                "--validation",
                "0.2",
                "--early-stopping=1000",
            ],
        ),
        (
            "network",
            vec![
                "synthetic:3000x10",
                "--hidden",
                "40,20",
                "--batch-size",
                "100",
                "--epochs",
                "40",
                "--validation",
                "0.2",
            ],
        ),
        (
            "lbfgs",
            vec![
                "synthetic:3000x600",
                "--optimizer",
                "lbfgs",
                "--warm-start-rows",
                "1000",
                "--gradient-tolerance",
                "0",
                "--iterations",
                "250",
                "--validation",
                "0.2",
                "--validation-every",
                "1",
                "--early-stopping=1000",
            ],
        ),
    ]
}

/// `NEURALNET_KILLS` kills of each run, or a few.
fn kills() -> u64 {
    let kills = std::env::var("NEURALNET_KILLS").ok();
    kills.map_or(6, |kills| kills.parse().unwrap())
}

/// Starts the run, waits until it has written `checkpoint` if there is one, kills it after `after`, and says whether it was
/// still there to be killed.
fn killed(args: &[&str], checkpoint: Option<&Path>, after: Duration) -> bool {
    let written = || checkpoint.and_then(|path| path.metadata().ok()?.modified().ok());
    let before = written();
    let mut child = Command::new(binary())
        .args(["train", "--json", "--backend", "cpu"])
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while checkpoint.is_some() && written() == before && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(after);
    let running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code().is_none() || output.status.success(),
        "{args:?}: {stderr}"
    );
    running
}

#[test]
fn a_killed_training_reaches_the_same_bits() {
    for (name, args) in runs() {
        let whole = [&["train", "--backend", "cpu"], &args[..]].concat();
        let unbroken = neuralnet_json(&whole);
        let checkpoint = fresh(&format!("{name}.checkpoint"));
        let path = checkpoint.to_str().unwrap();
        let kept = ["--checkpoint", path, "--checkpoint-seconds", "0.01"];
        let (mut n_killed, mut n_resumed) = (0, 0);
        for kill in 0..kills() {
            // The first, as a rule, before any checkpoint; the others at some moment after one.
            let after = Duration::from_millis((kill * 7919 + 20) % 97);
            let awaited = (kill > 0).then_some(&*checkpoint);
            let mut all = [&args[..], &kept].concat();
            let is_resumed = checkpoint.exists();
            if is_resumed {
                all.extend(["--resume", path]);
            }
            if killed(&all, awaited, after) {
                n_killed += 1;
                n_resumed += u64::from(is_resumed);
            } else {
                // It was over: from the start again.
                std::fs::remove_file(&checkpoint).unwrap();
            }
        }
        let mut all = [&whole[..], &kept].concat();
        if checkpoint.exists() {
            all.extend(["--resume", path]);
        }
        let resumed = neuralnet_json(&all);
        assert_eq!(
            bits(&parameters(&resumed)),
            bits(&parameters(&unbroken)),
            "{name}: after {n_killed} kills"
        );
        for key in ["loss", "iterations", "validation_loss", "kept_iteration"] {
            assert_eq!(resumed[key], unbroken[key], "{name}: {key}");
        }
        println!("{name}: killed {n_killed} times, {n_resumed} of them after a resume");
        assert!(
            n_resumed > 0,
            "{name}: it was over before it could be killed"
        );
    }
}

/// Ctrl-C ends a training in order: it says so, and the checkpoint goes on to the same bits.
#[cfg(unix)]
#[test]
fn an_interrupted_training_reaches_the_same_bits() {
    let args = [
        "train",
        "synthetic:1000x16",
        "--backend",
        "cpu",
        "--optimizer",
        "momentum",
        "--iterations",
        "20000",
    ];
    let unbroken = neuralnet_json(&args);
    let checkpoint = fresh("interrupted.checkpoint");
    let kept = ["--checkpoint", checkpoint.to_str().unwrap()];
    interrupted(&[&args[..], &kept].concat());
    let resume = ["--resume", checkpoint.to_str().unwrap()];
    let resumed = neuralnet_json(&[&args[..], &resume].concat());
    assert_eq!(bits(&parameters(&resumed)), bits(&parameters(&unbroken)));
    assert_eq!(resumed["iterations"], unbroken["iterations"]);
}

/// The same without a clock: each optimizer is broken off after every iteration in turn, before the first one too.
#[test]
fn a_training_that_is_cut_anywhere_reaches_the_same_bits() {
    let numbers = random_dataset(300, 5, 1);
    let classes = {
        let mut inputs = vec![0.0; 300 * 5];
        numbers.read(0..300, &mut inputs, &mut [0.0; 300]);
        let targets = (0_u8..=255).cycle().take(300).flat_map(|row| {
            let class = row % 7 % 3;
            (0..3).map(move |output| f32::from(u8::from(output == class)))
        });
        Dataset::from_rows("classes", 5, 3, inputs, targets.collect()).unwrap()
    };
    let config = |optimizer| TrainConfig {
        optimizer,
        iterations: 8,
        l2: 0.01,
        ..TrainConfig::default()
    };
    // L-BFGS moves each iterate to other parameters with the same predictions.
    let softmax = TrainConfig {
        activation: Activation::Softmax,
        l1: 0.01,
        ..config(Optimizer::LBfgs)
    };
    let batches = TrainConfig {
        batch_size: Some(70),
        ..config(Optimizer::Adam)
    };
    let warm_start = TrainConfig {
        warm_start_rows: Some(100),
        ..config(Optimizer::LBfgs)
    };
    let network = TrainConfig {
        activation: Activation::Identity,
        loss: Loss::SquaredError,
        hidden: Hidden {
            widths: vec![4],
            ..Hidden::default()
        },
        ..config(Optimizer::AdamW)
    };
    let scaled = numbers.standardised(true).targets_standardised(true);
    for (dataset, config) in [
        (&scaled, network),
        (&numbers, config(Optimizer::GradientDescent)),
        (&numbers, config(Optimizer::Momentum)),
        (&numbers, batches),
        (&numbers, config(Optimizer::LBfgs)),
        (&numbers, warm_start),
        (&classes, softmax),
    ] {
        let start = || Training::start(dataset, &config, &Hardware::cpu()).unwrap();
        let go_on = &mut |_: &Progress| ControlFlow::Continue(());
        let to_the_end = |mut training: Training<'_>| {
            training
                .advance_to(8, &mut |_| ControlFlow::Continue(()))
                .unwrap();
            let trained = training.finish().unwrap();
            (
                bits(&trained.parameters),
                trained.loss.to_bits(),
                trained.history,
                trained.evaluations,
                trained.warm_start,
            )
        };
        let unbroken = to_the_end(start());
        for cut in 0..8 {
            let file = fresh("cut-anywhere.checkpoint");
            let mut training = start();
            training.checkpoint(&file, 1e9).unwrap();
            training.advance_to(cut, go_on).unwrap();
            training.finish().unwrap();
            let mut resumed = start();
            resumed.resume(&file).unwrap();
            assert_eq!(resumed.iteration(), cut, "{config:?}");
            let resumed = to_the_end(resumed);
            assert_eq!(resumed, unbroken, "{config:?}, cut after {cut}");
        }
    }
}

/// Resumed, a training that early stopping ended makes no further iteration. The checkpoint is asked for before the
/// held-out samples, which are part of what it compares.
#[test]
fn a_training_that_stopped_early_stays_where_it_is() {
    let (dataset, held) = random_dataset(90, 6, 2).split(0.3, 4).unwrap();
    let config = TrainConfig {
        iterations: 3000,
        early_stopping: Some(1),
        ..TrainConfig::default()
    };
    let file = fresh("stopped.checkpoint");
    let trained = |resume: bool| {
        let mut training = Training::start(&dataset, &config, &Hardware::cpu()).unwrap();
        training.checkpoint(&file, 1e9).unwrap();
        training.set_holdout(&held, None).unwrap();
        if resume {
            training.resume(&file).unwrap();
        }
        let go_on = &mut |_: &Progress| ControlFlow::Continue(());
        training.advance_to(3000, go_on).unwrap();
        let trained = training.finish().unwrap();
        (bits(&trained.parameters), trained.iterations, trained.stop)
    };
    let stopped = trained(false);
    assert_eq!(stopped.2, StopReason::EarlyStopping, "{}", stopped.1);
    assert_eq!(trained(true), stopped);
}

/// The same numbers, and other names for the classes.
#[test]
fn a_training_of_other_classes_is_not_resumed() {
    let [spam, other] = ["ham,spam", "no,yes"].map(|names| {
        let (path, (zero, one)) = (
            fresh(&format!("{names}.csv")),
            names.split_once(',').unwrap(),
        );
        let rows =
            (0..20).map(|i| format!("{},{}\n", i * i % 7, if i % 3 == 0 { one } else { zero }));
        std::fs::write(&path, "x,y\n".to_owned() + &rows.collect::<String>()).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let checkpoint = fresh("classes.checkpoint");
    let path = checkpoint.to_str().unwrap();
    neuralnet_json(&["train", &spam, "--backend", "cpu", "--checkpoint", path]);
    assert_refused(
        &[&other, "--resume", path],
        "the data classes [\"ham\",\"spam\"], and this run has [\"no\",\"yes\"]; take the same data",
    );
}

/// The first weights would say nothing in the result of a training that goes on from a checkpoint.
#[test]
fn a_training_that_began_elsewhere_is_not_resumed() {
    let [model, other] = ["10", "20"].map(|iterations| {
        let path = fresh(&format!("start-{iterations}.safetensors"));
        let path = path.to_str().unwrap().to_owned();
        let train = ["train", "--backend", "cpu", "--iterations", iterations];
        neuralnet_json(&[&train[..], &["-o", &path]].concat());
        path
    });
    let checkpoint = fresh("start.checkpoint");
    let path = checkpoint.to_str().unwrap();
    let train = ["train", "--backend", "cpu", "--init", &model];
    let kept = neuralnet_json(&[&train[..], &["--checkpoint", path]].concat());
    let resumed = neuralnet_json(&[&train[..], &["--resume", path]].concat());
    assert_eq!(resumed["layers"], kept["layers"]);
    let part = "began with other parameters; take the same `init`";
    assert_refused(&["--init", &other, "--resume", path], part);
    assert_refused(&["--resume", path], part);
}

fn assert_refused(args: &[&str], part: &str) {
    let output = neuralnet(&[&["train", "--backend", "cpu"], args].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{args:?} printed a result");
    assert!(
        stderr.contains(part),
        "{args:?}: `{part}` is not in: {stderr}"
    );
}

#[test]
fn a_checkpoint_of_something_else_is_refused_by_the_first_difference() {
    let checkpoint = fresh("refused.checkpoint");
    let path = checkpoint.to_str().unwrap();
    let args = [
        "synthetic:500x4",
        "--iterations",
        "20",
        "--l2",
        "0.1",
        "--warm-up",
        "3",
    ];
    neuralnet_json(
        &[
            &["train", "--backend", "cpu"],
            &args[..],
            &["--checkpoint", path],
        ]
        .concat(),
    );
    let resume = ["--resume", path];
    let with = |data: &'static str, more: &[&'static str]| {
        let args = [&[data], &args[1..], more].concat();
        [&args[..], &resume].concat()
    };
    for (args, part) in [
        (
            with(args[0], &["--seed", "2"]),
            "the setting seed 1, and this run has 2",
        ),
        (
            with(args[0], &["--loss", "squared-error"]),
            "the setting loss \"cross-entropy\"",
        ),
        (
            with(args[0], &["--momentum", "0.9"]),
            "the setting optimizer \"gradient-descent\"",
        ),
        (
            with(args[0], &["--average-decay", "0.9"]),
            "the setting average_decay none, and this run has 0.9; take the same setting",
        ),
        (
            with(args[0], &["--clip-norm", "0.1"]),
            "the setting clip_norm none, and this run has 0.1",
        ),
        (
            with(args[0], &["--init", "he"]),
            "the setting init none, and this run has \"he\"",
        ),
        (
            with(args[0], &["--precision", "f32"]),
            "was made with the precision \"f64\", and this run has \"f32\"; take the same precision",
        ),
        (
            with("synthetic:500x5", &[]),
            "the data features [\"x0\",\"x1\",\"x2\",\"x3\"], and this run has [",
        ),
        (
            with("synthetic:501x4", &[]),
            "the data samples 500, and this run has 501; take the same data",
        ),
        (
            with("synthetic:500x4,seed=2", &[]),
            "other numbers in the data, or other weights",
        ),
        (with(args[0], &["--validation-data", "article"]), "article"),
        (
            [&args[..5], &resume].concat(),
            "the setting warm_up 3, and this run has none",
        ),
    ] {
        assert_refused(&args, part);
    }
    assert_refused(
        &[&args[..], &["--checkpoint", path]].concat(),
        "exists; go on from it with --resume",
    );
    let respelled = checkpoint.with_file_name(".").join("refused.checkpoint");
    let respelled = ["--checkpoint", respelled.to_str().unwrap()];
    neuralnet_json(
        &[
            &["train", "--backend", "cpu"],
            &args[..],
            &resume,
            &respelled,
        ]
        .concat(),
    );
    assert_refused(
        &[&args[..], &["--resume", "nowhere"]].concat(),
        "nowhere: No such file or directory (os error 2); name",
    );
    let table = format!("{}/tests/optimizer/table.csv", root());
    assert_refused(
        &[&args[..], &["--resume", &table]].concat(),
        "is not a safetensors file",
    );
    let whole = std::fs::read(&checkpoint).unwrap();
    let cut = fresh("cut.checkpoint");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    assert_refused(
        &[&args[..], &["--resume", cut.to_str().unwrap()]].concat(),
        "is not a safetensors file",
    );
    let text = br#"version\":"#;
    let at = whole.windows(text.len()).position(|part| part == text);
    let at = at.unwrap() + text.len();
    let old = fresh("old.checkpoint");
    let mut bytes = whole;
    bytes[at] = b'3';
    std::fs::write(&old, bytes).unwrap();
    assert_refused(
        &[&args[..], &["--resume", old.to_str().unwrap()]].concat(),
        "has layout 3, and this program reads 9",
    );
    assert!(Path::new(path).exists(), "what was refused is still there");
}

/// A training that was to end goes on, to the bits of one that was to be longer, if nothing follows from the number of
/// iterations.
#[test]
fn a_finished_training_goes_on_with_more_iterations() {
    let on_cpu = |args: &[&str]| neuralnet_json(&[&["train", "--backend", "cpu"], args].concat());
    let data = "synthetic:500x4";
    let held = ["--validation", "0.2"];
    let descent = ["--optimizer", "gradient-descent"];
    let step = [
        "--optimizer",
        "momentum",
        "--schedule",
        "step",
        "--schedule-every",
        "7",
    ];
    let adam = ["--batch-size", "64"];
    let lbfgs = ["--optimizer", "lbfgs", "--gradient-tolerance", "0"];
    for (name, flags) in [
        ("descent", descent.to_vec()),
        ("step", step.to_vec()),
        ("adam", adam.to_vec()),
        ("lbfgs", [&lbfgs[..], &held].concat()),
        (
            "held",
            [&adam[..], &held, &["--validation-every", "3"]].concat(),
        ),
    ] {
        let checkpoint = fresh(&format!("more-{name}.checkpoint"));
        let path = checkpoint.to_str().unwrap();
        let train = [&[data], &flags[..]].concat();
        let [short, long] = ["6", "15"].map(|n| [&train[..], &["--iterations", n]].concat());
        on_cpu(&[&short[..], &["--checkpoint", path]].concat());
        let resumed = on_cpu(&[&long[..], &["--resume", path]].concat());
        let whole = on_cpu(&long);
        assert_eq!(resumed["iterations"], whole["iterations"], "{name}");
        assert_eq!(
            bits(&parameters(&resumed)),
            bits(&parameters(&whole)),
            "{name}"
        );
        let fewer = [&train[..], &["--iterations", "5", "--resume", path]].concat();
        assert_refused(&fewer, "--iterations: the checkpoint has made 6 already");
    }
    for (name, flags, part) in [
        (
            "cosine",
            &["--optimizer", "momentum", "--schedule", "cosine"][..],
            "--iterations: the checkpoint is one of 300 iterations, over which a cosine",
        ),
        (
            "interval",
            &held,
            "--validation-every: the checkpoint was made with an evaluation of the held-out samples each 3 iterations, and this run has one each 6; take 3",
        ),
    ] {
        let checkpoint = fresh(&format!("more-{name}.checkpoint"));
        let path = checkpoint.to_str().unwrap();
        let train = [&[data], flags].concat();
        let [short, long] = ["300", "600"].map(|n| [&train[..], &["--iterations", n]].concat());
        on_cpu(&[&short[..], &["--checkpoint", path]].concat());
        assert_refused(&[&long[..], &["--resume", path]].concat(), part);
    }
}

/// The seconds of a resumed training are its own, so that each of a chain of trainings does its share.
#[test]
fn the_time_begins_again() {
    let config = TrainConfig {
        iterations: u64::MAX,
        max_seconds: Some(0.05),
        ..TrainConfig::default()
    };
    let file = fresh("seconds.checkpoint");
    let dataset = random_dataset(20, 3, 1);
    let mut go_on = |_: &Progress| ControlFlow::Continue(());
    let mut reached = 0;
    for part in 0..3 {
        let mut training = Training::start(&dataset, &config, &Hardware::cpu()).unwrap();
        if part > 0 {
            training.resume(&file).unwrap();
        }
        training.checkpoint(&file, 1e9).unwrap();
        training.advance_to(u64::MAX, &mut go_on).unwrap();
        let trained = training.finish().unwrap();
        assert_eq!(trained.stop, StopReason::Seconds, "part {part}");
        assert!(
            trained.iterations > reached + 10,
            "part {part} after {reached}"
        );
        reached = trained.iterations;
    }
}

/// Whatever is written into a checkpoint, reading it ends, without a panic, and what goes on is what was kept.
#[test]
fn no_value_of_a_checkpoint_changes_in_silence() {
    let dataset = random_dataset(20, 3, 1);
    let config = TrainConfig {
        optimizer: Optimizer::Momentum,
        iterations: 5,
        ..TrainConfig::default()
    };
    let file = fresh("mutated.checkpoint");
    let start = || Training::start(&dataset, &config, &Hardware::cpu()).unwrap();
    let mut training = start();
    training.checkpoint(&file, 0.0).unwrap();
    let mut go_on = |_: &Progress| ControlFlow::Continue(());
    training.advance_to(3, &mut go_on).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let mut reached = |mut training: Training<'_>| {
        training.advance_to(5, &mut go_on).unwrap();
        let trained = training.finish().unwrap();
        let losses: Vec<_> = trained
            .history
            .iter()
            .map(|point| format!("{point:?}"))
            .collect();
        (bits(&trained.parameters), losses)
    };
    let unbroken = reached(training);
    let mut random = Random::new(1);
    let mut refused = 0;
    for _ in 0..3000 {
        std::fs::write(&file, random.damaged(&bytes)).unwrap();
        let mut training = start();
        match training.resume(&file) {
            Err(_) => refused += 1,
            Ok(()) => assert_eq!(reached(training), unbroken),
        }
    }
    assert!(refused > 2500, "{refused} of 3000 refused");
    std::fs::write(&file, &bytes).unwrap();
    let mut training = start();
    training.resume(&file).unwrap();
    assert_eq!(reached(training), unbroken);
}

/// In the midst of an epoch, before its last batch, which is shorter, and before the first of the next.
#[test]
fn batches_on_a_gpu_go_on_to_the_same_bits() {
    let dataset = random_dataset(1000, 7, 2);
    let config = TrainConfig {
        optimizer: Optimizer::Adam,
        // 16 an epoch, the last of 40 rows.
        batch_size: Some(64),
        iterations: 50,
        ..TrainConfig::default()
    };
    let hardware = Hardware {
        backend: neuralnet::BackendChoice::Gpu,
        ..Hardware::default()
    };
    let start = || Training::start(&dataset, &config, &hardware).unwrap();
    let mut go_on = |_: &Progress| ControlFlow::Continue(());
    let mut unbroken = start();
    unbroken.advance_to(50, &mut go_on).unwrap();
    let unbroken = unbroken.finish().unwrap();
    for broken_off in [1, 15, 16, 40] {
        let file = fresh(&format!("batches-{broken_off}.checkpoint"));
        let mut training = start();
        training.checkpoint(&file, 0.0).unwrap();
        training.advance_to(broken_off, &mut go_on).unwrap();
        training.finish().unwrap();
        let mut training = start();
        training.resume(&file).unwrap();
        assert_eq!(training.iteration(), broken_off, "where it stood");
        training.advance_to(50, &mut go_on).unwrap();
        let resumed = training.finish().unwrap();
        assert_eq!(
            bits(&resumed.parameters),
            bits(&unbroken.parameters),
            "after {broken_off} iterations"
        );
        assert_eq!(resumed.loss.to_bits(), unbroken.loss.to_bits(), "the loss");
    }
}
