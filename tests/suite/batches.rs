//! Mini-batches on the GPU: the very rows that the CPU sees, summed as a data set of them would be.
//!
//! A batch is held against the CPU's at every bound that a validation has, those of each leaf taken from a data set
//! of the batch's rows, and has the bits of that data set on the same adapter.

use crate::common::{
    PAIRS, Random, gpu, neuralnet_json, parameters, problem, random_dataset, scratch,
    small_parameters,
};
use neuralnet::backend::{
    Backend, BackendKind, Evaluation, Predictions, Problem, Summary, UpdateSummary,
};
use neuralnet::cpu::Cpu;
use neuralnet::network::Activation;
use neuralnet::optimizer::UpdateRule;
use neuralnet::validate::check;
use neuralnet::{
    BackendChoice, Dataset, GpuOptions, Hardware, Loss, Optimizer, Reduction, Result, Storage,
    Synthetic, TrainConfig, train,
};
use std::num::NonZeroU32;
use std::ops::Range;

/// Those of sums that were never written are equal, too, so they are refused.
fn bits(evaluation: &Evaluation) -> Vec<u64> {
    let Summary { loss, mean_slope } = evaluation.summary;
    let values = evaluation.gradient.iter().chain([&loss, &mean_slope]);
    let bits = |value: &f64| {
        assert!(value.is_finite(), "{value}");
        value.to_bits()
    };
    values.map(bits).collect()
}

/// `n` rows of `n_samples`, in no order.
fn drawn(n: usize, n_samples: usize, seed: usize) -> Vec<usize> {
    (0..n).map(|i| (i * 7919 + seed * 31) % n_samples).collect()
}

/// Classes, and features in 128ths, which every storage holds exactly until they are scaled; of three in four weights,
/// and 0 among them.
fn dataset(n_samples: usize, n_inputs: usize, n_outputs: usize, weighted: bool) -> Dataset {
    let mut random = Random::new((n_samples + n_inputs + n_outputs) as u64);
    let mut next = || (random.next() * 128.0).floor() / 128.0;
    let inputs = (0..n_samples * n_inputs).map(|_| next()).collect();
    let one_hot = |i: usize| f32::from(i % n_outputs == i / n_outputs * 7 % 11 % n_outputs);
    let targets = (0..n_samples * n_outputs).map(one_hot).collect();
    let dataset = Dataset::from_rows("batches", n_inputs, n_outputs, inputs, targets).unwrap();
    let weights: Vec<f32> = (0..n_samples).map(|i| (i % 4) as f32 * 0.75).collect();
    match weighted {
        true => dataset.with_weights(&weights).unwrap(),
        false => dataset,
    }
}

/// The rows `rows` as a data set of their own, in full.
fn of_rows(dataset: &Dataset, rows: &[usize]) -> Dataset {
    let (n_inputs, n_outputs) = (dataset.n_inputs(), dataset.n_outputs());
    let (mut inputs, mut targets, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    let (mut x, mut t) = (vec![0.0; n_inputs], vec![0.0; dataset.target_width()]);
    for row in rows {
        dataset.read(*row..row + 1, &mut x, &mut t);
        inputs.extend_from_slice(&x);
        targets.extend_from_slice(&t[..n_outputs]);
        weights.extend_from_slice(&t[n_outputs..]);
    }
    let own = Dataset::from_rows("own", n_inputs, n_outputs, inputs, targets).unwrap();
    match dataset.is_weighted() {
        true => own.with_weights(&weights).unwrap(),
        false => own,
    }
}

fn posed(dataset: &Dataset, (activation, loss): (Activation, Loss)) -> Problem<'_> {
    let problem = problem(dataset, loss, Reduction::Mean, true);
    Problem {
        network: problem.network.clone().with_activation(activation),
        ..problem
    }
}

/// A backend of the batch's own rows, but for the evaluation of all of them, which is that of the batch.
struct Batch<'r, B> {
    whole: B,
    own: B,
    rows: &'r [usize],
}

impl<B: Backend> Backend for Batch<'_, B> {
    fn kind(&self) -> BackendKind {
        self.own.kind()
    }

    fn adapter(&self) -> String {
        self.own.adapter()
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.whole.set_parameters(parameters)?;
        self.own.set_parameters(parameters)
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        self.own.parameters()
    }

    fn evaluate_for(&mut self, update: Option<u64>, rows: Option<&[usize]>) -> Result<Evaluation> {
        if update.is_some() || rows.is_some() {
            return self.own.evaluate_for(update, rows);
        }
        // Its leaves are to be read afterwards.
        self.own.evaluate()?;
        self.whole.evaluate_rows(self.rows)
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        self.own.leaf_evaluations(leaves)
    }

    fn follow(&mut self, rule: &UpdateRule) -> Result<()> {
        self.own.follow(rule)
    }

    fn submit(&mut self, updates: Range<u64>) -> Result<()> {
        self.own.submit(updates)
    }

    fn wait(&mut self) -> Result<Vec<UpdateSummary>> {
        self.own.wait()
    }

    fn queue_depth(&self) -> usize {
        self.own.queue_depth()
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        self.own.predict(rows)
    }
}

