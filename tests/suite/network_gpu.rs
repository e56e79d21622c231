//! Networks with hidden layers or many outputs on a GPU: each kernel is held against the definition, and nothing but the shape decides a
//! bit.

use crate::common::{HIDDEN, Random, gpu};
use neuralnet::backend::{Backend, Evaluation, Problem};
use neuralnet::cpu::Reference;
use neuralnet::gpu::Gpu;
use neuralnet::network::{Activation, Hidden, Init};
use neuralnet::objective::Objective;
use neuralnet::{
    Dataset, GpuOptions, Loss, Network, Optimizer, Reduction, ReferenceChoice, Storage,
    TrainConfig, validate,
};
use std::num::NonZeroU32;

/// Inputs in [−1, 1), targets that suit every loss: one class of each row, with weights or without.
fn dataset(n_rows: usize, n_inputs: usize, n_outputs: usize, weighted: bool) -> Dataset {
    let mut random = Random::new((n_rows * 31 + n_inputs) as u64);
    let inputs = (0..n_rows * n_inputs).map(|_| random.next()).collect();
    let mut targets = vec![0.0; n_rows * n_outputs];
    for row in targets.chunks_exact_mut(n_outputs) {
        row[random.below(n_outputs)] = 1.0;
    }
    let dataset = Dataset::from_rows("rows", n_inputs, n_outputs, inputs, targets).unwrap();
    if !weighted {
        return dataset;
    }
    let weights: Vec<f32> = (0..n_rows).map(|row| (row % 3) as f32 + 0.5).collect();
    dataset.with_weights(&weights).unwrap()
}

struct Shape {
    n_rows: usize,
    n_inputs: usize,
    widths: &'static [usize],
    n_outputs: usize,
    hidden: Activation,
    output: (Activation, Loss),
}

/// Widths and rows on both sides of a tile, a vec4, a leaf and a workgroup; every activation; every loss. One layer with
/// more outputs than its own kernels take; outputs that 16 to 256 invocations share, and the most of them.
const SHAPES: [Shape; 14] = [
    Shape {
        n_rows: 1,
        n_inputs: 1,
        widths: &[1],
        n_outputs: 1,
        hidden: Activation::Relu,
        output: (Activation::Sigmoid, Loss::CrossEntropy),
    },
    Shape {
        n_rows: 7,
        n_inputs: 3,
        widths: &[4],
        n_outputs: 2,
        hidden: Activation::Tanh,
        output: (Activation::Identity, Loss::SquaredError),
    },
    Shape {
        n_rows: 300,
        n_inputs: 17,
        widths: &[33, 15],
        n_outputs: 3,
        hidden: Activation::Gelu,
        output: (Activation::Softmax, Loss::CrossEntropy),
    },
    Shape {
        n_rows: 700,
        n_inputs: 64,
        // Inputs that fill a tile, to outputs that do not fit into one.
        widths: &[66, 64],
        n_outputs: 10,
        hidden: Activation::LeakyRelu,
        output: (Activation::Softmax, Loss::CrossEntropy),
    },
    Shape {
        n_rows: 257,
        n_inputs: 65,
        widths: &[130, 5],
        n_outputs: 1,
        hidden: Activation::Silu,
        output: (Activation::Sigmoid, Loss::SquaredError),
    },
    Shape {
        n_rows: 1100,
        n_inputs: 5,
        widths: &[9, 8, 7],
        n_outputs: 17,
        hidden: Activation::Sigmoid,
        output: (Activation::Softmax, Loss::CrossEntropy),
    },
    Shape {
        n_rows: 90,
        n_inputs: 30,
        widths: &[70],
        n_outputs: 66,
        hidden: Activation::Relu,
        output: (Activation::Tanh, Loss::SquaredError),
    },
    Shape {
        n_rows: 520,
        n_inputs: 12,
        widths: &[20, 20, 20, 20],
        n_outputs: 2,
        hidden: Activation::Relu,
        output: (Activation::Sigmoid, Loss::CrossEntropy),
    },
    // A leaf has 512 rows, and those of a workgroup are 256.
    Shape {
        n_rows: 1300,
        n_inputs: 150,
        widths: &[6],
        n_outputs: 1,
        hidden: Activation::Tanh,
        output: (Activation::Identity, Loss::SquaredError),
    },
    Shape {
        n_rows: 700,
        n_inputs: 30,
        widths: &[],
        n_outputs: 17,
        hidden: Activation::Relu,
        output: (Activation::Softmax, Loss::CrossEntropy),
    },
    Shape {
        n_rows: 300,
        n_inputs: 9,
        widths: &[],
        n_outputs: 65,
        hidden: Activation::Relu,
        output: (Activation::Sigmoid, Loss::CrossEntropy),
    },
    Shape {
        n_rows: 270,
        n_inputs: 5,
        widths: &[],
        n_outputs: 259,
        hidden: Activation::Relu,
        output: (Activation::Identity, Loss::SquaredError),
    },
    Shape {
        n_rows: 513,
        n_inputs: 4,
        widths: &[12],
        n_outputs: 1030,
        hidden: Activation::Tanh,
        output: (Activation::Softmax, Loss::CrossEntropy),
    },
    Shape {
        n_rows: 5,
        n_inputs: 3,
        widths: &[],
        n_outputs: 8192,
        hidden: Activation::Relu,
        output: (Activation::Softmax, Loss::CrossEntropy),
    },
];

