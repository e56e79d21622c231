//! Updates that a GPU makes by itself: by every optimizer, from all rows and from mini-batches.
//!
//! They are held against those of the CPU in float64; and their bits do not depend on how updates
//! are submitted, where the rows of a batch lie, or where a training was broken off.

use crate::common::{Random, scratch};
use neuralnet::backend::UpdateSummary;
use neuralnet::network::{Activation, Hidden};
use neuralnet::optimizer::{Memory, UpdateRule};
use neuralnet::{
    BackendChoice, Dataset, GpuOptions, Hardware, Loss, Optimizer, Progress, Reduction, Schedule,
    Storage, TrainConfig, Training,
};
use std::iter::zip;
use std::ops::ControlFlow;
use std::path::Path;

/// Rows of 5 features and 3 targets; with weights, 0 among them.
fn dataset(n_samples: usize, weighted: bool) -> Dataset {
    let mut random = Random::new(n_samples as u64);
    let inputs = (0..5 * n_samples).map(|_| random.next()).collect();
    let targets = (0..3 * n_samples).map(|_| random.next()).collect();
    let dataset = Dataset::from_rows("rows", 5, 3, inputs, targets).unwrap();
    let weights: Vec<f32> = (0..n_samples).map(|i| (i % 4) as f32 * 0.75).collect();
    match weighted {
        true => dataset.with_weights(&weights).unwrap(),
        false => dataset,
    }
}

/// Settings that move the weights by much in a few updates, and by each part of the rule.
fn config(optimizer: Optimizer, hidden: &[usize]) -> TrainConfig {
    let has_l1 = matches!(optimizer, Optimizer::GradientDescent | Optimizer::Momentum);
    let has_average = !matches!(optimizer, Optimizer::Momentum | Optimizer::Adam);
    TrainConfig {
        iterations: 30,
        optimizer,
        learning_rate: match optimizer {
            Optimizer::GradientDescent => 0.5,
            Optimizer::Momentum | Optimizer::Nesterov => 0.1,
            _ => 0.01,
        },
        activation: Activation::Identity,
        loss: Loss::SquaredError,
        hidden: Hidden {
            widths: hidden.to_vec(),
            activation: Activation::Tanh,
        },
        weight_decay: if optimizer == Optimizer::AdamW {
            0.3
        } else {
            0.0
        },
        l1: if has_l1 { 0.003 } else { 0.0 },
        l2: 0.01,
        clip_norm: Some(0.4),
        average_decay: has_average.then_some(0.8),
        // Optimizers that keep a velocity are compared with dropout by `every_optimizer_drops_the_same_units`, whose
        // smaller steps keep float32 nearer to float64.
        dropout: match (optimizer, hidden) {
            (_, []) | (Optimizer::Momentum | Optimizer::Nesterov, _) => 0.0,
            _ => 0.25,
        },
        warm_up: 4,
        schedule: Schedule::Cosine,
        ..TrainConfig::default()
    }
}

fn on_gpu(options: GpuOptions) -> Hardware {
    Hardware {
        backend: BackendChoice::Gpu,
        gpu: options,
        ..Hardware::default()
    }
}

fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The parameters and every loss of a training.
fn trained(dataset: &Dataset, config: &TrainConfig, hardware: &Hardware) -> (Vec<f64>, Vec<f64>) {
    let mut training = Training::start(dataset, config, hardware).unwrap();
    training.advance_to(config.iterations, &mut go_on).unwrap();
    let trained = training.finish().unwrap();
    let losses = trained.history.iter().map(|point| point.loss);
    (trained.parameters, losses.collect())
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f64, |most, it| most.max(it.abs()));
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(
            error <= tolerance * largest,
            "{what}: number {at} is {found}, not {expected}"
        );
    }
}

