//! The network and its gradient by their definition, in float64: plain loops, one sample after the other.
//!
//! [`Reference`] is what every faster backend is held against. It is written to be read, not to be fast; threads
//! share out whole leaves and nothing below. The data are the numbers that a GPU gets.

use super::pool;
use crate::backend::{Backend, BackendKind, Evaluation, Predictions, Problem, UpdateSummary};
use crate::error::Result;
use crate::leaves::sum_leaves;
use crate::network::{Mask, NetworkValues};
use crate::optimizer::{Memory, Step, UpdateRule};
use crate::precision::Precision;
use rayon::prelude::*;
use std::collections::VecDeque;
use std::ops::Range;

/// What computes, where the fast backend names its instructions.
const PLAIN_LOOPS: &str = "plain loops";

/// A problem, evaluated by its definition.
#[derive(Debug)]
pub struct Reference<'a> {
    problem: Problem<'a>,
    parameters: Vec<f64>,
    /// The units that the last evaluation went without.
    mask: Option<Mask>,
    /// The rule of the updates, and what it keeps from one to the next.
    rule_state: Option<(UpdateRule, Memory)>,
    /// One for each [`Backend::submit`] that was not waited for yet.
    reported: VecDeque<UpdateSummary>,
    threads: rayon::ThreadPool,
}

impl<'a> Reference<'a> {
    /// Holds `problem`, with every parameter 0; `threads` of `None` takes every core.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn new(problem: Problem<'a>, threads: Option<usize>) -> Result<Self> {
        Ok(Self {
            parameters: vec![0.0; problem.network.n_parameters()],
            mask: None,
            rule_state: None,
            reported: VecDeque::new(),
            threads: pool::of(threads)?,
            problem,
        })
    }

    /// The inputs (I) and the targets (O), followed by the weight where samples have one, of row `row`.
    fn sample(&self, row: usize) -> (Vec<f32>, Vec<f32>) {
        let dataset = self.problem.dataset;
        let mut inputs = vec![0.0; dataset.n_inputs()];
        let mut targets = vec![0.0; dataset.target_width()];
        dataset.read(row..row + 1, &mut inputs, &mut targets);
        (inputs, targets)
    }

    /// The sums of loss, gradient and dy/dz over `rows`, each row as often as its weight says; the first of them is at
    /// place `first` of the batch.
    pub(super) fn sums(&self, first: usize, rows: impl Iterator<Item = usize>) -> Evaluation {
        let (network, n_outputs) = (&self.problem.network, self.problem.dataset.n_outputs());
        let mut sums = Evaluation::zero(self.parameters.len());
        let mut values = network.values();
        for (place, row) in (first..).zip(rows) {
            let (x, targets) = self.sample(row);
            let x: Vec<f64> = x.into_iter().map(f64::from).collect();
            let mut t: Vec<f64> = targets.into_iter().map(f64::from).collect();
            let weight = t.drain(n_outputs..).next().unwrap_or(1.0);
            let mask = self.mask.map(|mask| (mask, place));
            network.forward_but(mask, &self.parameters, &x, &mut values);
            self.add_backward(&x, &t, weight, &values, &mut sums);
        }
        sums
    }

    /// The backward pass of one sample: adds its loss, gradient and dy/dz, times `weight`, to `sums`.
    ///
    /// With g = dloss/dz of a layer whose inputs are x, the layer's gradients are dloss/dW = g xᵀ and
    /// dloss/db = g. Since x = m f(z) of the layer before, with the factors m of dropout, that layer's g is
    /// (Wᵀ g) · m · f′(z), element by element.
    fn add_backward(
        &self,
        x: &[f64],
        t: &[f64],
        weight: f64,
        values: &NetworkValues,
        sums: &mut Evaluation,
    ) {
        let (layers, loss) = (self.problem.network.layers(), self.problem.objective.loss);
        let activation = layers[layers.len() - 1].activation;
        let (z, y) = (values.pre_activation(), values.prediction());
        sums.summary.loss += weight * loss.value(activation, z, y, t);
        let mut grad_z = Vec::with_capacity(y.len());
        for (o, t) in t.iter().enumerate() {
            sums.summary.mean_slope += weight * activation.slope(z[o], y[o]);
            grad_z.push(loss.grad_z(activation, z[o], y[o], *t));
        }

        let mut end = self.parameters.len();
        for (at, layer) in layers.iter().enumerate().rev() {
            let start = end - layer.n_parameters();
            let inputs = if at == 0 { x } else { &values.layers[at - 1].a };
            let gradient = &mut sums.gradient[start..end];
            for o in 0..layer.n_outputs {
                for i in 0..layer.n_inputs {
                    gradient[o * layer.n_inputs + i] += weight * grad_z[o] * inputs[i];
                }
                if layer.bias {
                    gradient[layer.n_weights() + o] += weight * grad_z[o];
                }
            }
            if at > 0 {
                let parameters = &self.parameters[start..end];
                let grad_input = |i| -> f64 {
                    (0..layer.n_outputs)
                        .map(|o| parameters[o * layer.n_inputs + i] * grad_z[o])
                        .sum()
                };
                let (hidden, below) = (layers[at - 1].activation, &values.layers[at - 1]);
                let (z, mut y) = (&below.z, below.z.clone());
                hidden.apply(&mut y);
                grad_z = (0..layer.n_inputs)
                    .map(|i| grad_input(i) * below.factors[i] * hidden.slope(z[i], y[i]))
                    .collect();
            }
            end = start;
        }
    }

    /// The sums over all rows, or over `rows`: those of their leaves, folded in the fixed tree.
    fn folded(&self, rows: Option<&[usize]>) -> Evaluation {
        let n_rows = rows.map_or(self.problem.dataset.n_samples(), <[usize]>::len);
        let leaves = self.problem.leaves_of(n_rows);
        let leaf_sums = |leaf| {
            let places = leaves.rows(leaf);
            let rows = (places.clone()).map(|place| rows.map_or(place, |rows| rows[place]));
            self.sums(places.start, rows)
        };
        self.threads
            .install(|| sum_leaves(leaves.count(), leaf_sums, Evaluation::add))
    }
}