impl Shape {
    fn problem<'a>(&self, dataset: &'a Dataset, bias: bool) -> Problem<'a> {
        let hidden = Hidden {
            widths: self.widths.to_vec(),
            activation: self.hidden,
        };
        Problem {
            dataset,
            network: Network::single_layer(self.n_inputs, self.n_outputs, bias)
                .with_activation(self.output.0)
                .with_hidden(&hidden),
            objective: Objective {
                loss: self.output.1,
                reduction: Reduction::Mean,
            },
            dropout: None,
        }
    }
}

/// Parameters for which hidden units are on and off, biases among them.
fn parameters(problem: &Problem<'_>) -> Vec<f64> {
    let mut random = Random::new(7);
    let start = problem.network.initial_parameters(3);
    let moved = start.iter().map(|p| p + 0.1 * f64::from(random.next()));
    moved.collect()
}

/// The GPU, and the definition at the parameters that the GPU holds.
fn both<'a>(problem: &Problem<'a>, parameters: &[f64]) -> (Gpu<'a>, Reference<'a>) {
    let mut gpu = gpu(problem.clone(), GpuOptions::default());
    gpu.set_parameters(parameters).unwrap();
    let mut reference = Reference::new(problem.clone(), None).unwrap();
    reference
        .set_parameters(&gpu.parameters().unwrap())
        .unwrap();
    (gpu, reference)
}

fn assert_close(found: &Evaluation, expected: &Evaluation, what: &str) {
    let scale = expected
        .gradient
        .iter()
        .fold(0.0_f64, |a, b| a.max(b.abs()));
    for (at, (found, expected)) in found.gradient.iter().zip(&expected.gradient).enumerate() {
        let error = (found - expected).abs();
        assert!(
            error <= 1e-5 * scale,
            "{what}, parameter {at}: {found}, not {expected}"
        );
    }
    let [found, expected] = [found, expected].map(|it| [it.summary.loss, it.summary.mean_slope]);
    for (found, expected) in found.into_iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(
            error <= 1e-5 * expected.abs(),
            "{what}: {found}, not {expected}"
        );
    }
}

