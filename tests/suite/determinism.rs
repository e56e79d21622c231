//! The same run gives the same bits: on the GPU twice, in any number of chunks, and with or without
//! subgroups; on the CPU with any number of threads; and however a training is cut into calls.

use crate::common::{gpu, neuralnet_json, parameters, problem, random_dataset};
use neuralnet::backend::Backend;
use neuralnet::cpu::Cpu;
use neuralnet::gpu::GpuOptions;
use neuralnet::{Loss, Reduction};
use std::num::NonZeroU32;

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// What the user sees: the JSON of a synthetic batch, in one chunk, in 3 and in 17.
#[test]
fn the_gpu_gives_the_same_weights_in_any_number_of_chunks() {
    let train = |max_chunk_bytes: Option<&str>| {
        let mut args = vec![
            "train",
            "synthetic:300000x32",
            "--backend",
            "gpu",
            "--iterations",
            "20",
        ];
        args.extend(max_chunk_bytes.map(|_| "--max-chunk-bytes"));
        args.extend(max_chunk_bytes);
        let train = neuralnet_json(&args);
        let loss = train["loss"].as_f64().unwrap();
        (bits(&parameters(&train)), loss.to_bits())
    };
    let once = train(None);
    assert_eq!(once, train(None), "run twice");
    assert_eq!(once, train(Some("12845056")), "3 chunks");
    assert_eq!(once, train(Some("2359296")), "17 chunks");
}

/// The chunk sizes above do cut the data into 1, 3 and 17 chunks, and subgroups change no bit.
#[test]
fn chunks_and_lanes_change_no_bit() {
    let (n_samples, n_inputs) = (300_000, 32);
    let dataset = neuralnet::Dataset::synthetic(
        neuralnet::Synthetic::new(n_samples, n_inputs, 0.05, 1).unwrap(),
    );
    let problem = problem(&dataset, Loss::CrossEntropy, Reduction::Mean, true);
    let start = problem.network.initial_parameters(1);
    let run = |options: GpuOptions| {
        let mut gpu = gpu(problem.clone(), options);
        gpu.set_parameters(&start).unwrap();
        gpu.advance(NonZeroU32::new(3).unwrap(), 0.1).unwrap();
        let offered = neuralnet::gpu::adapters()
            .unwrap()
            .iter()
            .any(|adapter| gpu.adapter().starts_with(&adapter.name) && adapter.subgroups);
        assert_eq!(
            gpu.subgroups(),
            offered && !options.without_subgroups,
            "subgroups are used where the adapter has them"
        );
        (gpu.n_chunks(), bits(&gpu.parameters().unwrap()))
    };
    let (n_chunks, once) = run(GpuOptions::default());
    assert_eq!(n_chunks, 1, "38.4 MB fit every binding");
    for (max_chunk_bytes, expected) in [(12_845_056, 3), (2_359_296, 17)] {
        for without_subgroups in [false, true] {
            let (n_chunks, weights) = run(GpuOptions {
                max_chunk_bytes: Some(max_chunk_bytes),
                without_subgroups,
                ..GpuOptions::default()
            });
            assert_eq!(n_chunks, expected, "chunks of {max_chunk_bytes} bytes");
            assert_eq!(
                weights, once,
                "{expected} chunks, without subgroups: {without_subgroups}"
            );
        }
    }
}

/// Rows so wide, with so many outputs, that the sums of a few leaves fill a page.
#[test]
fn pages_of_sums_change_no_bit() {
    let dataset = random_dataset(40_000, 128, 16);
    let problem = problem(&dataset, Loss::CrossEntropy, Reduction::Mean, true);
    let start = problem.network.initial_parameters(6);
    let run = |max_chunk_bytes| {
        let options = GpuOptions {
            max_chunk_bytes,
            ..GpuOptions::default()
        };
        let mut gpu = gpu(problem.clone(), options);
        gpu.set_parameters(&start).unwrap();
        gpu.advance(NonZeroU32::MIN, 0.1).unwrap();
        let evaluation = gpu.evaluate().unwrap();
        let leaves = gpu.leaf_evaluations(3..dataset.leaves().count()).unwrap();
        let leaves: Vec<_> = leaves.iter().map(|leaf| bits(&leaf.gradient)).collect();
        (gpu.n_chunks(), bits(&evaluation.gradient), leaves)
    };
    let (_, gradient, leaves) = run(None);
    let (n_chunks, paged_gradient, paged_leaves) = run(Some(524_288));
    assert_eq!(n_chunks, dataset.leaves().count(), "a chunk holds one leaf");
    assert!(paged_gradient == gradient, "the gradient has other bits");
    assert!(paged_leaves == leaves, "the leaves have other bits");
}

/// Rows shared by several subgroups sum in the same tree as through workgroup memory alone.
#[test]
fn wide_rows_have_the_same_bits_with_and_without_subgroups() {
    for (n_samples, n_inputs, n_outputs) in [(300, 784, 10), (60, 8192, 2)] {
        let dataset = random_dataset(n_samples, n_inputs, n_outputs);
        let problem = problem(&dataset, Loss::SquaredError, Reduction::Mean, true);
        let start = problem.network.initial_parameters(2);
        let gradient = |without_subgroups| {
            let mut gpu = gpu(
                problem.clone(),
                GpuOptions {
                    without_subgroups,
                    ..GpuOptions::default()
                },
            );
            gpu.set_parameters(&start).unwrap();
            bits(&gpu.evaluate().unwrap().gradient)
        };
        assert_eq!(
            gradient(true),
            gradient(false),
            "{n_inputs} inputs, {n_outputs} outputs"
        );
    }
}

#[test]
fn the_cpu_gives_the_same_bits_with_any_number_of_threads() {
    let dataset = random_dataset(30_001, 33, 3);
    let run = |threads| {
        let problem = problem(&dataset, Loss::CrossEntropy, Reduction::Mean, true);
        let start = problem.network.initial_parameters(3);
        let mut cpu = Cpu::new(problem, Some(threads)).unwrap();
        cpu.set_parameters(&start).unwrap();
        cpu.advance(NonZeroU32::new(10).unwrap(), 0.5).unwrap();
        bits(&cpu.parameters().unwrap())
    };
    let once = run(1);
    assert_eq!(once, run(2), "2 threads");
    assert_eq!(once, run(5), "5 threads");
}

#[test]
fn updates_made_one_by_one_are_the_updates_made_at_once() {
    let dataset = random_dataset(5000, 20, 2);
    let problem = problem(&dataset, Loss::SquaredError, Reduction::Mean, true);
    let start = problem.network.initial_parameters(4);
    let mut gpu = gpu(problem.clone(), GpuOptions::default());
    let mut cpu = Cpu::new(problem, None).unwrap();
    for backend in [&mut gpu as &mut dyn Backend, &mut cpu] {
        backend.set_parameters(&start).unwrap();
        backend.advance(NonZeroU32::new(12).unwrap(), 0.5).unwrap();
        let at_once = bits(&backend.parameters().unwrap());
        backend.set_parameters(&start).unwrap();
        for _ in 0..12 {
            backend.advance(NonZeroU32::MIN, 0.5).unwrap();
        }
        assert_eq!(
            bits(&backend.parameters().unwrap()),
            at_once,
            "{}",
            backend.kind().name()
        );
    }
}