impl Backend for Reference<'_> {
    fn kind(&self) -> BackendKind {
        BackendKind::Cpu
    }

    fn adapter(&self) -> String {
        pool::described(self.threads.current_num_threads(), PLAIN_LOOPS)
    }

    fn identity(&self) -> String {
        PLAIN_LOOPS.to_owned()
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.parameters.copy_from_slice(parameters);
        Ok(())
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        Ok(self.parameters.clone())
    }

    fn evaluate_for(&mut self, update: Option<u64>, rows: Option<&[usize]>) -> Result<Evaluation> {
        self.mask = self.problem.mask(update);
        let total_weight = self.problem.weight_of(rows);
        Ok(self.folded(rows).reduced(&self.problem, total_weight))
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        let all = self.problem.leaves();
        let total_weight = self.problem.dataset.total_weight();
        let evaluations = leaves.into_par_iter().map(|leaf| {
            self.sums(all.rows(leaf).start, all.rows(leaf))
                .reduced(&self.problem, total_weight)
        });
        Ok(self.threads.install(|| evaluations.collect()))
    }

    fn follow(&mut self, rule: &UpdateRule) -> Result<()> {
        rule.assert_first_order();
        let memory = Memory::new(rule, self.parameters.len());
        self.rule_state = Some((rule.clone(), memory));
        Ok(())
    }

    fn submit(&mut self, updates: Range<u64>) -> Result<()> {
        assert!(!updates.is_empty(), "updates {updates:?}");
        let (rule, mut memory) = self.rule_state.take().expect("a rule is followed");
        let penalty = rule.penalty(&self.problem.network);
        let mut reported = UpdateSummary::default();
        for update in updates {
            let rows = rule.rows(update, self.problem.dataset.n_samples());
            let Evaluation {
                summary,
                mut gradient,
            } = self.evaluate_for(Some(update), rows.as_deref())?;
            reported = UpdateSummary {
                summary,
                penalty: penalty.l2_loss(&self.parameters) + penalty.l1_loss(&self.parameters),
            };
            penalty.add_l2_gradient(0, &self.parameters, &mut gradient);
            let step = Step {
                rule: &rule,
                penalty: &penalty,
                update,
                precision: Precision::F64,
            };
            let of_part = |first, _: &[f64], part: &mut [f64]| {
                part.copy_from_slice(&gradient[first..][..part.len()]);
            };
            step.make(of_part, &mut memory, &mut self.parameters);
        }
        self.rule_state = Some((rule, memory));
        self.reported.push_back(reported);
        Ok(())
    }

    fn wait(&mut self) -> Result<Vec<UpdateSummary>> {
        let reported = self.reported.pop_front();
        Ok(vec![reported.expect("updates were submitted")])
    }

    fn memory(&mut self) -> Result<Memory> {
        let state = self.rule_state.as_ref();
        Ok(state.map_or_else(Memory::default, |(_, memory)| memory.clone()))
    }

    fn set_memory(&mut self, memory: &Memory) -> Result<()> {
        if let Some((_, held)) = &mut self.rule_state {
            assert_eq!(memory.lengths(), held.lengths(), "vectors of the rule");
            held.clone_from(memory);
        }
        Ok(())
    }

    /// The updates are finished when [`Backend::submit`] returns.
    fn queue_depth(&self) -> usize {
        1
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        let network = &self.problem.network;
        let predict = |values: &mut NetworkValues, row| {
            let (x, _) = self.sample(row);
            network.forward(&self.parameters, &x, values);
            let mut prediction = Predictions::default();
            prediction.push(values.pre_activation(), values.prediction());
            prediction
        };
        let predictions = rows.into_par_iter().map_init(|| network.values(), predict);
        let predictions = self.threads.install(|| predictions.collect());
        Ok(Predictions::concat(predictions))
    }
}

