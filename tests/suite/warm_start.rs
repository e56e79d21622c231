//! L-BFGS that began on a sample of the rows ends where it would have ended, after fewer passes over all of them.

use crate::common::{problem, random_dataset};
use neuralnet::backend::Backend;
use neuralnet::cpu::Cpu;
use neuralnet::network::Activation;
use neuralnet::{
    Dataset, Error, Hardware, Loss, Optimizer, Reduction, Synthetic, TrainConfig, Trained, train,
};

const N_SAMPLES: usize = 40_000;
const N_INPUTS: usize = 12;

fn on_cpu(dataset: &Dataset, config: &TrainConfig) -> Trained {
    train(dataset, config, &Hardware::cpu()).unwrap()
}

/// Rows of the synthetic data, in the order that `key` puts them into.
fn sorted_by(key: impl Fn(&[f32], f32) -> f32) -> Dataset {
    let from =
        Dataset::synthetic(Synthetic::new(N_SAMPLES as u64, N_INPUTS as u64, 0.05, 1).unwrap());
    let (mut inputs, mut targets) = (vec![0.0; N_SAMPLES * N_INPUTS], vec![0.0; N_SAMPLES]);
    from.read(0..N_SAMPLES, &mut inputs, &mut targets);
    let row = |row: &usize| &inputs[row * N_INPUTS..][..N_INPUTS];
    let mut order: Vec<usize> = (0..N_SAMPLES).collect();
    order.sort_by(|a, b| key(row(a), targets[*a]).total_cmp(&key(row(b), targets[*b])));
    let sorted_inputs = order.iter().flat_map(row).copied().collect();
    let sorted_targets = order.iter().map(|row| targets[*row]).collect();
    Dataset::from_rows("sorted", N_INPUTS, 1, sorted_inputs, sorted_targets).unwrap()
}

/// Sorted rows are the hard case of a sample that is not drawn at random.
#[test]
fn the_minimum_is_that_of_all_rows() {
    let weighted = sorted_by(|_, _| 0.0)
        .with_weights(
            &(0..N_SAMPLES)
                .map(|row| (row % 3) as f32)
                .collect::<Vec<_>>(),
        )
        .unwrap();
    let usual = TrainConfig {
        l2: 1e-4,
        ..TrainConfig::lbfgs()
    };
    let sparse = TrainConfig {
        l1: 0.01,
        l2: 0.0,
        ..usual.clone()
    };
    let sum = TrainConfig {
        reduction: Reduction::Sum,
        l2: 1.0,
        ..usual.clone()
    };
    let linear = TrainConfig {
        activation: Activation::Identity,
        loss: Loss::SquaredError,
        ..usual.clone()
    };
    for (name, dataset, config) in [
        ("by target", sorted_by(|_, target| target), &usual),
        ("by a feature", sorted_by(|x, _| x[3]), &usual),
        ("l1", sorted_by(|_, target| target), &sparse),
        ("sum", sorted_by(|_, target| target), &sum),
        ("linear", sorted_by(|x, _| x[0]), &linear),
        ("weighted", weighted, &usual),
    ] {
        let on = |rows| {
            let config = TrainConfig {
                warm_start_rows: Some(rows),
                ..config.clone()
            };
            on_cpu(&dataset, &config)
        };
        let (without, with) = (on(0), on(4_000));
        assert_eq!(without.warm_start, None, "{name}");
        assert_eq!(
            with.warm_start.map(|warm_start| warm_start.rows),
            Some(4_000),
            "{name}"
        );
        let error = (with.loss / without.loss - 1.0).abs();
        assert!(error <= 1e-7, "{name}: off by {error:e}");
        // The first step to the minimum of a square is the last one.
        assert!(
            with.evaluations < without.evaluations || name == "linear",
            "{name}: {} passes after a warm start, {} without",
            with.evaluations,
            without.evaluations
        );
    }
}

#[test]
fn many_rows_have_one_by_default_and_few_do_not() {
    let warm_start = |n_samples, n_inputs| {
        let dataset = Dataset::synthetic(Synthetic::new(n_samples, n_inputs, 0.05, 1).unwrap());
        let trained = on_cpu(&dataset, &TrainConfig::lbfgs());
        trained.warm_start.map(|warm_start| warm_start.rows)
    };
    assert_eq!(warm_start(80_000, 8), Some(5_000));
    assert_eq!(warm_start(60_000, 8), None, "few rows");
    assert_eq!(warm_start(80_000, 200), None, "many parameters");
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    let dataset = random_dataset(80_000, 9, 2);
    let run = |threads| {
        let hardware = Hardware {
            threads: Some(threads),
            ..Hardware::cpu()
        };
        let trained = train(&dataset, &TrainConfig::lbfgs(), &hardware).unwrap();
        assert!(trained.warm_start.is_some());
        let parameters = trained.parameters.iter();
        parameters.map(|p| p.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(3));
}

/// The rows of a sample are gathered in runs; of all of them they are the data set.
#[test]
fn rows_that_are_named_are_those_that_are_seen() {
    let dataset = random_dataset(5_000, 7, 2);
    let problem = problem(&dataset, Loss::CrossEntropy, Reduction::Sum, true);
    let mut cpu = Cpu::new(problem, Some(2)).unwrap();
    let parameters: Vec<f64> = (0..16).map(|i| f64::from(i) * 0.1 - 0.8).collect();
    cpu.set_parameters(&parameters).unwrap();
    let all: Vec<usize> = (0..5_000).collect();
    let whole = cpu.evaluate().unwrap();
    assert_eq!(cpu.evaluate_rows(&all).unwrap(), whole);
    // Runs of every length, each row once in one of two samples.
    let (some, others): (Vec<usize>, Vec<usize>) = all.iter().partition(|row| *row % 97 < 60);
    let (some, others) = (
        cpu.evaluate_rows(&some).unwrap(),
        cpu.evaluate_rows(&others).unwrap(),
    );
    let sum = some.summary.loss + others.summary.loss;
    assert!((sum / whole.summary.loss - 1.0).abs() <= 1e-13, "{sum}");
    for ((some, others), whole) in
        std::iter::zip(&some.gradient, &others.gradient).zip(&whole.gradient)
    {
        assert!(
            (some + others - whole).abs() <= 1e-9,
            "{some} + {others}, not {whole}"
        );
    }
}

#[test]
fn a_warm_start_that_cannot_be_is_refused() {
    let dataset = random_dataset(100, 3, 1);
    for config in [
        TrainConfig {
            warm_start_rows: Some(101),
            ..TrainConfig::lbfgs()
        },
        TrainConfig {
            warm_start_rows: Some(10),
            optimizer: Optimizer::Adam,
            ..TrainConfig::default()
        },
    ] {
        let refused = train(&dataset, &config, &Hardware::cpu());
        assert!(
            matches!(
                &refused,
                Err(Error::Setting {
                    setting: "warm_start_rows",
                    ..
                })
            ),
            "{refused:?}"
        );
    }
}
