//! The quality of predictions, beside that of a constant prediction.
//!
//! Two classes are one output, which predicts the second class if it is above ½; more classes are one output each, and
//! the largest predicts, the first if several are equal. Every sample counts by its weight. Sums are taken leaf by leaf
//! and folded in the tree of [`crate::leaves`], and samples are sorted with ties in the order of the rows, so the bits
//! do not depend on the number of threads.

mod classes;
mod numbers;
mod pass;
mod ranking;
mod soft_labels;

pub use classes::{Bin, Class, ClassBaseline, ClassMetrics};
pub use numbers::{Histogram, Histogram2d, NumberBaseline, NumberMetrics};
pub use soft_labels::{SoftLabelBaseline, SoftLabelMetrics};

use crate::backend::Problem;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::network::Meaning;
use crate::objective::Loss;
use pass::{KeptPredictions, SampleSums};
use serde::Serialize;

/// Curves are taken for this many outputs, the first ones.
const CURVES: usize = 12;

/// The quality of the predictions for some data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// N: samples.
    pub n_samples: usize,
    /// The sum of their weights; `None` if they have none.
    pub total_weight: Option<f64>,
    /// The training's loss, without penalties, reduced over these samples.
    pub loss: f64,
    /// One entry for exclusive classes or a softmax; otherwise one for each output.
    pub measured: Vec<Measured>,
    /// Metrics that are left out, and why.
    pub notes: Vec<String>,
}

/// Metrics by the kind of the target.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Measured {
    /// Classes.
    Classes(ClassMetrics),
    /// Targets between 0 and 1, such as shares of classes, and other targets of a sigmoid or softmax.
    #[serde(rename = "shares")]
    SoftLabels(SoftLabelMetrics),
    /// Numbers.
    Numbers(NumberMetrics),
}

/// Measures the predictions of the network of `problem` at `parameters` for all of its data.
///
/// # Errors
/// If the data have a target that the loss cannot use, their predictions take more memory than there is, or the loss is
/// not finite.
///
/// # Panics
/// If the data have other features or targets than the network, or `parameters` is not as long as the network
/// has parameters.
pub fn measure(problem: &Problem<'_>, parameters: &[f64]) -> Result<Metrics> {
    measure_by(problem, &mut Engine::cpu(problem, parameters))
}

/// Measures like [`measure`] the predictions of `engine`, which has the network of `problem`.
pub(crate) fn measure_by(problem: &Problem<'_>, engine: &mut Engine) -> Result<Metrics> {
    check(problem)?;
    let exclusive = exclusive(problem);
    let (sums, kept) = pass::first(problem, engine)?;
    let loss = loss(problem, &sums);
    if !loss.is_finite() {
        return Err(Error::Dataset {
            source_name: problem.dataset.source().to_owned(),
            reason: format!("the model's loss is {loss}; its weights are too large for these data"),
        });
    }
    let mut notes = Vec::new();
    let measured = match problem.network.output_layer().activation.meaning() {
        Meaning::Numbers => numbers::measure(problem, engine, &sums, &mut notes)?,
        _ if exclusive && sums.one_hot => {
            vec![Measured::Classes(ClassMetrics::exclusive(
                problem, &sums, &kept, &mut notes,
            ))]
        }
        Meaning::ClassProbabilities => vec![Measured::SoftLabels(SoftLabelMetrics::together(
            problem, &sums,
        ))],
        Meaning::Probabilities => each(problem, &sums, &kept, &mut notes),
    };
    Ok(Metrics {
        n_samples: problem.dataset.n_samples(),
        total_weight: problem.dataset.is_weighted().then_some(sums.weight()),
        loss,
        measured,
        notes,
    })
}

/// Checks that the network and the loss suit the data.
fn check(problem: &Problem<'_>) -> Result<()> {
    let (dataset, network) = (problem.dataset, &problem.network);
    assert_eq!(
        (network.n_inputs(), network.n_outputs()),
        (dataset.n_inputs(), dataset.n_outputs()),
        "inputs and outputs of the network and of the data"
    );
    match dataset.target_outside_unit() {
        Some((row, output, value)) if problem.objective.loss == Loss::CrossEntropy => {
            Err(Error::Target {
                place: dataset.target_place(row, output),
                value,
            })
        }
        _ => Ok(()),
    }
}

/// Whether each output is a class, and each sample has exactly one.
fn exclusive(problem: &Problem<'_>) -> bool {
    let classes = problem.dataset.classes();
    match problem.network.output_layer().activation.meaning() {
        Meaning::ClassProbabilities => true,
        Meaning::Probabilities => classes.is_some_and(|classes| classes.n_outputs() > 1),
        Meaning::Numbers => false,
    }
}

/// The loss, reduced over the samples.
fn loss(problem: &Problem<'_>, sums: &SampleSums) -> f64 {
    let sum = match problem.objective.loss {
        Loss::SquaredError => 0.5 * sums.outputs.iter().map(|sums| sums.squared).sum::<f64>(),
        Loss::CrossEntropy => sums.cross_entropy,
    };
    sum * problem.objective.reduction.scale(sums.weight())
}

/// Metrics of each sigmoid output: classes if every target is 0 or 1, otherwise soft labels.
fn each(
    problem: &Problem<'_>,
    sums: &SampleSums,
    kept: &KeptPredictions,
    notes: &mut Vec<String>,
) -> Vec<Measured> {
    let measure = |output: usize| match sums.outputs[output].binary {
        true => Measured::Classes(ClassMetrics::binary(problem, output, sums, kept, notes)),
        false => Measured::SoftLabels(SoftLabelMetrics::alone(problem, output, sums)),
    };
    (0..sums.outputs.len()).map(measure).collect()
}
