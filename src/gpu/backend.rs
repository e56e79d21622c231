//! What a GPU does as a backend: evaluations, and updates that go on by themselves.

use super::holdout::Holdout;
use super::optimizer::DeviceOptimizer;
use super::params::MAX_UPDATES;
use super::pipeline::DynamicOffsets;
use super::predict::Predict;
use super::small_network::SmallNetwork;
use super::updates::{self, Updates};
use super::{Gpu, OptimizerKernels, RuleState, Submitted, range};
use crate::backend::{
    self, Backend, BackendKind, Evaluation, Predictions, Stage, Staged, Summary, UpdateSummary,
};
use crate::data::Dataset;
use crate::error::Result;
use crate::optimizer::{Memory, UpdateRule};
use std::ops::Range;

impl Backend for Gpu<'_> {
    fn kind(&self) -> BackendKind {
        BackendKind::Gpu
    }

    fn adapter(&self) -> String {
        self.device.adapter.to_string()
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        let packed = self.resources.layout.pack(parameters);
        self.device
            .write(&self.resources.parameters, 0, bytemuck::cast_slice(&packed));
        if let RuleState::Optimizer(it) = &self.rule_state {
            it.optimizer.forget_history(&self.device);
        }
        Ok(())
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        let packed = self.device.read(
            &self.resources.parameters,
            0,
            self.resources.layout.n_parameters,
        )?;
        Ok(self.resources.layout.unpack(&packed))
    }

    fn evaluate_for(&mut self, update: Option<u64>, rows: Option<&[usize]>) -> Result<Evaluation> {
        if let (Some(masks), Some(update)) = (&self.resources.masks, update) {
            masks.write(&self.device, [update]);
        }
        let offsets = update.map_or_else(DynamicOffsets::default, |_| DynamicOffsets::of_update(0));
        let (device, dataset) = (&self.device, self.resources.problem.dataset);
        let (sums, weight) = match rows {
            None => (self.pass.evaluate(device, offsets)?, dataset.total_weight()),
            Some(rows) => {
                // A shader that reads past the end of its buffers is given other numbers.
                let n_samples = dataset.n_samples();
                assert!(rows.iter().all(|row| *row < n_samples), "rows that exist");
                let batches = &mut self.batches;
                let batch = batches.of(device, &self.resources, self.options, rows.len())?;
                (
                    batch.evaluate(device, (dataset, rows), offsets)?,
                    dataset.weight_of(rows),
                )
            }
        };
        device.check_written(sums[self.resources.layout.n_parameters])?;
        range::check_weight(&self.resources.problem, weight)?;
        Ok(self
            .unpack_sums(&sums)
            .reduced(&self.resources.problem, weight))
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        let n_sums = self.resources.layout.n_sums();
        let sums = self.pass.leaf_sums(&self.device, leaves, self.leaves)?;
        let total_weight = self.resources.problem.dataset.total_weight();
        Ok(sums
            .chunks_exact(n_sums)
            .map(|sums| {
                self.unpack_sums(sums)
                    .reduced(&self.resources.problem, total_weight)
            })
            .collect())
    }

    fn follow(&mut self, rule: &UpdateRule) -> Result<()> {
        if let RuleState::Optimizer(it) = &self.rule_state
            && it.optimizer.rule == *rule
        {
            it.optimizer.forget(&self.device);
            return Ok(());
        }
        self.batches.forget_updates();
        self.rule_state = if rule.is_plain() && self.shape.is_some() {
            let learning_rate = rule.learning_rate;
            RuleState::Plain { learning_rate }
        } else {
            let (device, resources) = (&self.device, &self.resources);
            let optimizer = DeviceOptimizer::new(device, &resources.layout, rule)?;
            let total = self.pass.tree.total();
            let whole = optimizer.dispatches(device, &resources.parameters, total)?;
            let small = match self.pass.chunks.resident() {
                Some(rows) => SmallNetwork::new(device, resources, &optimizer, &rows)?,
                None => None,
            };
            RuleState::Optimizer(Box::new(OptimizerKernels {
                optimizer,
                whole,
                small,
            }))
        };
        self.device.finish_compiling()?;
        Ok(())
    }

    fn submit(&mut self, updates: Range<u64>) -> Result<()> {
        assert!(!updates.is_empty(), "no updates");
        let device = &self.device;
        match &self.rule_state {
            RuleState::Unset => panic!("no rule is followed"),
            RuleState::Plain { learning_rate } => {
                let problem = &self.resources.problem;
                let rate =
                    range::f32_rate("times the reduction is", learning_rate * problem.scale())?;
                self.pass
                    .descend(device, updates.end - updates.start, rate)?;
                let weight = problem.dataset.total_weight();
                self.submitted.push_back(Submitted {
                    groups: vec![vec![(updates.end - 1, weight)]],
                    l1: 0.0,
                    l2: 0.0,
                });
                let first = self.resources.layout.n_parameters;
                (self.readbacks).send_for(device, self.pass.tree.total(), first, 4)
            }
            RuleState::Optimizer(kernels) => {
                let mut submission = Updates {
                    device,
                    resources: &self.resources,
                    options: self.options,
                    pass: &mut self.pass,
                    batches: &mut self.batches,
                    kernels,
                };
                let history = &kernels.optimizer.history;
                let mut groups = Vec::new();
                for group in updates::cut(updates) {
                    groups.push(submission.submit(group)?);
                    (self.readbacks).send_for(device, history, 0, 4 * MAX_UPDATES)?;
                }
                let UpdateRule { l1, l2, .. } = kernels.optimizer.rule;
                self.submitted.push_back(Submitted { groups, l1, l2 });
                Ok(())
            }
        }
    }

    fn wait(&mut self) -> Result<Vec<UpdateSummary>> {
        let submitted = self.submitted.pop_front();
        let Submitted { groups, l1, l2 } = submitted.expect("updates were submitted");
        let mut seen = Vec::new();
        for updates in groups {
            let floats = self.readbacks.receive(&self.device)?;
            let vectors: &[[f32; 4]] = floats.as_chunks().0;
            for (update, weight) in updates {
                let number = update % vectors.len() as u64;
                let number = usize::try_from(number).expect("below a length");
                self.device.check_written(vectors[number][0])?;
                let [_, _, magnitudes, squares] = vectors[number].map(f64::from);
                let summary = unpack_summary(&vectors[number]);
                seen.push(UpdateSummary {
                    summary: summary.reduced(&self.resources.problem, weight),
                    penalty: penalty(l1, magnitudes) + penalty(0.5 * l2, squares),
                });
            }
        }
        Ok(seen)
    }

    fn memory(&mut self) -> Result<Memory> {
        match &self.rule_state {
            RuleState::Optimizer(it) => it.optimizer.memory(&self.device),
            _ => Ok(Memory::default()),
        }
    }

    fn set_memory(&mut self, memory: &Memory) -> Result<()> {
        if let RuleState::Optimizer(it) = &self.rule_state {
            it.optimizer.set_memory(&self.device, memory);
        }
        Ok(())
    }

    fn holdout(&self, dataset: &Dataset) -> Result<Option<Box<dyn backend::Holdout>>> {
        Ok(Some(Box::new(Holdout::new(self, dataset)?)))
    }

    /// Two: one submission that the device works on, and one that it finds when it is done with that.
    fn queue_depth(&self) -> usize {
        2
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        assert!(
            rows.end <= self.resources.problem.dataset.n_samples(),
            "rows that exist"
        );
        let chunks = self.pass.chunks.list();
        let predict = match &mut self.predict {
            Some(predict) => predict,
            None => self.predict.insert(Predict::new(
                &self.device,
                &self.resources,
                self.shape.as_ref(),
                chunks,
            )?),
        };
        predict.rows(&self.device, &mut self.pass.chunks, &rows)
    }
}

