//! Inputs stored in fewer bits: the GPU computes on the values the data set says it stores, bit for bit,
//! and what rounding to them changed is told apart.

use crate::common::{
    Random, assert_within, gpu, neuralnet, neuralnet_json, parameters, problem, random_dataset,
    small_parameters,
};
use neuralnet::backend::Backend;
use neuralnet::cpu::Cpu;
use neuralnet::{Dataset, GpuOptions, Loss, Reduction, Storage, Synthetic};
use std::num::NonZeroU32;
use std::path::PathBuf;

const SMALLER: [Storage; 2] = [Storage::F16, Storage::U8];

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn stored(dataset: &Dataset, storage: Storage) -> Dataset {
    dataset
        .stored_as(storage)
        .expect("every value can be stored")
}

/// The inputs as the data set says they are stored.
fn inputs(dataset: &Dataset) -> Vec<f32> {
    let n_samples = dataset.n_samples();
    let mut inputs = vec![0.0; n_samples * dataset.n_inputs()];
    let mut targets = vec![0.0; n_samples * dataset.n_outputs()];
    dataset.read(0..n_samples, &mut inputs, &mut targets);
    inputs
}

/// Random targets, and inputs made by `value` from row and column.
fn made(n_samples: usize, n_inputs: usize, value: impl Fn(usize, usize) -> f32) -> Dataset {
    let mut random = Random::new(5);
    let inputs = (0..n_samples * n_inputs).map(|i| value(i / n_inputs, i % n_inputs));
    let targets = (0..n_samples).map(|_| f32::from(random.next() > 0.0));
    let (inputs, targets) = (inputs.collect(), targets.collect());
    Dataset::from_rows("made", n_inputs, 1, inputs, targets).expect("rows")
}

/// Pixels of every value.
fn pictures(n_samples: usize, n_inputs: usize) -> Dataset {
    let pixel = |row: usize, column: usize| u8::try_from((row * 31 + column * 7) % 256);
    made(n_samples, n_inputs, |row, column| {
        f32::from(pixel(row, column).expect("below 256"))
    })
}

/// With subgroups where there are: how lanes exchange has nothing to do with how inputs are stored.
#[test]
fn every_shape_is_within_its_bounds() {
    let options = GpuOptions::default();
    for (n_samples, n_inputs, n_outputs) in [
        (1, 1, 1),
        (7, 3, 2),
        (65, 33, 5),
        (4097, 255, 3),
        (32_769, 1, 1),
        (17, 8191, 2),
        (300, 784, 10),
    ] {
        for storage in SMALLER {
            let dataset = stored(&random_dataset(n_samples, n_inputs, n_outputs), storage);
            let problem = problem(&dataset, Loss::CrossEntropy, Reduction::Mean, true);
            let parameters = small_parameters(&problem, 2.0);
            let what = format!("{n_samples}x{n_inputs}x{n_outputs} {storage:?}");
            assert_within(&problem, options, &parameters, &what);
        }
    }
}

/// The GPU's pre-activations with weight 1 and no bias, which are its inputs, but for the sign of 0.
fn assert_decoded(dataset: &Dataset, expected: &[f32]) {
    let problem = problem(dataset, Loss::SquaredError, Reduction::Sum, false);
    let mut gpu = gpu(problem, GpuOptions::default());
    gpu.set_parameters(&[1.0]).expect("parameters");
    let predictions = gpu.predict(0..dataset.n_samples()).expect("predict");
    assert_eq!(predictions.pre_activation.len(), expected.len(), "rows");
    for (decoded, expected) in std::iter::zip(predictions.pre_activation, expected) {
        let expected = f64::from(*expected) + 0.0;
        let same = (decoded + 0.0).to_bits() == expected.to_bits();
        assert!(same, "{}: {decoded:e}, not {expected:e}", dataset.source());
    }
}

/// Every half there is but the subnormal ones; all of them are stored as they are.
#[test]
fn the_gpu_decodes_every_half() {
    let halves: Vec<f32> = (0..=u16::MAX)
        .map(half::f16::from_bits)
        .filter(|half| half.is_normal() || half.to_f32() == 0.0)
        .map(half::f16::to_f32)
        .collect();
    assert_eq!(halves.len(), 61_442, "halves");
    let dataset = stored(&made(halves.len(), 1, |row, _| halves[row]), Storage::F16);
    assert_eq!(
        dataset.storage_rounding().n_changed,
        0,
        "halves are stored exactly"
    );
    assert_decoded(&dataset, &halves);
}

