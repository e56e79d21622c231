//! Small networks against the kernels of larger ones, bit for bit.

use super::{MOST_UPDATES, SmallLayout, WORKGROUP_SIZE};
use crate::backend::{Backend, Problem};
use crate::data::{Dataset, Storage};
use crate::gpu::device::tests::device;
use crate::gpu::input_format::InputFormat;
use crate::gpu::kernel::Kernel;
use crate::gpu::kernels::{RowLoss, RowOrder};
use crate::gpu::tile::Tile;
use crate::gpu::{Gpu, GpuOptions, RuleState, optimizer};
use crate::network::{Activation, Dropout, Hidden, Network};
use crate::objective::{Loss, Objective, Reduction};
use crate::optimizer::{Batches, Optimizer, UpdateRule};
use crate::random::test_numbers;
use rand::RngExt;
use std::sync::Arc;

/// The kernel in every variant, with the invocations of a workgroup.
pub(in crate::gpu) fn kernels() -> Vec<(Kernel, usize)> {
    let mut kernels = Vec::new();
    for (number, rule) in optimizer::tests::rules().into_iter().enumerate() {
        for (widths, output) in [
            (vec![], Activation::Softmax),
            (vec![5, 7], Activation::Sigmoid),
        ] {
            let hidden = Hidden {
                widths,
                activation: Activation::Gelu,
            };
            let network = Network::single_layer(9, 3, number != 2)
                .with_activation(output)
                .with_hidden(&hidden);
            let row_loss = RowLoss {
                loss: match number % 2 {
                    0 => Loss::CrossEntropy,
                    _ => Loss::SquaredError,
                },
                weighted: number == 1,
            };
            let format = InputFormat::ALL[number % InputFormat::ALL.len()];
            let order = match number % 2 {
                0 => RowOrder::InOrder,
                _ => RowOrder::OfBatch(512),
            };
            let rule = UpdateRule {
                clip_norm: (number > 2).then_some(1.0),
                ..rule.clone()
            };
            let layout = SmallLayout::new(&network, 30);
            let kernel = layout.kernel(&rule, row_loss, (format, order), number % 2 == 1);
            kernels.push((kernel, WORKGROUP_SIZE));
        }
    }
    kernels
}

/// Which kernels make the updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::gpu) enum By {
    /// The kernels of small networks.
    Small,
    /// The kernels of larger networks.
    Larger,
    /// The kernels of larger networks, from batches that the host gathers out of several chunks.
    Host,
}

/// A training.
pub(in crate::gpu) struct Case {
    pub(in crate::gpu) n_samples: usize,
    pub(in crate::gpu) widths: &'static [usize],
    pub(in crate::gpu) hidden: Activation,
    pub(in crate::gpu) output: Activation,
    pub(in crate::gpu) loss: Loss,
    pub(in crate::gpu) n_outputs: usize,
    pub(in crate::gpu) bias: bool,
    pub(in crate::gpu) weighted: bool,
    pub(in crate::gpu) storage: Storage,
    pub(in crate::gpu) dropout: f64,
    /// Whether the last row is so large that its loss is not finite.
    pub(in crate::gpu) extreme: bool,
    pub(in crate::gpu) rule: UpdateRule,
}

impl Case {
    /// 90 rows of 6 inputs, a hidden layer, and gradient descent on all rows.
    pub(in crate::gpu) fn new() -> Self {
        Self {
            n_samples: 90,
            widths: &[7],
            hidden: Activation::Tanh,
            output: Activation::Identity,
            loss: Loss::SquaredError,
            n_outputs: 3,
            bias: true,
            weighted: false,
            storage: Storage::F32,
            dropout: 0.0,
            extreme: false,
            rule: UpdateRule::gradient_descent(0.1),
        }
    }

    pub(in crate::gpu) fn dataset(&self) -> Dataset {
        let mut random = test_numbers(self.n_samples as u64);
        let inputs = (0..6 * self.n_samples).map(|_| random.random_range(-1.0..1.0));
        let mut inputs: Vec<f32> = inputs.collect();
        if self.extreme {
            inputs[6 * self.n_samples - 6..].fill(1e30);
        }
        let n_targets = self.n_outputs * self.n_samples;
        let targets = (0..n_targets).map(|at| match self.output {
            // One output of each row.
            Activation::Softmax => {
                f32::from(at % self.n_outputs == at / self.n_outputs * 5 % self.n_outputs)
            }
            _ => random.random_range(0.0..1.0),
        });
        let targets = targets.collect();
        let dataset = Dataset::from_rows("rows", 6, self.n_outputs, inputs, targets).unwrap();
        let dataset = dataset.stored_as(self.storage).unwrap();
        let weights: Vec<f32> = (0..self.n_samples).map(|i| (i % 4) as f32 * 0.75).collect();
        match self.weighted {
            true => dataset.with_weights(&weights).unwrap(),
            false => dataset,
        }
    }