impl Staged for Gpu<'_> {
    /// # Panics
    /// If the network reads each row once: its values are in no buffer.
    fn stages(&mut self, leaf: usize) -> Result<Vec<Stage>> {
        self.pass.stages(&self.device, leaf, self.leaves)
    }
}

impl Gpu<'_> {
    /// Gradient, loss and mean slope out of the sums of the shaders, which lay them out one after the other.
    fn unpack_sums(&self, sums: &[f32]) -> Evaluation {
        let (gradient, summary) = sums.split_at(self.resources.layout.n_parameters);
        Evaluation {
            summary: unpack_summary(summary),
            gradient: self.resources.layout.unpack(gradient),
        }
    }
}

fn unpack_summary(sums: &[f32]) -> Summary {
    Summary {
        loss: f64::from(sums[0]),
        mean_slope: f64::from(sums[1]),
    }
}

/// A penalty that weighs `factor`, from the norm of the weights, which may be beyond f32 where nobody asks for it.
fn penalty(factor: f64, norm: f64) -> f64 {
    if factor > 0.0 { factor * norm } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use crate::backend::Backend;
    use crate::gpu::device::tests::device;
    use crate::gpu::pipeline::tests::IDLE;
    use crate::gpu::small_network::tests::{Case, rule};
    use crate::gpu::{Gpu, GpuOptions};
    use crate::optimizer::{Optimizer, UpdateRule};
    use crate::train::{BackendChoice, Hardware, TrainConfig, Training};
    use std::ops::ControlFlow;
    use std::sync::Arc;

    /// Plain updates of one layer, those of a small network, and of a larger one from batches and from all rows.
    #[test]
    fn work_that_the_device_did_not_do_is_an_error() {
        let adam = |batch_size| rule(Optimizer::Adam, batch_size);
        let plain = UpdateRule::gradient_descent(0.1);
        for (widths, n_samples, rule) in [
            (&[][..], 90, plain),
            (&[7], 90, adam(None)),
            (&[7], 600, adam(Some(300))),
            (&[7], 600, adam(None)),
        ] {
            let case = Case {
                widths,
                n_samples,
                ..Case::new()
            };
            let dataset = case.dataset();
            let problem = case.problem(&dataset);
            let mut gpu = Gpu::on(Arc::new(device()), problem, GpuOptions::default()).unwrap();
            gpu.follow(&rule).unwrap();
            gpu.submit(1000..1020).unwrap();
            gpu.wait().unwrap();
            gpu.evaluate().unwrap();
            IDLE.set(true);
            gpu.submit(1020..1030).unwrap();
            let evaluated = gpu.evaluate().map(|_| ());
            IDLE.set(false);
            let updated = gpu.wait().map(|_| ());
            for ended in [updated, evaluated] {
                let ended = ended.unwrap_err().to_string();
                assert!(ended.contains("did not finish"), "{widths:?}: {ended}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "no updates")]
    fn no_updates_are_none_to_submit() {
        let case = Case::new();
        let dataset = case.dataset();
        let problem = case.problem(&dataset);
        let mut gpu = Gpu::on(Arc::new(device()), problem, GpuOptions::default()).unwrap();
        gpu.follow(&rule(Optimizer::Adam, None)).unwrap();
        gpu.submit(3..3).unwrap();
    }

    /// The last pass measures what the training has reached. Without it there is no loss, and all the same a result.
    #[test]
    fn a_device_that_fails_after_the_last_update_costs_no_parameters() {
        let case = Case::new();
        let dataset = case.dataset();
        let config = TrainConfig {
            iterations: 5,
            ..TrainConfig::default()
        };
        let hardware = Hardware {
            backend: BackendChoice::Gpu,
            ..Hardware::default()
        };
        let mut training = Training::start(&dataset, &config, &hardware).unwrap();
        training
            .advance_to(5, &mut |_| ControlFlow::Continue(()))
            .unwrap();
        let reached = training.parameters().unwrap();
        IDLE.set(true);
        let trained = training.finish();
        IDLE.set(false);
        let trained = trained.unwrap();
        assert!(trained.parameters == reached, "parameters");
        assert!(trained.loss.is_finite(), "{}", trained.loss);
        let why = trained.loss_failure.unwrap();
        assert!(why.contains("did not finish"), "{why}");
    }
}