#[test]
fn the_kernels_compute_what_the_definition_says() {
    let variants = [
        (true, false, Storage::F32),
        (false, true, Storage::F32),
        (true, true, Storage::F16),
        (true, false, Storage::U8),
    ];
    for (number, shape) in SHAPES.iter().enumerate() {
        // All variants of one shape; of the others one each, as compiling is what takes long.
        let own = match number {
            2 => &variants[..],
            _ => &variants[number % 4..][..1],
        };
        for (bias, weighted, storage) in own.iter().copied() {
            let rows = dataset(shape.n_rows, shape.n_inputs, shape.n_outputs, weighted);
            let rows = rows.stored_as(storage).unwrap();
            let problem = shape.problem(&rows, bias);
            let widths = shape.widths;
            let what = format!("{widths:?} {:?}, bias {bias}, {storage:?}", shape.hidden);
            let (mut gpu, mut reference) = both(&problem, &parameters(&problem));
            let (found, expected) = (gpu.evaluate().unwrap(), reference.evaluate().unwrap());
            assert_close(&found, &expected, &what);
            let numbers: Vec<usize> = (0..shape.n_rows).rev().step_by(2).collect();
            let found = gpu.evaluate_rows(&numbers).unwrap();
            let expected = reference.evaluate_rows(&numbers).unwrap();
            assert_close(&found, &expected, &format!("{what}, some rows"));
            let found = gpu.predict(0..shape.n_rows).unwrap();
            let expected = reference.predict(0..shape.n_rows).unwrap();
            for (found, expected) in found.prediction.iter().zip(&expected.prediction) {
                let error = (found - expected).abs();
                assert!(error <= 1e-5, "{what}: predicted {found}, not {expected}");
            }
            assert_eq!(found.pre_activation.len(), expected.pre_activation.len());
            let scale = expected
                .pre_activation
                .iter()
                .fold(1.0_f64, |a, b| a.max(b.abs()));
            for (found, expected) in found.pre_activation.iter().zip(&expected.pre_activation) {
                let error = (found - expected).abs();
                assert!(error <= 1e-5 * scale, "{what}: z {found}, not {expected}");
            }
        }
    }
}

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// Chunks, streaming, and rows that the host brings one by one: the gradient and three updates have the same bits.
#[test]
fn where_rows_lie_changes_no_bit() {
    // A leaf has 256 rows of 18 numbers, or of 66.
    assert_rows_lie_anywhere(&SHAPES[5], 1);
    assert_rows_lie_anywhere(&SHAPES[10], 4);
}

fn assert_rows_lie_anywhere(shape: &Shape, scale: u64) {
    let rows = dataset(4000, shape.n_inputs, shape.n_outputs, true);
    let problem = shape.problem(&rows, true);
    let run = |options: GpuOptions| {
        let mut gpu = gpu(problem.clone(), options);
        gpu.set_parameters(&parameters(&problem)).unwrap();
        let evaluation = gpu.evaluate().unwrap();
        let three = NonZeroU32::new(3).unwrap();
        let summary = gpu.advance(three, 0.1).unwrap();
        let numbers = [evaluation.gradient, gpu.parameters().unwrap()].concat();
        let bits = [bits(&numbers), bits(&[summary.loss, summary.mean_slope])].concat();
        (gpu.n_chunks(), gpu.n_streamed_chunks(), bits)
    };
    let (n_chunks, n_streamed, expected) = run(GpuOptions::default());
    assert_eq!((n_chunks, n_streamed), (1, 0), "chunks and streamed ones");
    for (max_chunk_bytes, max_device_bytes) in [
        (Some(70_000 * scale), None),
        (Some(20_000 * scale), None),
        (Some(20_000 * scale), Some(100_000 * scale)),
    ] {
        let (n_chunks, n_streamed, found) = run(GpuOptions {
            max_chunk_bytes,
            max_device_bytes,
            ..GpuOptions::default()
        });
        assert!(n_chunks > 3, "{n_chunks} chunks");
        assert_eq!(
            n_streamed > 0,
            max_device_bytes.is_some(),
            "{n_streamed} streamed"
        );
        assert!(
            found == expected,
            "{n_chunks} chunks, {n_streamed} streamed"
        );
    }
    let mut gpu = gpu(problem.clone(), GpuOptions::default());
    gpu.set_parameters(&parameters(&problem)).unwrap();
    let whole = gpu.evaluate().unwrap();
    let numbers: Vec<usize> = (0..4000).collect();
    let gathered = gpu.evaluate_rows(&numbers).unwrap();
    let (whole, gathered) = (bits(&whole.gradient), bits(&gathered.gradient));
    assert!(whole == gathered, "rows given by number");
}

