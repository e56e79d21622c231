//! What takes values out of the range of f32.

use crate::backend::Problem;
use crate::data::{Dataset, RowsRead};
use crate::error::{CLIP, Error, RESCALE, Remedy};
use crate::optimizer::{CLIP_EPSILON, UpdateRule, norm};
use rayon::iter::ParallelIterator;

const LOWER: Remedy = Remedy::Lower("learning_rate");

/// The error that values of `problem` may leave f32 with `parameters`: it names the largest number that goes into them.
pub(super) fn beyond_f32(problem: &Problem<'_>, parameters: &[f64]) -> Error {
    let dataset = problem.dataset;
    let of_leaves = dataset.map_leaves(|leaf| largest_of(dataset, leaf));
    let (value, column) = of_leaves.reduce(|| (0.0, 0), larger);
    let (weight, at) = largest(parameters.iter().copied());
    if weight > value {
        let what = format!("{} has grown to {weight:.2e}", named(problem, at));
        return error(problem, what, &[LOWER]);
    }
    let mut names = dataset.input_names().iter().chain(dataset.target_names());
    let of = names.nth(column).map_or_else(
        || "the weight of a sample".to_owned(),
        |name| format!("column `{name}`"),
    );
    error(
        problem,
        format!("{of} reaches {value:.2e}"),
        &[Remedy::Do("rescale it")],
    )
}

/// The error that values of a step along `gradient` by `rule`, from the parameters `from` to those `to`, may leave f32: it
/// names the largest number that goes into them. What the optimizer keeps is made of gradients.
pub(super) fn of_step(
    problem: &Problem<'_>,
    (rule, update, gradient): (&UpdateRule, u64, &[f64]),
    (from, to): (&[f64], &[f64]),
) -> Error {
    let mut whole = gradient.to_vec();
    let penalty = rule.penalty(&problem.network);
    penalty.add_l2_gradient(0, from, &mut whole);
    let (slope, at) = largest(whole.iter().copied());
    let of_gradient = format!("the gradient of {} is {slope:.2e}", named(problem, at));
    let is_penalty = slope > 2.0 * gradient[at].abs();
    // The gradient at the start is what it is, whatever the rate.
    let is_start = update == 0;
    let remedies: &[Remedy] = match (is_penalty, rule.clip_norm.is_none()) {
        (true, true) => &[Remedy::Lower("l2"), CLIP],
        (true, false) => &[Remedy::Lower("l2")],
        (false, true) if is_start => &[CLIP, RESCALE],
        (false, false) if is_start => &[RESCALE],
        (false, true) => &[LOWER, CLIP, RESCALE],
        (false, false) => &[LOWER, RESCALE],
    };
    let (reached, at) = largest(to.iter().copied());
    let of_parameter = format!("{} has grown to {reached:.2e}", named(problem, at));
    let rate = rule.rate(update);
    let most = rule.clip_norm.unwrap_or(0.0);
    let times = most / (norm(&whole) + CLIP_EPSILON);
    let of_clipping =
        format!("the largest norm, {most:.2e}, is {times:.2e} times that of the gradient");
    let causes: [(f64, String, &[Remedy]); 4] = [
        (reached, of_parameter, &[LOWER]),
        (slope, of_gradient, remedies),
        (rate, format!("the learning rate is {rate:.2e}"), &[LOWER]),
        (times, of_clipping, &[Remedy::Lower("clip_norm")]),
    ];
    let largest = causes
        .into_iter()
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let (_, what, remedies) = largest.expect("several");
    error(problem, what, remedies)
}

fn error(problem: &Problem<'_>, what: String, remedies: &'static [Remedy]) -> Error {
    Error::BeyondF32 {
        source_name: problem.dataset.source().to_owned(),
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
        true if problem.network.has_hidden() => format!("a weight of layer {number}"),
        false if problem.network.has_hidden() => format!("a bias of layer {number}"),
        true => format!(
            "the weight of `{}`",
            dataset.input_names()[place % layer.n_inputs]
        ),
        false => format!(
            "the bias of `{}`",
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