/// Every optimizer, for one layer and for more, of all rows and of batches with a shorter one at the end of an epoch; of
/// rows with weights the scale of each update is another.
#[test]
fn the_shaders_update_as_the_cpu_does() {
    for (number, optimizer) in Optimizer::FIRST_ORDER.into_iter().enumerate() {
        for (hidden, batch_size) in [
            (&[][..], None),
            (&[], Some(40)),
            (&[7, 6], None),
            (&[7, 6], Some(64)),
        ] {
            let rows = dataset(150, number % 2 == 0);
            let config = TrainConfig {
                batch_size,
                reduction: if number % 3 == 2 {
                    Reduction::Sum
                } else {
                    Reduction::Mean
                },
                ..config(optimizer, hidden)
            };
            let what = format!("{optimizer:?}, {hidden:?}, {batch_size:?}");
            let (found, losses) = trained(&rows, &config, &on_gpu(GpuOptions::default()));
            let (expected, expected_losses) = trained(&rows, &config, &Hardware::cpu());
            assert_close(&found, &expected, 3e-6, &what);
            assert_eq!(losses.len(), 30, "{what}: the loss of every update");
            assert_close(&losses, &expected_losses, 3e-6, &format!("losses, {what}"));
            let begun = trained(
                &rows,
                &TrainConfig {
                    iterations: 1,
                    ..config
                },
                &Hardware::cpu(),
            );
            let moved = found
                .iter()
                .zip(&begun.0)
                .any(|(a, b)| (a - b).abs() > 1e-2);
            assert!(moved, "{what}: the weights have hardly moved");
        }
    }
}

/// Shaders and CPU drop the same units in every update, whatever the optimizer: the weights agree to the rounding of
/// float32, and are far from those that are trained without dropout.
#[test]
fn every_optimizer_drops_the_same_units() {
    for optimizer in Optimizer::FIRST_ORDER {
        for batch_size in [None, Some(64)] {
            let rows = dataset(150, true);
            let gentle = config(optimizer, &[7, 6]);
            let config = TrainConfig {
                batch_size,
                learning_rate: 0.2 * gentle.learning_rate,
                dropout: 0.25,
                clip_norm: None,
                l1: 0.0,
                ..gentle
            };
            let what = format!("{optimizer:?}, {batch_size:?}");
            let (found, losses) = trained(&rows, &config, &on_gpu(GpuOptions::default()));
            let (expected, expected_losses) = trained(&rows, &config, &Hardware::cpu());
            assert_close(&found, &expected, 1e-6, &what);
            assert_close(&losses, &expected_losses, 1e-6, &format!("losses, {what}"));
            let whole = TrainConfig {
                dropout: 0.0,
                ..config
            };
            let (whole, _) = trained(&rows, &whole, &Hardware::cpu());
            let differs = whole
                .iter()
                .zip(&expected)
                .any(|(a, b)| (a - b).abs() > 1e-3);
            assert!(differs, "{what}: it makes no difference");
        }
    }
}

/// More parameters than the invocations of one workgroup take at once, and more than one workgroup takes: the norms that
/// clip the gradient and that the penalties are made of add up all of them.
#[test]
fn norms_are_those_of_all_parameters() {
    let rows = dataset(150, false);
    let config = TrainConfig {
        iterations: 5,
        dropout: 0.0,
        clip_norm: Some(0.05),
        warm_up: 0,
        ..config(Optimizer::GradientDescent, &[150, 60])
    };
    let on_gpu = on_gpu(GpuOptions::default());
    let (found, losses) = trained(&rows, &config, &on_gpu);
    assert!(found.len() > 2 * 4 * 1024, "{} parameters", found.len());
    let (expected, expected_losses) = trained(&rows, &config, &Hardware::cpu());
    assert_close(&found, &expected, 1e-6, "weights");
    assert_close(&losses, &expected_losses, 1e-6, "losses");
    let unclipped = TrainConfig {
        clip_norm: None,
        ..config
    };
    let (unclipped, _) = trained(&rows, &unclipped, &Hardware::cpu());
    let differ = |(a, b): (&f64, &f64)| (a - b).abs() > 1e-3;
    assert!(unclipped.iter().zip(&found).any(differ), "it is clipped");
}