/// Sums of leaves in pages of all, two and one of them, from rows in one chunk and from rows that stream: in order, in
/// another order, and asked for again.
#[test]
fn pages_of_leaf_sums_change_no_bit() {
    let shape = Shape {
        n_rows: 1500,
        n_inputs: 3,
        widths: &[60, 60],
        n_outputs: 1,
        hidden: Activation::Relu,
        output: (Activation::Sigmoid, Loss::CrossEntropy),
    };
    let rows = dataset(shape.n_rows, shape.n_inputs, shape.n_outputs, true);
    let problem = shape.problem(&rows, true);
    let run = |max_chunk_bytes, max_device_bytes| {
        let options = GpuOptions {
            max_chunk_bytes,
            max_device_bytes,
            ..GpuOptions::default()
        };
        let mut gpu = gpu(problem.clone(), options);
        let streams = max_device_bytes.is_some();
        assert_eq!(gpu.n_chunks() == 1, !streams, "{options:?}");
        assert_eq!(gpu.n_streamed_chunks() > 0, streams, "{options:?}");
        gpu.set_parameters(&parameters(&problem)).unwrap();
        let whole = gpu.evaluate().unwrap();
        // 6 leaves of 256 rows.
        let leaves = gpu.leaf_evaluations(1..6).unwrap();
        let numbers: Vec<usize> = (0..shape.n_rows).rev().collect();
        let reversed = gpu.evaluate_rows(&numbers).unwrap();
        let three = NonZeroU32::new(3).unwrap();
        gpu.advance(three, 0.1).unwrap();
        let mut all = vec![whole];
        all.extend(leaves);
        all.push(reversed);
        let losses: Vec<f64> = all.iter().map(|it| it.summary.loss).collect();
        let gradients: Vec<f64> = all.into_iter().flat_map(|it| it.gradient).collect();
        bits(&[losses, gradients, gpu.parameters().unwrap()].concat())
    };
    let expected = run(None, None);
    for (page, max_device_bytes) in [(40_000, None), (30_000, None), (40_000, Some(20_000))] {
        let found = run(Some(page), max_device_bytes);
        assert!(found == expected, "{page} bytes, {max_device_bytes:?}");
    }
}

/// Rows that shaders make, and values of hidden layers that are more than one block of them.
#[test]
fn generated_rows_and_several_blocks_are_summed() {
    let synthetic: neuralnet::Synthetic = "synthetic:9000x20".parse().unwrap();
    let rows = Dataset::synthetic(synthetic);
    let hidden = Hidden {
        widths: vec![300],
        activation: Activation::Relu,
    };
    let problem = Problem {
        dataset: &rows,
        network: Network::single_layer(20, 1, true).with_hidden(&hidden),
        objective: Objective {
            loss: Loss::CrossEntropy,
            reduction: Reduction::Mean,
        },
        dropout: None,
    };
    let (mut gpu, mut reference) = both(&problem, &parameters(&problem));
    let (found, expected) = (gpu.evaluate().unwrap(), reference.evaluate().unwrap());
    assert_close(&found, &expected, "generated");
    let [found, expected] = [
        gpu.predict(0..9000).unwrap(),
        reference.predict(0..9000).unwrap(),
    ];
    for (row, expected) in expected.pre_activation.iter().enumerate() {
        let found = found.pre_activation[row];
        let error = (found - expected).abs();
        assert!(error <= 1e-4, "row {row}: z {found}, not {expected}");
    }
}

/// The values of one leaf are more than a block has: it is a block all the same.
#[test]
fn a_leaf_may_be_larger_than_a_block() {
    let shape = Shape {
        n_rows: 300,
        n_inputs: 2,
        widths: &[5600],
        n_outputs: 1,
        hidden: Activation::Relu,
        output: (Activation::Sigmoid, Loss::CrossEntropy),
    };
    let rows = dataset(shape.n_rows, shape.n_inputs, shape.n_outputs, false);
    let problem = shape.problem(&rows, true);
    let (mut gpu, mut reference) = both(&problem, &problem.network.initial_parameters(3));
    let (found, expected) = (gpu.evaluate().unwrap(), reference.evaluate().unwrap());
    assert_close(&found, &expected, "wide");
}