/// The rows `rows` on the GPU within the bounds of the CPU's.
fn assert_batch(problem: &Problem<'_>, options: GpuOptions, rows: &[usize], what: &str) {
    let own = of_rows(problem.dataset, rows);
    let own = Problem {
        dataset: &own,
        ..problem.clone()
    };
    let mut candidate = Batch {
        whole: gpu(problem.clone(), options),
        own: gpu(own.clone(), options),
        rows,
    };
    let mut reference = Batch {
        whole: Cpu::rounded(problem.clone(), None).unwrap(),
        own: Cpu::rounded(own.clone(), None).unwrap(),
        rows,
    };
    let mut rounding = candidate.own.rounding();
    rounding.input = candidate.whole.rounding().input;
    candidate
        .set_parameters(&small_parameters(problem, 1.0))
        .unwrap();
    let mut checks = check(&own, &mut candidate, rounding, &mut reference, 0.5).unwrap();
    if rounding.input == 0 {
        let batch = candidate.evaluate().unwrap();
        let alone = candidate.own.evaluate().unwrap();
        assert_eq!(bits(&batch), bits(&alone), "{what}: the bits of its rows");
    } else {
        // An input may be the other of two neighbours, and then so is the loss.
        checks.retain(|check| check.quantity != "progress");
    }
    let exceeded: Vec<_> = checks.iter().filter(|check| !check.within).collect();
    assert!(exceeded.is_empty(), "{what}: {exceeded:#?}");
}

/// A leaf out of one, and several, the last of them short, out of more. Objectives, weights with scales, and storages
/// are each a part of the shaders of its own: any two of them meet, not any three.
#[test]
fn a_batch_is_within_the_bounds_of_the_cpus() {
    const STORAGES: [Storage; 3] = [Storage::F32, Storage::F16, Storage::U8];
    const WEIGHTED_AND_SCALED: [(bool, bool); 3] = [(false, false), (true, false), (true, true)];
    for (n_samples, n_inputs, n_outputs, n_rows) in [(61, 5, 3, 17), (3001, 33, 3, 2305)] {
        for (number, pair) in PAIRS.into_iter().enumerate() {
            for (turn, (weighted, scaled)) in WEIGHTED_AND_SCALED.into_iter().enumerate() {
                let storage = STORAGES[(number + turn) % 3];
                let mut dataset = dataset(n_samples, n_inputs, n_outputs, weighted);
                if scaled {
                    dataset = dataset.standardised(true);
                }
                let dataset = dataset.stored_as(storage).unwrap();
                let problem = posed(&dataset, pair);
                let what = format!(
                    "{n_rows} of {n_samples}x{n_inputs}x{n_outputs} {pair:?}, {storage:?}, weighted {weighted}, scaled {scaled}"
                );
                let rows = drawn(n_rows, n_samples, 3);
                assert_batch(&problem, GpuOptions::default(), &rows, &what);
            }
        }
    }
}

/// The widest rows, more outputs than lanes, one row, more rows than there are, a leaf out of several; and without
/// subgroups, in whose place the same kernels are proven for every shape in `shapes.rs`, a leaf and several.
#[test]
fn every_shape_of_a_batch_is_within_the_bounds_of_the_cpus() {
    let without_subgroups = GpuOptions {
        without_subgroups: true,
        ..GpuOptions::default()
    };
    for (n_samples, n_inputs, n_outputs, n_rows, options) in [
        (3, 3, 1, 1, GpuOptions::default()),
        (3, 3, 1, 7, GpuOptions::default()),
        (40, 8192, 2, 33, GpuOptions::default()),
        (300, 5, 6, 299, GpuOptions::default()),
        (300, 784, 10, 64, GpuOptions::default()),
        (300, 784, 10, 64, without_subgroups),
        (3001, 33, 3, 500, GpuOptions::default()),
        (20, 5, 1, 20_000, GpuOptions::default()),
        (20, 5, 1, 20_000, without_subgroups),
    ] {
        let dataset = random_dataset(n_samples, n_inputs, n_outputs);
        let problem = posed(&dataset, PAIRS[1]);
        let what = format!("{n_rows} of {n_samples}x{n_inputs}x{n_outputs}, {options:?}");
        let rows = drawn(n_rows, n_samples, 1);
        assert_batch(&problem, options, &rows, &what);
    }
}

