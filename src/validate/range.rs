//! What takes values out of the range of f32.

use crate::backend::Problem;
use crate::data::{Dataset, RowsRead};
use crate::error::{Error, Remedy};
use rayon::iter::ParallelIterator;

/// The error that values of `problem` may leave f32 with `parameters`: it names the largest number that goes into them.
pub(super) fn beyond_f32(problem: &Problem<'_>, parameters: &[f64]) -> Error {
    const RESCALE: &[Remedy] = &[Remedy::Do("rescale it")];
    const SMALLER: &[Remedy] = &[Remedy::Lower("learning_rate")];
    let dataset = problem.dataset;
    let of_leaves = dataset.map_leaves(|leaf| largest_of(dataset, leaf));
    let (value, column) = of_leaves.reduce(|| (0.0, 0), larger);
    let (weight, at) = largest(parameters.iter().copied());
    let (what, remedies) = if weight > value {
        let n_inputs = dataset.n_inputs();
        let n_weights = problem.network.layer().n_weights();
        let of = match at < n_weights {
            true => format!("weight of `{}`", dataset.input_names()[at % n_inputs]),
            false => format!("bias of `{}`", dataset.target_names()[at - n_weights]),
        };
        (format!("the {of} has grown to {weight:.2e}"), SMALLER)
    } else {
        let mut names = dataset.input_names().iter().chain(dataset.target_names());
        let of = names.nth(column).map_or_else(
            || "the weight of a sample".to_owned(),
            |name| format!("column `{name}`"),
        );
        (format!("{of} reaches {value:.2e}"), RESCALE)
    };
    Error::BeyondF32 {
        source_name: dataset.source().to_owned(),
        what,
        remedies,
    }
}

/// The largest magnitude of the rows `leaf`, and its column: the features, then the targets, then the weights.
fn largest_of(dataset: &Dataset, leaf: RowsRead<'_>) -> (f64, usize) {
    let n_inputs = dataset.n_inputs();
    let inputs = leaf.inputs.chunks_exact(n_inputs);
    let targets = leaf.targets.chunks_exact(dataset.target_width());
    let rows = inputs.zip(targets);
    rows.map(|(x, t)| largest(x.iter().chain(t).map(|number| f64::from(*number))))
        .fold((0.0, 0), larger)
}

/// The largest magnitude, and its place.
fn largest(numbers: impl Iterator<Item = f64>) -> (f64, usize) {
    let magnitudes = numbers.enumerate().map(|(at, number)| (number.abs(), at));
    magnitudes.fold((0.0, 0), larger)
}

fn larger(one: (f64, usize), other: (f64, usize)) -> (f64, usize) {
    if other.0 > one.0 { other } else { one }
}
