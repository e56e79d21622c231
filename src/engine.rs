//! What computes predictions: the CPU, or a GPU.

use crate::backend::{Predictions, Problem};
use crate::data::Dataset;
use crate::error::Result;
use crate::gpu::Software;
use crate::{cpu, gpu};
use std::ops::Range;

/// Features or predictions on a GPU at a time, about.
const PIECE_FLOATS: usize = 1 << 23;

/// The predictor of either backend.
#[derive(Debug)]
pub(crate) enum Engine {
    Cpu(Box<cpu::Predictor>),
    Gpu(Box<gpu::Predictor>),
}

impl Engine {
    /// The CPU, with the network of `problem` at `parameters`.
    pub(crate) fn cpu(problem: &Problem<'_>, parameters: &[f64]) -> Self {
        Self::Cpu(Box::new(cpu::Predictor::new(problem, parameters)))
    }

    /// A GPU with that network; `software` says whether a software adapter will do.
    pub(crate) fn gpu(
        problem: &Problem<'_>,
        parameters: &[f64],
        software: Software,
    ) -> Result<Self> {
        let gpu = gpu::Predictor::new(problem, parameters, software, PIECE_FLOATS)?;
        Ok(Self::Gpu(Box::new(gpu)))
    }

    /// Pre-activations and predictions of the rows `rows` of `dataset`.
    pub(crate) fn predict(&mut self, dataset: &Dataset, rows: Range<usize>) -> Result<Predictions> {
        match self {
            Self::Cpu(cpu) => Ok(cpu.predict(dataset, rows)),
            Self::Gpu(gpu) => gpu.predict(dataset, rows),
        }
    }
}