/// The last batch of an epoch is shorter than what was in its place before, the next is longer again; sizes beyond
/// those that are kept; and whole passes and updates in between.
#[test]
fn a_batch_depends_on_no_other() {
    for n_samples in [700, 5000] {
        let dataset = dataset(n_samples, 33, 2, true);
        let problem = posed(&dataset, PAIRS[1]);
        let start = small_parameters(&problem, 1.0);
        let alone = |rows: &[usize]| {
            let mut gpu = gpu(problem.clone(), GpuOptions::default());
            gpu.set_parameters(&start).unwrap();
            bits(&gpu.evaluate_rows(rows).unwrap())
        };
        let mut gpu = gpu(problem.clone(), GpuOptions::default());
        gpu.set_parameters(&start).unwrap();
        let all = bits(&gpu.evaluate().unwrap());
        let long = n_samples * 2 / 3;
        for (turn, n_rows) in [long, long, 7, long, 7, 100, n_samples, 7, long]
            .into_iter()
            .enumerate()
        {
            let rows = drawn(n_rows, n_samples, turn);
            let found = bits(&gpu.evaluate_rows(&rows).unwrap());
            assert_eq!(found, alone(&rows), "{n_rows} of {n_samples}, turn {turn}");
            assert_eq!(bits(&gpu.evaluate().unwrap()), all, "all, turn {turn}");
            gpu.advance(NonZeroU32::MIN, 0.5).unwrap();
            gpu.set_parameters(&start).unwrap();
        }
    }
}

#[test]
fn chunks_pages_and_streams_change_no_bit_of_a_batch() {
    let synthetic = Dataset::synthetic(Synthetic::new(20_000, 130, 0.05, 1).unwrap());
    // Batches of several staging buffers; sums of few leaves fill a page.
    let wide = random_dataset(30_000, 128, 16);
    for (dataset, n_rows) in [(&synthetic, 17_000), (&wide, 29_999), (&wide, 300)] {
        let problem = posed(dataset, PAIRS[1]);
        let start = small_parameters(&problem, 1.0);
        let rows = drawn(n_rows, dataset.n_samples(), 2);
        let leaf_bytes = 4 * dataset.leaves().rows_per_leaf() as u64 * 132;
        let run = |options| {
            let mut gpu = gpu(problem.clone(), options);
            gpu.set_parameters(&start).unwrap();
            let batch = bits(&gpu.evaluate_rows(&rows).unwrap());
            assert_eq!(batch, bits(&gpu.evaluate_rows(&rows).unwrap()), "run twice");
            (gpu.n_streamed_chunks(), batch)
        };
        let (_, once) = run(GpuOptions::default());
        for options in [
            GpuOptions {
                max_chunk_bytes: Some(leaf_bytes),
                ..GpuOptions::default()
            },
            GpuOptions {
                max_chunk_bytes: Some(3 * leaf_bytes + 5),
                without_subgroups: true,
                ..GpuOptions::default()
            },
            GpuOptions {
                max_device_bytes: Some(3 * leaf_bytes),
                ..GpuOptions::default()
            },
            GpuOptions {
                max_device_bytes: Some(3 * leaf_bytes),
                rows_from_host: true,
                ..GpuOptions::default()
            },
        ] {
            let (n_streamed, batch) = run(options);
            let streams = options.max_device_bytes.is_some();
            assert_eq!(n_streamed > 0, streams, "{options:?}");
            assert!(batch == once, "{n_rows} rows, {options:?}");
        }
    }
}

#[test]
fn rows_that_weigh_nothing_say_nothing() {
    let dataset = dataset(3001, 33, 2, true);
    for pair in PAIRS {
        let problem = posed(&dataset, pair);
        let start = small_parameters(&problem, 1.0);
        let mut gpu = gpu(problem.clone(), GpuOptions::default());
        let mut cpu = Cpu::new(problem, None).unwrap();
        for backend in [&mut gpu as &mut dyn Backend, &mut cpu] {
            backend.set_parameters(&start).unwrap();
            let rows: Vec<usize> = (0..700).map(|i| 4 * i).collect();
            let Evaluation { summary, gradient } = backend.evaluate_rows(&rows).unwrap();
            let mut values = gradient
                .into_iter()
                .chain([summary.loss, summary.mean_slope]);
            assert!(
                values.all(|value| value == 0.0),
                "{}",
                backend.kind().name()
            );
        }
    }
}

