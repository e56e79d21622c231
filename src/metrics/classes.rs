//! Metrics of targets that are classes.

use super::pass::{KeptPredictions, SampleSums, largest};
use super::ranking::{Ranked, Ranking};
use super::soft_labels::times_ln;
use crate::backend::Problem;
use crate::network::Meaning;
use serde::Serialize;

/// Bins of predicted probabilities.
const BINS: usize = 10;

/// The quality of predictions of classes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassMetrics {
    /// The column of the classes.
    pub target: String,
    /// Mean of −ln of the probability predicted for the sample's class; `None` unless the probabilities sum to 1.
    pub log_loss: Option<f64>,
    /// Share of samples whose class is predicted.
    pub accuracy: f64,
    /// What [`Dataset::bayes_accuracy`](crate::Dataset::bayes_accuracy) says of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bayes_accuracy: Option<f64>,
    /// The area under the ROC of the second of two classes; for more classes, the mean of each against the rest. `None`
    /// if a class is absent.
    pub auc: Option<f64>,
    /// Mean squared error of the probability of the second of two classes; for more classes, their sum (Brier,
    /// "Verification of forecasts expressed in terms of probability", 1950).
    pub brier: f64,
    /// The same metrics without a model.
    pub baseline: ClassBaseline,
    /// Each class.
    pub classes: Vec<Class>,
    /// Weights of the samples (C, C): rows by their class, columns by the predicted one.
    pub confusion: Vec<Vec<f64>>,
    /// Predicted probabilities of the second of two classes in ten bins of equal width; empty for more classes.
    pub calibration: Vec<Bin>,
    /// False and true positive rates, thinned to about 200 points; empty for more than two classes.
    #[serde(skip)]
    pub roc: Vec<[f64; 2]>,
}

/// The metrics of always predicting the commonest class and, for probabilities, the share of each class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassBaseline {
    /// The commonest class, the first if several are equal.
    pub class: String,
    /// Share of samples whose class is predicted.
    pub accuracy: f64,
    /// Log-loss of the shares.
    pub log_loss: f64,
    /// Brier score of the shares.
    pub brier: f64,
}

/// One class against the rest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// Weight of its samples.
    pub weight: f64,
    /// Share of the samples predicted to be of the class that are; `None` if there are none.
    pub precision: Option<f64>,
    /// Share of its samples that are predicted to be of the class; `None` if there are none.
    pub recall: Option<f64>,
    /// Harmonic mean of precision and recall; `None` if no sample is, and none is predicted to be, of the class.
    pub f1: Option<f64>,
    /// The area under its ROC; `None` if no sample, or every one, is of the class.
    pub auc: Option<f64>,
}

/// The samples whose predictions lie in a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bin {
    /// Weight of the samples.
    pub weight: f64,
    /// Mean of their predictions; `None` if there are none.
    pub prediction: Option<f64>,
    /// Share of them that is of the class; `None` if there are none.
    pub observed: Option<f64>,
}

impl ClassMetrics {
    /// Metrics of two classes from the output `output`, the probability of the second.
    pub(super) fn binary(
        problem: &Problem<'_>,
        output: usize,
        sums: &SampleSums,
        kept: &KeptPredictions,
        notes: &mut Vec<String>,
    ) -> Self {
        let mut confusion = vec![vec![0.0; 2]; 2];
        let mut bins = [BinSums::default(); BINS];
        for (y, is_one, weight) in kept.samples() {
            let (prediction, positive) = (y[output], is_one[output]);
            let weight = f64::from(weight);
            confusion[usize::from(positive)][usize::from(prediction > 0.5)] += weight;
            bins[bin(prediction)].push(prediction, positive, weight);
        }
        let ranking = ranking(kept, output);
        let name = &problem.dataset.target_names()[output];
        let (target, names) = names(problem, name, &["0", "1"].map(str::to_owned));
        let own = &sums.outputs[output];
        let summary = ClassSummary {
            target,
            names,
            log_loss: Some(own.cross_entropy / sums.weight()),
            brier: own.squared / sums.weight(),
            aucs: vec![ranking.auc; 2],
            confusion,
        };
        let mut metrics = summary.metrics(notes);
        // Both classes have the same error, which counts once.
        metrics.baseline.brier /= 2.0;
        metrics.bayes_accuracy = problem.dataset.bayes_accuracy();
        metrics.calibration = bins.map(BinSums::bin).to_vec();
        metrics.roc = ranking.roc;
        metrics
    }

