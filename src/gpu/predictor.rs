//! Predictions without a training: rows of one data set after another, which the host brings.

use super::chunk::Chunk;
use super::device::Device;
use super::predict::Predict;
use super::resources::Resources;
use super::ring::Ring;
use super::row_layout::RowLayout;
use super::workgroup_shape::WorkgroupShape;
use super::{AdapterKind, Software, adapter};
use crate::backend::{Predictions, Problem};
use crate::data::Dataset;
use crate::error::Result;
use std::ops::Range;

/// A network with its parameters on a device.
#[derive(Debug)]
pub(crate) struct Predictor {
    device: Device,
    /// Of the rows that are predicted.
    row_layout: RowLayout,
    ring: Ring,
    /// Memory for rows. Those in it now are its own.
    chunk: Chunk,
    n_rows: usize,
    predict: Predict,
}

impl Predictor {
    /// Opens an adapter for the network of `problem` with `parameters`, and for rows like those of its data, in pieces of
    /// about `piece_floats`, which change no bit.
    ///
    /// # Errors
    /// If there is no adapter, or the network exceeds its limits or its memory.
    pub(crate) fn new(
        problem: &Problem<'_>,
        parameters: &[f64],
        software: Software,
        piece_floats: usize,
    ) -> Result<Self> {
        let (adapter, handle) = adapter::select(software)?;
        let device = Device::open(adapter, &handle, true)?;
        let (dataset, network) = (problem.dataset, &problem.network);
        let resources = Resources::new(&device, problem.clone())?;
        let packed = resources.layout.pack(parameters);
        device.write(&resources.parameters, 0, bytemuck::cast_slice(&packed));
        let row_layout = RowLayout::new(dataset);
        let widest = row_layout.inputs.max(network.n_outputs());
        let n_rows = (piece_floats / widest).clamp(1, dataset.n_samples());
        let leaves = problem.leaves_of(n_rows);
        let memory = row_layout.allocate(&device, "predicted rows", n_rows)?;
        let chunk = Chunk::new(&device, 0..n_rows, 0..leaves.count(), 0, memory)?;
        let chunks = std::slice::from_ref(&chunk);
        let shape = WorkgroupShape::of_network(network, leaves, &device);
        Ok(Self {
            ring: Ring::new(&device, row_layout, n_rows)?,
            predict: Predict::new(&device, &resources, shape.as_ref(), chunks)?,
            device,
            row_layout,
            chunk,
            n_rows,
        })
    }

    /// The adapter, for people to read.
    pub(crate) fn adapter(&self) -> String {
        self.device.adapter.to_string()
    }

    /// Whether the adapter is hardware, and of which kind.
    pub(crate) fn kind(&self) -> AdapterKind {
        self.device.adapter.kind
    }

    /// Pre-activations and predictions of the rows `rows` of `dataset`.
    ///
    /// # Errors
    /// If the device fails.
    ///
    /// # Panics
    /// If a row has another layout than the rows of the problem.
    pub(crate) fn predict(&mut self, dataset: &Dataset, rows: Range<usize>) -> Result<Predictions> {
        assert_eq!(RowLayout::new(dataset), self.row_layout, "words of a row");
        let mut predictions = Predictions::default();
        for first in rows.clone().step_by(self.n_rows) {
            let piece = first..(first + self.n_rows).min(rows.end);
            self.chunk.rows = piece.clone();
            let all = (dataset, None);
            (self.ring).load(&self.device, all, &self.chunk, piece.clone())?;
            (self.predict).append(&self.device, 0, 0..piece.len(), &mut predictions)?;
        }
        Ok(predictions)
    }
}