/// With the reduction of the article's settings, which is the sum.
#[test]
fn a_sum_is_not_divided() {
    let dataset = dataset(3001, 33, 2, true);
    let rows = drawn(700, 3001, 1);
    let evaluate = |reduction| {
        let problem = problem(&dataset, Loss::CrossEntropy, reduction, true);
        let start = small_parameters(&problem, 1.0);
        let mut gpu = gpu(problem, GpuOptions::default());
        gpu.set_parameters(&start).unwrap();
        gpu.evaluate_rows(&rows).unwrap()
    };
    let (sum, mean) = (evaluate(Reduction::Sum), evaluate(Reduction::Mean));
    let weight: f64 = rows.iter().map(|row| (row % 4) as f64 * 0.75).sum();
    let pairs = std::iter::zip(&sum.gradient, &mean.gradient);
    for (sum, mean) in pairs.chain([(&sum.summary.loss, &mean.summary.loss)]) {
        let error = (sum - weight * mean).abs();
        assert!(error <= 1e-12 * sum.abs(), "{sum} is not {weight} {mean}");
    }
    assert!(
        (sum.summary.mean_slope - mean.summary.mean_slope).abs() <= 1e-15,
        "a mean in both"
    );
}

/// Both backends see the same rows. A step of Adam is at most about as long as its rate, in a direction that an error
/// of a gradient turns by about its share of the gradient, here some 10⁻⁶: after K steps the parameters are within
/// about K · rate · 10⁻⁵ of each other. A row in the wrong batch moves a gradient by 1/size of it, more than 10⁻³.
#[test]
fn training_by_adam_follows_the_cpu() {
    let synthetic = Dataset::synthetic(Synthetic::new(1000, 20, 0.05, 1).unwrap());
    for (dataset, activation) in [
        (synthetic, Activation::Sigmoid),
        (
            dataset(1000, 20, 3, true).standardised(true),
            Activation::Softmax,
        ),
    ] {
        let config = TrainConfig {
            activation,
            optimizer: Optimizer::Adam,
            learning_rate: 0.01,
            // The last batch of an epoch has 40 rows.
            batch_size: Some(64),
            iterations: 160,
            ..TrainConfig::default()
        };
        let on_gpu = Hardware {
            backend: BackendChoice::Gpu,
            ..Hardware::default()
        };
        let found = train(&dataset, &config, &on_gpu).unwrap();
        let expected = train(&dataset, &config, &Hardware::cpu()).unwrap();
        let tolerance = 160.0 * 0.01 * 1e-5;
        let pairs = std::iter::zip(&found.parameters, &expected.parameters);
        for (found, expected) in pairs.chain([(&found.loss, &expected.loss)]) {
            let error = (found - expected).abs();
            assert!(
                error <= tolerance,
                "{activation:?}: {found}, not {expected}"
            );
        }
    }
}

/// A table with weights, and a generated one, by the command line.
#[test]
fn the_command_line_trains_batches_on_the_gpu() {
    let table = format!("{}/batches.csv", scratch());
    let mut random = Random::new(3);
    let mut text = String::from("a,b,count,label\n");
    for row in 0..500 {
        let (a, b) = (random.next(), 10.0 + 3.0 * random.next());
        let label = if a + (b - 10.0) > 0.1 { "yes" } else { "no" };
        text += &format!("{a},{b},{},{label}\n", row % 3);
    }
    std::fs::write(&table, text).unwrap();
    let of_table = [&table, "--target", "label", "--sample-weight", "count"];
    let of_table = [&of_table[..], &["--storage", "f16"]].concat();
    for data in [of_table, vec!["synthetic:5000x12", "--storage", "u8"]] {
        let run = |more: &[&str]| {
            let batches = ["--batch-size", "64", "--epochs", "5"];
            let train = neuralnet_json(&[&["train"], &data[..], &batches, more].concat());
            assert_eq!(train["config"]["batch_size"], 64, "{train}");
            assert_eq!(train["config"]["optimizer"], "adam", "{train}");
            train
        };
        let on_gpu = run(&["--backend", "gpu"]);
        assert_eq!(on_gpu["backend"], "gpu", "{data:?}");
        for more in [&[][..], &["--max-chunk-bytes", "1048576"]] {
            let again = run(&[&["--backend", "gpu"], more].concat());
            assert_eq!(parameters(&again), parameters(&on_gpu), "{data:?} {more:?}");
        }
        let on_cpu = run(&["--backend", "cpu"]);
        let loss = |train: &serde_json::Value| train["loss"].as_f64().unwrap();
        let (found, expected) = (loss(&on_gpu), loss(&on_cpu));
        assert!(
            (found - expected).abs() <= 1e-5 * expected,
            "{data:?}: {found}, not {expected}"
        );
    }
}