    pub(in crate::gpu) fn problem<'a>(&self, dataset: &'a Dataset) -> Problem<'a> {
        let hidden = Hidden {
            widths: self.widths.to_vec(),
            activation: self.hidden,
        };
        Problem {
            dataset,
            network: Network::single_layer(6, self.n_outputs, self.bias)
                .with_activation(self.output)
                .with_hidden(&hidden),
            objective: Objective {
                loss: self.loss,
                reduction: Reduction::Mean,
            },
            dropout: (self.dropout > 0.0).then_some(Dropout {
                rate: self.dropout,
                seed: 3,
            }),
        }
    }

    /// The bits of what is left after the updates `submissions`, each made at once, and of all that was seen.
    pub(in crate::gpu) fn bits(&self, submissions: &[u64], by: By) -> Vec<u64> {
        let dataset = self.dataset();
        let problem = self.problem(&dataset);
        let row_bytes = 4 * (8 + self.n_outputs + 1);
        let leaf_bytes = (row_bytes * problem.leaves().rows_per_leaf()) as u64;
        let options = GpuOptions {
            max_chunk_bytes: (by == By::Host).then_some(leaf_bytes),
            ..GpuOptions::default()
        };
        let mut gpu = Gpu::on(Arc::new(device()), problem, options).unwrap();
        assert_eq!(gpu.n_chunks() > 1, by == By::Host, "{by:?}");
        let mut random = test_numbers(5);
        let n_parameters = gpu.resources.problem.network.n_parameters();
        let parameters = (0..n_parameters).map(|_| random.random_range(-0.5..0.5));
        gpu.set_parameters(&parameters.collect::<Vec<_>>()).unwrap();
        gpu.follow(&self.rule).unwrap();
        let RuleState::Optimizer(kernels) = &mut gpu.rule_state else {
            panic!("a network with values");
        };
        match by {
            By::Small => assert!(kernels.small.is_some(), "the network is small"),
            By::Larger | By::Host => kernels.small = None,
        }
        let mut bits = Vec::new();
        let mut first = 0;
        for n_updates in submissions {
            gpu.submit(first..first + n_updates).unwrap();
            first += n_updates;
            for seen in gpu.wait().unwrap() {
                let summary = seen.summary;
                bits.extend([summary.loss, summary.mean_slope, seen.penalty].map(f64::to_bits));
            }
        }
        let is_one_leaf = by == By::Larger && self.rule.batches.is_some();
        let fused = gpu.batches.fused_update();
        assert_eq!(
            fused.is_some(),
            is_one_leaf && !optimizer::needs_norms(&self.rule),
            "{by:?}"
        );
        if let Some(steps) = fused {
            let at_once = !self.widths.is_empty() && self.n_outputs <= Tile::AT_ONCE;
            let expected = self.widths.len() + 1 + usize::from(!at_once);
            assert_eq!(steps.len(), expected, "{by:?}");
        }
        bits.extend(gpu.parameters().unwrap().into_iter().map(f64::to_bits));
        for vector in gpu.memory().unwrap().vectors() {
            bits.extend(vector.iter().map(|value| value.to_bits()));
        }
        bits
    }
}

pub(in crate::gpu) fn rule(optimizer: Optimizer, batch_size: Option<usize>) -> UpdateRule {
    UpdateRule {
        optimizer,
        momentum: 0.9,
        weight_decay: 0.1,
        average_decay: Some(0.8),
        batches: batch_size.map(|size| Batches { seed: 4, size }),
        ..UpdateRule::gradient_descent(0.01)
    }
}

