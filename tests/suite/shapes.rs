//! The GPU is within its bounds for every shape, with and without subgroups.
//!
//! Every pre-activation, prediction, leaf sum, gradient component, loss and updated parameter beside
//! float64, at random parameters: shapes that fill no vector, no group of lanes and no leaf, shapes of
//! several leaves, and the largest row. Outputs are filled with NaN before each dispatch.

use crate::common::{assert_within, problem, random_dataset, small_parameters};
use neuralnet::{GpuOptions, Loss, Reduction};

const SHAPES: [(usize, usize, usize); 14] = [
    (1, 1, 1),
    (7, 3, 2),
    (65, 33, 5),
    (257, 64, 1),
    (1000, 31, 1),
    (4097, 255, 3),
    (100, 8192, 1),
    // Two leaves and a row; one row of the largest kind; the most sums a lane keeps; more outputs than lanes in a row.
    (32_769, 1, 1),
    (1, 8192, 3),
    (129, 8191, 16),
    (300, 5, 16),
    (700, 784, 10),
    (2050, 128, 4),
    (513, 1000, 7),
];

/// Each shape with one of `objectives`, in turn: how lanes share a row and what a lane makes of its own values are parts of
/// the shaders that do not know of each other.
fn assert_shapes(options: GpuOptions, objectives: &[(Loss, Reduction, bool)]) {
    for (shape, (loss, reduction, bias)) in SHAPES.into_iter().zip(objectives.iter().cycle()) {
        let (n_samples, n_inputs, n_outputs) = shape;
        let dataset = random_dataset(n_samples, n_inputs, n_outputs);
        let problem = problem(&dataset, *loss, *reduction, *bias);
        let parameters = small_parameters(&problem, 2.0);
        let what = format!("{n_samples}x{n_inputs}x{n_outputs} {loss:?} {options:?}");
        assert_within(&problem, options, &parameters, &what);
    }
}

#[test]
fn every_shape_is_within_its_bounds_with_subgroups_where_there_are() {
    let objectives = [
        (Loss::SquaredError, Reduction::Sum, false),
        (Loss::CrossEntropy, Reduction::Mean, true),
    ];
    assert_shapes(GpuOptions::default(), &objectives);
}

/// One objective: lanes exchange before the loss is taken, and after.
#[test]
fn every_shape_is_within_its_bounds_without_subgroups() {
    let options = GpuOptions {
        without_subgroups: true,
        ..GpuOptions::default()
    };
    assert_shapes(options, &[(Loss::CrossEntropy, Reduction::Mean, true)]);
}
