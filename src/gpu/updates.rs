//! Submissions of updates: which passes and batches they take, and what comes back.

use super::OptimizerKernels;
use super::batch::BatchCache;
use super::device::Device;
use super::optimizer::DeviceOptimizer;
use super::options::GpuOptions;
use super::params::MAX_UPDATES;
use super::pass::{MAX_DISPATCHES, Pass};
use super::pipeline::DynamicOffsets;
use super::range::{check_weight, scale_of_rows};
use super::resources::Resources;
use super::row_numbers::{batches_at_once, offsets, room, segments};
use super::small_network::SmallNetwork;
use crate::backend::Problem;
use crate::error::Result;
use crate::optimizer;
use rayon::prelude::*;
use std::ops::Range;

/// What updates work on.
pub(super) struct Updates<'g, 'a> {
    pub(super) device: &'g Device,
    pub(super) resources: &'g Resources<'a>,
    pub(super) options: GpuOptions,
    pub(super) pass: &'g mut Pass,
    pub(super) batches: &'g mut BatchCache,
    pub(super) kernels: &'g OptimizerKernels,
}

impl Updates<'_, '_> {
    /// Submits `updates`, fewer than [`MAX_UPDATES`], and gives each with the weight of its rows.
    pub(super) fn submit(&mut self, updates: Range<u64>) -> Result<Vec<(u64, f64)>> {
        self.optimizer().expect(self.device, &updates);
        let weighed = self.weighed(updates);
        for (_, weight) in &weighed {
            check_weight(self.problem(), *weight)?;
        }
        match (&self.kernels.small, self.optimizer().rule.batches) {
            (Some(small), _) => self.submit_small(small, &weighed),
            (None, Some(batches)) => self.submit_batches(batches, &weighed)?,
            (None, None) => self.submit_whole(&weighed)?,
        }
        Ok(weighed)
    }

