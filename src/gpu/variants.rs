//! Every kernel in every variant, on whatever adapter there is: laid out as for a GPU and as for a CPU,
//! with shuffles and without, with its loops written out and as they are written.

use super::adapter::{AdapterKind, Software};
use super::device::tests::device;
use super::{Gpu, GpuOptions};
use crate::backend::{Backend, Problem};
use crate::cpu::Cpu;
use crate::data::Dataset;
use crate::error::Error;
use crate::network::Network;
use crate::objective::{Loss, Objective, Reduction};
use crate::random::test_numbers;
use crate::validate::check;
use rand::RngExt;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Shapes that fill no vector, no group of lanes and no leaf; one leaf in one round and in several; several
/// leaves; more outputs than lanes; rows shared by several subgroups, and the widest.
const SHAPES: [(usize, usize, usize); 13] = [
    (1, 1, 1),
    (3, 3, 1),
    (7, 3, 2),
    (65, 33, 5),
    (257, 64, 1),
    (500, 784, 10),
    (60, 8192, 2),
    (60, 640, 1),
    (60, 400, 1),
    (300, 5, 6),
    (5000, 32, 1),
    (700, 784, 1),
    (2100, 100, 3),
];

#[derive(Clone, Copy, Debug)]
struct Variant {
    kind: AdapterKind,
    /// Invocations of a subgroup if they are not to be the adapter's; only without shuffles.
    subgroup: Option<u32>,
    without_subgroups: bool,
    keep_loops: bool,
}

/// A CPU's layout and a GPU's, each with shuffles first.
const SOFTWARE: Variant = Variant {
    kind: AdapterKind::Software,
    subgroup: None,
    without_subgroups: false,
    keep_loops: false,
};
const HARDWARE: Variant = Variant {
    kind: AdapterKind::Discrete,
    ..SOFTWARE
};

/// Numbers in [−1, 1).
fn random(n: usize, seed: usize) -> Vec<f32> {
    let mut random = test_numbers(seed as u64);
    (0..n).map(|_| random.random_range(-1.0..1.0)).collect()
}

fn dataset((n_samples, n_inputs, n_outputs): (usize, usize, usize)) -> Dataset {
    let inputs = random(n_samples * n_inputs, n_inputs);
    let targets = random(n_samples * n_outputs, 1);
    let targets = targets.into_iter().map(|t| f32::from(t > 0.0)).collect();
    Dataset::from_rows("random", n_inputs, n_outputs, inputs, targets).unwrap()
}

fn problem(dataset: &Dataset, loss: Loss) -> Problem<'_> {
    Problem {
        dataset,
        network: Network::single_layer(dataset.n_inputs(), dataset.n_outputs(), true),
        objective: Objective {
            loss,
            reduction: Reduction::Mean,
        },
        dropout: None,
    }
}

/// Parameters that leave most predictions undecided however many inputs there are.
fn parameters(problem: &Problem<'_>) -> Vec<f64> {
    let layer = problem.network.layer();
    let size = 2.0 / (layer.n_inputs as f64).sqrt();
    let random = random(layer.n_parameters(), 11);
    random.into_iter().map(|w| size * f64::from(w)).collect()
}

fn gpu<'a>(problem: &Problem<'a>, variant: Variant) -> Gpu<'a> {
    let mut device = device();
    device.adapter.kind = variant.kind;
    device.keep_loops = variant.keep_loops;
    if let Some(size) = variant.subgroup {
        device.adapter.subgroup_size = [size, size];
    }
    device.subgroups &= !variant.without_subgroups;
    Gpu::on(Arc::new(device), problem.clone(), GpuOptions::default()).unwrap()
}

/// The bits of predictions, sums, loss and y(1−y), and of the parameters after three updates.
fn bits(problem: &Problem<'_>, variant: Variant) -> Vec<u64> {
    let mut gpu = gpu(problem, variant);
    gpu.set_parameters(&parameters(problem)).unwrap();
    let predictions = gpu.predict(0..problem.dataset.n_samples()).unwrap();
    let evaluation = gpu.evaluate().unwrap();
    let three = NonZeroU32::new(3).unwrap();
    let summary = gpu.advance(three, 0.3).unwrap();
    let seen = [evaluation.summary, summary].map(|summary| [summary.loss, summary.mean_slope]);
    let values = [
        predictions.pre_activation,
        predictions.prediction,
        evaluation.gradient,
        seen.concat(),
        gpu.parameters().unwrap(),
    ];
    values.concat().into_iter().map(f64::to_bits).collect()
}

/// Shapes of few rows: as they are written, the loops make far more trips than an adapter may run.
#[test]
fn loops_written_out_change_no_bit() {
    for (shape, variant) in [
        ((1, 1, 1), HARDWARE),
        ((7, 3, 2), SOFTWARE),
        ((65, 33, 5), HARDWARE),
        ((40, 64, 1), SOFTWARE),
        ((20, 784, 10), HARDWARE),
        ((3, 8192, 2), HARDWARE),
    ] {
        let dataset = dataset(shape);
        let problem = problem(&dataset, Loss::CrossEntropy);
        let keep_loops = Variant {
            keep_loops: true,
            ..variant
        };
        assert!(
            bits(&problem, variant) == bits(&problem, keep_loops),
            "{shape:?} {variant:?}"
        );
    }
}

/// It may end them too early without an error, so it must not get the chance.
#[test]
fn a_software_adapter_does_not_keep_loops() {
    if device().adapter.kind != AdapterKind::Software {
        return;
    }
    let dataset = dataset((3, 3, 1));
    let options = GpuOptions {
        keep_loops: true,
        ..GpuOptions::default()
    };
    let problem = problem(&dataset, Loss::SquaredError);
    let refused = Gpu::new(problem, Software::Allowed, options);
    assert!(
        matches!(
            refused,
            Err(Error::Setting {
                setting: "keep_loops",
                ..
            })
        ),
        "{refused:?}"
    );
}

#[test]
fn exchange_through_memory_changes_no_bit() {
    for shape in SHAPES {
        let dataset = dataset(shape);
        let problem = problem(&dataset, Loss::SquaredError);
        for variant in [SOFTWARE, HARDWARE] {
            let without = Variant {
                without_subgroups: true,
                ..variant
            };
            assert!(
                bits(&problem, variant) == bits(&problem, without),
                "{shape:?} {variant:?}"
            );
        }
    }
}

/// The adapter's own kind is seen to by the tests of shapes; here the others, among them those of GPUs with
/// subgroups of 32 and 64.
#[test]
fn every_layout_is_within_its_bounds() {
    let through_memory = |subgroup| Variant {
        subgroup: Some(subgroup),
        without_subgroups: true,
        ..HARDWARE
    };
    for shape in SHAPES {
        let dataset = dataset(shape);
        for (variant, loss) in [
            (SOFTWARE, Loss::CrossEntropy),
            (HARDWARE, Loss::SquaredError),
            (through_memory(32), Loss::CrossEntropy),
            (through_memory(64), Loss::SquaredError),
        ] {
            let problem = problem(&dataset, loss);
            let mut candidate = gpu(&problem, variant);
            let mut reference = Cpu::new(problem.clone(), None).unwrap();
            candidate.set_parameters(&parameters(&problem)).unwrap();
            let rounding = candidate.rounding();
            let checks = check(&problem, &mut candidate, rounding, &mut reference, 0.5).unwrap();
            let exceeded: Vec<_> = checks.iter().filter(|check| !check.within).collect();
            assert!(exceeded.is_empty(), "{shape:?} {variant:?}: {exceeded:#?}");
        }
    }
}