    /// Metrics of exclusive classes, one for each output.
    pub(super) fn exclusive(
        problem: &Problem<'_>,
        sums: &SampleSums,
        kept: &KeptPredictions,
        notes: &mut Vec<String>,
    ) -> Self {
        let n = sums.outputs.len();
        let mut confusion = vec![vec![0.0; n]; n];
        for (y, is_one, weight) in kept.samples() {
            let own = is_one.iter().position(|is_one| *is_one);
            confusion[own.expect("a one-hot row")][largest(y)] += f64::from(weight);
        }
        let (target, names) = names(problem, "class", problem.dataset.target_names());
        let squared: f64 = sums.outputs.iter().map(|own| own.squared).sum();
        let sum_to_1 =
            problem.network.output_layer().activation.meaning() == Meaning::ClassProbabilities;
        if !sum_to_1 {
            notes.push(
                "outputs of sigmoids do not sum to 1 over the classes: log-loss is left out"
                    .to_owned(),
            );
        }
        let summary = ClassSummary {
            target,
            names,
            log_loss: sum_to_1.then_some(sums.cross_entropy / sums.weight()),
            brier: squared / sums.weight(),
            aucs: (0..n).map(|class| ranking(kept, class).auc).collect(),
            confusion,
        };
        summary.metrics(notes)
    }
}

/// The name of the target and those of its classes, which are `target` and `names` if the data name none.
fn names(problem: &Problem<'_>, target: &str, names: &[String]) -> (String, Vec<String>) {
    match problem.dataset.classes() {
        Some(classes) => (classes.column.clone(), classes.names.clone()),
        None => (target.to_owned(), names.to_vec()),
    }
}

/// The ranking of all samples by the output `output`.
fn ranking(kept: &KeptPredictions, output: usize) -> Ranking {
    let ranked = kept.samples().map(|(y, is_one, weight)| Ranked {
        prediction: y[output],
        weight,
        positive: is_one[output],
    });
    Ranking::new(ranked.collect())
}

/// The sums that both kinds of outputs have, from which the metrics follow.
struct ClassSummary {
    target: String,
    names: Vec<String>,
    log_loss: Option<f64>,
    brier: f64,
    aucs: Vec<Option<f64>>,
    confusion: Vec<Vec<f64>>,
}

impl ClassSummary {
    fn metrics(self, notes: &mut Vec<String>) -> ClassMetrics {
        let own: Vec<f64> = self.confusion.iter().map(|row| row.iter().sum()).collect();
        let weight: f64 = own.iter().sum();
        let right = (0..own.len()).map(|class| self.confusion[class][class]);
        let absent: Vec<&str> = std::iter::zip(&self.names, &own)
            .filter(|(_, own)| **own <= 0.0)
            .map(|(name, _)| name.as_str())
            .collect();
        if !absent.is_empty() {
            notes.push(format!(
                "no sample of `{}` is {}: AUC is left out, which needs samples of every class",
                self.target,
                some(&absent)
            ));
        }
        let areas: Option<Vec<f64>> = self.aucs.iter().copied().collect();
        ClassMetrics {
            accuracy: right.sum::<f64>() / weight,
            bayes_accuracy: None,
            auc: areas.map(|areas| areas.iter().sum::<f64>() / areas.len() as f64),
            baseline: self.baseline(&own, weight),
            classes: (0..own.len())
                .map(|class| self.class(class, &own))
                .collect(),
            target: self.target,
            log_loss: self.log_loss,
            brier: self.brier,
            confusion: self.confusion,
            calibration: Vec::new(),
            roc: Vec::new(),
        }
    }

    fn baseline(&self, own: &[f64], weight: f64) -> ClassBaseline {
        let shares: Vec<f64> = own.iter().map(|own| own / weight).collect();
        let commonest = largest(&shares);
        ClassBaseline {
            class: self.names[commonest].clone(),
            accuracy: shares[commonest],
            log_loss: 0.0 - shares.iter().map(|share| times_ln(*share)).sum::<f64>(),
            brier: shares.iter().map(|share| share * (1.0 - share)).sum(),
        }
    }

    fn class(&self, class: usize, own: &[f64]) -> Class {
        let predicted: f64 = self.confusion.iter().map(|row| row[class]).sum();
        let right = self.confusion[class][class];
        let share = |of: f64, all: f64| (all > 0.0).then(|| of / all);
        Class {
            name: self.names[class].clone(),
            weight: own[class],
            precision: share(right, predicted),
            recall: share(right, own[class]),
            f1: share(2.0 * right, predicted + own[class]),
            auc: self.aucs[class],
        }
    }
}

/// Lists the first names, and says how many more there are.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(|name| format!("`{name}`"));
    let shown: Vec<String> = shown.collect();
    match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{} or {more} others", shown.join(", ")),
        _ => shown.join(" or "),
    }
}

/// Weighted sums of the samples in a bin.
#[derive(Clone, Copy, Default)]
struct BinSums {
    weight: f64,
    predictions: f64,
    positives: f64,
}

impl BinSums {
    fn push(&mut self, prediction: f64, positive: bool, weight: f64) {
        self.weight += weight;
        self.predictions += weight * prediction;
        self.positives += weight * f64::from(positive);
    }

    fn bin(self) -> Bin {
        let mean = |sum: f64| (self.weight > 0.0).then(|| sum / self.weight);
        Bin {
            weight: self.weight,
            prediction: mean(self.predictions),
            observed: mean(self.positives),
        }
    }
}

/// The bin of a probability; one at an edge is in the lower bin, as ½ predicts the first class.
fn bin(probability: f64) -> usize {
    let edges = (1..BINS).map(|edge| edge as f64 / BINS as f64);
    edges.take_while(|edge| probability > *edge).count()
}
