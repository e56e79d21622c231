//! Data that do not fit on the device stream, and nothing else changes: the same bits, within the
//! memory that was allowed, wherever the rows are made.

use crate::common::{
    assert_within, gpu, neuralnet, neuralnet_json, parameters, problem, random_dataset,
};
use neuralnet::backend::{Backend, Evaluation};
use neuralnet::gpu::{Gpu, GpuOptions};
use neuralnet::{Dataset, Loss, Reduction, Synthetic};
use std::num::NonZeroU32;

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn synthetic(n_samples: u64, n_inputs: u64) -> Dataset {
    Dataset::synthetic(Synthetic::new(n_samples, n_inputs, 0.05, 1).expect("a batch"))
}

/// Everything a backend tells after some iterations, as bits; predictions across chunks, asked for
/// between updates, so that what they bring to the device must not be taken for something else.
fn told(gpu: &mut Gpu<'_>, dataset: &Dataset, start: &[f64]) -> Vec<Vec<u64>> {
    let (n_samples, n_leaves) = (dataset.n_samples(), dataset.leaves().count());
    gpu.set_parameters(start).expect("parameters");
    let mut told = Vec::new();
    for iterations in [1, 3] {
        let iterations = NonZeroU32::new(iterations).expect("not 0");
        let summary = gpu.advance(iterations, 0.5).expect("advance");
        told.push(bits(&[summary.loss, summary.mean_slope]));
        told.push(bits(&gpu.parameters().expect("parameters")));
        for rows in [0..n_samples, 7..8, n_samples / 3..n_samples - 1] {
            let predictions = gpu.predict(rows).expect("predict");
            told.push(bits(&predictions.pre_activation));
            told.push(bits(&predictions.prediction));
        }
    }
    let Evaluation { summary, gradient } = gpu.evaluate().expect("evaluate");
    told.push(bits(&[summary.loss, summary.mean_slope]));
    told.push(bits(&gradient));
    for leaf in gpu.leaf_evaluations(0..n_leaves).expect("leaves") {
        told.push(bits(&leaf.gradient));
    }
    told
}

/// Rows that fill no vector, from the host, and rows the device could make, from there and from the
/// host: all resident, some, none, in chunks of one leaf, of a few, and of as many as go.
#[test]
fn what_streams_has_the_bits_of_what_stays() {
    let cases = [
        (random_dataset(17_333, 33, 2), false),
        (synthetic(17_333, 35), false),
        (synthetic(17_333, 35), true),
    ];
    for (dataset, rows_from_host) in &cases {
        let rows_from_host = *rows_from_host;
        let problem = problem(dataset, Loss::CrossEntropy, Reduction::Mean, true);
        let start = problem.network.initial_parameters(5);
        let leaves = dataset.leaves();
        let n_leaves = leaves.count();
        assert_eq!(n_leaves, 17, "leaves of 1,024 rows");
        let row_bytes = 4 * (36 + dataset.n_outputs() as u64);
        let leaf_bytes = leaves.rows_per_leaf() as u64 * row_bytes;
        let all = dataset.n_samples() as u64 * row_bytes;

        let mut resident = gpu(problem.clone(), GpuOptions::default());
        assert_eq!(resident.n_streamed_chunks(), 0, "everything fits");
        assert_eq!(resident.notice(), None, "nothing to tell");
        let expected = told(&mut resident, dataset, &start);
        for (n_chunks, leaves_per_chunk) in [(1, n_leaves), (3, n_leaves / 3 + 1), (n_leaves, 1)] {
            let chunk_bytes = leaves_per_chunk as u64 * leaves.rows_per_leaf() as u64 * 36 * 4;
            for (max_device_bytes, streams) in [
                (all, false),
                (all - 1, true),
                (9 * leaf_bytes + 77, true),
                (2 * leaf_bytes, true),
            ] {
                let options = GpuOptions {
                    max_chunk_bytes: Some(chunk_bytes),
                    max_device_bytes: Some(max_device_bytes),
                    rows_from_host,
                    ..GpuOptions::default()
                };
                let what = format!("{}: {options:?}", dataset.source());
                let mut gpu = gpu(problem.clone(), options);
                if !streams {
                    assert_eq!(gpu.n_chunks(), n_chunks, "{what}");
                }
                assert_eq!(gpu.n_streamed_chunks() > 0, streams, "{what}");
                assert_eq!(gpu.notice().is_some(), streams, "{what}");
                assert!(gpu.data_bytes() <= max_device_bytes, "{what}");
                if max_device_bytes == 2 * leaf_bytes {
                    assert_eq!(gpu.n_streamed_chunks(), gpu.n_chunks(), "{what}");
                }
                let told = told(&mut gpu, dataset, &start);
                for (at, (told, expected)) in told.iter().zip(&expected).enumerate() {
                    assert!(told == expected, "{what}: {at}");
                }
                assert_eq!(told.len(), expected.len(), "{what}");
            }
        }
    }
}

/// Chunks that take several staging buffers, and more of those than there are: rows from the host,
/// resident and streamed, beside rows that the device made once.
#[test]
fn the_staging_buffers_take_turns() {
    let dataset = synthetic(60_001, 255);
    let problem = problem(&dataset, Loss::CrossEntropy, Reduction::Mean, true);
    let start = problem.network.initial_parameters(3);
    let mut made = gpu(problem.clone(), GpuOptions::default());
    let expected = told(&mut made, &dataset, &start);
    for max_device_bytes in [None, Some(30_000_000), Some(61_000_000)] {
        let options = GpuOptions {
            max_device_bytes,
            rows_from_host: true,
            ..GpuOptions::default()
        };
        let mut gpu = gpu(problem.clone(), options);
        let streams = max_device_bytes.is_some();
        assert_eq!(gpu.n_streamed_chunks() > 0, streams, "{options:?}");
        let told = told(&mut gpu, &dataset, &start);
        assert!(told == expected, "{options:?}");
    }
}