/// 256 codes a column, of scales and offsets as nasty as they come: to the bits of the host.
#[test]
fn the_gpu_decodes_every_byte() {
    for (min, max) in [
        (0.0, 255.0),
        (-1.0, 1.0),
        (0.0, 1.0),
        (-0.3, 1.7),
        (1900.0, 2155.0),
        (1e6, 1_000_061.3),
        (-16_777_215.0, -16_700_000.5),
        (-1e-30, 7e30),
        (-1.6e38, 1.6e38),
        (1e-36, 1e-35),
    ] {
        // Between two codes and on them.
        let n_rows = 511_u16;
        let dataset = made(n_rows.into(), 1, |row, _| {
            let part = row as f64 / f64::from(n_rows - 1);
            #[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
            let x = (min + part * (max - min)) as f32;
            x
        });
        let dataset = stored(&dataset, Storage::U8);
        let expected = inputs(&dataset);
        let mut distinct: Vec<u32> = expected.iter().map(|x| x.to_bits()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert!(
            distinct.len() >= 255,
            "{} codes of [{min}, {max}]",
            distinct.len()
        );
        assert_decoded(&dataset, &expected);
    }
}

/// Where a scale is not a power of two, the language leaves the last bit of a product to the device.
#[test]
fn bounds_count_the_rounding_of_a_decoded_input_where_there_is_one() {
    let roundings = |dataset: &Dataset, storage| {
        let dataset = stored(dataset, storage);
        let problem = problem(&dataset, Loss::CrossEntropy, Reduction::Mean, true);
        gpu(problem, GpuOptions::default()).rounding().input
    };
    let random = random_dataset(100, 5, 1);
    assert_eq!(roundings(&random, Storage::F32), 0, "f32");
    assert_eq!(roundings(&random, Storage::F16), 0, "halves");
    assert_eq!(roundings(&random, Storage::U8), 1, "scales");
    assert_eq!(roundings(&pictures(100, 5), Storage::U8), 0, "pictures");
}

/// Everything after some iterations, as bits.
fn told(dataset: &Dataset, options: GpuOptions) -> Vec<Vec<u64>> {
    let problem = problem(dataset, Loss::CrossEntropy, Reduction::Mean, true);
    let start = small_parameters(&problem, 2.0);
    let mut gpu = gpu(problem, options);
    gpu.set_parameters(&start).expect("parameters");
    let iterations = NonZeroU32::new(3).expect("not 0");
    let summary = gpu.advance(iterations, 0.5).expect("advance");
    let parameters = gpu.parameters().expect("parameters");
    let predictions = gpu.predict(1..dataset.n_samples()).expect("predict");
    vec![
        bits(&[summary.loss, summary.mean_slope]),
        bits(&parameters),
        bits(&predictions.pre_activation),
        bits(&gpu.evaluate().expect("evaluate").gradient),
    ]
}

/// Pictures, whose bytes are their values, and columns each with steps of its own.
#[test]
fn bytes_are_stored_without_loss_and_train_to_the_same_bits() {
    let steps = [1.0, 0.25, 64.0, 1.0 / 256.0];
    let columns = made(3000, 33, |row, column| {
        let pixel = u8::try_from((row * 5 + column) % 256).expect("below 256");
        (f32::from(pixel) - 3.0 * column as f32) * steps[column % 4] / 64.0
    });
    for (what, dataset) in [("pictures", pictures(3000, 33)), ("columns", columns)] {
        let bytes = stored(&dataset, Storage::U8);
        let change = bytes.storage_rounding();
        assert_eq!(
            (change.n_values, change.n_changed),
            (3000 * 33, 0),
            "{what}"
        );
        assert_eq!((change.absolute, change.relative), (0.0, 0.0), "{what}");
        assert!(inputs(&bytes) == inputs(&dataset), "{what}");
        for options in [
            GpuOptions::default(),
            GpuOptions {
                without_subgroups: true,
                ..GpuOptions::default()
            },
        ] {
            let (full, small) = (told(&dataset, options), told(&bytes, options));
            assert!(full == small, "{what}: {options:?}");
        }
    }
}

/// Chunks and streams of rows of odd lengths, from the host and made on the device, have the bits of
/// rows that stay; they take the room of their codes, not that of f32.
#[test]
fn what_is_cut_or_streams_has_the_bits_of_what_stays() {
    let synthetic =
        |n_inputs| Dataset::synthetic(Synthetic::new(9001, n_inputs, 0.05, 1).expect("a batch"));
    for storage in SMALLER {
        for dataset in [
            pictures(9001, 33),
            random_dataset(9001, 35, 2),
            synthetic(35),
        ] {
            let dataset = stored(&dataset, storage);
            let width = storage.bytes() as u64 * 36 + 4 * dataset.n_outputs() as u64;
            let all = 9001 * width;
            let expected = told(&dataset, GpuOptions::default());
            // Where the rows are made matters for those that can be made anywhere.
            let anywhere = dataset.source().starts_with("synthetic:");
            for rows_from_host in [false, true].into_iter().take(1 + usize::from(anywhere)) {
                for (max_device_bytes, max_chunk_bytes) in [
                    (all, 1024 * 36 * 4),
                    (all - 1, u64::MAX),
                    (2 * 1024 * width, u64::MAX),
                ] {
                    let options = GpuOptions {
                        max_device_bytes: Some(max_device_bytes),
                        max_chunk_bytes: Some(max_chunk_bytes),
                        rows_from_host,
                        ..GpuOptions::default()
                    };
                    let what = format!("{} {storage:?} {options:?}", dataset.source());
                    let problem = problem(&dataset, Loss::CrossEntropy, Reduction::Mean, true);
                    let gpu = gpu(problem, options);
                    let streams = gpu.n_streamed_chunks() > 0;
                    assert_eq!(streams, max_device_bytes < all, "{what}");
                    assert!(gpu.data_bytes() <= max_device_bytes, "{what}");
                    assert!(gpu.n_chunks() > 1, "{what}");
                    drop(gpu);
                    assert!(told(&dataset, options) == expected, "{what}");
                }
            }
        }
    }
}

/// The CPU takes the stored values, too: it cannot be told from a CPU that was given these as data.
#[test]
fn the_cpu_computes_on_what_is_stored() {
    let dataset = random_dataset(3000, 7, 1);
    for storage in SMALLER {
        let rounded = stored(&dataset, storage);
        assert!(
            rounded.storage_rounding().n_changed > 2900,
            "{storage:?} rounds"
        );
        let targets = dataset.stored().expect("rows in memory").targets;
        let given = Dataset::from_rows("given", 7, 1, inputs(&rounded), targets.to_vec());
        let given = given.expect("rows");
        let evaluated = |dataset: &Dataset| {
            let problem = problem(dataset, Loss::CrossEntropy, Reduction::Mean, true);
            let parameters = small_parameters(&problem, 2.0);
            let mut cpu = Cpu::new(problem, None).expect("a CPU");
            cpu.set_parameters(&parameters).expect("parameters");
            bits(&cpu.evaluate().expect("evaluate").gradient)
        };
        assert_eq!(evaluated(&rounded), evaluated(&given), "{storage:?}");
        assert_ne!(evaluated(&rounded), evaluated(&dataset), "{storage:?}");
    }
}

fn file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(crate::common::scratch()).join(name);
    std::fs::write(&path, content).expect("a file");
    path
}