#[cfg(test)]
mod tests {
    use super::Reference;
    use crate::backend::{Backend, Problem};
    use crate::data::Dataset;
    use crate::network::{Activation, Hidden, Init, Network};
    use crate::objective::{Loss, Objective, Reduction};

    /// Central differences in every parameter of networks of two to four layers: the backward pass goes through each
    /// activation that a hidden layer can have, into each loss.
    #[test]
    fn the_gradient_is_the_derivative_of_the_loss() {
        const STEP: f64 = 1e-5;
        let inputs = (0..20).map(|i| ((i * 7) % 11) as f32 / 5.0 - 1.0).collect();
        let targets = (0..15).map(|i| f32::from(i % 3 == i / 3 % 3)).collect();
        let dataset = Dataset::from_rows("layers", 4, 3, inputs, targets).unwrap();
        let dataset = dataset.with_weights(&[1.0, 0.5, 2.0, 0.0, 1.5]).unwrap();
        for (hidden, widths) in [
            (Activation::Sigmoid, &[5][..]),
            (Activation::Tanh, &[5, 2]),
            (Activation::Relu, &[5, 4, 3]),
            (Activation::LeakyRelu, &[5, 4]),
            (Activation::Gelu, &[5, 4, 3]),
            (Activation::Silu, &[5, 4]),
        ] {
            for (activation, loss) in [
                (Activation::Sigmoid, Loss::SquaredError),
                (Activation::Sigmoid, Loss::CrossEntropy),
                (Activation::Softmax, Loss::CrossEntropy),
                (Activation::Identity, Loss::SquaredError),
                (Activation::Tanh, Loss::SquaredError),
            ] {
                let bias = hidden != Activation::Silu;
                let network = Network::single_layer(4, 3, bias)
                    .with_activation(activation)
                    .with_hidden(&Hidden {
                        widths: widths.to_vec(),
                        activation: hidden,
                    });
                let parameters = network.parameters_from(1, Some(Init::Numpy));
                let problem = Problem {
                    dataset: &dataset,
                    network,
                    objective: Objective {
                        loss,
                        reduction: Reduction::Mean,
                    },
                    dropout: None,
                };
                let mut reference = Reference::new(problem, Some(1)).unwrap();
                let mut evaluate = |parameters: &[f64]| {
                    reference.set_parameters(parameters).unwrap();
                    reference.evaluate().unwrap()
                };
                let analytical = evaluate(&parameters);
                for at in 0..parameters.len() {
                    let mut loss_at = |shift: f64| {
                        let mut shifted = parameters.clone();
                        shifted[at] += shift;
                        evaluate(&shifted).summary.loss
                    };
                    let numerical = (loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP);
                    let error = (numerical - analytical.gradient[at]).abs();
                    assert!(
                        error <= 1e-8 * analytical.summary.loss.max(1.0),
                        "{hidden:?}, {activation:?}, {loss:?}, parameter {at}: {}, but numerically {numerical}",
                        analytical.gradient[at]
                    );
                }
            }
        }
    }
}