/// Every activation, loss, method, penalty, storage and order of rows; a batch that is shorter than the others; as many
/// rows as invocations; one row; no hidden layer and three.
fn cases() -> Vec<Case> {
    vec![
        Case {
            output: Activation::Softmax,
            loss: Loss::CrossEntropy,
            hidden: Activation::Relu,
            n_outputs: 5,
            storage: Storage::F16,
            rule: rule(Optimizer::AdamW, Some(32)),
            ..Case::new()
        },
        Case {
            widths: &[4, 9, 6],
            hidden: Activation::Sigmoid,
            weighted: true,
            storage: Storage::U8,
            dropout: 0.3,
            rule: UpdateRule {
                clip_norm: Some(0.05),
                l2: 0.01,
                ..rule(Optimizer::Nesterov, Some(7))
            },
            ..Case::new()
        },
        Case {
            n_samples: 256,
            widths: &[4],
            hidden: Activation::Silu,
            output: Activation::Sigmoid,
            loss: Loss::CrossEntropy,
            n_outputs: 1,
            bias: false,
            rule: UpdateRule {
                l1: 0.001,
                ..rule(Optimizer::Momentum, None)
            },
            ..Case::new()
        },
        Case {
            n_samples: 40,
            widths: &[],
            output: Activation::Softmax,
            loss: Loss::CrossEntropy,
            n_outputs: 18,
            weighted: true,
            rule: rule(Optimizer::RmsProp, None),
            ..Case::new()
        },
        Case {
            n_samples: 1,
            hidden: Activation::LeakyRelu,
            dropout: 0.5,
            ..Case::new()
        },
        Case {
            n_samples: 120,
            widths: &[32, 16],
            hidden: Activation::Gelu,
            n_outputs: 2,
            rule: rule(Optimizer::Adam, Some(16)),
            ..Case::new()
        },
    ]
}

#[test]
fn a_small_network_has_the_bits_of_a_larger_one() {
    for (number, case) in cases().iter().enumerate() {
        let expected = case.bits(&[40], By::Larger);
        assert!(expected == case.bits(&[40], By::Small), "case {number}");
        let in_parts = case.bits(&[1, 2, 37], By::Small);
        assert!(expected == in_parts, "case {number}, in parts");
    }
}

/// A software adapter ends loops that make too many trips without an error.
#[test]
fn many_updates_of_one_submission_are_all_made() {
    let case = Case {
        n_samples: 64,
        widths: &[24, 8],
        rule: rule(Optimizer::Adam, None),
        ..Case::new()
    };
    let dataset = case.dataset();
    let layout = SmallLayout::new(&case.problem(&dataset).network, 64);
    let per_dispatch = layout.per_dispatch();
    assert!(
        per_dispatch < MOST_UPDATES,
        "{per_dispatch} updates of a dispatch"
    );
    let n_updates = 2 * per_dispatch as u64 + 5;
    assert!(
        case.bits(&[n_updates], By::Larger) == case.bits(&[n_updates], By::Small),
        "{n_updates} updates, {per_dispatch} of a dispatch"
    );
}

/// After a loss that is not finite no update follows, even from rows whose loss is: not in the same dispatch, and not in
/// the next.
#[test]
fn updates_stop_at_a_loss_that_is_not_finite() {
    let case = Case {
        extreme: true,
        hidden: Activation::Relu,
        rule: rule(Optimizer::Adam, Some(10)),
        ..Case::new()
    };
    let bits = case.bits(&[20], By::Small);
    let losses = bits[..3 * 20].iter().step_by(3);
    let losses: Vec<f64> = losses.map(|bits| f64::from_bits(*bits)).collect();
    let n_finite = losses.iter().take_while(|loss| loss.is_finite()).count();
    assert!((1..9).contains(&n_finite), "{losses:?}");
    let n_updates = n_finite as u64;
    assert!(
        bits[3 * 20..] == case.bits(&[n_updates], By::Small)[3 * n_finite..],
        "an update after the loss of update {n_finite}"
    );
    // More than the history has room for: the first of them is still told.
    let many = case.bits(&[1500], By::Small);
    assert!(many[..3 * 20] == bits[..3 * 20], "1,500 updates at once");
    for parts in [&[20][..], &[n_updates + 2, 18 - n_updates]] {
        assert!(
            bits == case.bits(parts, By::Larger),
            "{parts:?} of a larger one"
        );
        assert!(bits == case.bits(parts, By::Small), "{parts:?}");
    }
}

/// Workgroup memory for a network of 6 inputs, 7 and 3 units and 4 rows, in vec4: of parameters 7 * 2 + 2 + 3 * 2 + 1, and
/// of their gradient as many; of values 4 * (2 + 2 * 2 + 1); 256 for sums.
#[test]
fn a_network_is_small_if_it_fits() {
    let network = Network::single_layer(6, 3, true).with_hidden(&Hidden {
        widths: vec![7],
        activation: Activation::Relu,
    });
    let bytes = 16 * (2 * 23 + 28 + 256);
    let layout = SmallLayout::new(&network, 4);
    assert!(layout.is_small(bytes), "in {bytes} bytes");
    assert!(!layout.is_small(bytes - 1), "in one byte less");
    let wide = |n_outputs| SmallLayout::new(&Network::single_layer(6, n_outputs, true), 4);
    assert!(wide(64).is_small(1 << 20), "64 outputs");
    assert!(
        !wide(65).is_small(1 << 20),
        "outputs that invocations share"
    );
}