/// Pre-activations whose `exp`, or that of their negative, is beyond f32, on both sides of 0.
#[test]
fn values_far_out_are_those_of_the_definition() {
    const SOFTMAX: (Activation, Loss) = (Activation::Softmax, Loss::CrossEntropy);
    for (hidden, output, n_outputs) in [
        (Activation::Tanh, SOFTMAX, 3),
        (Activation::Tanh, SOFTMAX, 200),
        (
            Activation::Sigmoid,
            (Activation::Sigmoid, Loss::CrossEntropy),
            3,
        ),
        (Activation::Gelu, (Activation::Tanh, Loss::SquaredError), 3),
        (
            Activation::Silu,
            (Activation::Sigmoid, Loss::SquaredError),
            3,
        ),
    ] {
        let shape = Shape {
            n_rows: 50,
            n_inputs: 3,
            widths: &[8],
            n_outputs,
            hidden,
            output,
        };
        let rows = dataset(shape.n_rows, shape.n_inputs, shape.n_outputs, false);
        let problem = shape.problem(&rows, true);
        let far: Vec<f64> = parameters(&problem).iter().map(|p| 1000.0 * p).collect();
        let (mut gpu, mut reference) = both(&problem, &far);
        let (found, expected) = (gpu.evaluate().unwrap(), reference.evaluate().unwrap());
        let [found_loss, loss] = [&found, &expected].map(|it| it.summary.loss);
        let error = (found_loss - loss).abs();
        assert!(
            error <= 1e-4 * loss,
            "{hidden:?}: loss {found_loss}, not {loss}"
        );
        assert!(found.summary.mean_slope.is_finite(), "{hidden:?}");
        let largest = |numbers: &[f64]| numbers.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        let scale = largest(&expected.gradient);
        for (found, expected) in found.gradient.iter().zip(&expected.gradient) {
            let error = (found - expected).abs();
            assert!(
                error <= 1e-3 * scale,
                "{hidden:?}: gradient {found}, not {expected}"
            );
        }
        let found = gpu.predict(0..shape.n_rows).unwrap();
        let expected = reference.predict(0..shape.n_rows).unwrap();
        assert!(largest(&expected.pre_activation) > 500.0, "far out");
        for (found, expected) in found.prediction.iter().zip(&expected.prediction) {
            let error = (found - expected).abs();
            assert!(
                error <= 1e-2,
                "{hidden:?}: predicted {found}, not {expected}"
            );
        }
    }
}

/// A row of zeros at the start, where no unit has a bias: the slope at 0 is that of below.
#[test]
fn the_slope_at_0_is_that_of_the_definition() {
    for hidden in [Activation::Relu, Activation::LeakyRelu] {
        let shape = Shape {
            n_rows: 2,
            n_inputs: 3,
            widths: &[5],
            n_outputs: 2,
            hidden,
            output: (Activation::Sigmoid, Loss::CrossEntropy),
        };
        let targets = vec![1.0, 0.0, 1.0, 1.0];
        let rows = Dataset::from_rows("zeros", 3, 2, vec![0.0; 6], targets).unwrap();
        let problem = shape.problem(&rows, true);
        let (mut gpu, mut reference) = both(&problem, &problem.network.initial_parameters(3));
        let (found, expected) = (gpu.evaluate().unwrap(), reference.evaluate().unwrap());
        assert_close(&found, &expected, &format!("{hidden:?} of 0"));
    }
}

/// A network, weights and objective at random, of every activation.
fn random_problem(random: &mut Random, number: usize) -> (Dataset, Shape, bool) {
    const OUTPUTS: [(Activation, Loss); 5] = crate::common::PAIRS;
    let output = OUTPUTS[number % OUTPUTS.len()];
    let width = |random: &mut Random| match random.below(3) {
        0 => 1 + random.below(200),
        _ => 1 + random.below(40),
    };
    let widths: Vec<usize> = (0..1 + random.below(5)).map(|_| width(random)).collect();
    let shape = Shape {
        n_rows: 1 + random.below(600),
        n_inputs: width(random),
        widths: widths.leak(),
        n_outputs: 2 + random.below(12),
        hidden: HIDDEN[number % HIDDEN.len()],
        output,
    };
    let rows = dataset(
        shape.n_rows,
        shape.n_inputs,
        shape.n_outputs,
        number.is_multiple_of(3),
    );
    (rows, shape, number % 4 != 1)
}

