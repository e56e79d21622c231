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
        let of = named(problem, at);
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

/// The parameter number `at`, by its layer if there are several, otherwise by its feature or target.
fn named(problem: &Problem<'_>, at: usize) -> String {
    let dataset = problem.dataset;
    let parts = problem.network.parts().enumerate();
    let mut own = parts.filter(|(_, (_, range))| range.contains(&at));
    let (number, (layer, range)) = own.next().expect("a parameter of the network");
    let place = at - range.start;
    match place < layer.n_weights() {
        true if problem.network.has_hidden() => format!("largest weight of layer {number}"),
        false if problem.network.has_hidden() => format!("largest bias of layer {number}"),
        true => format!(
            "weight of `{}`",
            dataset.input_names()[place % layer.n_inputs]
        ),
        false => format!(
            "bias of `{}`",
            dataset.target_names()[place - layer.n_weights()]
        ),
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