/// Squares of a gradient beyond 1.8e19 are beyond f32: it is clipped all the same.
#[test]
fn a_gradient_whose_squares_leave_f32_is_clipped() {
    let mut random = Random::new(7);
    let mut numbers =
        |n: usize, largest: f32| -> Vec<f32> { (0..n).map(|_| largest * random.next()).collect() };
    let (inputs, targets) = (numbers(3 * 50, 1e10), numbers(50, 1e11));
    let rows = Dataset::from_rows("large", 3, 1, inputs, targets).unwrap();
    for hidden in [&[][..], &[4], &[300]] {
        let config = TrainConfig {
            iterations: 3,
            activation: Activation::Identity,
            loss: Loss::SquaredError,
            dropout: 0.0,
            warm_up: 0,
            clip_norm: Some(1.0),
            hidden: Hidden {
                widths: hidden.to_vec(),
                activation: Activation::Relu,
            },
            ..config(Optimizer::GradientDescent, hidden)
        };
        let start = TrainConfig {
            iterations: 0,
            ..config.clone()
        };
        let [found, expected] = [on_gpu(GpuOptions::default()), Hardware::cpu()]
            .map(|hardware| trained(&rows, &config, &hardware).0);
        let (start, _) = trained(&rows, &start, &Hardware::cpu());
        assert_close(&found, &expected, 1e-5, "weights");
        let most = zip(&found, &start).map(|(a, b)| (a - b).abs());
        assert!(most.fold(0.0, f64::max) > 1e-3, "{hidden:?} moves");
    }
}

/// One submission of many updates, many of one, two runs; rows in one buffer, in several, and streamed; each storage.
#[test]
fn no_bit_depends_on_how_updates_are_submitted_or_where_rows_lie() {
    for (hidden, batch_size, storage) in [
        (&[][..], Some(300), Storage::F32),
        (&[9], Some(300), Storage::F32),
        (&[9], Some(300), Storage::U8),
        (&[9], Some(130), Storage::F16),
        (&[], Some(40), Storage::U8),
        (&[9], None, Storage::F32),
    ] {
        // Several leaves, and chunks of one leaf.
        let (n_samples, leaf) = if hidden.is_empty() {
            (20_000, 8192)
        } else {
            (2000, 512)
        };
        let rows = dataset(n_samples, true).stored_as(storage).unwrap();
        let words = match storage {
            Storage::F32 => 8,
            Storage::F16 => 4,
            Storage::U8 => 2,
        };
        let bytes = 4 * n_samples as u64 * (words + 4);
        let config = TrainConfig {
            batch_size,
            ..config(Optimizer::AdamW, hidden)
        };
        let whole = trained(&rows, &config, &on_gpu(GpuOptions::default()));
        let what = format!("{hidden:?}, {batch_size:?}, {storage:?}");
        let of = |options| trained(&rows, &config, &on_gpu(options));
        assert_eq!(of(GpuOptions::default()), whole, "{what}: a second run");
        let in_pieces = GpuOptions {
            max_chunk_bytes: Some(4 * leaf * 8),
            ..GpuOptions::default()
        };
        assert_eq!(of(in_pieces), whole, "{what}: several chunks");
        let streamed = GpuOptions {
            max_chunk_bytes: Some(4 * leaf * 8),
            max_device_bytes: Some(bytes - bytes / 8),
            rows_from_host: true,
            ..GpuOptions::default()
        };
        let started = Training::start(&rows, &config, &on_gpu(streamed)).unwrap();
        let notices = started.notices().concat();
        assert!(notices.contains("stream"), "{what}: {notices}");
        assert_eq!(of(streamed), whole, "{what}: streamed");
        let mut training = Training::start(&rows, &config, &on_gpu(GpuOptions::default())).unwrap();
        for iteration in 0..=config.iterations {
            training.advance_to(iteration, &mut go_on).unwrap();
        }
        let one_by_one = training.finish().unwrap().parameters;
        assert_eq!(one_by_one, whole.0, "{what}: one by one");
    }
}