    fn problem(&self) -> &Problem<'_> {
        &self.resources.problem
    }

    fn optimizer(&self) -> &DeviceOptimizer {
        &self.kernels.optimizer
    }

    /// Each of `updates` with the weight of its rows.
    fn weighed(&self, updates: Range<u64>) -> Vec<(u64, f64)> {
        let dataset = self.problem().dataset;
        let n_samples = dataset.n_samples();
        match self.optimizer().rule.batches {
            None => {
                let weight = dataset.total_weight();
                updates.map(|update| (update, weight)).collect()
            }
            // Looking up the weights of a large batch can take the host longer than its update takes the device.
            Some(batches) if dataset.is_weighted() => {
                let weight = |update| dataset.weight_of(&batches.rows(update, n_samples));
                let updates = updates.into_par_iter();
                updates.map(|update| (update, weight(update))).collect()
            }
            Some(batches) => {
                let length = |update| batches.batch(update, n_samples).places.len();
                updates
                    .map(|update| (update, length(update) as f64))
                    .collect()
            }
        }
    }

    /// Writes what the updates of `group` depend on.
    fn write_uniforms(&self, group: &[(u64, f64)]) {
        if let Some(masks) = &self.resources.masks {
            masks.write(self.device, numbers(group));
        }
        let scaled = self.scaled(group);
        self.optimizer().write_uniforms(self.device, scaled);
    }

    /// The updates of `group`, each with the scale of its reduction.
    fn scaled(&self, group: &[(u64, f64)]) -> impl Iterator<Item = (u64, f64)> {
        let reduction = self.problem().objective.reduction;
        let scale = move |weight| scale_of_rows(reduction, weight);
        group
            .iter()
            .map(move |(update, weight)| (*update, scale(*weight)))
    }

    /// Updates of a small network.
    fn submit_small(&self, small: &SmallNetwork, weighed: &[(u64, f64)]) {
        let optimizer = self.optimizer();
        let batches = optimizer.rule.batches;
        let most = batches.map_or(MAX_UPDATES, |batches| batches_at_once(batches.size));
        for group in groups(weighed, most) {
            let (updates, scaled) = (numbers(group), self.scaled(group));
            small.submit(self.device, self.resources, optimizer, updates, scaled);
        }
    }

    /// Updates of which each takes all rows.
    fn submit_whole(&mut self, weighed: &[(u64, f64)]) -> Result<()> {
        let (device, kernels) = (self.device, self.kernels);
        let (optimizer, whole) = (&kernels.optimizer, &kernels.whole);
        let by_host = self.pass.takes_rows_of_host();
        let most = match by_host {
            true => 1,
            false => MAX_DISPATCHES / (self.pass.n_dispatches() + optimizer.n_dispatches()),
        };
        self.pass.set_rate(device, 1, 0.0);
        for group in groups(weighed, most) {
            self.write_uniforms(group);
            let updates: Vec<_> = (0..group.len()).map(DynamicOffsets::of_update).collect();
            self.pass
                .submit(device, "updates", &updates, |pass, offsets| {
                    if !by_host {
                        optimizer.record_update(pass, whole, offsets);
                    }
                })?;
            if by_host {
                let offsets = DynamicOffsets::of_update(0);
                self.pass.stream(device, offsets)?;
                device.submit("update", |encoder| {
                    Device::pass(encoder, "update", |pass| {
                        optimizer.record_update(pass, whole, offsets);
                    });
                });
            }
        }
        Ok(())
    }

    /// Updates of which each takes a batch.
    fn submit_batches(
        &mut self,
        batches: optimizer::Batches,
        weighed: &[(u64, f64)],
    ) -> Result<()> {
        let (device, optimizer) = (self.device, &self.kernels.optimizer);
        let dataset = self.resources.problem.dataset;
        let n_samples = dataset.n_samples();
        self.batches.reserve(device, room(batches.size))?;
        let length = |update| batches.batch(update, n_samples).places.len();
        let mut most = batches_at_once(batches.size);
        for n_rows in [batches.size, n_samples % batches.size] {
            if n_rows > 0 {
                let (resources, options) = (self.resources, self.options);
                let batch = self.batches.of(device, resources, options, n_rows)?;
                batch.prepare_update(device, resources, optimizer)?;
                let n_dispatches = 1 + batch.n_dispatches() + optimizer.n_dispatches();
                most = most.min(MAX_DISPATCHES / n_dispatches);
                if !batch.is_resident() {
                    most = 1;
                }
            }
        }
        for group in groups(weighed, most) {
            self.write_uniforms(group);
            let updates = numbers(group);
            let (resources, options) = (self.resources, self.options);
            let batch = self
                .batches
                .of(device, resources, options, length(updates.start))?;
            if !batch.is_resident() {
                let rows = batches.rows(updates.start, n_samples);
                let offsets = DynamicOffsets::of_update(0);
                batch.sum(device, (dataset, &rows), offsets, Some(optimizer))?;
                continue;
            }
            let numbers = self.batches.numbers.as_ref().expect("rows are there");
            let segments = segments(batches, n_samples, updates.clone());
            numbers.write_segments(device, &segments);
            let prepared = |update| self.batches.prepared(length(update));
            let blocks_of = |(number, update)| {
                let offsets = offsets(batches.size, number);
                let blocks = 0..prepared(update).n_blocks();
                blocks.map(move |block| (update, (block, offsets)))
            };
            let parts: Vec<_> = updates.enumerate().flat_map(blocks_of).collect();
            let mut size = self.batches.prepared(batches.size).size;
            device.submit_parts("updates", &mut size, 0..parts.len(), |pass, some| {
                if some.start == 0 {
                    numbers.record(device, pass, &segments);
                }
                for (update, part) in &parts[some] {
                    prepared(*update).record_update(pass, *part, optimizer);
                }
            })?;
            let batch = self.batches.of(device, resources, options, batches.size);
            batch?.size = size;
        }
        Ok(())
    }
}

/// `updates` in groups of as many as the history has room for beside the update before them, whose loss decides on them.
pub(super) fn cut(updates: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    const MOST: usize = MAX_UPDATES - 1;
    let firsts = updates.clone().step_by(MOST);
    firsts.map(move |first| first..(first + MOST as u64).min(updates.end))
}

/// Groups of at most `most` of the updates `weighed`, or of one.
fn groups(weighed: &[(u64, f64)], most: usize) -> impl Iterator<Item = &[(u64, f64)]> {
    weighed.chunks(most.max(1))
}

/// The numbers of the updates of `group`, which follow one another.
fn numbers(group: &[(u64, f64)]) -> Range<u64> {
    let first = group.first().map_or(0, |(update, _)| *update);
    first..first + group.len() as u64
}