/// Each kernel of networks whose outputs are many is within its bound, in a network of one layer and in one of two.
#[test]
fn many_outputs_are_proven_stage_by_stage() {
    for shape in &SHAPES[9..13] {
        let rows = dataset(shape.n_rows, shape.n_inputs, shape.n_outputs, true);
        let config = TrainConfig {
            iterations: 1,
            learning_rate: 0.1,
            activation: shape.output.0,
            loss: shape.output.1,
            hidden: Hidden {
                widths: shape.widths.to_vec(),
                activation: shape.hidden,
            },
            ..TrainConfig::default()
        };
        let options = GpuOptions::default();
        let proof = validate(&rows, &config, options, None, ReferenceChoice::Fast).unwrap();
        let exceeded: Vec<_> = proof.checks.iter().filter(|check| !check.within).collect();
        let what = format!("{:?}, {} outputs", shape.widths, shape.n_outputs);
        assert!(exceeded.is_empty(), "{what}: {exceeded:#?}");
        let n_layers = shape.widths.len() + 1;
        let n_found = proof.checks.len() + proof.vacuous.len();
        assert_eq!(n_found, 2 * (4 * n_layers - 1 + 7 + 2), "{what}");
        assert!(proof.passed(), "{what}");
    }
}

/// Every stage of every layer is within its bound, before and after updates, whatever the network and the optimizer. `NEURALNET_NETWORKS`
/// of them are drawn, or a few.
#[test]
fn random_networks_are_proven_stage_by_stage() {
    let networks = std::env::var("NEURALNET_NETWORKS").map_or(5, |n| n.parse().unwrap());
    let mut random = Random::new(11);
    for number in 0..networks {
        let (rows, shape, bias) = random_problem(&mut random, number);
        let optimizer = Optimizer::FIRST_ORDER[number % Optimizer::FIRST_ORDER.len()];
        let config = TrainConfig {
            iterations: 3,
            activation: shape.output.0,
            loss: shape.output.1,
            hidden: Hidden {
                widths: shape.widths.to_vec(),
                activation: shape.hidden,
            },
            init: (number % 2 == 0).then_some(Init::Glorot),
            bias,
            optimizer,
            learning_rate: 0.01,
            weight_decay: if optimizer == Optimizer::AdamW {
                0.1
            } else {
                0.0
            },
            l2: if number % 4 == 3 { 0.01 } else { 0.0 },
            clip_norm: (number % 3 == 1).then_some(0.1),
            average_decay: (number % 5 == 2).then_some(0.99),
            dropout: if number % 5 < 2 { 0.3 } else { 0.0 },
            batch_size: (number % 2 == 1).then_some(1 + rows.n_samples() / 3),
            ..TrainConfig::default()
        };
        let options = GpuOptions::default();
        let proof = validate(&rows, &config, options, None, ReferenceChoice::Fast).unwrap();
        let exceeded: Vec<_> = proof.checks.iter().filter(|check| !check.within).collect();
        let what = format!("{:?} {:?}, {:?}", shape.widths, shape.hidden, shape.output);
        assert!(exceeded.is_empty(), "{number}, {what}: {exceeded:#?}");
        let n_layers = shape.widths.len() + 1;
        // z, dloss/dz and gradient of each layer, the activations of the hidden ones, seven more, z and predictions from
        // the data unless their bound promises nothing, what the optimizer keeps, a penalty, and of batches the gradient and
        // their rows alone, at 0, 1 and 3.
        let keeps = !optimizer.memory().is_empty() || config.average_decay.is_some();
        let has_batches = config.batch_size.is_some();
        let of_update = [keeps, config.l2 > 0.0, has_batches, has_batches];
        let of_update: usize = of_update.map(usize::from).iter().sum();
        let n_checks = 3 * (4 * n_layers - 1 + 7 + 2 + of_update);
        let n_found = proof.checks.len() + proof.vacuous.len();
        assert_eq!(n_found, n_checks, "{what}");
        assert!(proof.vacuous.len() < 6, "{what}: {:?}", proof.vacuous);
        assert!(proof.passed(), "{what}");
    }
}