#[test]
fn what_cannot_be_stored_is_named() {
    let halves = file("halves.csv", "a,b,y\n1,2,0\n\n3,65504,1\n5,-65505,1\n");
    let wide = file("wide.csv", "a,b,y\n1,-3.4e38,0\n3,1e38,1\n");
    let targets = file("targets.csv", "a,b,y\n1,2,0\n3,4,7\n");
    for (path, storage, message) in [
        (
            &halves,
            "f16",
            ":5: column `b`: -65505: the largest half is 65504; rescale the column, or take --storage u8 or f32",
        ),
        (
            &wide,
            "f16",
            ":2: column `b`: -340000000000000000000000000000000000000: the largest half",
        ),
        (&targets, "u8", ":3: column `y`: target 7 lies outside"),
    ] {
        let path = path.to_str().expect("a path");
        for backend in ["cpu", "gpu"] {
            let args = [
                "train",
                path,
                "--no-standardise",
                "--loss",
                "cross-entropy",
                "--storage",
                storage,
                "--backend",
                backend,
            ];
            let output = neuralnet(&args);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
            assert!(stderr.contains(message), "{args:?}: {stderr}");
        }
    }
    let values = vec![1.0, f32::MIN, 0.1 * f32::MAX];
    let wide = Dataset::from_rows("wide", 1, 1, values, vec![0.0; 3]).expect("rows");
    let error = wide.stored_as(Storage::U8).expect_err("steps beyond f32");
    let error = error.to_string();
    assert!(
        error.starts_with("wide: row 1, column `x0`: -34028"),
        "{error}"
    );
    assert!(error.contains("256 steps"), "{error}");
    assert!(
        error.ends_with("rescale the column, or set `storage` to f32"),
        "{error}"
    );
    let path = halves.to_str().expect("a path");
    let train = neuralnet_json(&["train", path, "--storage", "u8", "--backend", "cpu"]);
    assert_eq!(train["config"]["storage"], "u8", "{train}");
}

