//! Predictions: a kernel that predicts the rows of a chunk, and memory for those of the longest chunk.

use super::chunk::Chunk;
use super::chunks::Chunks;
use super::device::{Buffer, Device};
use super::forward::Forward;
use super::kernels::RowOrder;
use super::pipeline::{DynamicOffsets, Pipeline};
use super::resources::Resources;
use super::workgroup_shape::WorkgroupShape;
use crate::backend::Predictions;
use crate::error::Result;
use crate::submission_size::SubmissionSize;
use std::ops::Range;

/// The kernels that predict, and memory for what they write.
#[derive(Debug)]
pub(super) struct Predict {
    n_outputs: usize,
    kernel: PredictKernel,
    /// Blocks to submit at once.
    size: SubmissionSize,
    /// (rows of the longest chunk, O), both.
    pre_activations: Buffer,
    predictions: Buffer,
}

/// What writes the predictions of a chunk.
#[derive(Debug)]
enum PredictKernel {
    /// One dispatch a chunk, for a network that reads each row once.
    Layer(Pipeline),
    /// The forward pass and the predictions of each block of a chunk, for any other.
    Network(Forward, Pipeline),
}

impl Predict {
    /// The kernel for `chunks`; a network that reads each row once has workgroups of the shape `shape`.
    pub(super) fn new(
        device: &Device,
        resources: &Resources<'_>,
        shape: Option<&WorkgroupShape>,
        chunks: &[Chunk],
    ) -> Result<Self> {
        let n_outputs = resources.problem.network.n_outputs();
        let longest = chunks.iter().map(|chunk| chunk.rows.len()).max();
        let longest = longest.unwrap_or(0);
        let pre_activations = device.storage("pre_activations", longest * n_outputs)?;
        let predictions = device.storage("predictions", longest * n_outputs)?;
        let kernel = if let Some(shape) = shape {
            let kernel = resources
                .row_kernel(device, shape, RowOrder::InOrder)
                .predict();
            let mut pipeline = Pipeline::new(device, &kernel)?;
            for chunk in chunks {
                let mut buffers = vec![&chunk.params, &chunk.inputs, &resources.parameters];
                buffers.extend([&pre_activations, &predictions]);
                buffers.extend(&resources.scales_and_offsets);
                pipeline.add(device, &buffers, [chunk.leaves.len()])?;
            }
            PredictKernel::Layer(pipeline)
        } else {
            // Nothing is summed, and no page is filled.
            let leaves = (resources.problem.leaves(), usize::MAX);
            let forward = Forward::new(device, resources, leaves, chunks, None)?;
            let outputs = forward.predictions(device, [&pre_activations, &predictions])?;
            PredictKernel::Network(forward, outputs)
        };
        Ok(Self {
            n_outputs,
            kernel,
            size: SubmissionSize::ONE,
            pre_activations,
            predictions,
        })
    }

    /// Predicts the rows `rows`, chunk by chunk, and reads them back.
    pub(super) fn rows(
        &mut self,
        device: &Device,
        chunks: &mut Chunks,
        rows: &Range<usize>,
    ) -> Result<Predictions> {
        let mut predictions = Predictions::with_capacity(rows.len() * self.n_outputs);
        for number in 0..chunks.list().len() {
            let chunk = chunks.list()[number].rows.clone();
            let span = rows.start.max(chunk.start)..rows.end.min(chunk.end);
            if span.is_empty() {
                continue;
            }
            chunks.load(device, number, span.clone())?;
            let in_chunk = span.start - chunk.start..span.end - chunk.start;
            self.append(device, number, in_chunk, &mut predictions)?;
        }
        Ok(predictions)
    }

    /// Predicts the rows of chunk `number`, which are on the device, and appends the predictions of its rows `rows`, counted
    /// from the first of the chunk.
    pub(super) fn append(
        &mut self,
        device: &Device,
        number: usize,
        rows: Range<usize>,
        predictions: &mut Predictions,
    ) -> Result<()> {
        device.poison(&self.pre_activations)?;
        device.poison(&self.predictions)?;
        match &self.kernel {
            PredictKernel::Layer(pipeline) => {
                device.run_pass("predict", |pass| pipeline.record_one(pass, number))?;
            }
            PredictKernel::Network(forward, outputs) => {
                let blocks = forward.blocks_of_chunks[number].clone();
                device.submit_parts("predict", &mut self.size, blocks, |pass, blocks| {
                    for block in blocks {
                        forward.record_block(pass, block, DynamicOffsets::default());
                        outputs.record_one(pass, block);
                    }
                })?;
            }
        }
        let (first, floats) = (rows.start * self.n_outputs, rows.len() * self.n_outputs);
        for (buffer, values) in [
            (&self.pre_activations, &mut predictions.pre_activation),
            (&self.predictions, &mut predictions.prediction),
        ] {
            let read = device.read(buffer, first, floats)?;
            values.extend(read.into_iter().map(f64::from));
        }
        Ok(())
    }
}