/// Every check of validation, with chunks that stream from the device and from the host.
#[test]
fn streamed_rows_are_within_their_bounds() {
    for (dataset, max_device_bytes) in [
        (random_dataset(9000, 33, 3), 700_000),
        (random_dataset(300, 8191, 2), 9_000_000),
        (synthetic(9000, 130), 1_500_000),
    ] {
        let problem = problem(&dataset, Loss::SquaredError, Reduction::Mean, true);
        let parameters = problem.network.initial_parameters(2);
        let small: Vec<f64> = parameters.iter().map(|w| w / 20.0).collect();
        let options = GpuOptions {
            max_device_bytes: Some(max_device_bytes),
            ..GpuOptions::default()
        };
        let streamed = gpu(problem.clone(), options).n_streamed_chunks();
        assert!(streamed > 2, "{streamed} chunks of {}", dataset.source());
        assert_within(&problem, options, &small, dataset.source());
    }
}

#[test]
fn the_user_is_told_what_streams() {
    fn train<'a>(more: &[&'a str]) -> Vec<&'a str> {
        let args = [
            "train",
            "synthetic:30000x64",
            "--backend",
            "gpu",
            "--iterations",
            "4",
        ];
        [&args, more].concat()
    }
    let bound = ["--max-device-bytes", "3000000"];
    let output = neuralnet(&train(&bound));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let told = "of 7800000 bytes of the data stream in every iteration, as the limit on the bytes held there says";
    assert!(stderr.contains(told), "{stderr}");
    let streamed = neuralnet_json(&train(&bound));
    assert_eq!(streamed["config"]["max_device_bytes"], 3_000_000, "setting");
    let resident = neuralnet_json(&train(&[]));
    assert_eq!(
        bits(&parameters(&streamed)),
        bits(&parameters(&resident)),
        "weights"
    );
    let output = neuralnet(&train(&["--max-device-bytes", "500000"]));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    let why = "--max-device-bytes: 500000 bytes hold neither the data nor 2 leaves of 1024 rows";
    assert!(stderr.contains(why), "{stderr}");
    assert!(stderr.ends_with("take at least 532480\n"), "{stderr}");
}

/// Inputs of 4.4 GB: the leaves around 2³¹ and 2³² bytes and the last one have the bits of the same
/// rows uploaded alone, which are within their bounds of float64; and the total holds every leaf.
#[test]
fn rows_beyond_32_bits_of_bytes_count() {
    let n_inputs = 32;
    let dataset = synthetic(34_500_001, n_inputs as u64);
    let options = GpuOptions {
        max_device_bytes: Some(600_000_000),
        ..GpuOptions::default()
    };
    let big = problem(&dataset, Loss::CrossEntropy, Reduction::Sum, true);
    let start = big.network.initial_parameters(1);
    let mut gpu = gpu(big, options);
    gpu.set_parameters(&start).expect("parameters");
    let total = gpu.evaluate().expect("evaluate").summary;
    let leaves = dataset.leaves();
    let evaluations = gpu.leaf_evaluations(0..leaves.count()).expect("leaves");

    let last = leaves.count() - 1;
    let at = |bytes: usize| bytes / (4 * n_inputs) / leaves.rows_per_leaf();
    let (half, whole) = (at(1 << 31), at(1 << 32));
    assert!(half < whole && whole < last, "{whole} and {last}");
    for leaf in [half - 1, half, whole - 1, whole, last - 1, last] {
        let rows = leaves.rows(leaf);
        let mut inputs = vec![0.0; rows.len() * n_inputs];
        let mut targets = vec![0.0; rows.len()];
        dataset.read(rows.clone(), &mut inputs, &mut targets);
        let alone = Dataset::from_rows("alone", n_inputs, 1, inputs, targets).expect("rows");
        let alone = problem(&alone, Loss::CrossEntropy, Reduction::Sum, true);
        assert_within(&alone, GpuOptions::default(), &start, "alone");
        let mut gpu = crate::common::gpu(alone, GpuOptions::default());
        gpu.set_parameters(&start).expect("parameters");
        let alone = gpu.evaluate().expect("evaluate");
        let what = format!("leaf {leaf}, rows {rows:?}");
        let (summary, sums) = (evaluations[leaf].summary, &evaluations[leaf].gradient);
        assert_eq!(bits(sums), bits(&alone.gradient), "{what}");
        assert_eq!(
            summary.loss.to_bits(),
            alone.summary.loss.to_bits(),
            "{what}"
        );
    }

    // Losses are positive, so a fold of f32 rounds their sum by at most 2⁻²⁴ of it on each level;
    // a leaf left out would take 6·10⁻⁵ of it.
    let sum: f64 = evaluations.iter().map(|leaf| leaf.summary.loss).sum();
    let bound = f64::from(leaves.fold_depth()) * 2_f64.powi(-24) * sum;
    let error = (total.loss - sum).abs();
    assert!(error <= bound, "{} and {sum}", total.loss);
}