/// Broken off after each of some updates, in the middle of an epoch and at its end.
#[test]
fn a_training_resumes_to_the_bits_of_an_unbroken_one() {
    let rows = dataset(150, true);
    for (number, optimizer) in Optimizer::FIRST_ORDER.into_iter().enumerate() {
        let config = TrainConfig {
            batch_size: (number % 2 == 0).then_some(40),
            ..config(optimizer, if number % 3 == 0 { &[] } else { &[6] })
        };
        let hardware = on_gpu(GpuOptions::default());
        let unbroken = trained(&rows, &config, &hardware);
        for cut in [1, 4, 7, 29] {
            let name = format!("{}/device_updates.{number}.{cut}.checkpoint", scratch());
            let path = Path::new(&name);
            let mut training = Training::start(&rows, &config, &hardware).unwrap();
            training.checkpoint(path, 1e9).unwrap();
            training.advance_to(cut, &mut go_on).unwrap();
            training.finish().unwrap();
            let mut training = Training::start(&rows, &config, &hardware).unwrap();
            training.resume(path).unwrap();
            training.advance_to(config.iterations, &mut go_on).unwrap();
            let resumed = training.finish().unwrap();
            let losses: Vec<f64> = resumed.history.iter().map(|point| point.loss).collect();
            let what = format!("{optimizer:?}, cut after {cut}");
            assert_eq!((resumed.parameters, losses), unbroken, "{what}");
        }
    }
}

/// More updates than the history keeps, and than a dispatch makes; epochs of two updates.
#[test]
fn all_updates_are_told_whatever_their_number() {
    let rows = dataset(50, false);
    let config = TrainConfig {
        batch_size: Some(30),
        iterations: 3000,
        ..config(Optimizer::Adam, &[4])
    };
    let problem = config.problem(&rows).unwrap();
    let mut gpu = crate::common::gpu(problem.clone(), GpuOptions::default());
    let start = problem.network.parameters_from(1, None);
    let mut run = |cuts: &[u64]| {
        use neuralnet::backend::Backend;
        gpu.set_parameters(&start).unwrap();
        gpu.follow(&config.rule()).unwrap();
        let mut all: Vec<UpdateSummary> = Vec::new();
        for cut in cuts.windows(2) {
            gpu.submit(cut[0]..cut[1]).unwrap();
            all.extend(gpu.wait().unwrap());
        }
        (all, gpu.parameters().unwrap(), gpu.memory().unwrap())
    };
    let (all, end, memory) = run(&[0, 700, 1401, 2000, 3000]);
    assert_eq!(all.len(), 3000, "every update");
    let (at_once, same_end, same_memory) = run(&[0, 3000]);
    assert_eq!(at_once, all, "the same updates");
    assert_eq!((&end, &memory), (&same_end, &same_memory), "the same end");
    assert_ne!(memory, Memory::new(&config.rule(), start.len()), "kept");
}

/// A rule that was followed before leaves nothing behind.
#[test]
fn a_rule_begins_with_nothing_kept() {
    use neuralnet::backend::Backend;
    let rows = dataset(60, false);
    let config = config(Optimizer::Momentum, &[4]);
    let problem = config.problem(&rows).unwrap();
    let start = problem.network.parameters_from(1, None);
    let mut gpu = crate::common::gpu(problem, GpuOptions::default());
    let mut run = |rules: &[UpdateRule]| {
        gpu.set_parameters(&start).unwrap();
        for rule in rules {
            gpu.follow(rule).unwrap();
            gpu.set_parameters(&start).unwrap();
            gpu.submit(0..5).unwrap();
            gpu.wait().unwrap();
        }
        gpu.parameters().unwrap()
    };
    let [momentum, adam] = [Optimizer::Momentum, Optimizer::Adam].map(|optimizer| UpdateRule {
        optimizer,
        l1: 0.0,
        ..config.rule()
    });
    let first = run(std::slice::from_ref(&momentum));
    assert_eq!(run(&[momentum.clone(), momentum.clone()]), first, "again");
    assert_eq!(run(&[adam, momentum]), first, "after another");
}