#[test]
fn validate_tells_what_rounding_did() {
    let validate = |storage| {
        let args = [
            "validate",
            "synthetic:5000x9",
            "--iterations",
            "10",
            "--storage",
            storage,
        ];
        neuralnet_json(&args)
    };
    let full = validate("f32");
    assert!(full["rounding"].is_null(), "{full}");
    for (storage, absolute) in [("f16", 2_f64.powi(-12)), ("u8", 2_f64.powi(-8))] {
        let validation = validate(storage);
        assert_eq!(validation["passed"], true, "{validation}");
        assert_eq!(validation["config"]["storage"], storage, "{validation}");
        let rounding = &validation["rounding"];
        let number = |key: &str| rounding[key].as_f64().expect("a number");
        assert_eq!(rounding["n_values"], 45_000, "{validation}");
        assert!(number("n_changed") > 30_000.0, "{validation}");
        // Random numbers come close to the middle between two codes, and not past it.
        let most = number("absolute");
        assert!(most <= absolute && most > 0.99 * absolute, "{validation}");
        assert!(
            (number("relative") - most / 2.0).abs() <= 1e-15,
            "{validation}"
        );
        let (original, stored) = (number("loss_of_original"), number("loss_of_stored"));
        assert_ne!(original.to_bits(), stored.to_bits(), "{validation}");
        assert!((original - stored).abs() < 0.01 * original, "{validation}");
    }
    for storage in ["f16", "u8"] {
        let args = [
            "validate",
            "article",
            "--iterations",
            "10",
            "--storage",
            storage,
        ];
        let validation = neuralnet_json(&args);
        let rounding = &validation["rounding"];
        assert_eq!(rounding["n_changed"], 0, "{validation}");
        assert_eq!(rounding["absolute"], 0.0, "{validation}");
        assert_eq!(
            rounding["loss_of_original"], rounding["loss_of_stored"],
            "{validation}"
        );
        let text = neuralnet(&args).stdout;
        let text = String::from_utf8_lossy(&text);
        let said = format!("{storage} holds each of the 9 inputs exactly: nothing was rounded\n");
        assert!(text.contains(&said), "{text}");
    }
}

/// The weights a user gets for pictures, whichever way they are stored.
#[test]
fn pictures_in_a_file_train_to_the_same_weights_in_bytes() {
    let mut content = "p0,p1,p2,p3,p4,y\n".to_owned();
    for row in 0..600_usize {
        for column in 0..5 {
            content += &format!("{},", (row * 31 + column * 97 + row * row) % 256);
        }
        content += &format!("{}\n", row % 2);
    }
    let path = file("pictures.csv", &content);
    let path = path.to_str().expect("a path");
    let train = |storage| {
        let args = ["train", path, "--backend", "gpu", "--iterations", "20"];
        let small = [
            "--learning-rate",
            "0.0001",
            "--no-standardise",
            "--storage",
            storage,
        ];
        bits(&parameters(&neuralnet_json(&[&args[..], &small].concat())))
    };
    assert_eq!(train("f32"), train("u8"), "weights");
}
