//! Metrics of the order of the predictions: the ROC, and the area under it.

use rayon::prelude::*;

/// The ROC has about this many points at most.
const POINTS: f64 = 200.0;

/// One sample: its prediction, its weight, and whether it is of the class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranked {
    pub(super) prediction: f64,
    pub(super) weight: f32,
    pub(super) positive: bool,
}

/// The ROC of some samples and its area.
#[derive(Debug)]
pub(super) struct Ranking {
    /// The area under the ROC; `None` unless both classes have weight.
    pub(super) auc: Option<f64>,
    /// False and true positive rates of falling thresholds, from (0, 0) to (1, 1); empty if there is no area.
    pub(super) roc: Vec<[f64; 2]>,
}

impl Ranking {
    /// Orders `samples`.
    ///
    /// The area is the share of pairs of a positive and a negative sample in which the positive one is ranked
    /// higher, equal ones counting half, each pair as often as the product of its weights: the statistic of Mann
    /// and Whitney with ties at their mid-rank (Hanley and McNeil, "The meaning and use of the area under a
    /// receiver operating characteristic (ROC) curve", 1982).
    pub(super) fn new(mut samples: Vec<Ranked>) -> Self {
        // Stable, so that weights are summed in the same order whatever the threads.
        samples.par_sort_by(|a, b| b.prediction.total_cmp(&a.prediction));
        let [positive, negative] = weights(&samples);
        if !(positive > 0.0 && negative > 0.0) {
            return Self {
                auc: None,
                roc: Vec::new(),
            };
        }
        let (mut above, mut area) = ([0.0, 0.0], 0.0);
        let mut roc = vec![[0.0, 0.0]];
        let mut last = 0.0;
        for equal in samples.chunk_by(|a, b| a.prediction.total_cmp(&b.prediction).is_eq()) {
            let [positives, negatives] = weights(equal);
            area += negatives * (above[0] + positives / 2.0);
            above = [above[0] + positives, above[1] + negatives];
            let point = [above[1] / negative, above[0] / positive];
            // Both rates rise by 2 in all, so points this far apart are no more than wanted.
            if point[0] + point[1] - last >= 2.0 / POINTS {
                last = point[0] + point[1];
                roc.push(point);
            }
        }
        if last < 2.0 {
            roc.push([1.0, 1.0]);
        }
        Self {
            auc: Some(area / (positive * negative)),
            roc,
        }
    }
}

/// Total weights of the positive and of the negative samples.
fn weights(samples: &[Ranked]) -> [f64; 2] {
    let mut weights = [0.0; 2];
    for sample in samples {
        weights[usize::from(!sample.positive)] += f64::from(sample.weight);
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::{Ranked, Ranking};

    fn ranking(samples: &[(f64, bool, f32)]) -> Ranking {
        let ranked = |(prediction, positive, weight): &(f64, bool, f32)| Ranked {
            prediction: *prediction,
            weight: *weight,
            positive: *positive,
        };
        Ranking::new(samples.iter().map(ranked).collect())
    }

    /// Every pair counted, as the definition says it.
    fn by_pairs(samples: &[(f64, bool, f32)]) -> f64 {
        let (mut won, mut all) = (0.0, 0.0);
        for (p, _, v) in samples.iter().filter(|(_, positive, _)| *positive) {
            for (n, _, w) in samples.iter().filter(|(_, positive, _)| !*positive) {
                let weight = f64::from(*v) * f64::from(*w);
                all += weight;
                won += weight * f64::midpoint(f64::from(p > n), f64::from(p >= n));
            }
        }
        won / all
    }

    #[test]
    fn the_area_is_the_share_of_pairs_in_the_right_order() {
        let cases: [&[_]; 4] = [
            &[(0.1, false, 1.0), (0.9, true, 1.0)],
            &[(0.5, false, 1.0), (0.5, true, 3.0), (0.5, true, 1.0)],
            &[(0.9, false, 2.0), (0.1, true, 1.0), (0.9, true, 0.5)],
            &[
                (0.2, true, 1.0),
                (0.3, false, 0.25),
                (0.3, true, 4.0),
                (0.7, true, 0.0),
                (0.7, false, 2.0),
                (0.8, true, 1.5),
            ],
        ];
        for samples in cases {
            let found = ranking(samples).auc.unwrap();
            let expected = by_pairs(samples);
            assert!((found - expected).abs() <= 1e-15, "{found}, not {expected}");
        }
        assert_eq!(ranking(&[(0.5, true, 1.0), (0.1, false, 0.0)]).auc, None);
    }

    /// 10,000 thresholds, and the area under straight lines between the points that are left.
    #[test]
    fn a_thinned_roc_keeps_its_ends_and_its_area() {
        let number = |i: u32| f64::from((i * 7919) % 10_000) / 10_000.0;
        let samples: Vec<_> = (0..10_000)
            .map(|i| (number(i), number(i * 31) < number(i), 1.0))
            .collect();
        let Ranking { auc, roc } = ranking(&samples);
        assert_eq!((roc[0], roc[roc.len() - 1]), ([0.0, 0.0], [1.0, 1.0]));
        assert!((150..=202).contains(&roc.len()), "{} points", roc.len());
        let area: f64 = roc
            .array_windows()
            .map(|[a, b]| (b[0] - a[0]) * f64::midpoint(a[1], b[1]))
            .sum();
        let error = (area - auc.unwrap()).abs();
        assert!(error <= 1e-4, "{area}, not {auc:?}");
    }
}
